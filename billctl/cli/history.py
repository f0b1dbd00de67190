"""How a customer and his history look to a person: one line a fact, newest first, ids whole."""

from collections.abc import Iterator
from datetime import datetime

from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.views import (
    dispute_words,
    invoice_words,
    local_date,
    payment_words,
    shown_once,
    status_cell,
    subscription_row,
    words,
)
from billctl.models import Charge, ChargeStatus, Customer, Dispute, Invoice, Match, Refund

Row = tuple[Cell | str, ...]
Event = Charge | Refund | Invoice | Dispute

HISTORY = (
    *(Column(), Column(), Column()),  # when, what, its reference
    *(Column(right=True), Column()),  # how much, its state
    Column(),  # its number, or the charge it belongs to
    *(Column(whole=False), Column(whole=False)),
)
SUBSCRIPTIONS = (Column(), Column(right=True), Column(), Column(), Column(whole=False, kept=True))
UNSETTLED = {ChargeStatus.AUTHORIZED: "authorized", ChargeStatus.SUBMITTED: "submitted for settlement"}


def customer_view(
    customer: Customer, *, now: datetime, voids: bool = False, same_email: bool = False
) -> View:
    """A customer's head line, what happened (newest first), and his subscriptions.

    `voids`: his gateway releases unsettled charges. `same_email`: a customer shown above has his address.
    """
    view: list[Line | Grid] = [_head(customer, same_email=same_email)]
    events = [_row(event, now, voids=voids) for event in _events(customer)]
    if events:
        view += [_title("history"), Grid(HISTORY, tuple(events), indent=4)]
    if customer.subscriptions:
        rows = tuple(subscription_row(subscription) for subscription in customer.subscriptions)
        view += [_title("subscriptions"), Grid(SUBSCRIPTIONS, rows, indent=4)]
    if not (events or customer.subscriptions):
        view.append(_title("no charges, subscriptions or invoices"))
    return view


def _head(customer: Customer, *, same_email: bool) -> Line:
    cells: list[Cell | str] = [
        Cell(customer.name or customer.email or customer.id, "bold"),
        customer.ref,
        customer.email or "",
        f"since {local_date(customer.created)}" if customer.created else "",
        "same e-mail" if same_email else "",
        Cell("near match", "yellow") if customer.match is Match.PARTIAL else "",
        Cell("LIVE", "red") if customer.live else "",
    ]
    return Line(tuple(cell for cell in cells if cell not in {"", Cell("")}))


def _title(text: str) -> Line:
    return Line((Cell(text, "dim"),), indent=2)


def _events(customer: Customer) -> list[Event]:
    """All that happened, newest first; of one instant, what follows from another stands above it.

    What is a bill and its payment at once is one event (`shown_once`).
    """
    refunds = [refund for charge in customer.charges for refund in charge.refunds]
    events: list[Event] = [*customer.disputes, *refunds, *customer.charges, *customer.invoices]
    return sorted(
        shown_once(events),
        key=lambda event: event.created,
        reverse=True,
    )


def _row(event: Event, now: datetime, *, voids: bool) -> Row:
    amount = event.total if isinstance(event, Invoice) else event.amount
    return (local_date(event.created), event.TYPE, event.ref, str(amount), *_rest(event, now, voids=voids))


def _rest(event: Event, now: datetime, *, voids: bool) -> Row:
    """An event's state; its number or charge; two texts that give way on a narrow terminal."""
    match event:
        case Charge():
            state = _charge_state(event, voids=voids)
            return (state, "", payment_words(event.payment_method), event.description or "")
        case Refund():
            return (status_cell(event.status), f"of {event.charge_id}", event.reason_code or "", "")
        case Dispute():
            state = status_cell(event.status, dispute_words(event, now))
            return (state, f"of {event.charge_id}", words(event.reason or ""), "")
        case Invoice():
            return (status_cell(event.status, invoice_words(event, now)), event.number or "", "", "")


def _charge_state(charge: Charge, *, voids: bool) -> Cell:
    if charge.disputed:
        return status_cell("disputed")
    if charge.status in UNSETTLED:
        return Cell(UNSETTLED[charge.status] + (": void, not refund" if voids else ": no refund yet"))
    if charge.status is ChargeStatus.PARTIALLY_REFUNDED:
        return status_cell(charge.status, f"{charge.refunded.decimal()} back")
    return status_cell(charge.status)


def same_email_beside(customers: list[Customer]) -> Iterator[tuple[Customer, bool]]:
    """`customers`, each followed by the later ones with his e-mail, who are marked by True.

    The same address is no proof of the same person: nothing else of them is put together.
    """
    together: dict[str, list[Customer]] = {}
    for customer in customers:
        together.setdefault((customer.email or customer.ref).casefold(), []).append(customer)
    for first, *others in together.values():
        yield first, False
        yield from ((other, True) for other in others)
