"""The gateway's methods that change something at Recurly, and those that tell before and find afterwards.

Modules: `refunding` and `lines` refund, `weighing` says what a refund must know, `ending` and `terminating`
end subscriptions, `credits` takes credit invoices back; `stamps` and `traces` recognise what was made.
"""

from typing import TYPE_CHECKING

from billctl.gateway import Gateway, Payback, RefundLine, Stamp, Termination, When
from billctl.models import Charge, Invoice, Refund, Subscription
from billctl.money import Money

if TYPE_CHECKING:
    from billctl.gateways.recurly.client import Client


class RecurlyChanges(Gateway):
    """What changes something, over the `_client` of the account."""

    _client: "Client"

    # Before

    def preview_refund(self, charge: Charge, amount: Money) -> tuple[str, ...]:
        """Where the money goes. Raises `Refused` where that is not certain, or a declined refund's credit
        still stands."""
        from billctl.gateways.recurly import weighing

        return weighing.preview(self._client, charge, amount)

    def price_lines(self, charge: Charge, lines: tuple[RefundLine, ...]) -> Money:
        """By the invoice's own lines, and only where they leave no room; see `lines`."""
        from billctl.gateways.recurly import lines as invoice_lines

        return invoice_lines.price(self._client, charge, lines)

    def price_payback(self, subscription: Subscription, payback: Payback) -> Money:
        """What of the last invoice can still go back as money; for a share of it that too, as how Recurly
        counts the time that is left is not published."""
        from billctl.gateways.recurly import terminating

        return terminating.price(self._client, subscription, payback)

    def preview_cancel(self, subscription: Subscription, *, when: When) -> tuple[str, ...]:
        """Raises `Refused` (`no_period_end`) for one that is not active."""
        from billctl.gateways.recurly import ending

        return ending.preview(subscription, when=when)

    def preview_void_credit(self, invoice: Invoice) -> tuple[str, ...]:
        """Raises `Refused` for what is no credit invoice, or is not open any more."""
        from billctl.gateways.recurly import credits

        return credits.preview(self._client, invoice)

    # Changes: each carries its key as `Idempotency-Key`.

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        """To what was paid with, and with the key in the credit invoice's note; see `refunding`."""
        from billctl.gateways.recurly import refunding

        return refunding.refund(self._client, charge, amount, stamp=stamp)

    def refund_lines(
        self, charge: Charge, lines: tuple[RefundLine, ...], amount: Money, *, stamp: Stamp
    ) -> Refund:
        """As `refund`. Raises `UsageError` (`drifted`) where the lines are worth something else by now."""
        from billctl.gateways.recurly import lines as invoice_lines

        return invoice_lines.refund(self._client, charge, lines, amount, stamp=stamp)

    def cancel_subscription(self, subscription: Subscription, *, when: When, stamp: Stamp) -> Subscription:
        """Now without a refund, or when it would be billed next."""
        from billctl.gateways.recurly import ending

        return ending.cancel(self._client, subscription, when=when, stamp=stamp)

    def terminate_subscription(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination:
        """In one step, whose refund is read afterwards; see `terminating`."""
        from billctl.gateways.recurly import terminating

        return terminating.terminate(self._client, subscription, payback, stamp=stamp)

    def reactivate_subscription(self, subscription: Subscription, *, stamp: Stamp) -> Subscription:
        """One that is canceled and not expired."""
        from billctl.gateways.recurly import ending

        return ending.reactivate(self._client, subscription, stamp=stamp)

    def void_credit(self, invoice: Invoice, *, stamp: Stamp) -> Invoice:
        """An open credit invoice."""
        from billctl.gateways.recurly import credits

        return credits.void(self._client, invoice, stamp=stamp)

    # Afterwards

    def find_refund(
        self,
        charge: Charge,
        amount: Money,  # noqa: ARG002 - the key that is looked for was made for it
        *,
        stamp: Stamp,
    ) -> Refund | None:
        """By the key in the notes of the invoice's credit invoices."""
        from billctl.gateways.recurly import refunding

        return refunding.find(self._client, charge, stamp=stamp)

    def find_cancellation(
        self,
        subscription: Subscription,
        *,
        when: When,
        stamp: Stamp,  # noqa: ARG002 - a subscription does not tell who ended it
    ) -> Subscription | None:
        """By the subscription's state."""
        from billctl.gateways.recurly import ending

        return ending.find_cancellation(self._client, subscription, when=when)

    def find_termination(
        self, subscription: Subscription, *, payback: Payback, stamp: Stamp
    ) -> Termination | None:
        """By the subscription's state and the credit invoice that came with its end."""
        from billctl.gateways.recurly import terminating

        return terminating.find(self._client, subscription, payback, stamp=stamp)

    def find_reactivation(
        self,
        subscription: Subscription,
        *,
        stamp: Stamp,  # noqa: ARG002 - a subscription does not tell who let it go on
    ) -> Subscription | None:
        """By the subscription's state."""
        from billctl.gateways.recurly import ending

        return ending.find_reactivation(self._client, subscription)

    def find_voided_credit(
        self,
        invoice: Invoice,
        *,
        stamp: Stamp,  # noqa: ARG002 - a credit invoice does not tell who voided it
    ) -> Invoice | None:
        """By the credit invoice's state."""
        from billctl.gateways.recurly import credits

        return credits.find(self._client, invoice)
