"""How money goes back at Recurly: amounts, lines, credit, and what became of it."""

from typing import Any

import pytest

from tests.sandbox.recurly.wire import BILL, CHARGE, CREDIT, Json, Wire


def bill_of(wire: Wire, transaction: str) -> str:
    """The id of the invoice that a transaction paid."""
    return str(wire.get(f"/transactions/{transaction}")["invoice"]["id"])


def first_paid(wire: Wire, code: str) -> Json:
    """An account's newest settled purchase of which nothing was refunded."""
    found = wire.all(f"/accounts/code-{code}/transactions", type="purchase", success="true")
    return next(one for one in found if not one["refunded"])


def test_a_refund_is_a_closed_credit_invoice_with_a_refund_transaction(wire: Wire) -> None:
    made = wire.refunded(BILL, 20.5, fields={"credit_customer_notes": "ref 0123"})
    (refund,) = made["transactions"]
    assert (made["type"], made["origin"], made["state"]) == ("credit", "refund", "closed")
    assert (made["total"], made["paid"], made["balance"]) == (-20.5, -20.5, 0.0)
    assert (made["refundable_amount"], made["customer_notes"]) == (None, "ref 0123")
    assert (refund["type"], refund["status"], refund["amount"]) == ("refund", "success", 20.5)
    assert refund["original_transaction_id"] == CHARGE
    bill = wire.get(f"/invoices/{BILL}")
    assert (bill["refundable_amount"], bill["state"], bill["paid"]) == (28.5, "paid", 49.0)
    assert wire.get(f"/transactions/{CHARGE}")["refunded"] is True
    assert [one["id"] for one in wire.all(f"/invoices/{BILL}/related_invoices")] == [made["id"]]
    assert [one["id"] for one in wire.all(f"/invoices/{made['id']}/related_invoices")] == [BILL]
    assert wire.get(f"/invoices/number-{made['number']}")["id"] == made["id"]


def test_without_an_amount_all_that_is_left_goes_back(wire: Wire) -> None:
    wire.refunded(BILL, 9.0)
    assert wire.refunded(BILL)["total"] == -40.0
    reply = wire.refund(BILL)
    assert (*reply.said, reply.error["message"]) == (
        422,
        "validation",
        "The invoice has no refundable amount.",
    )


def test_an_amount_is_split_between_the_lines(wire: Wire) -> None:
    lines = wire.refunded(BILL, 10.0)["line_items"]
    assert [(one["previous_line_item_id"], one["amount"]) for one in lines] == [
        ("laylali00001", -5.92),
        ("laylali00002", -4.08),
    ]
    assert {one["original_line_item_invoice_id"] for one in lines} == {BILL}


@pytest.mark.parametrize("amount", [0.1 + 0.2, 0, -1, 1.005, 49.01, 1e14])
def test_an_amount_that_cannot_be_refunded_is_refused(wire: Wire, amount: float) -> None:
    reply = wire.refund(BILL, amount)
    assert reply.said == (422, "validation")
    assert reply.error["params"] == [{"param": "amount"}]
    assert wire.get(f"/invoices/{BILL}")["refundable_amount"] == 49.0


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "10.00"},
        {"amount": None},
        {"amount": True},
        {"type": "percentage", "percentage": 50},
        {"refund_method": "cash"},
        {"reason": "duplicate"},
    ],
)
def test_a_body_that_is_not_described_is_400(wire: Wire, fields: Json) -> None:
    assert wire.refund(BILL, fields=fields, wrong=True).said == (400, "bad_request")


def test_an_amount_and_lines_exclude_each_other(wire: Wire) -> None:
    lines = {"line_items": [{"id": "laylali00001", "quantity": 1}]}
    assert wire.refund(BILL, 1.0, fields=lines).said == (400, "bad_request")
    assert wire.refund(BILL, 1.0, fields={**lines, "type": "line_items"}).said == (400, "bad_request")
    assert wire.refund(BILL, fields={"type": "line_items"}).said == (400, "bad_request")


def by_lines(*lines: Json) -> Json:
    return {"type": "line_items", "line_items": list(lines)}


def test_lines_go_back_by_their_units(wire: Wire) -> None:
    (seats, books) = wire.get("/invoices/lucasin00001")["line_items"]
    first = wire.refunded("lucasin00001", fields=by_lines({"id": seats["id"], "quantity": 2}))
    (line,) = first["line_items"]
    assert (first["total"], line["quantity"], line["unit_amount"]) == (-50.0, 2, -25.0)
    now = {one["id"]: one["refunded_quantity"] for one in wire.get("/invoices/lucasin00001")["line_items"]}
    assert now == {seats["id"]: 2, books["id"]: 0}
    again = wire.refund("lucasin00001", fields=by_lines({"id": seats["id"], "quantity": 2}))
    assert again.error["params"] == [{"param": "quantity"}]
    rest = wire.refunded("lucasin00001", fields=by_lines({"id": seats["id"]}, {"id": books["id"]}))
    assert rest["total"] == -39.0


def test_lines_that_are_not_the_invoices_are_refused(wire: Wire) -> None:
    assert wire.refund(BILL, fields=by_lines({"id": "laylali00003"})).said == (404, "not_found")
    assert wire.refund(BILL, fields=by_lines({"id": "laylali00001"}, {"id": "laylali00001"})).status == 422
    assert wire.refund(BILL, fields=by_lines({"id": "laylali00001", "quantity": 0})).status == 422
    assert wire.refund(BILL, fields=by_lines({"id": "laylali00001", "prorate": True})).status == 422


def test_a_line_with_dates_can_be_prorated(wire: Wire) -> None:
    """Layla's month began twelve days ago, and a little more."""
    made = wire.refunded("laylain00004", fields=by_lines({"id": "laylali00005", "prorate": True}))
    assert -30.0 < made["total"] < -26.0


def test_what_was_refunded_as_an_amount_bounds_what_lines_can_ask(wire: Wire) -> None:
    wire.refunded(BILL, 40.0)
    assert wire.refund(BILL, fields=by_lines({"id": "laylali00001", "quantity": 1})).status == 422


def test_all_credit_moves_no_money(wire: Wire) -> None:
    made = wire.refunded(BILL, 10.0, fields={"refund_method": "all_credit"})
    assert (made["state"], made["balance"], made["transactions"]) == ("open", -10.0, [])
    assert wire.get(f"/invoices/{BILL}")["refundable_amount"] == 39.0
    assert wire.get(f"/transactions/{CHARGE}")["refunded"] is False


@pytest.mark.parametrize(
    ("method", "amount", "to_card"),
    [
        ("transaction_first", 45.0, 40.0),
        ("transaction_first", 10.0, 10.0),
        ("credit_first", 45.0, 36.0),
        ("credit_first", 9.0, 0.0),
        ("all_transaction", 40.0, 40.0),
        ("all_credit", 45.0, 0.0),
    ],
)
def test_the_method_says_what_goes_to_the_card(
    wire: Wire, method: str, amount: float, to_card: float
) -> None:
    """Huda paid 9.00 of 49.00 with credit."""
    made = wire.refunded("hudain000003", amount, fields={"refund_method": method})
    assert sum(one["amount"] for one in made["transactions"]) == to_card
    assert made["balance"] == to_card - amount
    assert made["state"] == ("closed" if to_card == amount else "open")


def test_transactions_cannot_bear_more_than_they_took(wire: Wire) -> None:
    assert wire.refund("hudain000003", 40.01).said == (422, "validation")
    assert wire.get("/invoices/hudain000003")["refundable_amount"] == 49.0


def test_the_method_is_transaction_first_where_none_is_named(wire: Wire) -> None:
    made = wire.ask(f"POST /invoices/{BILL}/refund", {"type": "amount", "amount": 5.0}).json
    assert (made["state"], len(made["transactions"])) == ("closed", 1)


def test_two_payments_share_a_refund(wire: Wire) -> None:
    made = wire.refunded("noahin000001", 60.0)
    assert [(one["original_transaction_id"], one["amount"]) for one in made["transactions"]] == [
        ("noahtx000001", 50.0),
        ("noahtx000002", 10.0),
    ]


def test_an_invoice_paid_outside_of_recurly_needs_to_be_told_how(wire: Wire) -> None:
    bill = first_paid(wire, "tariq")["invoice"]["id"]
    refused = wire.refund(bill, 10.0)
    assert refused.error["params"] == [{"param": "external_refund"}]
    outside = {"payment_method": "check", "description": "by post"}
    made = wire.refunded(bill, 10.0, fields={"external_refund": outside})
    assert made["transactions"][0]["origin"] == "refunded_externally"
    credited = wire.refunded(bill, 10.0, fields={"refund_method": "all_credit"})
    assert credited["transactions"] == []


def test_all_of_what_has_not_settled_is_voided(wire: Wire) -> None:
    bill = bill_of(wire, "emmatx000001")
    made = wire.refunded(bill)
    payment = wire.get("/transactions/emmatx000001")
    assert (made["state"], made["total"], made["transactions"]) == ("closed", -59.0, [])
    assert (payment["status"], payment["success"], payment["refunded"]) == ("void", False, True)
    assert payment["voided_by_invoice"]["id"] == made["id"]
    assert payment["voided_at"] is not None


def test_a_part_of_what_has_not_settled_is_refused(wire: Wire) -> None:
    reply = wire.refund(bill_of(wire, "emmatx000001"), 1.0)
    assert reply.said == (422, "transaction")
    assert reply.error["transaction_error"]["code"] == "cannot_refund_unsettled_transactions"
    assert wire.get("/transactions/emmatx000001")["status"] == "success"
    assert wire.all("/accounts/code-emma/invoices", type="credit") == []


def test_a_declined_refund_leaves_an_open_credit_invoice(wire: Wire) -> None:
    payment = first_paid(wire, "sunil")
    made = wire.refunded(payment["invoice"]["id"], 10.0)
    assert (made["state"], made["balance"], made["paid"]) == ("open", -10.0, 0.0)
    assert [(one["status"], one["success"]) for one in made["transactions"]] == [("declined", False)]
    assert wire.get(f"/transactions/{payment['id']}")["refunded"] is False
    bill = wire.get(f"/invoices/{payment['invoice']['id']}")
    assert bill["refundable_amount"] == bill["paid"] - 10.0


def test_a_refund_to_a_bank_takes_its_time(wire: Wire) -> None:
    wire.configure(settle_after=3600)
    bill = first_paid(wire, "liam")["invoice"]["id"]
    made = wire.refunded(bill, 10.0)
    assert (made["state"], made["transactions"][0]["status"]) == ("processing", "processing")
    wire.configure(settle_after=0)
    second = wire.refunded(bill, 5.0)
    assert wire.get(f"/invoices/{second['id']}")["state"] == "closed"
    assert wire.get(f"/transactions/{second['transactions'][0]['id']}")["status"] == "success"
    assert wire.get(f"/invoices/{made['id']}")["state"] == "processing"


@pytest.mark.parametrize(
    ("invoice", "says"),
    [
        ("laylain00003", "The invoice has no refundable amount."),
        (CREDIT, "Only charge invoices can be refunded."),
    ],
)
def test_what_was_not_paid_is_not_refunded(wire: Wire, invoice: str, says: str) -> None:
    reply = wire.refund(invoice, 1.0)
    assert (*reply.said, reply.error["message"]) == (422, "validation", says)


def test_an_open_credit_invoice_can_be_voided_once(wire: Wire) -> None:
    voided = wire.put(f"/invoices/{CREDIT}/void")
    assert (voided["state"], voided["balance"], voided["total"]) == ("voided", 0.0, -10.0)
    assert wire.ask(f"PUT /invoices/{CREDIT}/void").said == (422, "validation")
    assert wire.get("/accounts/code-layla/balance")["balances"] == [
        {"currency": "USD", "amount": 15.0, "available_credit_amount": 0.0}
    ]


def test_voiding_a_refunds_credit_makes_it_refundable_again(wire: Wire) -> None:
    made = wire.refunded(BILL, 10.0, fields={"refund_method": "all_credit"})
    wire.put(f"/invoices/{made['id']}/void")
    bill = wire.get(f"/invoices/{BILL}")
    assert bill["refundable_amount"] == 49.0
    assert wire.refunded(BILL, fields=by_lines({"id": "laylali00001"}))["total"] == -29.0


def test_the_credit_of_a_seeded_refund_can_be_voided(wire: Wire) -> None:
    """What Sophia was given back as credit before today."""
    bill = wire.get("/invoices/sophiain0001")
    (credit,) = wire.get("/invoices/sophiain0001/related_invoices")["data"]
    assert wire.put(f"/invoices/{credit['id']}/void")["state"] == "voided"
    now = wire.get("/invoices/sophiain0001")
    assert (bill["refundable_amount"], now["refundable_amount"]) == (39, 49)


def test_only_open_credit_invoices_can_be_voided(wire: Wire) -> None:
    closed = wire.refunded(BILL, 1.0)
    for invoice in (BILL, closed["id"]):
        assert wire.ask(f"PUT /invoices/{invoice}/void").said == (422, "validation")


def test_a_purchase_is_paid_at_once(wire: Wire) -> None:
    lines = [
        {"currency": "EUR", "unit_amount": 12.5, "type": "charge", "description": "Book", "quantity": 2},
        {"currency": "EUR", "unit_amount": 3, "type": "charge"},
    ]
    body: dict[str, Any] = {"currency": "EUR", "account": {"code": "layla"}, "line_items": lines}
    reply = wire.ask("POST /purchases", body)
    made = reply.json["charge_invoice"]
    assert (reply.status, made["total"], made["state"], made["refundable_amount"]) == (
        201,
        28.0,
        "paid",
        28.0,
    )
    assert made["transactions"][0]["amount"] == 28.0
    assert wire.ask("POST /purchases", body | {"account": {"code": "nobody"}}).said == (404, "not_found")
    assert wire.ask("POST /purchases", body | {"line_items": []}).said == (422, "validation")
    assert wire.ask("POST /purchases", body | {"currency": "JPY"}).said == (422, "validation")
    assert wire.ask("POST /purchases", body | {"currency": "USD"}).said == (422, "validation")
