"""Braintree's XML, whole enough for the SDK and the adapter; each test changes what it is about.

Fields and types are those of the recorded exchanges; `tests/gateways/test_braintree_recordings.py` reads the
recordings themselves.
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from threading import Event
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from billctl.gateways.braintree.client import sdk_module
from billctl.testing.servers import Behaviour, Request, answer

XML = {"Content-Type": "application/xml; charset=utf-8"}
MADE = datetime(2026, 2, 3, 4, 5, 6)  # noqa: DTZ001 - as Braintree writes it, meant as UTC
Fields = Mapping[str, object]
Table = Mapping[str, str | Fields | Callable[[Request], str]]


def element(tag: str, value: object) -> str:
    """One element with the type that Braintree gives such a value. A list of `(tag, fields)` is an array."""
    match value:
        case None:
            return f'<{tag} nil="true"/>'
        case bool():
            return f'<{tag} type="boolean">{str(value).lower()}</{tag}>'
        case int():
            return f'<{tag} type="integer">{value}</{tag}>'
        case datetime():
            return f'<{tag} type="datetime">{value.isoformat()}Z</{tag}>'
        case date():
            return f'<{tag} type="date">{value.isoformat()}</{tag}>'
        case Mapping():
            return f"<{tag}>{''.join(element(name, inner) for name, inner in value.items())}</{tag}>"
        case list():
            inner = "".join(element(*item) for item in value)
            return f'<{tag} type="array">{inner}</{tag}>'
        case _:
            return f"<{tag}>{escape(str(value))}</{tag}>"


def document(tag: str, value: object) -> str:
    """A whole answer."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{element(tag, value)}'


def transaction(**fields: object) -> dict[str, object]:
    """A settled sale of 50.00 USD to a customer of the vault."""
    return {
        "id": "sale01", "status": "settled", "type": "sale", "currency-iso-code": "USD", "amount": "50.00",
        "merchant-account-id": "shop", "order-id": "R-17", "created-at": MADE, "updated-at": MADE,
        "customer": {"id": "layla", "first-name": "Layla", "last-name": "Haddad",
                     "email": "layla@example.com"},
        "refund-id": None, "refund-ids": [], "refunded-transaction-id": None,
        "additional-processor-response": None, "gateway-rejection-reason": None,
        "processor-response-code": "1000", "processor-response-text": "Approved",
        "processor-response-type": "approved",
        "credit-card": {"token": "tok1", "bin": "411111", "last-4": "1111", "card-type": "Visa",
                        "expiration-month": "12", "expiration-year": "2030", "expired": False},
        "status-history": [("status-event", {"timestamp": MADE, "status": "settled", "amount": "50.00"})],
        "subscription-id": None, "disputes": [], "payment-instrument-type": "credit_card",
    } | fields  # fmt: skip


def credit(**fields: object) -> dict[str, object]:
    """A settled refund of 10.00 USD of `sale01`."""
    return transaction(
        **{
            "id": "credit1", "type": "credit", "amount": "10.00", "order-id": None,
            "refunded-transaction-id": "sale01", "processor-response-code": "1002",
        }
        | fields
    )  # fmt: skip


def dispute(**fields: object) -> dict[str, object]:
    """An open chargeback over all of `sale01`."""
    return {
        "id": "dispute000000001", "amount": "50.00", "amount-disputed": "50.00", "amount-won": "0.00",
        "created-at": MADE, "currency-iso-code": "USD", "kind": "chargeback", "reason": "fraud",
        "received-date": date(2026, 2, 3), "reply-by-date": date(2026, 2, 17), "status": "open",
        "updated-at": MADE, "status-history": [], "evidence": [],
        "transaction": {"id": "sale01", "amount": "50.00"},
    } | fields  # fmt: skip


def subscription(**fields: object) -> dict[str, object]:
    """An active subscription of 12.00 a month, in its third cycle, charged last with `sale01`."""
    return {
        "id": "sub1", "plan-id": "gold", "status": "Active", "price": "12.00", "balance": "0.00",
        "next-billing-period-amount": "12.00", "created-at": MADE, "updated-at": MADE,
        "merchant-account-id": "shop", "payment-method-token": "tok1", "current-billing-cycle": 3,
        "never-expires": True, "number-of-billing-cycles": None, "trial-period": False,
        "billing-period-start-date": date(2026, 2, 3), "billing-period-end-date": date(2026, 3, 2),
        "add-ons": [], "discounts": [], "status-history": [],
        "transactions": [("transaction", transaction())],
    } | fields  # fmt: skip


def customer(*subscriptions: Fields, **fields: object) -> dict[str, object]:
    """A customer of the vault with one card, on which `subscriptions` hang."""
    card = {
        "token": "tok1", "bin": "411111", "last-4": "1111", "card-type": "Visa", "expired": False,
        "expiration-month": "12", "expiration-year": "2030", "customer-id": "layla",
        "subscriptions": [("subscription", one) for one in subscriptions],
    }  # fmt: skip
    return {
        "id": "layla", "first-name": "Layla", "last-name": "Haddad", "company": None,
        "email": "layla@example.com", "created-at": MADE, "updated-at": MADE,
        "credit-cards": [("credit-card", card)], "addresses": [],
    } | fields  # fmt: skip


def as_sdk(kind: str, fields: Fields) -> object:
    """The SDK's own object for a wire object."""
    sdk = sdk_module()
    read = sdk.util.xml_util.XmlUtil.dict_from_xml(document(kind, fields))[kind]
    made: object = sdk.Dispute(read) if kind == "dispute" else getattr(sdk, kind.title())(None, read)
    return made


def errors(*codes: str, message: str = "No.", **more: Fields) -> Behaviour:
    """An error result with validation errors of these codes, with status 422."""
    told = [("error", {"code": code, "attribute": "base", "message": message}) for code in codes]
    body: dict[str, object] = {
        "errors": {"errors": [], "transaction": {"errors": told}},
        "params": {"transaction": {"amount": "10.00"}},
        "message": message,
    }
    return answer(422, document("api-error-response", body | more), headers=XML)


def ok(kind: str, fields: Fields, *, status: int = 200) -> Behaviour:
    """An object as an answer."""
    return answer(status, document(kind, fields), headers=XML)


def found(*ids: str, size: int = 50) -> str:
    """The first answer of a search."""
    return document("search-results", {"page-size": size, "ids": [("item", one) for one in ids]})


def page(root: str, kind: str, objects: Sequence[Fields]) -> str:
    """A page of a search."""
    inner = "".join(element(kind, one) for one in objects)
    counts = "".join(
        element(name, number)
        for name, number in (("current-page-number", 1), ("page-size", 50), ("total-items", len(objects)))
    )
    return f'<{root} type="collection">{counts}{inner}</{root}>'


NO_DISPUTES = page("disputes", "dispute", [])
EMPTY = {
    "/customers/advanced_search_ids": found(),
    "/transactions/advanced_search_ids": found(),
    "/subscriptions/advanced_search_ids": found(),
    "/disputes/advanced_search": NO_DISPUTES,
}


def routes(table: Table) -> Behaviour:
    """Answer `PATH` below the merchant from `table`: text, an object (its kind is told by the path), or a
    function of the request. An unnamed search finds nothing; an unnamed object is missing."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        path = "/" + urlsplit(request.target).path.split("/", 3)[3]
        told = table.get(path, EMPTY.get(path))
        if told is None:
            return answer(404, "", headers=XML)(connection, request, closing)
        if callable(told):
            told = told(request)
        if isinstance(told, Mapping):
            told = document(path.split("/")[1].rstrip("s"), told)
        return answer(200, told, headers=XML)(connection, request, closing)

    return behave
