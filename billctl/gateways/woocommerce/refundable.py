"""Whether an order can be refunded through its payment gateway; what its operator must know before.

WooCommerce itself refunds orders that were never paid, and rounds an amount finer than its decimals only in
its records (observed on 10.0.2), so all of this is checked here.
"""

from billctl.errors import Refused, UsageError
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.mapping import REFUNDABLE, StoreCharge
from billctl.gateways.woocommerce.methods import method
from billctl.gateways.woocommerce.values import written
from billctl.models import RefundStatus
from billctl.money import Money

REFUNDS = "refunds"
GIVEN_BACK = "refunded"
"""The status of an order of which nothing is left: the store itself says so."""
IN_THE_STORE = "Refund it in the store's admin instead, where it can be recorded without moving money."
STOCK = "nothing is put back in stock"
UNPAID = "refund {one.id} of {one.amount} counts as given back, and the store does not say that it was paid"
MAIL = "the store may e-mail the customer about it, by its own settings; the reason there is only `ref op_…`"


def preview(client: Client, charge: StoreCharge, amount: Money) -> tuple[str, ...]:
    """What to know before. Raises `Refused` where no payment gateway would give money back, `UsageError` for
    an amount finer than the store's decimals."""
    check_paid(charge)
    written_amount(amount, charge)
    title = _payment_gateway(client, charge)
    unpaid = (UNPAID.format(one=one) for one in charge.refunds if one.status is RefundStatus.UNKNOWN)
    return (f"the store gives it back through {title}", STOCK, MAIL, *unpaid)


def check_paid(charge: StoreCharge) -> None:
    """Raise `Refused` for an order that is not paid, or that a plugin keeps in a state of its own."""
    if charge.date_paid is None:
        raise Refused(f"order {charge.id} was never paid", code="charge_not_paid", account=charge.account)
    if charge.gateway_status not in {*REFUNDABLE, GIVEN_BACK}:
        raise Refused(
            f"order {charge.id} is {charge.gateway_status!r}: refunds are for orders that are "
            f"{' or '.join(sorted(REFUNDABLE))}",
            code="order_status",
            hint=IN_THE_STORE,
            account=charge.account,
        )


def written_amount(amount: Money, charge: StoreCharge) -> str:
    """`amount` as the store writes it. Raises `UsageError` for none, and for one finer than its decimals."""
    if amount.minor <= 0:
        raise UsageError(f"{amount} is no amount to refund", code="bad_amount", account=charge.account)
    try:
        return written(amount, charge.decimals)
    except ValueError as error:
        raise UsageError(str(error), code="bad_amount", account=charge.account) from None


def _payment_gateway(client: Client, charge: StoreCharge) -> str:
    """The title of the payment gateway that took the money and can give it back."""
    name = charge.payment_method_id
    if not name:
        raise _refused(charge, "was paid through no payment gateway of the store")
    found = method(client, name)
    if found is None:
        raise _refused(charge, f"was paid through {name!r}, which the store does not have any more")
    if REFUNDS not in found.supports:
        raise _refused(charge, f"was paid through {name!r}, which cannot refund by itself")
    return found.title


def _refused(charge: StoreCharge, why: str) -> Refused:
    return Refused(
        f"order {charge.id} {why}", code="no_automatic_refund", hint=IN_THE_STORE, account=charge.account
    )
