"""Every change that billctl makes at its gateways, and how often the gateway itself shows it done.

At Stripe the real SDK is asked; the other sandboxes are read in their own books, which also count what no
answer shows, such as reminders.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gateway_shops import (
    BRAINTREE_CHARGE,
    BRAINTREE_HELD,
    BRAINTREE_SUBSCRIPTION,
    PAYPAL_CHARGE,
    PAYPAL_HELD,
    PAYPAL_INVOICE,
    PAYPAL_PLAN_CHARGE,
    PAYPAL_SUBSCRIPTION,
    RECURLY_CHARGE,
    RECURLY_CREDIT,
    RECURLY_ENDING,
    RECURLY_INVOICE,
    RECURLY_SUBSCRIPTION,
    WOO_ORDER,
    WOO_SUBSCRIPTION,
    WOO_UNPAID,
    GatewayShop,
    open_gateway_shop,
)
from tests.shop import HELD, HELD_ALONE, PAID, PAST_DUE, SUBSCRIPTION, WHY, Shop, open_shop


@dataclass(frozen=True)
class Act:
    """One change: its words, how its request begins, how often the gateway shows it done.

    `minor` is the amount that its intent must name; `traced` whether the gateway keeps a trace of it, which
    it does not of a PayPal reminder; `denied` whether the lack of a trace means that it was not done, which
    it does not of a refund at WooCommerce: a record whose payment failed is deleted; `late` whether it shows
    the trace hours later only, as PayPal lists the refunds of a payment that belongs to no order; `ends` the
    outcome of what went well.
    """

    gateway: str
    verb: str
    target: tuple[str, ...]
    request: str
    effects: Callable[[Any], int]
    minor: int | None = None
    traced: bool = True
    denied: bool = True
    late: bool = False
    ends: str = "succeeded"

    @property
    def stopped(self) -> set[int]:
        """The exit codes of its repetition as long as nobody knows what became of it.

        Of "all that is left" a repetition may mean another amount, and so another operation, which waits;
        where what is left is not to be seen yet, it cannot be meant at all.
        """
        return {6, *({10} if "--full" in self.target else ()), *({11} if self.late else ())}

    def shows(self, *, done: bool) -> bool:
        """Whether the gateway shows in the end what became of it, where it was done or was not."""
        return self.traced and (done or self.denied)

    @property
    def words(self) -> tuple[str, ...]:
        """Its command line."""
        return (self.gateway, self.verb, *self.target, *WHY)


def _status(object_id: str, word: str) -> Callable[[GatewayShop], int]:
    return lambda shop: int(shop.status(object_id) == word)


def _refunded(charge: str, minor: int) -> Callable[[Shop], int]:
    def effects(shop: Shop) -> int:
        made = shop.refunds(charge)
        assert set(made) <= {minor}, f"refunds of another amount: {made}"
        return len(made)

    return effects


PART = ("--amount", "12.50")

ACTS: Mapping[str, Act] = {
    "refund part, Stripe": Act(
        "stripe", "refund", (PAID, *PART), "POST /v1/refunds ", _refunded(PAID, 1250), minor=1250
    ),
    "refund all, Stripe": Act(
        "stripe", "refund", (PAID, "--full"), "POST /v1/refunds ", _refunded(PAID, 4900), minor=4900
    ),
    "cancel now, Stripe": Act(
        "stripe",
        "cancel",
        (SUBSCRIPTION, "--now"),
        f"DELETE /v1/subscriptions/{SUBSCRIPTION}",
        lambda shop: int(shop.subscription()["status"] == "canceled"),
    ),
    "cancel at period end, Stripe": Act(
        "stripe",
        "cancel",
        (SUBSCRIPTION,),
        f"POST /v1/subscriptions/{SUBSCRIPTION} ",
        lambda shop: int(shop.subscription()["cancel_at_period_end"]),
    ),
    "resend, Stripe": Act(
        "stripe",
        "resend",
        (PAST_DUE,),
        f"POST /v1/invoices/{PAST_DUE}/send ",
        lambda shop: shop.sent_invoices(),
    ),
    "void by intent, Stripe": Act(
        "stripe",
        "void",
        (HELD,),
        "POST /v1/payment_intents/",
        lambda shop: int(shop.is_released(HELD)),
        minor=2668,
    ),
    "void by charge, Stripe": Act(
        "stripe",
        "void",
        (HELD_ALONE,),
        "POST /v1/refunds ",
        lambda shop: int(shop.is_released(HELD_ALONE)),
        minor=1380,
    ),
    "refund part, PayPal": Act(
        "paypal",
        "refund",
        (PAYPAL_CHARGE, *PART),
        f"POST /v2/payments/captures/{PAYPAL_CHARGE}/refund ",
        _refunded(PAYPAL_CHARGE, 1250),
        minor=1250,
    ),
    "refund all of a plan's payment, PayPal": Act(
        "paypal",
        "refund",
        (PAYPAL_PLAN_CHARGE, "--full"),
        f"POST /v2/payments/captures/{PAYPAL_PLAN_CHARGE}/refund ",
        _refunded(PAYPAL_PLAN_CHARGE, 4900),
        minor=4900,
        late=True,
    ),
    "cancel, PayPal": Act(
        "paypal",
        "cancel",
        (PAYPAL_SUBSCRIPTION, "--now"),
        f"POST /v1/billing/subscriptions/{PAYPAL_SUBSCRIPTION}/cancel ",
        _status(PAYPAL_SUBSCRIPTION, "CANCELLED"),
    ),
    "resend, PayPal": Act(
        "paypal",
        "resend",
        (PAYPAL_INVOICE,),
        f"POST /v2/invoicing/invoices/{PAYPAL_INVOICE}/remind ",
        lambda shop: shop.reminders(),
        traced=False,
    ),
    "void, PayPal": Act(
        "paypal",
        "void",
        (PAYPAL_HELD,),
        f"POST /v2/payments/authorizations/{PAYPAL_HELD}/void ",
        _status(PAYPAL_HELD, "VOIDED"),
        minor=6000,
    ),
    "refund part, Braintree": Act(
        "braintree",
        "refund",
        (BRAINTREE_CHARGE, *PART),
        "POST /merchants/sbxbillctlmerchant/transactions/",
        _refunded(BRAINTREE_CHARGE, 1250),
        minor=1250,
        ends="pending",
    ),
    "refund all, Braintree": Act(
        "braintree",
        "refund",
        (BRAINTREE_CHARGE, "--full"),
        "POST /merchants/sbxbillctlmerchant/transactions/",
        _refunded(BRAINTREE_CHARGE, 4900),
        minor=4900,
        ends="pending",
    ),
    "cancel now, Braintree": Act(
        "braintree",
        "cancel",
        (BRAINTREE_SUBSCRIPTION, "--now"),
        f"PUT /merchants/sbxbillctlmerchant/subscriptions/{BRAINTREE_SUBSCRIPTION}/cancel ",
        _status(f"subscription/{BRAINTREE_SUBSCRIPTION}", "Canceled"),
    ),
    "cancel at period end, Braintree": Act(
        "braintree",
        "cancel",
        (BRAINTREE_SUBSCRIPTION,),
        f"PUT /merchants/sbxbillctlmerchant/subscriptions/{BRAINTREE_SUBSCRIPTION} ",
        lambda shop: int(shop.book(f"subscription/{BRAINTREE_SUBSCRIPTION}").get("cycles") == 3),
    ),
    "void, Braintree": Act(
        "braintree",
        "void",
        (BRAINTREE_HELD,),
        f"PUT /merchants/sbxbillctlmerchant/transactions/{BRAINTREE_HELD}/void ",
        _status(f"transaction/{BRAINTREE_HELD}", "voided"),
        minor=3000,
    ),
    "refund part, WooCommerce": Act(
        "woocommerce",
        "refund",
        (WOO_ORDER, *PART),
        f"POST /wp-json/wc/v3/orders/{WOO_ORDER}/refunds ",
        _refunded(WOO_ORDER, 1250),
        minor=1250,
        denied=False,
    ),
    "refund all, WooCommerce": Act(
        "woocommerce",
        "refund",
        (WOO_ORDER, "--full"),
        f"POST /wp-json/wc/v3/orders/{WOO_ORDER}/refunds ",
        _refunded(WOO_ORDER, 4900),
        minor=4900,
        denied=False,
    ),
    "cancel now, WooCommerce": Act(
        "woocommerce",
        "cancel",
        (WOO_SUBSCRIPTION, "--now"),
        f"POST /wp-json/wc/v3/subscriptions/{WOO_SUBSCRIPTION} ",
        _status(f"subscription/{WOO_SUBSCRIPTION}", "cancelled"),
    ),
    "cancel at period end, WooCommerce": Act(
        "woocommerce",
        "cancel",
        (WOO_SUBSCRIPTION,),
        f"POST /wp-json/wc/v3/subscriptions/{WOO_SUBSCRIPTION} ",
        _status(f"subscription/{WOO_SUBSCRIPTION}", "pending-cancel"),
    ),
    "resend, WooCommerce": Act(
        "woocommerce",
        "resend",
        (WOO_UNPAID,),
        f"POST /wp-json/wc/v3/orders/{WOO_UNPAID}/actions/",
        lambda shop: shop.mails(),
    ),
    "refund part, Recurly": Act(
        "recurly",
        "refund",
        (RECURLY_CHARGE, *PART),
        f"POST /invoices/{RECURLY_INVOICE}/refund ",
        _refunded(RECURLY_CHARGE, 1250),
        minor=1250,
    ),
    "refund all, Recurly": Act(
        "recurly",
        "refund",
        (RECURLY_CHARGE, "--full"),
        f"POST /invoices/{RECURLY_INVOICE}/refund ",
        _refunded(RECURLY_CHARGE, 4900),
        minor=4900,
    ),
    "cancel now, Recurly": Act(
        "recurly",
        "cancel",
        (RECURLY_SUBSCRIPTION, "--now"),
        f"DELETE /subscriptions/{RECURLY_SUBSCRIPTION}?",
        _status(RECURLY_SUBSCRIPTION, "expired"),
    ),
    "cancel at period end, Recurly": Act(
        "recurly",
        "cancel",
        (RECURLY_SUBSCRIPTION,),
        f"PUT /subscriptions/{RECURLY_SUBSCRIPTION}/cancel ",
        _status(RECURLY_SUBSCRIPTION, "canceled"),
    ),
    "refund lines, Recurly": Act(
        "recurly",
        "refund",
        (RECURLY_CHARGE, "--line", "laylali00001"),
        f"POST /invoices/{RECURLY_INVOICE}/refund ",
        _refunded(RECURLY_CHARGE, 2900),
        minor=2900,
    ),
    "cancel with all money back, Recurly": Act(
        "recurly",
        "cancel",
        (RECURLY_SUBSCRIPTION, "--now", "--refund", "full"),
        f"DELETE /subscriptions/{RECURLY_SUBSCRIPTION}?",
        _refunded("laylatx00004", 4900),
        minor=4900,
    ),
    "reactivate, Recurly": Act(
        "recurly",
        "reactivate",
        (RECURLY_ENDING,),
        f"PUT /subscriptions/{RECURLY_ENDING}/reactivate ",
        _status(RECURLY_ENDING, "active"),
    ),
    "void credit, Recurly": Act(
        "recurly",
        "void-credit",
        (RECURLY_CREDIT,),
        f"PUT /invoices/{RECURLY_CREDIT}/void ",
        _status(RECURLY_CREDIT, "voided"),
    ),
}
REFUND = "refund part, Stripe"


@contextmanager
def opened(act: Act, folder: Path) -> Iterator[Shop]:
    """A shop of its own for `act` below `folder`, wherever the test's environment points."""
    folder.mkdir(mode=0o700, exist_ok=True)
    opening = open_shop(folder) if act.gateway == "stripe" else open_gateway_shop(folder, act.gateway)
    with opening as shop:
        shop.env |= {
            "BILLCTL_STATE_DIR": str(shop.state_dir),
            "BILLCTL_CONFIG_DIR": str(shop.config_dir),
        }
        yield shop
