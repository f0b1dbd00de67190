"""What can be done to one object: refund or void a charge, cancel a subscription, resend an invoice.

A verb reads its object, makes a plan of it, checks the plan, sends it, and can ask the gateway later
whether it happened. It decides nothing about recording or confirming: that is `billctl.actions`.
"""

from collections.abc import Mapping

from billctl.errors import UsageError
from billctl.gateway import When
from billctl.verbs.cancel import CancelSubscription
from billctl.verbs.plan import Plan, Verb
from billctl.verbs.refund import RefundCharge
from billctl.verbs.resend import ResendInvoice
from billctl.verbs.void import VoidCharge

__all__ = ["CancelSubscription", "Plan", "RefundCharge", "ResendInvoice", "Verb", "VoidCharge", "from_params"]


def from_params(action: str, params: Mapping[str, str]) -> Verb:
    """The verb that an audit record names. Raises `UsageError` for an action this version does not know."""
    match action:
        case "refund":
            return RefundCharge(params.get("amount"))
        case "void":
            return VoidCharge()
        case "cancel":
            return CancelSubscription(When(params["when"]))
        case "resend":
            return ResendInvoice(params.get("to"))
        case _:
            raise UsageError(f"this version does not know the action {action!r}")
