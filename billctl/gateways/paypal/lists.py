"""Lists across an account: filtered by PayPal where it can, exactly here where it cannot, newest first.

Charges and refunds are read from Transaction Search, a few windows at a time, from the present back to
`since` or PayPal's three years: they are as they were in its report, up to three hours ago. Refunds are
younger than their charge, so those of a charge have been seen when it is reached.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import TypeVar

from billctl.errors import Unsupported, UsageError
from billctl.gateway import Selection
from billctl.gateways.paypal import bills, disputes, invoices, mapping, rows, windows
from billctl.gateways.paypal.amounts import wire_time
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.objects import read_refunds
from billctl.gateways.paypal.people import same
from billctl.gateways.paypal.pool import WORKERS, spread
from billctl.gateways.paypal.rows import Row, created_of
from billctl.models import Charge, Dispute, Invoice, Refund

T = TypeVar("T", Charge, Dispute, Invoice, Refund)
W = TypeVar("W")

EMAIL_ONLY = "PayPal's invoices name their recipient by e-mail only."


def charges(client: Client, selection: Selection, *, now: datetime) -> Iterator[Charge]:
    """Payments received, with their refunds; those that this machine made are not waited for."""

    def charge(found: tuple[Row, list[Row]], account: str) -> Charge:
        row, refunds = found
        seen = {item.id for item in refunds}
        own = [name for name in client.own_refunds.of(row.id) if name not in seen]
        newer = [mapping.refund(data, account, charge_id=row.id) for data in read_refunds(client, own)]
        return rows.charge(row, account, refunds=[*newer, *(rows.refund(item, account) for item in refunds)])

    return _selected(client, _charges(client, selection, now), charge, selection)


def _charges(client: Client, selection: Selection, now: datetime) -> Iterator[tuple[Row, list[Row]]]:
    refunds: dict[str, list[Row]] = {}
    for row in _history(client, selection, now):
        if row.is_refund and row.reference:
            refunds.setdefault(row.reference, []).append(row)
        elif row.is_payment and _is_meant(row, selection):
            yield row, refunds.get(row.id, [])


def refunds(client: Client, selection: Selection, *, now: datetime) -> Iterator[Refund]:
    """Refunds of payments received."""
    history = _history(client, selection, now)
    found = (row for row in history if row.is_refund and _is_meant(row, selection))
    return _selected(client, found, rows.refund, selection)


def _is_meant(row: Row, selection: Selection) -> bool:
    who = selection.customer_id
    if who is not None and row.payer_id != who and not same(row.email, who):
        return False
    return _is_within(created_of(row), selection)


def _is_within(created: datetime, selection: Selection) -> bool:
    early = selection.since is not None and created < selection.since
    return not early and (selection.until is None or created < selection.until)


def _history(client: Client, selection: Selection, now: datetime) -> Iterator[Row]:
    """Every row from the present back to `since`, newest first, every one once."""
    oldest = now - windows.HISTORY
    since = min(max(selection.since or oldest, oldest), now - windows.SAFE)
    wanted = list(windows.windows(since, now))
    seen: set[tuple[str, str]] = set()
    for begin in range(0, len(wanted), WORKERS):
        part = wanted[begin : begin + WORKERS]
        for found in spread([partial(windows.read, client, window) for window in part]):
            fresh = [row for row in found.rows if (row.id, row.code) not in seen]
            seen.update((row.id, row.code) for row in fresh)
            yield from fresh


def list_invoices(client: Client, selection: Selection, *, now: datetime) -> Iterator[Invoice]:
    """Invoices by their time of creation; past due is what is open with a due date before `now`.

    Raises `UsageError` for a customer by his payer id, which no invoice names.
    """
    criteria: Json = {}
    if selection.customer_id is not None:
        if "@" not in selection.customer_id:
            raise UsageError(
                f"invoices cannot be listed by {selection.customer_id[:40]}",
                code="bad_filter",
                hint=EMAIL_ONLY,
            )
        criteria["recipient_email"] = selection.customer_id
    if selection.since is not None or selection.until is not None:
        since = selection.since or now - windows.HISTORY
        criteria["creation_date_range"] = {
            "start": wire_time(since),
            "end": wire_time(selection.until or now),
        }
    found = invoices.search(client, criteria) if selection.limit > 0 else []
    made = _selected(client, found, partial(_invoice, now=now), selection)
    return (
        invoice
        for invoice in made
        if _is_within(invoice.created, selection)
        and (selection.customer_id is None or same(invoice.email, selection.customer_id))
    )


def _invoice(data: Json, account: str, *, now: datetime) -> Invoice:
    return bills.invoice(data, account, now=now)


def list_disputes(client: Client, selection: Selection, *, now: datetime) -> Iterator[Dispute]:
    """Disputes updated in the last 180 days, which is as far as PayPal lists them.

    Raises `UsageError` for a customer: PayPal tells a merchant nobody's name.
    """
    if selection.customer_id is not None:
        raise UsageError(
            "PayPal's disputes do not name a customer",
            code="bad_filter",
            hint="Look the customer up: his disputes are shown with his charges.",
        )
    return _selected(client, _disputes(client, selection, now), bills.dispute, selection)


def _disputes(client: Client, selection: Selection, now: datetime) -> Iterator[Json]:
    """In full, page by page; a row lacks transaction and outcome."""
    token: str | None = None
    while True:
        page = disputes.page(client, selection.since or now - disputes.REACH, now, token)
        with reading_answer(client.account.name, change=False):
            meant = [row for row in page.rows if _is_within(disputes.created(row), selection)]
        yield from spread(disputes.whole(client, meant))
        if page.following is None or page.following == token:
            return
        token = page.following


def _selected(
    client: Client, found: Iterable[W], record: Callable[[W, str], T], selection: Selection
) -> Iterator[T]:
    """Records that pass the filter by status, up to the limit.

    What is in a currency that is not read at PayPal hides nothing else: it is named at the end, by
    `Unsupported`, after everything that could be listed.
    """
    left_out: list[str] = []
    wanted = selection.limit
    for item in found if wanted > 0 else ():
        try:
            with reading_answer(client.account.name, change=False):
                made = record(item, client.account.name)
        except Unsupported as error:
            left_out.append(error.message)
            continue
        if selection.status is not None and made.status != selection.status:
            continue
        yield made
        wanted -= 1
        if not wanted:
            break
    if left_out:
        raise Unsupported(
            f"{len(left_out)} left out of the list: {'; '.join(dict.fromkeys(left_out))}",
            code="currency_not_certain",
        )
