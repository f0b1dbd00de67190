"""Which gateway took an order's payment for the store, where it is one that billctl speaks to as well.

An order names the store's payment method and, as `transaction_id`, that gateway's own id of the payment. The
methods' names are those of the extensions' source (read, not run):

- WooCommerce Stripe Gateway: `stripe`, `stripe_…`; the transaction is the charge (`process_response`).
- WooCommerce PayPal Payments: `ppcp-gateway`, `ppcp-…`; that the transaction is the capture is not verified.
- Braintree for WooCommerce and Payment Plugins' Braintree: `braintree_…`; the same for the transaction.

WooPayments (`woocommerce_payments`) is no account of the merchant's own at Stripe, and PayPal Standard
(`paypal`) belongs to an older API: neither is asked.
"""

from billctl.gateway import Behind
from billctl.gateways.woocommerce.mapping import StoreCharge

METHODS = (
    ("stripe", "stripe"),
    ("stripe_", "stripe"),
    ("ppcp-", "paypal"),
    ("braintree_", "braintree"),
)
"""A payment method's name, or what it begins with where that ends in a joining sign; billctl's gateway."""

CHARGES = ("ch_", "py_")
"""How a charge's id at Stripe begins. A payment intent's names no single charge, and is not asked about."""


def behind(charge: StoreCharge) -> Behind | None:
    """The gateway and its id of the payment; None where it is not one of these, or the order names no id."""
    method, transaction = charge.payment_method_id or "", charge.transaction_id
    gateway = next((gateway for name, gateway in METHODS if _is(method, name)), None)
    if gateway is None or not transaction:
        return None
    if gateway == "stripe" and not transaction.startswith(CHARGES):
        return None
    return Behind(gateway=gateway, charge_id=transaction)


def _is(method: str, name: str) -> bool:
    return method.startswith(name) if name.endswith(("_", "-")) else method == name
