"""Every change that a gateway declares, on the examples that the author names."""

from collections.abc import Callable
from typing import NamedTuple

from billctl.gateway import Capability, Gateway, Payback, RefundLine, When
from billctl.testing.harness import ENDINGS, Harness, stamp


class Change(NamedTuple):
    """A change on an example as it was read: what sends it, and what looks whether it happened."""

    send: Callable[[Gateway], object]
    look: Callable[[Gateway], object]


class Sending(Harness):
    """What sends each change, and what looks whether it happened."""

    def _changes(self) -> dict[str, Change]:
        """Every change the gateway declares and there is an example for, as the examples are now."""
        gateway, found = self._gateway(), {}
        if self._can(Capability.REFUND):
            found["refund"] = self._refunding(gateway)
        if self._can(Capability.VOID) and self.voidable_id:
            found["void_charge"] = self._voiding(gateway)
        for when in (when for when, capability in ENDINGS.items() if self._can(capability)):
            if self.subscription_id:
                found[f"cancel_subscription {when}"] = self._ending(gateway, when)
        if self._can(Capability.RESEND_INVOICE) and self.invoice_id:
            found["resend_invoice"] = self._resending(gateway)
        if self._can(Capability.REFUND_LINES) and self.lined_id and self.line_id:
            found["refund_lines"] = self._refunding_lines(gateway)
        if self._can(Capability.CANCEL_REFUND) and self.terminable_id:
            found["terminate_subscription"] = self._terminating(gateway, Payback.FULL)
        if self._can(Capability.REACTIVATE) and self.ending_id:
            found["reactivate_subscription"] = self._reactivating(gateway)
        if self._can(Capability.VOID_CREDIT) and self.credit_id:
            found["void_credit"] = self._voiding_credit(gateway)
        return found

    def _refunding(self, gateway: Gateway) -> Change:
        charge = gateway.get_charge(self.charge_id)
        amount = self._step(charge)
        return Change(
            send=lambda g: g.refund(charge, amount, stamp=stamp()),
            look=lambda g: g.find_refund(charge, amount, stamp=stamp()),
        )

    def _voiding(self, gateway: Gateway) -> Change:
        charge = gateway.get_charge(self._example("voidable"))
        return Change(
            send=lambda g: g.void_charge(charge, stamp=stamp()),
            look=lambda g: g.find_void(charge, stamp=stamp()),
        )

    def _ending(self, gateway: Gateway, when: When) -> Change:
        subscription = gateway.get_subscription(self._example("subscription"))
        return Change(
            send=lambda g: g.cancel_subscription(subscription, when=when, stamp=stamp()),
            look=lambda g: g.find_cancellation(subscription, when=when, stamp=stamp()),
        )

    def _resending(self, gateway: Gateway) -> Change:
        invoice = gateway.get_invoice(self._example("invoice"))
        return Change(
            send=lambda g: g.resend_invoice(invoice, to=None, stamp=stamp()),
            look=lambda g: g.find_resend(invoice, to=None, stamp=stamp()),
        )

    def _refunding_lines(self, gateway: Gateway) -> Change:
        charge = gateway.get_charge(self._example("lined"))
        lines = (RefundLine(id=self._example("line")),)
        amount = gateway.price_lines(charge, lines)
        return Change(
            send=lambda g: g.refund_lines(charge, lines, amount, stamp=stamp()),
            look=lambda g: g.find_refund(charge, amount, stamp=stamp()),
        )

    def _terminating(self, gateway: Gateway, payback: Payback) -> Change:
        subscription = gateway.get_subscription(self._example("terminable"))
        return Change(
            send=lambda g: g.terminate_subscription(subscription, payback=payback, stamp=stamp()),
            look=lambda g: g.find_termination(subscription, payback=payback, stamp=stamp()),
        )

    def _reactivating(self, gateway: Gateway) -> Change:
        subscription = gateway.get_subscription(self._example("ending"))
        return Change(
            send=lambda g: g.reactivate_subscription(subscription, stamp=stamp()),
            look=lambda g: g.find_reactivation(subscription, stamp=stamp()),
        )

    def _voiding_credit(self, gateway: Gateway) -> Change:
        invoice = gateway.get_invoice(self._example("credit"))
        return Change(
            send=lambda g: g.void_credit(invoice, stamp=stamp()),
            look=lambda g: g.find_voided_credit(invoice, stamp=stamp()),
        )
