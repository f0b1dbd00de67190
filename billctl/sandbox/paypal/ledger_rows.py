"""Records → the rows of Transaction Search.

Event codes: T0006 a checkout payment, T0002 of a subscription, T0007 of an invoice, T1107 a refund, T1110 a
hold for a dispute and T1111 its release, T1300 an authorization
(developer.paypal.com/docs/transaction-search/transaction-event-codes). An id is not unique: a payment by
eCheck is there twice, once without effect on the balance.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from billctl.sandbox.database import Record

DEBITS = frozenset({"T1107", "T1110"})
STATUSES = {
    "COMPLETED": "S",
    "PARTIALLY_REFUNDED": "S",
    "REFUNDED": "V",
    "PENDING": "P",
    "DECLINED": "D",
    "FAILED": "D",
    "CANCELLED": "D",
}
"""Status of a capture or refund → D denied, P pending, S succeeded, V reversed in whole."""


class Row(NamedTuple):
    """One row: what happened (`event`), when, with how much, and what it refers to."""

    id: str
    event: str
    at: int
    updated: int
    amount: int
    currency: str
    status: str
    payer: str
    record: Record
    fee: int = 0
    reference: tuple[str, str] | None = None
    balance: bool = True


def rows_of(record: Record) -> Iterator[Row]:
    """The rows that a record of this kind makes."""
    maker = MAKERS.get(record["object"])
    if maker:
        yield from maker(record)


def _capture(record: Record) -> Iterator[Row]:
    common = _common(record)
    if record.get("echeck"):
        yield Row(**{**common, "status": "P"}, event=record["event"], balance=False)
    if record["status"] != "PENDING":
        yield Row(**common, event=record["event"], fee=-record["fee"], reference=_reference(record))


def _reference(record: Record) -> tuple[str, str] | None:
    if record.get("subscription"):
        return record["subscription"], "SUB"
    return (record["authorization"], "TXN") if record.get("authorization") else None


def _refund(record: Record) -> Iterator[Row]:
    yield Row(**_common(record), event="T1107", reference=(record["charge"], "TXN"))


def _authorization(record: Record) -> Iterator[Row]:
    common = {**_common(record), "status": AUTHORIZED[record["status"]]}
    order = record.get("payment_intent")
    yield Row(**common, event="T1300", reference=(order, "ODR") if order else None, balance=False)


AUTHORIZED = {"CREATED": "P", "PARTIALLY_CAPTURED": "P", "CAPTURED": "S", "VOIDED": "V"}


def _dispute(record: Record) -> Iterator[Row]:
    common = {**_common(record), "status": "S", "reference": (record["charge"], "TXN")}
    yield Row(**{**common, "id": record["hold"]}, event="T1110")
    if record.get("outcome"):
        released = {**common, "id": record["release"], "at": record["updated"]}
        yield Row(**released, event="T1111")


def _sale(record: Record) -> Iterator[Row]:
    yield Row(**_common(record), event="T0006", fee=-record["fee"])


def _common(record: Record) -> Record:
    return {
        "id": record["id"],
        "at": record["created"],
        "updated": record["updated"],
        "amount": record["amount"],
        "currency": record["currency"],
        "status": STATUSES.get(record["status"], "S"),
        "payer": record["customer"],
        "record": record,
    }


MAKERS: dict[str, Callable[[Record], Iterator[Row]]] = {
    "capture": _capture,
    "sale": _sale,
    "refund": _refund,
    "authorization": _authorization,
    "dispute": _dispute,
}
