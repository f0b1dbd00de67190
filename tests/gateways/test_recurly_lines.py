"""Lines of an invoice at Recurly: what they are worth, and when that is not certain."""

from typing import Any

import pytest

from billctl.errors import NoAnswer, Refused, UsageError
from billctl.gateway import RefundLine
from billctl.gateways.recurly import lines
from billctl.money import Money
from tests.gateways.recurly_books import (
    STAMP,
    Books,
    Reading,
    as_sdk,
    charge,
    credit_fields,
    invoice_fields,
    line_fields,
    refund_fields,
)

ONE = RefundLine(id="line00000001")


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def invoiced(*items: dict[str, Any], refundable: float, **more: Any) -> Books:
    """Books with an invoice of these lines."""
    fields = invoice_fields(line_items=list(items), refundable_amount=refundable, **more)
    return Books(get_invoice=as_sdk(fields))


def price(books: Books, *wanted: RefundLine) -> Money:
    return lines.price(Reading(books), charge(), wanted)


def test_a_line_is_worth_its_total() -> None:
    books = Books(get_invoice=as_sdk(invoice_fields()))
    assert price(books, ONE) == usd(2900)
    assert price(books, RefundLine(id="line00000002"), ONE) == usd(4900)


def test_units_of_a_line_are_worth_their_share() -> None:
    books = invoiced(line_fields("line00000001", 30.0, quantity=3), refundable=30.0)
    assert price(books, RefundLine(id="line00000001", quantity=2)) == usd(2000)


def test_all_units_that_are_left_are_meant_where_none_are_counted() -> None:
    books = invoiced(line_fields("line00000001", 30.0, quantity=3, refunded_quantity=1), refundable=20.0)
    assert price(books, ONE) == usd(2000)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (RefundLine(id="line00000009"), "unknown_line"),
        (RefundLine(id="line00000001", quantity=3), "units_not_left"),
        (RefundLine(id="line00000001", quantity=0), "units_not_left"),
    ],
)
def test_what_is_not_there_is_a_usage_error(wanted: RefundLine, code: str) -> None:
    books = invoiced(line_fields("line00000001", 30.0, quantity=3, refunded_quantity=1), refundable=20.0)
    with pytest.raises(UsageError) as caught:
        price(books, wanted)
    assert caught.value.code == code


def test_an_unknown_line_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        price(Books(get_invoice=as_sdk(invoice_fields())), RefundLine(id="nowhere"))
    assert "line00000001 (Line line00000001, 29.00 USD)" in caught.value.hint


def test_a_line_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        price(Books(get_invoice=as_sdk(invoice_fields())), ONE, ONE)
    assert caught.value.code == "bad_line"


def test_units_that_share_a_total_with_a_rest_are_not_priced() -> None:
    """10.00 for 3: whether one is 3.33 or 3.34 only Recurly knows."""
    books = invoiced(line_fields("line00000001", 10.0, quantity=3), refundable=10.0)
    with pytest.raises(UsageError) as caught:
        price(books, RefundLine(id="line00000001", quantity=1))
    assert caught.value.code == "inexact_line"
    assert price(books, ONE) == usd(1000)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([line_fields("line00000001", 49.0, refunded_quantity=0)], id="an amount was refunded"),
        pytest.param([line_fields("line00000001", 39.0, quantity_decimal="1.5")], id="parts of units"),
        pytest.param(
            [line_fields("line00000001", 39.0, refunded_quantity_decimal="0.5")], id="parts given back"
        ),
        pytest.param(
            [line_fields("line00000001", 49.0), line_fields("line00000002", -10.0, type="credit")],
            id="a credit among them",
        ),
    ],
)
def test_lines_are_not_priced_where_the_invoice_does_not_add_up(items: list[dict[str, Any]]) -> None:
    with pytest.raises(Refused) as caught:
        price(invoiced(*items, refundable=39.0), ONE)
    assert caught.value.code == "lines_untold"
    assert "--amount" in caught.value.hint


def test_whole_units_may_be_written_with_decimals() -> None:
    line = line_fields("line00000001", 30.0, quantity=3, quantity_decimal="3.000000000")
    assert price(invoiced(line, refundable=30.0), RefundLine(id="line00000001", quantity=1)) == usd(1000)


@pytest.mark.parametrize("told", ["three", "-3", "3.", "1e1"])
def test_what_is_no_number_of_units_is_no_answer(told: str) -> None:
    with pytest.raises(NoAnswer):
        price(invoiced(line_fields("line00000001", 30.0, quantity=3, quantity_decimal=told), refundable=30.0))


def test_an_invoice_is_shown_with_its_lines() -> None:
    one = line_fields("line00000001", 30.0, quantity=3, refunded_quantity=1, description="Seats")
    part = line_fields("line00000002", 2.5, quantity=2, quantity_decimal="2.5")
    shown = lines.get_invoice(Reading(invoiced(one, part, refundable=22.5)), invoice_fields()["id"]).lines
    assert [(line.id, line.amount, line.units, line.left) for line in shown] == [
        ("line00000001", usd(3000), 3, 2),
        ("line00000002", usd(250), None, None),
    ]
    assert shown[0].description == "Seats"


def test_nothing_is_left_to_refund_of_a_credits_line() -> None:
    books = invoiced(line_fields("line00000001", -10.0, type="credit"), refundable=0.0)
    (line,) = lines.get_invoice(Reading(books), invoice_fields()["id"]).lines
    assert (line.amount, line.units, line.left) == (usd(-1000), 1, 0)


def test_an_invoice_of_many_lines_is_read_to_its_end() -> None:
    items = [line_fields("line00000001", 29.0), line_fields("line00000002", 20.0)]
    invoice = as_sdk(invoice_fields(line_items=items[:1], has_more_line_items=True))
    books = Books(get_invoice=invoice, list_invoice_line_items=[as_sdk(item) for item in items])
    assert price(books, RefundLine(id="line00000002")) == usd(2000)


def test_what_is_asked_for_names_units_and_method() -> None:
    credit = as_sdk(credit_fields(20.0, refund_fields(20.0)))
    books = invoiced(line_fields("line00000001", 30.0, quantity=3), refundable=30.0)
    books = Books(get_invoice=books.get_invoice("layla1invoice"), refund_invoice=credit)
    wanted = (RefundLine(id="line00000001", quantity=2),)
    made = lines.refund(Reading(books), charge(), wanted, usd(2000), stamp=STAMP)
    assert (made.amount, made.operation_key) == (usd(2000), STAMP.key)
    ((_, args, named),) = books.changes()
    assert args == (
        "layla1invoice",
        {
            "type": "line_items",
            "line_items": [{"id": "line00000001", "quantity": 2, "prorate": False}],
            "refund_method": "all_transaction",
            "credit_customer_notes": f"ref {STAMP.key}",
        },
    )
    assert named == {"headers": {"Idempotency-Key": STAMP.key}}


def test_lines_that_are_worth_something_else_by_now_are_not_refunded() -> None:
    books = invoiced(line_fields("line00000001", 30.0, quantity=3, refunded_quantity=1), refundable=20.0)
    with pytest.raises(UsageError) as caught:
        lines.refund(Reading(books), charge(), (ONE,), usd(3000), stamp=STAMP)
    assert caught.value.code == "drifted"
    assert books.changes() == []
