"""What a verb keeps of itself, and what it refuses by itself."""

import pytest

from billctl.errors import UsageError
from billctl.gateway import When
from billctl.verbs import CancelSubscription, RefundCharge, ResendInvoice, Verb, from_params

VERBS: list[Verb] = [
    RefundCharge("12.50"),
    RefundCharge(None),
    CancelSubscription(When.NOW),
    CancelSubscription(When.PERIOD_END),
    ResendInvoice(None),
    ResendInvoice("books@example.com"),
]


@pytest.mark.parametrize("verb", VERBS, ids=repr)
def test_a_verb_is_rebuilt_from_what_the_log_keeps_of_it(verb: Verb) -> None:
    assert from_params(verb.name, verb.params()) == verb


def test_different_verbs_have_different_signatures_but_for_a_refunds_amount() -> None:
    """A refund's amount is a part of the operation key by itself."""
    signatures = [verb.signature() for verb in VERBS]
    assert signatures[0] == signatures[1]
    assert len(set(signatures[1:])) == len(signatures) - 1


def test_an_action_of_a_later_version_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        from_params("teleport", {})
