"""Promises about changes that go well or are refused: what they answer, how they are found afterwards."""

import json
from difflib import SequenceMatcher

from billctl.errors import BillctlError, OutcomeUnknown, Refused
from billctl.frozen import replace
from billctl.gateway import Capability, Delivery, When
from billctl.models import ChargeStatus, SubscriptionStatus
from billctl.testing import servers
from billctl.testing.harness import Between, Harness, failure, stamp

WORDS = 12
"""Characters of the gateway's own words that an error must repeat in one piece."""

ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.EXPIRED})


def quotes(error: BillctlError, answers: list[bytes]) -> tuple[bool, bool]:
    """Whether an error's code, and whether some of its words, stand in one of the gateway's answers."""
    texts = [_text(answer) for answer in answers]
    code = error.code != error.word and any(error.code.casefold() in text.casefold() for text in texts)
    longest = max((_common(error.message, text) for text in texts), default=0)
    return code, longest >= WORDS


def _text(answer: bytes) -> str:
    text = answer.decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _common(one: str, other: str) -> int:
    return SequenceMatcher(None, one, other, autojunk=False).find_longest_match().size


class ChangePromises(Harness):
    """Refunds, voids, cancellations, resends."""

    # Refunds

    def test_a_refund_that_is_refused_says_so_in_the_gateways_code_and_words(self) -> None:
        """Of more than was paid, and of what was given back already: one of them may have no code there."""
        if not self._can(Capability.REFUND):
            return
        charge = self._charge()
        too_much = charge.captured + self._step(charge)
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            errors = [failure(lambda: gateway.refund(charge, too_much, stamp=stamp()))]
            gateway.refund(charge, charge.refundable, stamp=stamp(2))
            errors.append(failure(lambda: gateway.refund(charge, charge.refundable, stamp=stamp(3))))
        assert all(isinstance(error, Refused) for error in errors), errors
        quoted = [quotes(error, between.upstream.answers) for error in errors]
        assert any(code for code, _ in quoted), f"no code of {errors} is the gateway's"
        assert all(words for _, words in quoted), f"one of {errors} has none of the gateway's words"
        assert self._charge().refunded == charge.refunded + charge.refundable

    def test_a_refund_answers_what_was_asked_and_is_found_by_its_stamp(self) -> None:
        if not self._can(Capability.REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        assert gateway.find_refund(charge, amount, stamp=stamp()) is None
        made = gateway.refund(charge, amount, stamp=stamp())
        assert (made.amount, made.charge_id) == (amount, charge.id)
        found = gateway.find_refund(charge, amount, stamp=stamp())
        assert found is not None
        assert found.id == made.id
        after = gateway.get_charge(charge.id)
        assert after.refunded == charge.refunded + amount
        assert after.refundable == charge.refundable - amount
        assert made.id in {refund.id for refund in after.refunds}

    def test_a_refund_of_another_operation_is_not_taken_for_its_own(self) -> None:
        if not self._can(Capability.PARTIAL_REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        gateway.refund(charge, amount, stamp=stamp())
        assert gateway.find_refund(charge, amount, stamp=stamp(2)) is None

    def test_the_same_operation_sent_twice_refunds_once(self) -> None:
        if not self._can(Capability.IDEMPOTENCY):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        # Another run's try: only the key is the same.
        retried = replace(stamp(), operation=stamp(2).operation)
        made = [gateway.refund(charge, amount, stamp=by) for by in (stamp(), retried)]
        assert made[0].id == made[1].id
        assert gateway.get_charge(charge.id).refunded == charge.refunded + amount

    def test_two_operations_of_the_same_amount_refund_twice(self) -> None:
        if not self._can(Capability.PARTIAL_REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        made = [gateway.refund(charge, amount, stamp=stamp(number)) for number in (1, 2)]
        assert made[0].id != made[1].id
        assert gateway.get_charge(charge.id).refunded == charge.refunded + amount + amount

    def test_the_amount_of_a_refund_is_the_gateways_and_no_echo(self) -> None:
        """Another refund's request is handed on in its place: what the gateway answers is another amount."""
        if not self._can(Capability.PARTIAL_REFUND):
            return
        charge = self._charge()
        one, two = self._step(charge), self._step(charge, 2)
        with self._spoiling(servers.dropping) as between:
            failure(lambda: self._gateway(between.url).refund(charge, two, stamp=stamp(2)))
            other = self._changes_seen(between)[-1]
        with self._between(lambda upstream: upstream.instead(other)) as lying:
            try:
                # The other request never came to the gateway, and its log knows that by now.
                by = replace(stamp(), ended=lambda _: False)
                made = self._gateway(lying.url).refund(charge, one, stamp=by)
            except OutcomeUnknown:
                return  # it noticed by itself, and says no more than it knows
        assert made.amount == two

    # Voids

    def test_a_voided_charge_is_recognised_as_voided(self) -> None:
        if not self._can(Capability.VOID):
            return
        gateway = self._gateway()
        charge = gateway.get_charge(self._example("voidable"))
        assert gateway.find_void(charge, stamp=stamp()) is None
        assert gateway.void_charge(charge, stamp=stamp()).id == charge.id
        found = gateway.find_void(charge, stamp=stamp())
        assert found is not None
        assert (found.id, found.status) == (charge.id, ChargeStatus.VOIDED)
        assert gateway.get_charge(charge.id).status is ChargeStatus.VOIDED

    def test_a_charge_that_was_voided_cannot_be_voided_again(self) -> None:
        if not self._can(Capability.VOID):
            return
        gateway = self._gateway()
        charge = gateway.get_charge(self._example("voidable"))
        gateway.void_charge(charge, stamp=stamp())
        assert isinstance(failure(lambda: gateway.void_charge(charge, stamp=stamp(2))), Refused)

    # Cancellations

    def test_a_subscription_ended_at_once_is_recognised_as_ended(self) -> None:
        if not self._can(Capability.CANCEL_NOW):
            return
        gateway = self._gateway()
        subscription = gateway.get_subscription(self._example("subscription"))
        assert gateway.find_cancellation(subscription, when=When.NOW, stamp=stamp()) is None
        ended = gateway.cancel_subscription(subscription, when=When.NOW, stamp=stamp())
        assert (ended.id, ended.status in ENDED) == (subscription.id, True)
        assert gateway.find_cancellation(subscription, when=When.NOW, stamp=stamp()) is not None
        assert gateway.get_subscription(subscription.id).status in ENDED

    def test_a_subscription_that_will_end_with_its_period_is_recognised(self) -> None:
        if not self._can(Capability.CANCEL_AT_PERIOD_END):
            return
        gateway = self._gateway()
        subscription = gateway.get_subscription(self._example("subscription"))
        assert gateway.find_cancellation(subscription, when=When.PERIOD_END, stamp=stamp()) is None
        ending = gateway.cancel_subscription(subscription, when=When.PERIOD_END, stamp=stamp())
        assert ending.cancel_at_period_end
        assert ending.status not in ENDED
        assert gateway.find_cancellation(subscription, when=When.PERIOD_END, stamp=stamp()) is not None
        assert gateway.get_subscription(subscription.id).cancel_at_period_end

    def test_a_preview_of_a_cancellation_changes_nothing(self) -> None:
        if not self._overrides("cancel_subscription"):
            return
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            subscription = gateway.get_subscription(self._example("subscription"))
            for when in (w for w in When if self._can(Capability(f"cancel_{_word(w)}"))):
                told = gateway.preview_cancel(subscription, when=when)
                assert all(isinstance(sentence, str) for sentence in told)
            self._nothing_changed(between)

    # Resends

    def test_a_preview_of_a_resend_changes_nothing_and_says_what_is_sent(self) -> None:
        if not self._can(Capability.RESEND_INVOICE):
            return
        with self._between(lambda upstream: upstream.pass_on) as between:
            gateway = self._gateway(between.url)
            invoice = gateway.get_invoice(self._example("invoice"))
            said = gateway.preview_resend(invoice, to=None)
            self._nothing_changed(between)
            sent = gateway.resend_invoice(invoice, to=None, stamp=stamp())
        assert isinstance(said, Delivery)
        assert (sent.message, sent.to) == (said.message, said.to)

    def test_an_invoice_that_was_not_sent_again_is_not_taken_for_sent(self) -> None:
        if not self._can(Capability.RESEND_INVOICE):
            return
        gateway = self._gateway()
        invoice = gateway.get_invoice(self._example("invoice"))
        try:
            assert gateway.find_resend(invoice, to=None, stamp=stamp()) is None
        except OutcomeUnknown:
            return  # the gateway keeps no trace of what it sent, and says so

    def _nothing_changed(self, between: Between) -> None:
        assert self._changes_seen(between) == []


def _word(when: When) -> str:
    return "now" if when is When.NOW else "at_period_end"
