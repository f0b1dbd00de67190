"""/accounts: customers, and the lists of what belongs to one.

`email=` is taken literally, as the description's "this exact email address" says; whether Recurly tells
upper from lower case there is not verified.
"""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.recurly import people
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply, Shape, Wire
from billctl.sandbox.recurly.credit_payments import credit_payment
from billctl.sandbox.recurly.errors import missing
from billctl.sandbox.recurly.fields import LISTED, SORTED, Check, choice, only_true, text, yes_or_no
from billctl.sandbox.recurly.invoice_shape import invoice, line_item
from billctl.sandbox.recurly.lists import (
    CREDIT_PAYMENTS,
    INVOICES,
    LINES,
    SUBSCRIPTIONS,
    TRANSACTIONS,
    WALLET,
    keep,
)
from billctl.sandbox.recurly.money import number
from billctl.sandbox.recurly.paging import listed, paged
from billctl.sandbox.recurly.subscription_shape import subscription
from billctl.sandbox.recurly.times import wire
from billctl.sandbox.recurly.transaction_shape import transaction

ACCOUNTS: Mapping[str, Check] = {
    **LISTED,
    "email": text(255),
    "subscriber": yes_or_no,
    "past_due": only_true,
}

REDEMPTIONS: Mapping[str, Check] = {**WALLET, "state": choice("active", "inactive")}


def _list(call: Call) -> Page:
    query = call.query
    where = {"email": query["email"]} if "email" in query else {}

    def wanted(record: Record) -> bool:
        states = {each["status"] for each in _of(call, "subscription", record)}
        subscriber = bool(states & {"active", "canceled", "future"})
        late = any(each["status"] == "past_due" for each in _of(call, "invoice", record))
        return query.get("subscriber", subscriber) == subscriber and (late or "past_due" not in query)

    narrowed = wanted if {"subscriber", "past_due"} & query.keys() else None
    return listed(call, "account", where, people.account, narrowed)


def _of(call: Call, kind: str, account: Record) -> list[Record]:
    return call.objects.linked(kind, "customer", account["id"])


def _get(call: Call) -> Reply:
    return Reply(200, people.account(call, call.find("account")))


def _billing_info(call: Call) -> Reply:
    record = call.find("account")
    if not record.get("billing"):
        raise missing("BillingInfo", "account_id", record["id"])
    return Reply(200, people.billing_info(record))


def _billing_infos(call: Call) -> Page:
    record = call.find("account")
    found = [people.billing_info(record)] if record.get("billing") else []
    return Page(found, None, lambda: len(found))


def _balance(call: Call) -> Reply:
    """What the account is late with, and what its open credit invoices are worth to it."""
    record = call.find("account")
    bills = _of(call, "invoice", record)
    late, credit = _sums(bills, "past_due"), _sums(bills, "open")
    return Reply(
        200,
        {
            "object": "account_balance",
            "account": people.mini(call, record["id"]),
            "past_due": bool(late),
            "balances": [
                {
                    "currency": currency,
                    "amount": number(late.get(currency, 0), currency),
                    "available_credit_amount": number(-credit.get(currency, 0), currency),
                }
                for currency in sorted(late.keys() | credit.keys())
            ],
        },
    )


def _sums(bills: list[Record], status: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for each in bills:
        if each["status"] == status:
            sums[each["currency"]] = sums.get(each["currency"], 0) + each["balance"]
    return sums


def _notes(call: Call) -> Page:
    record = call.find("account")
    return paged(call, record.get("notes", []), lambda _call, note: _note(record, note))


def _note(account: Record, note: Record) -> Wire:
    return {
        "id": note["id"],
        "object": "account_note",
        "account_id": account["id"],
        "user": None,
        "message": note["message"],
        "created_at": wire(note["created"]),
    }


def _nothing(call: Call) -> Page:
    call.find("account")
    return Page([], None, lambda: 0)


def _below(name: str, kind: str, shape: Shape, query: Mapping[str, Check]) -> Endpoint:
    """The list of an account's objects of a kind."""

    def run(call: Call) -> Page:
        where: dict[str, Any] = {"customer": call.find("account")["id"]}
        return listed(call, kind, where, shape, keep(kind, call))

    return Endpoint("GET", f"/accounts/{{account_id}}/{name}", run, query=query)


ENDPOINTS = (
    Endpoint("GET", "/accounts", _list, query=ACCOUNTS),
    Endpoint("GET", "/accounts/{account_id}", _get),
    Endpoint("GET", "/accounts/{account_id}/balance", _balance),
    Endpoint("GET", "/accounts/{account_id}/billing_info", _billing_info),
    Endpoint("GET", "/accounts/{account_id}/billing_infos", _billing_infos, query=WALLET),
    Endpoint("GET", "/accounts/{account_id}/coupon_redemptions", _nothing, query=REDEMPTIONS),
    Endpoint("GET", "/accounts/{account_id}/notes", _notes, query={"ids": SORTED["ids"]}),
    _below("credit_payments", "credit_payment", credit_payment, CREDIT_PAYMENTS),
    _below("invoices", "invoice", invoice, INVOICES),
    _below("line_items", "line_item", line_item, LINES),
    _below("subscriptions", "subscription", subscription, SUBSCRIPTIONS),
    _below("transactions", "transaction", transaction, TRANSACTIONS),
)
