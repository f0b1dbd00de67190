"""POST /v2/invoicing/search-invoices: the only search by e-mail or name that PayPal has.

How PayPal compares is not documented. Here texts are found by containing, whatever the case, so that a
client that means "exactly" has to look twice; an invoice number, a currency and a status are exact.
"""

from collections.abc import Callable
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, times
from billctl.sandbox.paypal.call import Call, Endpoint, Reply, Wire
from billctl.sandbox.paypal.invoice_shape import COLLECTIONS, total_of
from billctl.sandbox.paypal.invoices import PAGES, listed

PATH = "/v2/invoicing/search-invoices"
Keep = Callable[[Record, Any], bool]


def search(call: Call) -> Reply:
    """A page of what meets every criterion, newest first."""
    asked = {name: value for name, value in call.body.items() if name in FILTERS}
    found = [
        record
        for record in call.objects.select("invoice", {})
        if all(FILTERS[name](record, value) for name, value in asked.items())
    ]
    wanted = tuple(name for name in COLLECTIONS if name in call.body.get("fields", ()))
    return listed(call, found, wanted, PATH)


def _containing(field: str) -> Keep:
    return lambda record, text: text.casefold() in (record.get(field) or "").casefold()


def _between(moment: Callable[[Record], int | None]) -> Keep:
    def keep(record: Record, span: Wire) -> bool:
        at = moment(record)
        return at is not None and span["start"] <= at <= span["end"]

    return keep


def _days_between(field: str) -> Keep:
    return lambda record, span: span["start"] <= times.day(record[field]) <= span["end"]


def _paid_at(record: Record) -> int | None:
    return record["payments"][-1]["at"] if record["payments"] else None


def _amount_between(record: Record, span: Wire) -> bool:
    lower, currency = money.read(span["lower_amount"], "/total_amount_range/lower_amount")
    upper, _ = money.read(span["upper_amount"], "/total_amount_range/upper_amount")
    return record["currency"] == currency and lower <= total_of(record) <= upper


FILTERS: dict[str, Keep] = {
    "recipient_email": _containing("email"),
    "recipient_first_name": _containing("given"),
    "recipient_last_name": _containing("surname"),
    "recipient_business_name": _containing("business"),
    "invoice_number": lambda record, number: record["invoice"] == number,
    "status": lambda record, statuses: record["status"] in statuses,
    "reference": _containing("reference"),
    "currency_code": lambda record, currency: record["currency"] == currency,
    "memo": _containing("memo"),
    "total_amount_range": _amount_between,
    "invoice_date_range": _days_between("created"),
    "due_date_range": _days_between("due_on"),
    "payment_date_range": _between(_paid_at),
    "creation_date_range": _between(lambda record: int(record["created"])),
    "archived": lambda _record, archived: not archived,
}

STATUS = f.choice(
    *("DRAFT", "SENT", "SCHEDULED", "PAID", "MARKED_AS_PAID", "CANCELLED", "REFUNDED", "PARTIALLY_PAID"),
    *("PARTIALLY_REFUNDED", "MARKED_AS_REFUNDED", "UNPAID", "PAYMENT_PENDING"),
    issue="INVALID_PARAMETER_SYNTAX",
)
DAYS = f.record({"start": f.date, "end": f.date}, "start end")
INSTANTS = f.record({"start": f.instant, "end": f.instant}, "start end")

ENDPOINTS = (
    Endpoint(
        "POST",
        PATH,
        search,
        query=PAGES,
        body=f.record(
            {
                "recipient_email": f.text(254),
                "recipient_first_name": f.text(140),
                "recipient_last_name": f.text(140),
                "recipient_business_name": f.text(300),
                "invoice_number": f.text(25),
                "status": f.many(STATUS, 5),
                "reference": f.text(120),
                "currency_code": f.text(3, 3),
                "memo": f.text(500),
                "total_amount_range": f.record(
                    {"lower_amount": f.MONEY, "upper_amount": f.MONEY}, "lower_amount upper_amount"
                ),
                "invoice_date_range": DAYS,
                "due_date_range": DAYS,
                "payment_date_range": INSTANTS,
                "creation_date_range": INSTANTS,
                "archived": f.flag,
                "fields": f.many(f.text(100), 100),
            }
        ),
    ),
)
