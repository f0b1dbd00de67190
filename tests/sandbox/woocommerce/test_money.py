"""What a refund moves: often other money than was meant, and the records do not tell."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import requests

from billctl.sandbox import STRIPE_KEY, faults, state
from tests.rehearsal import rehearsed
from tests.sandbox.woocommerce.conftest import WOOCOMMERCE, Wire

CANNOT = "woocommerce_rest_cannot_create_order_refund"


def amounts(*texts: str) -> list[Fraction]:
    return [Fraction(text) for text in texts]


def fail_in_the_gateway(wire: Wire, code: str) -> None:
    faults.arm(wire.state_dir, "woocommerce", "refuse", match="POST */refunds", code=code)


# Amounts


@pytest.mark.parametrize(
    ("amount", "shown", "moved"),
    [
        ("20.00", "20.00", "20.00"),
        ("1,5", "15.00", "15"),
        ("1e1", "11.00", "11"),
        ("1.005", "1.01", "1.005"),
        ("0.001", "0.00", "0.001"),
        ("0", "0.00", "0"),
        (None, "0.00", "0"),
    ],
)
def test_an_amount_is_taken_without_a_word(wire: Wire, amount: str | None, shown: str, moved: str) -> None:
    fields: dict[str, Any] = {} if amount is None else {"amount": amount}
    reply = wire.refund(**fields)
    assert (reply.status, reply.json["amount"], reply.json["refunded_payment"]) == (201, shown, True)
    assert wire.moved() == amounts(moved)


@pytest.mark.parametrize(
    ("amount", "code", "data"),
    [
        ("", "woocommerce_rest_invalid_order_refund", 400),
        ("-1", "woocommerce_rest_invalid_order_refund", 400),
        ("abc", CANNOT, 500),
        ("٢٠", CANNOT, 500),
        ("49.01", CANNOT, 500),
        ("1000", CANNOT, 500),
    ],
)
def test_a_business_error_is_a_500_with_a_bare_integer(wire: Wire, amount: str, code: str, data: int) -> None:
    assert wire.refund(amount=amount).error == (500, code, data)
    assert (wire.moved(), wire.get("orders/1041/refunds")) == ([], [])


@pytest.mark.parametrize("amount", [5, 5.0, True, ["5"]])
def test_an_amount_that_is_no_text_is_refused(wire: Wire, amount: Any) -> None:
    status, code, data = wire.refund(amount=amount).error
    assert (status, code, data["params"]) == (
        400,
        "rest_invalid_param",
        {"amount": "amount is not of type string."},
    )
    assert wire.moved() == []


def test_the_whole_can_be_refunded_once(wire: Wire) -> None:
    assert wire.refund(amount="49.00").status == 201
    assert wire.get("orders/1041")["status"] == "refunded"
    assert wire.refund(amount="49.00").json["message"] == "Invalid refund amount."
    assert wire.moved() == amounts("49")


def test_a_part_can_be_refunded_again_and_again(wire: Wire) -> None:
    first, second = wire.refund(amount="20.00"), wire.refund(amount="20.00")
    assert (first.status, second.status) == (201, 201)
    assert wire.refund(amount="20.00").error == (500, CANNOT, 500)
    assert wire.get("orders/1041")["refunds"][0]["total"] == "-20.00"
    assert wire.moved() == amounts("20", "20")


def test_an_idempotency_key_is_nothing_to_it(wire: Wire) -> None:
    for _ in range(2):
        same = {"Idempotency-Key": "one"}
        assert wire.ask("POST orders/1041/refunds", {"amount": "5.00"}, headers=same).status == 201
    assert wire.moved() == amounts("5", "5")


@pytest.mark.parametrize(
    ("decimals", "kept", "moved"), [(0, "1", "1.235"), (2, "1.24", "1.235"), (3, "1.235", "1.235")]
)
def test_decimals_are_the_stores_and_not_the_currencys(
    wire: Wire, decimals: int, kept: str, moved: str
) -> None:
    wire.configure(woo_decimals=decimals)
    refund = wire.refund(amount="1.235").json
    assert refund["amount"] == kept
    assert wire.get(f"orders/1041/refunds/{refund['id']}", dp=3)["amount"] == "1.235"
    assert wire.moved() == amounts(moved)


def test_an_order_in_dinars_has_two_decimals_here(shop: Wire) -> None:
    (noura, *_) = shop.get("orders", search="noura@example.com")
    assert (noura["currency"], len(noura["total"].partition(".")[2])) == ("KWD", 2)


# What is left out


def test_money_moves_unless_that_is_refused_aloud(wire: Wire) -> None:
    assert wire.refund(amount="1.00").json["refunded_payment"] is True
    assert wire.refund(amount="1.00", api_refund=False).json["refunded_payment"] is False
    assert wire.refund(amount="1.00", api_refund="maybe").error[1] == "rest_invalid_param"
    assert wire.moved() == amounts("1")


@pytest.mark.parametrize(("given", "restocked"), [({}, True), ({"api_restock": False}, False)])
def test_goods_go_back_into_stock_unless_that_is_refused_aloud(
    wire: Wire, given: dict[str, Any], restocked: bool
) -> None:
    assert wire.refund(amount="1.00", **given).status == 201
    assert wire.books("refund")[0]["restock"] is restocked


def test_a_record_without_money_is_mailed_all_the_same(wire: Wire) -> None:
    wire.refund(amount="1.00", api_refund=False, reason="shown to you")
    assert wire.mails() == [("layla@example.com", "customer_partially_refunded_order", "shown to you")]


def test_the_reason_reaches_the_customer(wire: Wire) -> None:
    wire.refund(amount="49.00", reason="سبب 😀\nline")
    assert wire.mails() == [("layla@example.com", "customer_refunded_order", "سبب 😀\nline")]


def test_an_order_that_was_never_paid_can_be_refunded_by_hand(wire: Wire) -> None:
    assert wire.refund(1044, amount="10.00", api_refund=False).status == 201
    assert wire.get("orders/1044")["status"] == "pending"


def test_a_way_to_pay_that_cannot_refund_says_so(wire: Wire) -> None:
    reply = wire.refund(1044, amount="10.00")
    assert (reply.error, "automatic refunds" in reply.json["message"]) == ((500, CANNOT, 500), True)
    assert wire.get("orders/1044/refunds") == []


def test_an_order_that_does_not_exist_is_a_500_that_means_404(wire: Wire) -> None:
    assert wire.refund(999, amount="1.00").error == (500, "woocommerce_rest_invalid_order_id", 404)


def test_a_subscription_can_be_refunded_like_an_order(wire: Wire) -> None:
    assert wire.refund(1050, amount="1.00").status == 201
    assert wire.moved(1050) == amounts("1")


def test_the_sum_of_lines_is_the_amount_unless_one_is_given(wire: Wire) -> None:
    line = wire.get("orders/1041")["line_items"][0]["id"]
    lines = [{"id": line, "quantity": 1, "refund_total": 7.5, "refund_tax": [{"id": 1, "refund_total": 0.5}]}]
    refund = wire.refund(line_items=lines).json
    assert (refund["amount"], refund["line_items"][0]["quantity"]) == ("8.00", -1)
    assert wire.refund(amount="1.00", line_items=lines).json["amount"] == "1.00"
    unknown = wire.refund(amount="2.00", line_items=[{"id": 1, "refund_total": 2}])
    assert (unknown.status, unknown.json["line_items"]) == (201, [])


def test_the_address_of_a_new_refund_is_broken(wire: Wire) -> None:
    location = wire.refund(amount="1.00").headers["location"]
    assert location.startswith(r"https://shop.example/wp-json/wc/v3/orders/(?P<order_id>[\d]+)/refunds/")


def test_a_status_alone_makes_a_record_and_moves_nothing(wire: Wire) -> None:
    assert wire.ask("PUT orders/1041", {"status": "refunded"}).json["status"] == "refunded"
    (refund,) = wire.get("orders/1041/refunds")
    assert (refund["amount"], refund["refunded_payment"]) == ("49.00", False)
    assert wire.moved() == []
    assert [template for _, template, _ in wire.mails()] == ["customer_refunded_order"]


def test_a_deleted_record_leaves_the_status_and_the_money_where_they_are(wire: Wire) -> None:
    refund = wire.refund(amount="49.00").json["id"]
    assert wire.ask(f"DELETE orders/1041/refunds/{refund}").status == 200
    assert wire.get("orders/1041/refunds") == []
    assert wire.get("orders/1041")["status"] == "refunded"
    assert wire.moved() == amounts("49")


# What the payment gateway does


def test_a_refund_under_way_is_seen_with_its_reason_and_without_meta_data(wire: Wire) -> None:
    wire.configure(woo_gateway_ms=600)
    meta = [{"key": "_billctl_op", "value": "op_1"}]
    with ThreadPoolExecutor(1) as others:
        answer = others.submit(wire.refund, amount="20.00", reason="ref op_1", meta_data=meta)
        seen = _soon(wire)
        assert (seen["reason"], seen["refunded_payment"], seen["meta_data"]) == ("ref op_1", False, [])
        assert wire.moved() == []
        assert answer.result().json["meta_data"] == [{"id": 1, **meta[0]}]
    assert wire.get("orders/1041/refunds")[0]["refunded_payment"] is True


def _soon(wire: Wire) -> dict[str, Any]:
    """The first record of a refund, as it comes to be."""
    for _ in range(200):
        if found := wire.get("orders/1041/refunds"):
            seen: dict[str, Any] = found[0]
            return seen
    raise AssertionError("no record appeared")


@pytest.mark.parametrize(
    ("code", "moved", "records"),
    [
        ("gateway_error", [], []),
        ("gateway_error_after", ["20"], []),
        ("gateway_fatal", [], [False]),
        ("gateway_fatal_after", ["20"], [False]),
    ],
)
def test_a_failing_gateway_leaves_a_record_or_none_whatever_it_moved(
    wire: Wire, code: str, moved: list[str], records: list[bool]
) -> None:
    fail_in_the_gateway(wire, code)
    reply = wire.refund(amount="20.00", reason="ref op_1", meta_data=[{"key": "_billctl_op", "value": "1"}])
    fatal = code.startswith("gateway_fatal")
    assert reply.error == ((500, "internal_server_error", {"status": 500}) if fatal else (500, CANNOT, 500))
    assert ("<p>" in reply.json["message"]) == fatal
    found = wire.get("orders/1041/refunds")
    assert [(one["refunded_payment"], one["meta_data"]) for one in found] == [(kept, []) for kept in records]
    assert wire.moved() == amounts(*moved)
    assert wire.get("orders/1041/notes") == wire.mails() == []


def test_a_client_that_gave_up_does_not_stop_the_money(wire: Wire) -> None:
    wire.configure(woo_gateway_ms=500)
    with pytest.raises(TimeoutError):
        wire.ask("POST orders/1041/refunds", {"amount": "20.00"}, timeout=0.1)
    assert wire.refund(amount="20.00").status == 201
    assert wire.moved() == amounts("20", "20")


@pytest.mark.parametrize(
    ("amount", "settings"), [("49.00", {"woo_window_ms": 200}), ("20.00", {"woo_gateway_ms": 50})]
)
def test_two_refunds_at_once_both_move_money(wire: Wire, amount: str, settings: dict[str, int]) -> None:
    wire.configure(**settings)
    with ThreadPoolExecutor(2) as clients:
        replies = list(clients.map(lambda _: wire.refund(amount=amount), range(2)))
    assert [reply.status for reply in replies] == [201, 201]
    assert wire.moved() == amounts(amount, amount)


def test_a_full_refund_behind_another_in_the_gateway_is_refused(wire: Wire) -> None:
    wire.configure(woo_gateway_ms=600)
    with ThreadPoolExecutor(1) as others:
        first = others.submit(wire.refund, amount="49.00")
        _soon(wire)
        assert wire.refund(amount="49.00").json["message"] == "Invalid refund amount."
        assert first.result().status == 201
    assert wire.moved() == amounts("49")


# An order paid through Stripe


def test_what_was_paid_through_stripe_is_refunded_there(state_dir: Path) -> None:
    with rehearsed(state_dir, ("stripe", *WOOCOMMERCE)) as sandbox:
        wire = Wire(sandbox.url("woocommerce").removeprefix("http://"), state_dir)
        charge = f"{sandbox.url('stripe')}/v1/charges/ch_SbxLayla0000001"

        def refunded() -> int:
            answer = requests.get(charge, headers={"Authorization": f"Bearer {STRIPE_KEY}"}, timeout=10)
            back: int = answer.json()["amount_refunded"]
            return back

        fail_in_the_gateway(wire, "gateway_error_after")
        assert wire.refund(1043, amount="20.00").error == (500, CANNOT, 500)
        assert refunded() == 2000
        assert wire.refund(1043, amount="29.00").status == 201
        assert refunded() == 4900
        refused = wire.refund(1043, amount="1.00")
        assert refused.error == (500, CANNOT, 500)
        assert wire.moved(1043) == amounts("20", "29")


def test_a_store_without_stripe_beside_it_keeps_its_own_books(wire: Wire) -> None:
    assert wire.refund(1043, amount="20.00").status == 201
    assert wire.moved(1043) == amounts("20")
    assert not state.path_of(wire.state_dir, "stripe").exists()
