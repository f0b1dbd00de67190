"""Single objects by id, and what hangs on one: a charge's order, refunds and disputes.

A capture names its order, and the order the payer and all refunds; PayPal's capture itself has neither.
A capture without an order (a subscription's payment) has its refunds in Transaction Search only, up to
three hours late: where PayPal says that some was refunded and none is to be seen yet, no answer is given.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from billctl.errors import AuthFailed, NoAnswer, NotFound
from billctl.gaps import attempted
from billctl.gateways.paypal import bills, mapping
from billctl.gateways.paypal.amounts import from_wire, instant, optional_instant
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.ids import ORDER, PAYMENT, checked
from billctl.gateways.paypal.people import Person, old_payer, payer, seen
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.rows import Row
from billctl.gateways.paypal.windows import Window, read, search
from billctl.models import (
    Charge,
    ChargeStatus,
    Dispute,
    Invoice,
    Refund,
    Subscription,
    given_back,
)
from billctl.parallel import Job

T = TypeVar("T")

PATHS = {
    "charge": "/v2/payments/captures",
    "authorization": "/v2/payments/authorizations",
    "refund": "/v2/payments/refunds",
    "sale": "/v1/payments/sale",
    "order": "/v2/checkout/orders",
    "payment": "/v1/payments/payment",
    "subscription": "/v1/billing/subscriptions",
    "invoice": "/v2/invoicing/invoices",
    "dispute": "/v1/customer/disputes",
}
SUBSCRIPTION_FIELDS = {"fields": "last_failed_payment,plan"}
PERMISSION = "permission"
AROUND = timedelta(days=1)
"""On both sides of a capture's time, the window in which its row is looked for."""
AT_ONCE = timedelta(minutes=1)
"""A capture changes so soon after the refund that changes it."""


class Paid(NamedTuple):
    """A charge, who paid it, as far as PayPal says, and its disputes."""

    charge: Charge
    person: Person | None
    disputes: tuple[Dispute, ...] = ()


def retrieve(client: Client, kind: str, object_id: str, params: Json | None = None) -> Json:
    """The object `object_id` of `kind`, as on the wire; what was asked for, or an error.

    `object_id` has passed its grammar. Raises `NotFound` and the errors of a read.
    """
    data = client.get(f"{PATHS[kind]}/{object_id}", params)
    if data.get("dispute_id" if kind == "dispute" else "id") != object_id:
        raise NoAnswer(
            f"{client.host} was asked for {object_id} and answered with another object",
            code="bad_answer",
            account=client.account.name,
        )
    return data


def attempt(call: Callable[[], T]) -> T | None:
    """What `call` returns, None where PayPal has no such object."""
    try:
        return call()
    except NotFound:
        return None


def get_paid(client: Client, charge_id: str, *, now: datetime) -> Paid:
    """A capture, else an authorization or a sale of the old API, with all its refunds."""
    checked(charge_id, "charge")
    found = paid(client, charge_id, now=now)
    if found is None:
        raise _no_charge(client, charge_id, attempt(lambda: retrieve(client, "refund", charge_id)))
    return found


def _no_charge(client: Client, charge_id: str, refund: Json | None) -> NotFound:
    """That there is none of this id; a refund's id looks the same."""
    what = "is a refund" if refund else "is no capture, authorization or sale at PayPal"
    of = mapping.captured_by(refund) if refund else None
    return NotFound(
        f"{charge_id} {what}",
        code="RESOURCE_NOT_FOUND",
        hint=f"The payment that it gives back is {of}." if of else "",
        account=client.account.name,
    )


def paid(client: Client, charge_id: str, *, now: datetime) -> Paid | None:
    """What a transaction id names and who paid it; None where it names no payment."""
    capture = attempt(lambda: retrieve(client, "charge", charge_id))
    if capture is not None:
        return of_capture(client, capture, now=now)
    held, sale = spread(
        [
            lambda: attempt(lambda: retrieve(client, "authorization", charge_id)),
            lambda: attempt(lambda: retrieve(client, "sale", charge_id)),
        ]
    )
    if held is not None:
        return _of_authorization(client, held)
    return _of_sale(client, sale) if sale is not None else None


def of_capture(client: Client, capture: Json, *, now: datetime) -> Paid:
    """A capture with its payer, refunds and disputes: from its order, else from Transaction Search."""
    account, charge_id = client.account.name, str(capture["id"])
    disputes = Job(partial(disputes_of, client, charge_id))
    with reading_answer(account, change=False):
        order = read_order(client, mapping.order_of(capture))
        if order is not None:
            return of_order(order, capture, account, disputes.result())
        refunds = Job(partial(orderless_refunds, client, capture, now=now))
        row = _row_of(client, capture)
        return _of_orderless(row, capture, account, refunds.result(), disputes.result())


def of_order(order: Json, capture: Json, account: str, disputes: Sequence[Dispute]) -> Paid:
    """A capture with the payer and the refunds that its order names."""
    person = payer(order.get("payer"))
    charge = mapping.charge(
        capture,
        account,
        customer_id=person.id if person else None,
        refunds=refunds_in(order, str(capture["id"]), account),
        disputes=disputes,
        description=description_of(order),
        payment_method=mapping.method_of(order),
    )
    return Paid(charge, person, tuple(disputes))


def _of_orderless(
    row: Row | None, capture: Json, account: str, refunds: Sequence[Refund], disputes: Sequence[Dispute]
) -> Paid:
    person = seen([row], row.person) if row and row.person else None
    charge = mapping.charge(
        capture,
        account,
        customer_id=person.id if person else None,
        refunds=refunds,
        disputes=disputes,
        description=row.subject if row else None,
        subscription_id=row.subscription_id if row else None,
    )
    return Paid(charge, person, tuple(disputes))


def _row_of(client: Client, capture: Json) -> Row | None:
    """The capture's row in Transaction Search, which names payer and subscription; None where it is not
    there (yet) or the app may not search: no payment is kept back for that."""
    created = instant(capture["create_time"])
    around = Window(created - AROUND, created + AROUND)
    none: list[Row] = []
    rows, _ = attempted(lambda: read(client, around, transaction_id=str(capture["id"])).rows, none)
    return next((row for row in rows if row.id == capture["id"] and row.is_payment), None)


def read_order(client: Client, order_id: str | None) -> Json | None:
    """The order, None where there is none or PayPal no longer shows it."""
    if order_id is None or not ORDER.fullmatch(order_id):
        return None
    return attempt(lambda: retrieve(client, "order", order_id))


def description_of(order: Json) -> str | None:
    """What an order was for, in the words of its first unit."""
    units = order.get("purchase_units") or [{}]
    found = units[0].get("description")
    return str(found) if found else None


def payments_in(order: Json, kind: str) -> list[Json]:
    """An order's `captures`, `authorizations` or `refunds`."""
    units = order.get("purchase_units") or ()
    return [item for unit in units for item in (unit.get("payments") or {}).get(kind) or ()]


def refunds_in(order: Json, charge_id: str, account: str) -> list[Refund]:
    """The refunds of one capture of an order, newest first. Raises `ValueError` where an order of several
    captures does not say which of them a refund belongs to."""
    captures = payments_in(order, "captures")
    found = []
    for data in payments_in(order, "refunds"):
        of = mapping.captured_by(data) or (charge_id if len(captures) <= 1 else None)
        if of is None:
            raise ValueError(f"refund {data.get('id')} does not say of which capture it is")
        if of == charge_id:
            found.append(mapping.refund(data, account, charge_id=charge_id))
    return sorted(found, key=lambda refund: refund.created, reverse=True)


def orderless_refunds(client: Client, capture: Json, *, now: datetime) -> list[Refund]:
    """The refunds of a capture without an order, newest first: by Transaction Search and by what this machine
    made itself, each read by its id; up to the capture's last change even where this machine's clock is slow.

    Raises `NoAnswer` (`refunds_not_visible`) where PayPal calls it refunded in part and there must be others.
    """
    account, charge_id = client.account.name, str(capture["id"])
    if not is_returned(capture):
        return []
    until = max(now, optional_instant(capture.get("update_time")) or now)
    report = search(client, instant(capture["create_time"]), until)
    named = [row.id for row in report.rows if row.is_refund and row.reference == charge_id]
    wire = refunds_by_id(client, charge_id, named)
    refunds = [mapping.refund(data, account, charge_id=charge_id) for data in wire]
    if not all_seen(capture, wire, refunds, report.refreshed):
        raise NoAnswer(
            f"PayPal says that {charge_id} was partly refunded, but does not show how much yet (3 hours)",
            code="refunds_not_visible",
            hint="Run it again then.",
            account=account,
        )
    return sorted(refunds, key=lambda refund: refund.created, reverse=True)


def is_returned(capture: Json) -> bool:
    """Whether PayPal says that something of the capture was given back."""
    status = mapping.CAPTURE_STATUS.get(str(capture.get("status")))
    return status in {ChargeStatus.PARTIALLY_REFUNDED, ChargeStatus.REFUNDED}


def is_missing(capture: Json, refunds: Sequence[Refund]) -> bool:
    """Whether PayPal calls a capture refunded whole, and these refunds of it come to less."""
    if mapping.CAPTURE_STATUS.get(str(capture.get("status"))) is not ChargeStatus.REFUNDED:
        return False
    amount = from_wire(capture["amount"])
    return given_back(refunds, amount.currency) < amount


def refunds_by_id(client: Client, charge_id: str, named: Sequence[str]) -> list[Json]:
    """The refunds of these ids and those that this machine made, as on the wire."""
    return read_refunds(client, list(dict.fromkeys((*named, *client.own_refunds.of(charge_id)))))


def read_refunds(client: Client, ids: Sequence[str]) -> list[Json]:
    """The refunds of these ids that PayPal knows, as on the wire."""
    calls = [partial(retrieve, client, "refund", checked(name, "refund")) for name in ids]
    return [data for data in spread([partial(attempt, call) for call in calls]) if data is not None]


def all_seen(
    capture: Json, wire: Sequence[Json], refunds: Sequence[Refund], refreshed: datetime | None
) -> bool:
    """Whether these are all refunds of a capture, as far as PayPal's own words tell.

    Each says how much was refunded when it was made; and nothing else changed the capture after the report
    was `refreshed`. Of a capture that was refunded whole nothing is missing that matters.
    """
    if mapping.CAPTURE_STATUS.get(str(capture.get("status"))) is not ChargeStatus.PARTIALLY_REFUNDED:
        return True
    if not refunds:
        return False
    known = sum(refund.amount.minor for refund in refunds)
    totals = [(data.get("seller_payable_breakdown") or {}).get("total_refunded_amount") for data in wire]
    if any(from_wire(total).minor > known for total in totals if total):
        return False
    changed = optional_instant(capture.get("update_time"))
    if changed is None or refreshed is None or changed <= refreshed:
        return True
    return max(refund.created for refund in refunds) >= changed - AT_ONCE


def _of_authorization(client: Client, data: Json) -> Paid:
    account = client.account.name
    with reading_answer(account, change=False):
        order = read_order(client, mapping.order_of(data)) or {}
        person = payer(order.get("payer"))
        charge = mapping.authorization(
            data,
            account,
            customer_id=person.id if person else None,
            description=description_of(order),
            payment_method=mapping.method_of(order),
        )
    return Paid(charge, person)


def _of_sale(client: Client, sale: Json) -> Paid:
    """A sale of the old API, with its payment's payer and refunds."""
    account = client.account.name
    with reading_answer(account, change=False):
        parent = str(sale.get("parent_payment") or "")
        payment = attempt(lambda: retrieve(client, "payment", parent)) if PAYMENT.fullmatch(parent) else None
        person = old_payer(payment or {})
        charge = mapping.charge(
            mapping.sale_as_capture(sale),
            account,
            customer_id=person.id if person else None,
            refunds=[mapping.old_refund(data, account) for data in _old_refunds(payment or {}, sale)],
            subscription_id=sale.get("billing_agreement_id"),
        )
    return Paid(charge, person)


def _old_refunds(payment: Json, sale: Json) -> list[Json]:
    parts = payment.get("transactions") or ()
    resources = [item for part in parts for item in part.get("related_resources") or ()]
    refunds = [item["refund"] for item in resources if item.get("refund")]
    return [data for data in refunds if data.get("sale_id") == sale["id"]]


def disputes_of(client: Client, charge_id: str) -> list[Dispute]:
    """The disputes of a charge. None where the app may not read disputes: PayPal itself refuses the refund
    of a disputed payment (`TRANSACTION_DISPUTED`, `REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK`)."""
    try:
        answer = client.get(PATHS["dispute"], {"disputed_transaction_id": charge_id, "page_size": 50})
    except AuthFailed as error:
        if error.code != PERMISSION:
            raise
        return []
    except NotFound:
        return []
    with reading_answer(client.account.name, change=False):
        named = [checked(str(item["dispute_id"]), "dispute") for item in answer.get("items") or ()]
    return spread([partial(get_dispute, client, name, charge_id=charge_id) for name in named])


def get_dispute(client: Client, dispute_id: str, *, charge_id: str | None = None) -> Dispute:
    """One dispute; of several transactions in it, `charge_id` is shown where it is one of them."""
    data = retrieve(client, "dispute", checked(dispute_id, "dispute"))
    with reading_answer(client.account.name, change=False):
        return bills.dispute(data, client.account.name, charge_id=charge_id)


def get_refund(client: Client, refund_id: str) -> Refund:
    """One refund."""
    data = retrieve(client, "refund", checked(refund_id, "refund"))
    with reading_answer(client.account.name, change=False):
        return mapping.refund(data, client.account.name)


def get_subscription(client: Client, subscription_id: str) -> Subscription:
    """One subscription with its plan."""
    data = retrieve(client, "subscription", checked(subscription_id, "subscription"), SUBSCRIPTION_FIELDS)
    with reading_answer(client.account.name, change=False):
        return bills.subscription(data, client.account.name)


def get_invoice(client: Client, invoice_id: str, *, now: datetime) -> Invoice:
    """One invoice; `now` decides whether it is past due."""
    data = retrieve(client, "invoice", checked(invoice_id, "invoice"))
    with reading_answer(client.account.name, change=False):
        return bills.invoice(data, client.account.name, now=now)
