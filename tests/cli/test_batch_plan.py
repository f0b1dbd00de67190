"""`billctl batch plan`: a file of rows becomes a file to review, and nothing is sent."""

import io
import json
import sys
from pathlib import Path
from unittest import mock

import pytest

from billctl.batch.plan_file import open_plan
from billctl.sandbox import ACCOUNT_ID
from tests.matrix import often
from tests.shop import (
    DISPUTED,
    PAID,
    PAID_INVOICE,
    PART,
    PAST_DUE,
    SUBSCRIPTION,
    Json,
    Ran,
    Shop,
    changes,
    recorded,
)

WHY = ("--reason", "double charge of 2026-11-20")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of three refunds, of which one cannot be made."""
    path = tmp_path / "refunds.csv"
    path.write_text(
        "ref,amount,full,ticket\n"
        f"stripe:{PAID},12.50,,zendesk:1\n"
        f"stripe:{PART},,true,\n"
        f"stripe:{DISPUTED},1,,\n"
    )
    return path


def piped(shop: Shop, text: str, *arguments: str) -> Ran:
    """One command line with `text` on standard input."""
    with mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()))):
        return shop.run(*arguments)


def planned_refs(data: Json) -> list[str]:
    """The references of the ready rows of the plan that JSON names."""
    with open_plan(Path(data["path"])) as plan:
        return [row.ref for row in plan.rows() if row.state == "ready"]


def test_a_file_becomes_a_plan_on_the_shelf_and_nothing_is_sent(shop: Shop, rows: Path) -> None:
    before = shop.fingerprint()
    with recorded(shop) as proxy:
        ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "json")
    assert (changes(proxy), shop.fingerprint()) == ([], before)
    assert (ran.code, ran.document["command"], ran.document["mode"]) == (7, "batch plan", "test")
    data = ran.data
    assert (data["verb"], data["rows"], data["ready"], data["already_done"], data["left_out"]) == (
        "refund", 3, 2, 0, 1
    )  # fmt: skip
    assert data["totals"] == [{"amount": "41.50", "minor": 4150, "currency": "USD"}]
    (account,) = data["accounts"]
    assert (account["account"], account["account_id"], account["rows"]) == ("stripe", ACCOUNT_ID, 2)
    with open_plan(Path(data["path"])) as plan:
        assert (plan.hash, plan.header.id) == (data["hash"], data["id"])
    assert planned_refs(data) == [f"stripe:{PAID}", f"stripe:{PART}"]
    assert shop.run("batch", "list", "-o", "json").data[0]["id"] == data["id"]
    assert shop.audit() == []


def test_in_a_pipe_each_row_is_a_line_with_its_whole_id(shop: Shop, rows: Path) -> None:
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY)
    assert ran.code == 7
    assert [line.split("\t")[:6] for line in ran.out.splitlines()] == [
        ["1", "2", f"stripe:{PAID}", "ready", "12.50", "USD"],
        ["2", "3", f"stripe:{PART}", "ready", "29.00", "USD"],
        ["3", "4", f"stripe:{DISPUTED}", "left_out", "", ""],
    ]
    assert ran.line == "billctl: 1 of 3 rows left out; the plan has the rest. Nothing was sent."


def test_records_are_streamed_from_the_plan(shop: Shop, rows: Path) -> None:
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "ndjson", "--dry-run")
    first, _, third, error = map(json.loads, ran.out.splitlines())
    assert (first["type"], first["state"], first["ticket"], first["amount"]["minor"]) == (
        "planned_row", "ready", "zendesk:1", 1250
    )  # fmt: skip
    assert (third["code"], error["class"]) == ("charge_disputed", "partial")
    assert list((shop.state_dir / "batches").iterdir()) == []


def test_a_person_sees_what_it_would_do_what_is_left_out_and_how_to_go_on(shop: Shop, rows: Path) -> None:
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "table", "--out", "r.plan", "--dry-run")
    shown = ran.out
    assert "test  refund · 2 refunds" in shown
    assert f"stripe ({ACCOUNT_ID})  2 rows, 41.50 USD" in shown
    assert f"   4  stripe:{DISPUTED}  charge {DISPUTED} is disputed" in shown
    assert shown.endswith("dry run: no plan was written\n")
    place = rows.parent / "mine.plan"
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "table", "--out", str(place))
    (kept,) = shop.run("batch", "list", "-o", "json").data
    assert ran.out.endswith(f"Look at it, then: billctl batch apply {kept['id']}\n")
    assert place.stat().st_mode & 0o777 == 0o600


def test_every_fault_of_the_file_is_a_line_before_anything_is_asked(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text(f"ref,amount\nstripe:{PAID},1,5\nstripe:{PART},\nstrip:{PAID},x\nstripe:{PAST_DUE},1\n")
    with recorded(shop) as proxy:
        ran = shop.run("batch", "plan", "refund", str(path), *WHY)
    assert (ran.code, ran.out, proxy.exchanges) == (2, "", [])
    assert ran.err.splitlines() == [
        "billctl: line 2: 3 cells where the header has 2",
        "billctl: line 3: it says neither amount nor full, and --full is not given",
        "billctl: line 4: the profile has no account 'strip'; its accounts: stripe",
        "billctl: line 4: 'x' is not an amount: write digits and at most one point, like 12.50",
        f"billctl: line 5: {PAST_DUE} is an invoice; refund takes a charge",
        f"billctl: {path} has 5 faults. Nothing was sent. Correct the rows and run it again.",
    ]
    document = shop.run("batch", "plan", "refund", str(path), *WHY, "-o", "json").document
    assert [fault["line"] for fault in document["data"]["faults"]] == [2, 3, 4, 4, 5]
    assert (document["exit"]["code"], document["errors"][0]["code"]) == (2, "bad_rows")


@pytest.mark.parametrize("form", often(("csv", "ndjson"), "csv"))
def test_what_a_list_prints_is_what_a_batch_takes(shop: Shop, form: str) -> None:
    invoices = shop.run("invoices", "--status", "past_due", "-o", form).out
    ran = piped(shop, invoices, "batch", "plan", "resend", "-", *WHY, "-o", "json")
    refs = planned_refs(ran.data)
    assert (ran.code, len(refs), f"stripe:{PAST_DUE}" in refs) == (0, 3, True)
    charges = shop.run("charges", "-o", form).out
    ran = piped(shop, charges, "batch", "plan", "refund", "-", *WHY, "-o", "json")
    assert ran.code == 2
    assert "it says neither amount nor full" in ran.err
    ran = piped(shop, charges, "batch", "plan", "refund", "-", "--full", *WHY, "-o", "json")
    assert {f"stripe:{PAID}", f"stripe:{PART}"} <= set(planned_refs(ran.data))


def test_a_list_without_its_header_says_what_to_do(shop: Shop) -> None:
    ran = piped(shop, shop.run("invoices").out, "batch", "plan", "resend", "-", *WHY)
    assert "the first line names no columns; billctl's lists do with -o csv or -o ndjson" in ran.err


def test_a_list_that_failed_in_part_is_not_taken_for_all(shop: Shop) -> None:
    broken = '{"type":"error","class":"network","account":"stripe","message":"no answer. Nothing changed."}\n'
    ran = piped(shop, broken, "batch", "plan", "resend", "-", *WHY)
    assert (ran.code, ran.line) == (
        7,
        "billctl: there are no rows, and the input is not whole: stripe: no answer. Nothing was sent. "
        "See why, then run it again.",
    )
    some = broken + json.dumps({"type": "invoice", "ref": f"stripe:{PAST_DUE}"})
    ran = piped(shop, some, "batch", "plan", "resend", "-", *WHY, "-o", "json")
    assert (ran.code, ran.data["ready"]) == (7, 1)
    assert ran.document["warnings"] == ["the input is not whole: stripe: no answer"]


@pytest.mark.parametrize("text", ["", "ref,amount\n"])
def test_no_rows_are_nothing_to_do(shop: Shop, text: str) -> None:
    assert piped(shop, text, "batch", "plan", "refund", "-", *WHY) == Ran(0, "", "")
    shown = piped(shop, text, "batch", "plan", "refund", "-", *WHY, "-o", "table")
    assert shown.out == "no rows: there is nothing to do\n"
    assert list((shop.state_dir / "batches").iterdir()) == []


def test_cancellations_end_as_was_chosen_for_all(shop: Shop) -> None:
    text = f"ref\nstripe:{SUBSCRIPTION}\n"
    for options, when in (((), "period_end"), (("--now",), "now")):
        ran = piped(shop, text, "batch", "plan", "cancel", "-", *options, *WHY, "-o", "json")
        with open_plan(Path(ran.data["path"])) as plan:
            assert [row.params for row in plan.rows()] == [{"when": when}]


def test_a_resend_can_be_due_again_after_a_while(shop: Shop) -> None:
    assert shop.run("stripe", "resend", PAST_DUE, *WHY, "--yes").code == 0
    text = f"ref\nstripe:{PAST_DUE}\nstripe:{PAID_INVOICE}\n"
    for options in ((), ("--again-after", "7d")):
        ran = piped(shop, text, "batch", "plan", "resend", "-", *options, *WHY, "-o", "json")
        assert (ran.data["already_done"], ran.data["ready"]) == (1, 1)
    ran = piped(shop, text, "batch", "plan", "resend", "-", "--again-after", "0m", *WHY, "-o", "json")
    assert (ran.data["already_done"], ran.data["ready"]) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("refnd", "x.csv"), "a batch cannot 'refnd'. Nothing was sent. Did you mean refund?"),
        (("refund", "nowhere.csv"), "nowhere.csv cannot be read: No such file or directory."),
        (("refund", "/"), "/ cannot be read: Is a directory."),
        (("refund", "x.csv", "--now"), "--now is for cancel, not for refund."),
        (("cancel", "x.csv", "--now", "--at-period-end"), "exclude each other."),
        (("refund", "x.csv", "--again-after", "7d"), "--again-after is for resend, not for refund."),
        (("resend", "x.csv", "--again-after", "7d", "--again", "2"), "exclude each other."),
        (("resend", "x.csv", "--again-after", "soon"), "--again-after 'soon' is no age."),
        (("refund", "x.csv", "--again", "1"), "--again takes a number from 2 to 999"),
        (("refund", "x.csv", "--reason", "x"), "--reason needs 3 to 2000 characters"),
        (("refund", "x.csv", "--ticket", "two words"), "--ticket 'two words' is not of the form"),
        (("refund", "x.csv", "--account", "paypal"), "profile shop has no account called 'paypal'."),
        (("refund", "x.csv", "--rate", "fast"), "--rate 'fast' is no rate."),
    ],
)
def test_a_wrong_call_is_told_before_the_file_is_read(
    shop: Shop, arguments: tuple[str, ...], said: str
) -> None:
    ran = shop.run("batch", "plan", *arguments)
    assert ran.code == 2
    assert said in ran.line


def test_rows_without_any_reason_ask_for_one(shop: Shop, rows: Path) -> None:
    ran = shop.run("batch", "plan", "refund", str(rows))
    assert ran.err.splitlines()[0] == (
        "billctl: line 2: it has no reason, and --reason is not given (and 2 more rows)"
    )


def test_the_account_that_was_meant_must_be_the_one_that_answers(shop: Shop, rows: Path) -> None:
    plan = ("batch", "plan", "refund", str(rows), *WHY)
    assert shop.run(*plan, "--live", ACCOUNT_ID).code == 7
    ran = shop.run(*plan, "--live", "acct_other")
    assert (ran.code, ran.line.split(".")[0]) == (
        8, f"billctl: --live names 'acct_other', but the credentials answer to {ACCOUNT_ID}"
    )  # fmt: skip


def test_a_plan_says_what_a_second_person_would_have_to_lift(shop: Shop, rows: Path) -> None:
    shop.use(more='[policy]\nmax_refund = { USD = "20.00" }\n')
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "json")
    assert (ran.data["rules"], ran.data["ready"]) == (["max_refund"], 2)
    (why,) = ran.data["why"]
    assert why.startswith("29.00 USD is above your limit of 20.00 USD for one refund")
    shown = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "table").out
    assert "applying it takes a second person's yes to the whole plan" in shown


def test_wrong_credentials_are_an_error_and_no_plan(shop: Shop, rows: Path) -> None:
    shop.use(key="sk_test_wrong000000000000000")
    ran = shop.run("batch", "plan", "refund", str(rows), *WHY, "-o", "json")
    assert (ran.code, ran.document["exit"]["class"]) == (4, "auth")
    assert list((shop.state_dir / "batches").iterdir()) == []


def test_quiet_says_nothing_of_a_plan_that_is_whole(shop: Shop) -> None:
    text = f"ref,amount\nstripe:{PAID},1\n"
    assert piped(shop, text, "batch", "plan", "refund", "-", *WHY, "-q", "-o", "table") == Ran(0, "", "")
