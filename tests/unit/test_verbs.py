"""What a verb keeps of itself, and what it refuses by itself."""

import pytest

from billctl.errors import UsageError
from billctl.gateway import Payback, When
from billctl.verbs import (
    CancelSubscription,
    ReactivateSubscription,
    RefundCharge,
    RefundLines,
    RefundPercent,
    ResendInvoice,
    TerminateSubscription,
    Verb,
    VoidCharge,
    VoidCredit,
    from_params,
)
from billctl.verbs.refund_lines import lines_of

VERBS: list[Verb] = [
    RefundCharge("12.50"),
    RefundCharge(None),
    CancelSubscription(When.NOW),
    CancelSubscription(When.PERIOD_END),
    ResendInvoice(None),
    ResendInvoice("books@example.com"),
    TerminateSubscription(Payback.PRORATE),
    TerminateSubscription(Payback.FULL),
    ReactivateSubscription(),
    VoidCharge(),
    VoidCredit(),
    RefundLines(lines_of(["L1:2", "L2"])),
    RefundLines(lines_of(["L1", "L2"])),
    RefundPercent("12.5"),
]


@pytest.mark.parametrize("verb", VERBS, ids=repr)
def test_a_verb_is_rebuilt_from_what_the_log_keeps_of_it(verb: Verb) -> None:
    assert from_params(verb.name, verb.params()) == verb


def test_different_verbs_have_different_signatures_but_for_a_refunds_amount() -> None:
    """A refund's amount is a part of the operation key by itself."""
    signatures = [verb.signature() for verb in VERBS]
    assert signatures[0] == signatures[1] == signatures[-1]
    assert len(set(signatures[1:-1])) == len(signatures) - 2


def test_an_action_of_a_later_version_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        from_params("teleport", {})


def test_what_an_earlier_version_kept_is_still_read() -> None:
    assert from_params("refund", {"full": "true"}) == RefundCharge(None)
    assert from_params("refund", {"amount": "12.50"}) == RefundCharge("12.50")
    assert from_params("cancel", {"when": "now"}) == CancelSubscription(When.NOW)
