"""What can be done to one object: give money back, void, cancel, let go on, resend.

A verb reads its object, makes a plan of it, checks the plan, sends it, and can ask the gateway later
whether it happened. It decides nothing about recording or confirming: that is `billctl.actions`.
"""

from collections.abc import Callable, Mapping

from billctl.errors import UsageError
from billctl.gateway import Payback, When
from billctl.verbs.cancel import CancelSubscription
from billctl.verbs.plan import Plan, Verb
from billctl.verbs.reactivate import ReactivateSubscription
from billctl.verbs.refund import RefundCharge
from billctl.verbs.refund_lines import RefundLines, lines_of
from billctl.verbs.refund_percent import RefundPercent
from billctl.verbs.resend import ResendInvoice
from billctl.verbs.terminate import TerminateSubscription
from billctl.verbs.void import VoidCharge
from billctl.verbs.void_credit import VoidCredit

__all__ = [
    "CancelSubscription",
    "Plan",
    "ReactivateSubscription",
    "RefundCharge",
    "RefundLines",
    "RefundPercent",
    "ResendInvoice",
    "TerminateSubscription",
    "Verb",
    "VoidCharge",
    "VoidCredit",
    "from_params",
]

Params = Mapping[str, str]


def from_params(action: str, params: Params) -> Verb:
    """The verb that an audit record names. Raises `UsageError` for an action this version does not know."""
    if action not in MADE_OF:
        raise UsageError(f"this version does not know the action {action!r}")
    return MADE_OF[action](params)


def _refund(params: Params) -> Verb:
    if "line" in params:
        return RefundLines(lines_of(params["line"].split()))
    return RefundPercent(params["percent"]) if "percent" in params else RefundCharge(params.get("amount"))


def _cancel(params: Params) -> Verb:
    if "refund" in params:
        return TerminateSubscription(Payback(params["refund"]))
    return CancelSubscription(When(params["when"]))


MADE_OF: Mapping[str, Callable[[Params], Verb]] = {
    RefundCharge.name: _refund,
    VoidCharge.name: lambda _params: VoidCharge(),
    CancelSubscription.name: _cancel,
    ResendInvoice.name: lambda params: ResendInvoice(params.get("to")),
    ReactivateSubscription.name: lambda _params: ReactivateSubscription(),
    VoidCredit.name: lambda _params: VoidCredit(),
}
"""Action → the verb of what the log keeps as its params."""
