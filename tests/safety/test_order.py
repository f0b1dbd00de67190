"""Durable before sent: no request that changes something leaves before its intent has reached the disk."""

import pytest

from tests.safety.acts import ACTS
from tests.safety.moments import Moments, moments
from tests.safety.strace import needs_strace

FAST = ("refund part, Stripe", "cancel, PayPal")
"""The others are as true, and slow together."""


def check_order(traced: Moments) -> None:
    """The intent is written, then synced with success, then the change is sent, then its outcome synced."""
    calls = traced.calls
    assert traced.written < traced.durable < traced.sent < traced.answered < traced.recorded
    before = calls[: traced.durable]
    assert not [call for call in before if call.name == "sendto" and traced.act.request in call.text]
    sent = [call for call in calls if call.name == "sendto" and traced.act.request in call.text]
    assert len(sent) == 1, "it is sent once"


@needs_strace
@pytest.mark.parametrize(
    "act", [act if act in FAST else pytest.param(act, marks=pytest.mark.slow) for act in ACTS]
)
def test_the_intent_is_durable_before_the_change_leaves(act: str) -> None:
    check_order(moments(act, "used"))
