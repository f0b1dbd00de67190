"""What every kind of change has: a plan, an answer, and the steps between them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from billctl.errors import BillctlError, OutcomeUnknown
from billctl.frozen import field, frozen, replace
from billctl.gateway import Capability, Delivery, Gateway, Identity, Stamp
from billctl.models import Charge, Invoice, Subscription
from billctl.money import Money

KeyOf = Callable[[Money | None], str]
"""The operation key this request would have with an amount."""


@frozen
class Plan:
    """What is about to be done, resolved to the last number, as it is shown and as it is sent.

    `facts` are the lines a person confirms, label and text; `before` is what the audit log keeps of
    the object's state; `left` is what is refundable afterwards. `amount` is all that may be moved: an end
    of a subscription may give back less. `paid` is the charge whose money that is, where it is not the
    record itself. The last four fields bind the plan to an account and an operation and are filled by
    `billctl.actions`.
    """

    verb: str
    record: Charge | Subscription | Invoice
    amount: Money | None = None
    left: Money | None = None
    paid: Charge | None = None
    delivery: Delivery | None = None
    facts: tuple[tuple[str, str], ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    identity: Identity | None = None
    live: bool = False
    object: str = ""
    key: str = ""

    @property
    def customer_id(self) -> str | None:
        """The gateway's id of the customer concerned, if there is one."""
        return self.record.customer_id

    @property
    def charge(self) -> Charge | None:
        """The charge whose money is moved, where that is known."""
        return self.record if isinstance(self.record, Charge) else self.paid


@frozen
class Done:
    """What the gateway answered: `outcome` is succeeded, pending or failed.

    `moved` is the money that the gateway says it moved; `operation` the billctl operation stamped on
    the result. `shortfall` is what of it did not happen although the rest did.
    """

    outcome: str
    result: Mapping[str, Any]
    after: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    operation: str | None = None
    moved: Money | None = None
    shortfall: BillctlError | None = None


class Verb(ABC):
    """One kind of change, with what the operator chose for it."""

    name: ClassVar[str]
    object_type: ClassVar[str]
    repeatable: ClassVar[bool] = True
    """Whether doing it once more has an effect on an object that is as this left it."""

    @abstractmethod
    def signature(self) -> str:
        """The action's part of the operation key: requests that differ in it are different operations."""

    def keyed(self, amount: Money | None) -> Money | None:
        """What of an amount is a part of the operation's key: None where what was chosen tells it apart."""
        return amount

    @abstractmethod
    def params(self) -> dict[str, str]:
        """What the operator chose, so that the audit log can rebuild the verb (`from_params`)."""

    @abstractmethod
    def plan(self, gateway: Gateway, object_id: str) -> Plan:
        """Read the object and resolve what would be done. Refuses only what cannot be resolved.

        What can be resolved only before it is done (the price of lines that are left) is left to `check`.
        """

    def recalled(self, gateway: Gateway, object_id: str, amount: Money | None) -> Plan:
        """The plan of an operation that was sent with `amount`: what `find` needs of it, with the object as
        it is now."""
        return replace(self.plan(gateway, object_id), amount=amount)

    @abstractmethod
    def check(self, gateway: Gateway, plan: Plan) -> Plan:
        """The plan, with what only the gateway can add to it.

        Raises `Refused`, `UsageError` or `Unsupported` where it cannot succeed.
        """

    @abstractmethod
    def send(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done:
        """Do it."""

    @abstractmethod
    def find(self, gateway: Gateway, plan: Plan, stamp: Stamp) -> Done | None:
        """Ask the gateway whether the operation with this stamp happened; None: it did not."""

    def stamped(self, plan: Plan, key_of: KeyOf) -> Done | None:
        """This very operation as found on the object just read: another host did it, or a lost log."""
        del plan, key_of
        return None

    def holds(self, plan: Plan, key: str) -> bool:
        """Whether the object just read is still as the operation left it, so far as it shows."""
        del plan, key
        return True

    def compare(self, plan: Plan, done: Done) -> None:
        """Raise `OutcomeUnknown` when the gateway's answer is not what was asked for."""
        if done.moved is not None and done.moved != plan.amount:
            raise OutcomeUnknown(
                f"{plan.record.account} answered {done.moved} where {plan.amount} was asked for",
                code="amount_mismatch",
                account=plan.record.account,
                hint=f"Do not send it again: look at {plan.record.ref} and run `billctl audit reconcile`.",
            )


def not_as_asked(plan: Plan, state: str) -> OutcomeUnknown:
    """The error that the object, after the change, is in another `state` ("is active after voiding") than was
    asked for."""
    return OutcomeUnknown(
        f"{plan.record.account} says that {plan.record.id} {state}",
        code="state_mismatch",
        account=plan.record.account,
    )


def need(gateway: Gateway, capability: Capability, what: str, *, instead: str | None = None) -> None:
    """Raise `Unsupported` where the gateway does not declare the capability.

    Its hint is the gateway's own, else `instead`.
    """
    if capability not in gateway.capabilities:
        error = gateway.cannot(what, capability)
        if instead and capability not in gateway.instead:
            error.hint = instead
        raise error


def payment_words(charge: Charge) -> str:
    """`, visa 4242`: what a charge was paid with, to stand after its amount; empty where nothing is known."""
    method = charge.payment_method
    words = [word for word in (method.brand, method.last4) if word] if method else []
    return f", {' '.join(words)}" if words else ""
