"""What became of a refund: by the store's records, the order's notes, and this machine's marks.

A refund that the payment gateway failed is deleted by the store, and so is one that the gateway failed after
the money moved (observed on 10.0.2). So of an operation that was sent, no trace proves nothing.
"""

from billctl.errors import OutcomeUnknown
from billctl.gateway import Stamp
from billctl.gateways.woocommerce import objects
from billctl.gateways.woocommerce.claims import NOTHING_MOVED, Claim, End, claim_of
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.marks import Mark, Marks
from billctl.gateways.woocommerce.notes import IN_THE_LOG, OrderNotes
from billctl.gateways.woocommerce.objections import stamped
from billctl.models import Charge, Refund
from billctl.parallel import Job

ASK = (
    "Look at the payment gateway whether it refunded, then `billctl audit resolve`; a profile that has its "
    "account, too, lets `billctl audit reconcile` ask there."
)


def find_refund(client: Client, marks: Marks, charge: Charge, *, stamp: Stamp) -> Refund | None:
    """The refund of the order that the operation made; None where it is certain that it asked for none.

    Closes the claim that it left open, where its end is certain. Raises `OutcomeUnknown` for one that was
    asked for, or may have been, and is not there or not said to be paid.
    """
    notes = OrderNotes(client, marks, charge.id)
    claims = Job(notes.claims)
    current = objects.get_charge(client, charge.id)
    found = claims.result()
    own = claim_of(found, stamp.operation)
    made = stamped(current.refunds, stamp, found)
    if made is not None:
        _close(notes, own, End.DONE, f"refund {made.id} of {made.amount}")
        return made
    started = next((one for one in current.refunds if one.operation == stamp.operation), None)
    if started is not None:
        raise _unknown(
            client,
            f"refund {started.id} of order {charge.id} is recorded, and the store does not say that it was "
            "paid: it is under way, or broke off",
        )
    if marks.of(stamp.operation) is Mark.UNSENT:
        _close(notes, own, End.ABANDONED)
        return None
    if _asked_for_nothing(own, marks.of(stamp.operation)):
        return None
    raise _unknown(client, f"order {charge.id} shows no refund of it, which proves nothing at WooCommerce")


def settle(client: Client, marks: Marks, charge: Charge, *, stamp: Stamp, done: bool) -> None:
    """Close the operation's claim, of which the audit log of this host knows by now what became."""
    notes = OrderNotes(client, marks, charge.id)
    end = End.DONE if done else End.REFUSED
    _close(notes, claim_of(notes.claims(), stamp.operation), end, IN_THE_LOG)


def _asked_for_nothing(own: Claim | None, mark: Mark | None) -> bool:
    """Whether the operation's claim says so, or it never came to have one: a refund is asked for only after
    its claim was seen among the notes."""
    return own.end in NOTHING_MOVED if own else mark is None


def _close(notes: OrderNotes, own: Claim | None, end: End, more: str = "") -> None:
    """Close the operation's claim where it is open; one that is not there may still come, and keeps its
    mark."""
    if own is None:
        return
    if own.end is None:
        notes.close(own.operation, end, more)
    else:
        notes.marks.end(own.operation)


def _unknown(client: Client, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(why, code="no_trace", hint=ASK, account=client.account.name)
