"""What must be known before a refund at Recurly: whose money goes back, and whether any does. Reads only."""

from functools import partial

from billctl.errors import Refused, UsageError
from billctl.gateways.recurly import traces
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.objects import retrieve
from billctl.gateways.recurly.refunding import METHOD, invoice_of
from billctl.gateways.recurly.standing import Standing, StandingCharge, standing
from billctl.models import Charge
from billctl.money import Money
from billctl.parallel import gather


def preview(client: Client, charge: Charge, amount: Money) -> tuple[str, ...]:
    """What to know before a refund.

    Raises `Refused` where it is not certain whose money goes back, or that any does; `UsageError` for more
    than the invoice has left.
    """
    stands = charge.standing if isinstance(charge, StandingCharge) else _read(client, charge)
    _refuse_state(stands)
    _refuse_open_credit(stands)
    if charge.id not in {payer.id for payer in stands.payers}:
        _refuse_stranger(stands, charge)
        return ()  # nothing of it is left: the verb or Recurly says so
    _refuse_payers(stands)
    _refuse_more(stands, amount)
    return _sentences(stands, whole=amount == charge.captured)


def _read(client: Client, charge: Charge) -> Standing:
    """How the charge's invoice stands, for a charge that came from a list."""
    invoice_id = invoice_of(charge)
    invoice, credits = gather(
        [
            partial(retrieve, client, "invoice", invoice_id),
            partial(traces.credit_invoices, client, invoice_id),
        ]
    )
    with reading_answer(client.account.name, change=False):
        return standing(invoice, credits, client.account.name)


def _refuse_state(stands: Standing) -> None:
    if stands.kind != "charge" or stands.refundable is None:
        raise Refused(
            f"invoice {stands.number} is a {stands.kind} invoice, of which Recurly does not tell what is "
            "refundable",
            code="not_a_charge_invoice",
            hint="Refund it in Recurly's app. Sites have charge invoices since their Credit Invoices feature "
            "is on.",
        )
    if stands.state == "processing":
        raise Refused(
            f"invoice {stands.number} is still processing: its payment has not arrived",
            code="invoice_processing",
            hint="A bank payment takes some days; refund it once the invoice is paid.",
        )


def _refuse_open_credit(stands: Standing) -> None:
    """A refund after a declined one would give the value twice: as money and as the credit left behind."""
    if stands.open_credit is None:
        return
    credit_id, number = stands.open_credit
    raise Refused(
        f"a refund of invoice {stands.number} was declined, and its credit invoice {number} stands open: "
        "with another refund the customer would have both",
        code="open_credit",
        hint=f"Take the credit back first: `billctl recurly void-credit {credit_id} --reason …`.",
    )


def _refuse_stranger(stands: Standing, charge: Charge) -> None:
    """A refund of an invoice gives back what was paid for it, which may be another payment's money."""
    if charge.refundable:
        raise Refused(
            f"invoice {stands.number} does not name {charge.id} among its payments: whose money a refund "
            "would give back is not certain",
            code="not_its_payment",
            hint="Refund it in Recurly's app, where the payment can be chosen.",
        )


def _refuse_payers(stands: Standing) -> None:
    if len(stands.payers) > 1:
        ids = ", ".join(payer.id for payer in stands.payers)
        raise Refused(
            f"invoice {stands.number} was paid by several payments ({ids}): Recurly chooses which of them "
            "gives a refund back",
            code="several_payments",
            hint="Refund it in Recurly's app, where the payment can be chosen.",
        )
    if stands.payers[0].by_hand:
        raise Refused(
            f"the payment of invoice {stands.number} was recorded by hand: Recurly gives no money of it back",
            code="manual_payment",
            hint="Pay it back the way it came, and record that in Recurly's app as an external refund.",
        )


def _refuse_more(stands: Standing, amount: Money) -> None:
    if stands.refundable is not None and amount > stands.refundable:
        raise UsageError(
            f"{amount} is more than the {stands.refundable} still refundable of invoice {stands.number}",
            code="amount_too_large",
            hint=f"Ask for {stands.refundable} or less.",
        )


def _sentences(stands: Standing, *, whole: bool) -> tuple[str, ...]:
    back = f"It goes back to what was paid with (refund method {METHOD}), as a credit invoice of "
    void = "If the payment is not settled yet, Recurly voids it instead."
    credit = "The part of it that was paid with account credit is not touched."
    note = "That credit invoice carries a reference that the customer may see; the reason stays here."
    return (
        f"{back}{stands.number}.",
        *((void,) if whole else ()),
        *((credit,) if stands.has_credit else ()),
        note,
    )
