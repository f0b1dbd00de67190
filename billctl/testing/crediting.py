"""Promises about money given back by lines and with an end, and about what takes a change back."""

from functools import partial

from billctl.errors import Refused, UsageError
from billctl.gateway import Capability, Payback, RefundLine, Termination
from billctl.models import InvoiceStatus
from billctl.money import Money
from billctl.testing.changing import ENDED
from billctl.testing.failing import FailurePromises
from billctl.testing.harness import failure, stamp

NO_LINE = "billctl-knows-no-such-line"


class CreditPromises(FailurePromises):
    """Refunds of lines, ends with money back, credits that are taken back, subscriptions that go on."""

    # Lines

    def test_refunded_lines_give_back_their_price_and_are_found_by_their_stamp(self) -> None:
        if not self._can(Capability.REFUND_LINES):
            return
        gateway, lines = self._gateway(), (RefundLine(id=self._example("line")),)
        charge = gateway.get_charge(self._example("lined"))
        price = gateway.price_lines(charge, lines)
        assert Money.zero(price.currency) < price <= charge.refundable
        assert gateway.find_refund(charge, price, stamp=stamp()) is None
        made = gateway.refund_lines(charge, lines, price, stamp=stamp())
        assert (made.amount, made.charge_id) == (price, charge.id)
        found = gateway.find_refund(charge, price, stamp=stamp())
        assert found is not None
        assert found.id == made.id
        assert gateway.find_refund(charge, price, stamp=stamp(2)) is None
        assert gateway.get_charge(charge.id).refunded == charge.refunded + price

    def test_lines_that_cannot_be_refunded_are_a_usage_error_before_anything_changes(self) -> None:
        """One that is not on the invoice, and one of which nothing is left."""
        if not self._can(Capability.REFUND_LINES):
            return
        gateway, lines = self._gateway(), (RefundLine(id=self._example("line")),)
        charge = gateway.get_charge(self._example("lined"))
        price = gateway.price_lines(charge, lines)
        gateway.refund_lines(charge, lines, price, stamp=stamp())
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            charge = gateway.get_charge(charge.id)
            for gone in (lines, (RefundLine(id=NO_LINE),)):
                error = failure(partial(gateway.price_lines, charge, gone))
                assert isinstance(error, UsageError), (gone, error)
            assert self._changes_seen(between) == []

    def test_lines_whose_answer_was_lost_are_found_and_were_refunded_once(self) -> None:
        if not self._can(Capability.REFUND_LINES):
            return
        gateway = self._gateway()
        before = gateway.get_charge(self._example("lined"))
        price = gateway.price_lines(before, (RefundLine(id=self._example("line")),))
        assert self._lost(self._refunding_lines(gateway)) is not None
        assert gateway.get_charge(before.id).refunded == before.refunded + price

    # Ends with money back

    def test_what_an_end_gives_back_is_told_without_changing_anything(self) -> None:
        if not self._can(Capability.CANCEL_REFUND):
            return
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            subscription = gateway.get_subscription(self._example("terminable"))
            full = gateway.price_payback(subscription, Payback.FULL)
            part = gateway.price_payback(subscription, Payback.PRORATE)
            assert self._changes_seen(between) == []
        assert Money.zero(full.currency) < part <= full

    def test_an_end_with_all_money_back_gives_back_what_was_told(self) -> None:
        if self._can(Capability.CANCEL_REFUND):
            priced, given = self._terminated(Payback.FULL)
            assert given == priced

    def test_an_end_with_a_part_back_gives_back_no_more_than_was_told(self) -> None:
        if self._can(Capability.CANCEL_REFUND):
            priced, given = self._terminated(Payback.PRORATE)
            assert given is None or given <= priced

    def _terminated(self, payback: Payback) -> tuple[Money, Money | None]:
        """What was told beforehand, and what was given back, by an end that is recognised."""
        gateway = self._gateway()
        subscription = gateway.get_subscription(self._example("terminable"))
        priced = gateway.price_payback(subscription, payback)
        assert gateway.find_termination(subscription, payback=payback, stamp=stamp()) is None
        made = gateway.terminate_subscription(subscription, payback=payback, stamp=stamp())
        assert (made.subscription.id, made.subscription.status in ENDED) == (subscription.id, True)
        found = gateway.find_termination(subscription, payback=payback, stamp=stamp())
        assert found is not None
        assert _refund_of(found) == _refund_of(made)
        assert gateway.get_subscription(subscription.id).status in ENDED
        return priced, made.refund.amount if made.refund else None

    def test_an_end_with_money_back_whose_answer_was_lost_is_found_with_it(self) -> None:
        if not self._can(Capability.CANCEL_REFUND):
            return
        gateway = self._gateway()
        subscription = gateway.get_subscription(self._example("terminable"))
        priced = gateway.price_payback(subscription, Payback.FULL)
        found = self._lost(self._terminating(gateway, Payback.FULL))
        assert isinstance(found, Termination)
        assert found.refund is not None
        assert found.refund.amount == priced

    # Going on

    def test_a_subscription_that_goes_on_again_is_recognised(self) -> None:
        if not self._can(Capability.REACTIVATE):
            return
        gateway = self._gateway()
        subscription = gateway.get_subscription(self._example("ending"))
        assert subscription.cancel_at_period_end
        assert gateway.find_reactivation(subscription, stamp=stamp()) is None
        going = gateway.reactivate_subscription(subscription, stamp=stamp())
        assert (going.id, going.cancel_at_period_end, going.status in ENDED) == (
            subscription.id,
            False,
            False,
        )
        assert gateway.find_reactivation(subscription, stamp=stamp()) is not None
        assert not gateway.get_subscription(subscription.id).cancel_at_period_end

    def test_a_reactivation_whose_answer_was_lost_is_found(self) -> None:
        if self._can(Capability.REACTIVATE):
            assert self._lost(self._reactivating(self._gateway())) is not None

    # Credits

    def test_a_voided_credit_is_recognised_and_cannot_be_voided_again(self) -> None:
        if not self._can(Capability.VOID_CREDIT):
            return
        gateway = self._gateway()
        invoice = gateway.get_invoice(self._example("credit"))
        gateway.preview_void_credit(invoice)
        assert gateway.find_voided_credit(invoice, stamp=stamp()) is None
        assert gateway.void_credit(invoice, stamp=stamp()).id == invoice.id
        found = gateway.find_voided_credit(invoice, stamp=stamp())
        assert found is not None
        assert (found.id, found.status) == (invoice.id, InvoiceStatus.VOID)
        assert gateway.get_invoice(invoice.id).status is InvoiceStatus.VOID
        assert isinstance(failure(lambda: gateway.void_credit(invoice, stamp=stamp(2))), Refused)

    def test_an_invoice_that_is_no_credit_is_not_voided_and_that_is_known_before(self) -> None:
        if not self._can(Capability.VOID_CREDIT) or self.invoice_id is None:
            return
        gateway = self._gateway()
        invoice = gateway.get_invoice(self.invoice_id)
        for error in (
            failure(lambda: gateway.preview_void_credit(invoice)),
            failure(lambda: gateway.void_credit(invoice, stamp=stamp())),
        ):
            assert isinstance(error, Refused | UsageError), error
        assert gateway.get_invoice(invoice.id).status is invoice.status

    def test_a_voided_credit_whose_answer_was_lost_is_found(self) -> None:
        if self._can(Capability.VOID_CREDIT):
            assert self._lost(self._voiding_credit(self._gateway())) is not None


def _refund_of(termination: Termination) -> str | None:
    return termination.refund.id if termination.refund else None
