"""`billctl stripe refund`: in part, in full, again, rehearsed, accepted and failed, lied about."""

import re
from urllib.parse import unquote

import pytest

from tests.cli.program import billctl
from tests.shop import DISPUTED, PAID, PART, WHY, Shop, changes, recorded

REFUND = ("stripe", "refund")


def test_a_partial_refund_says_what_it_did_and_where_it_is_recorded(shop: Shop) -> None:
    ran = shop.run(*REFUND, PAID, "--amount", "12.50", *WHY, "-o", "json")
    assert ran.code == 0
    assert ran.err == ""
    document = ran.document
    assert document | {"data": None} == {
        "billctl": 1,
        "command": "stripe refund",
        "profile": "shop",
        "mode": "test",
        "exit": {"code": 0, "class": "ok"},
        "data": None,
        "errors": [],
        "warnings": [],
    }
    data = ran.data
    assert list(data) == ["operation", "action", "ref", "outcome", "amount", "result", "audit"]
    assert data["operation"].startswith("op_")
    assert len(data["operation"]) == 29
    assert (data["action"], data["ref"], data["outcome"]) == ("refund", f"stripe:{PAID}", "succeeded")
    assert data["amount"] == {"amount": "12.50", "minor": 1250, "currency": "USD"}
    assert data["result"]["amount"] == data["amount"]
    assert data["result"]["charge_id"] == PAID
    assert shop.refunds() == [1250]
    intent, outcome = (
        shop.run("audit", "show", str(n), "-o", "json").document["data"][0] for n in data["audit"].values()
    )
    assert (intent["phase"], intent["operation"], intent["reason"]) == (
        "intent",
        data["operation"],
        "charged twice",
    )
    assert (outcome["phase"], outcome["state"], outcome["outcome"]) == ("outcome", "done", "succeeded")
    assert outcome["result"]["id"] == data["result"]["id"]


def test_a_pipe_gets_one_row(shop: Shop) -> None:
    ran = shop.run(*REFUND, PAID, "--amount", "12.50", *WHY)
    operation, action, ref, outcome, amount, currency, refund = ran.out.rstrip("\n").split("\t")
    assert operation.startswith("op_")
    assert (action, ref, outcome, amount, currency) == (
        "refund",
        f"stripe:{PAID}",
        "succeeded",
        "12.50",
        "USD",
    )
    assert refund.startswith("re_")


def test_arabic_digits_are_the_same_amount_and_the_same_operation(shop: Shop) -> None:
    first = shop.run(*REFUND, PAID, "--amount", "١٢٫٥٠", *WHY, "-o", "json")
    assert first.data["amount"]["minor"] == 1250
    again = shop.run(*REFUND, PAID, "--amount", "12.5", *WHY, "-o", "json")
    assert (again.code, again.data["outcome"]) == (0, "already_done")
    assert shop.refunds() == [1250]


def test_full_is_what_is_left_resolved_to_a_number(shop: Shop) -> None:
    ran = shop.run(*REFUND, PART, "--full", *WHY, "-o", "json")
    assert (ran.code, ran.data["amount"]["amount"]) == (0, "29.00")
    assert shop.refunds(PART) == [2900]


def test_full_twice_is_one_refund(shop: Shop) -> None:
    first = shop.run(*REFUND, PART, "--full", *WHY, "-o", "json").data
    ran = shop.run(*REFUND, PART, "--full", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (0, "already_done")
    assert (ran.data["operation"], ran.data["audit"]) == (first["operation"], first["audit"])
    assert ran.data["amount"] == first["amount"]
    assert ran.data["result"]["id"] == first["result"]["id"]
    assert shop.refunds(PART) == [2900]


def test_the_same_refund_again_sends_nothing_and_says_so(shop: Shop) -> None:
    first = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "-o", "json").data
    with recorded(shop) as proxy:
        ran = shop.run(*REFUND, PAID, "--amount", "5.00", "--reason", "another reason", "--yes", "-o", "json")
    assert ran.code == 0
    assert ran.data["outcome"] == "already_done"
    assert {k: ran.data[k] for k in ("operation", "audit", "result")} == {
        k: first[k] for k in ("operation", "audit", "result")
    }
    assert ran.line == (
        f"billctl: {first['operation']} has done this already; nothing was sent. "
        "To do it once more: --again 2"
    )
    assert ran.document["warnings"] == [ran.line.removeprefix("billctl: ")]
    assert changes(proxy) == []


def test_without_the_log_the_stamp_at_the_gateway_still_prevents_a_second_refund(shop: Shop) -> None:
    first = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "-o", "json").data
    for path in shop.state_dir.glob("audit.sqlite*"):
        path.unlink()
    ran = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (0, "already_done")
    assert ran.data["result"]["id"] == first["result"]["id"]
    assert ran.data["audit"] == {"intent": None, "outcome": None}
    assert shop.refunds() == [500]


def test_a_deliberate_repeat_is_a_second_refund_once(shop: Shop) -> None:
    shop.run(*REFUND, PAID, "--amount", "5", *WHY)
    second = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "--again", "2", "-o", "json")
    assert second.data["outcome"] == "succeeded"
    repeated = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "--again", "2", "-o", "json")
    assert repeated.data["outcome"] == "already_done"
    assert shop.refunds() == [500, 500]


def test_a_dry_run_reads_checks_and_changes_nothing(shop: Shop) -> None:
    before = shop.fingerprint()
    with recorded(shop) as proxy:
        ran = shop.run(
            *REFUND, PAID, "--amount", "12.50", "--reason", "charged twice", "--dry-run", "-o", "json"
        )
    assert ran.code == 0
    assert ran.data["outcome"] is None
    assert ran.data["dry_run"] is True
    assert ran.data["operation"] is None
    assert ran.data["plan"]["left after"] == "36.50 USD refundable"
    assert changes(proxy) == []
    assert shop.fingerprint() == before
    assert shop.audit() == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((PAID, "--amount", "49.01"), 2),
        ((PART, "--amount", "1.001"), 2),
        (("ch_SbxNobody000001", "--full"), 3),
    ],
)
def test_a_dry_run_exits_as_the_real_run_would(shop: Shop, arguments: tuple[str, ...], code: int) -> None:
    rehearsed = shop.run(*REFUND, *arguments, "--reason", "why not", "--dry-run")
    assert rehearsed.code == code
    assert shop.run(*REFUND, *arguments, *WHY).line == rehearsed.line


def test_a_refund_that_the_gateway_only_accepted_is_pending(shop: Shop) -> None:
    charge = shop.charge_with("pm_card_pendingRefund", 3000)
    ran = shop.run(*REFUND, charge, "--full", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (0, "pending")
    assert ran.document["warnings"] == ["the gateway accepted it; the money is still on its way"]
    again = shop.run(*REFUND, charge, "--full", *WHY, "-o", "json")
    assert (again.code, again.data["outcome"]) == (0, "already_done")
    assert shop.refunds(charge) == [3000]


def test_an_answer_with_another_amount_is_unknown_and_then_settled_by_looking(shop: Shop) -> None:
    shop.arm("wrong-amount", "POST /v1/refunds")
    ran = shop.run(*REFUND, PAID, "--amount", "12.50", *WHY, "-o", "json")
    assert ran.code == 6
    error = ran.document["errors"][0]
    assert (error["class"], error["code"], error["account"]) == ("unknown", "amount_mismatch", "stripe")
    assert "stripe answered 12.51 USD where 12.50 USD was asked for" in error["message"]
    assert shop.operations() == [("refund", "unknown")]
    assert shop.run(*REFUND, PAID, "--amount", "12.50", *WHY).code == 6
    assert shop.run("audit", "reconcile").code == 0
    assert shop.operations() == [("refund", "not_sent"), ("refund", "succeeded")]
    assert shop.refunds() == [1250]


def test_an_answer_in_another_currency_is_unknown(shop: Shop) -> None:
    shop.arm("wrong-currency", "POST /v1/refunds")
    ran = shop.run(*REFUND, PAID, "--amount", "12.50", *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (6, "amount_mismatch")
    assert "12.50 EUR where 12.50 USD" in ran.document["errors"][0]["message"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((PAID, "--amount", "49.01"), "49.01 USD is more than the 49.00 USD still refundable"),
        ((PART, "--amount", "29.01"), "29.01 USD is more than the 29.00 USD still refundable"),
        ((PAID,), "say how much: --amount AMOUNT, --full or --percent P, one of them"),
        (
            (PAID, "--amount", "1", "--full"),
            "say how much: --amount AMOUNT, --full or --percent P, one of them",
        ),
        ((DISPUTED, "--amount", "1.234"), "1.234 KWD is finer than stripe takes: steps of 0.010 KWD"),
    ],
)
def test_a_wrong_amount_is_a_usage_error_that_names_the_limit(
    shop: Shop, arguments: tuple[str, ...], said: str
) -> None:
    with recorded(shop) as proxy:
        ran = shop.run(*REFUND, *arguments, *WHY)
    assert ran.code == 2
    assert said in ran.line
    assert "Nothing was sent." in ran.line
    assert changes(proxy) == []


def test_a_refunded_charge_is_refused_with_where_to_look(shop: Shop) -> None:
    shop.run(*REFUND, PAID, "--full", *WHY)
    ran = shop.run(*REFUND, PAID, "--amount", "1", *WHY)
    assert ran.code == 5
    assert f"charge {PAID} has already been refunded in full" in ran.line
    assert f"See `billctl stripe show {PAID}`." in ran.line


def test_what_the_gateway_refuses_is_refused_in_its_own_words(shop: Shop) -> None:
    shop.arm("refuse", "POST /v1/refunds", code="insufficient_funds")
    ran = shop.run(*REFUND, PAID, "--amount", "10.00", *WHY, "-o", "json")
    assert (ran.code, ran.data["outcome"]) == (5, "refused")
    error = ran.document["errors"][0]
    assert (error["class"], error["code"], error["account"]) == ("refused", "insufficient_funds", "stripe")
    assert "(insufficient_funds). Nothing changed." in ran.line
    assert ran.data["audit"]["outcome"] == ran.data["audit"]["intent"] + 1
    assert shop.operations() == [("refund", "refused")]
    assert shop.refunds() == []


@pytest.mark.parametrize("more", [["--yes"], ["--dry-run"]])
def test_a_disputed_charge_is_refused_before_anything_is_sent(shop: Shop, more: list[str]) -> None:
    with recorded(shop) as proxy:
        ran = shop.run(*REFUND, DISPUTED, "--amount", "10.00", "--reason", "customer asks", *more)
    assert ran.code == 5
    assert f"charge {DISPUTED} is disputed: nothing of it can be refunded (charge_disputed)" in ran.line
    assert "a refund beside it pays twice" in ran.line
    assert changes(proxy) == []


def test_the_gateway_gets_the_operations_key_and_never_the_reason(shop: Shop) -> None:
    with recorded(shop) as proxy:
        ran = shop.run(
            *REFUND, PAID, "--amount", "5", "--reason", "customer was rude", "--ticket", "zendesk:1", "--yes",
            "--reason-code", "goodwill", "-o", "json",
        )  # fmt: skip
    (sent,) = [said for said in proxy.exchanges if said.method == "POST"]
    body = sent.body.decode()
    assert re.search(r"metadata\[billctl_key\]=[0-9a-f]{32}(&|$)", unquote(body))
    assert ran.data["operation"] not in body  # what differs at each try would spoil the idempotency key
    assert "goodwill" in body
    assert "rude" not in body
    assert "zendesk" not in body


def test_a_quiet_success_in_a_table_is_silent(shop: Shop) -> None:
    ran = shop.run(*REFUND, PAID, "--amount", "5", *WHY, "-q", "-o", "table")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_disputed_charge_says_before_that_a_refund_may_be_refused() -> None:
    ran = billctl(
        *("--profile", "sandbox", "paypal", "refund", "SBXLAYLA000000003"),
        *("--amount", "1.00", "--reason", "customer asks", "--dry-run", "-o", "table"),
    )
    assert ran.returncode == 0
    assert "this charge is disputed: the gateway may refuse a refund" in ran.stdout
