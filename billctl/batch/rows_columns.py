"""The columns of an input: those of a request, and those that lists and failures files have beside them."""

from collections.abc import Mapping
from difflib import get_close_matches

from billctl.frozen import frozen
from billctl.models import Charge, Customer, Dispute, Invoice, Refund, Subscription

REQUEST = ("ref", "account", "id", "amount", "full", "currency", "reason_code", "reason", "ticket", "to")
"""What a row can say."""
NAMES = frozenset({"ref", "account", "id"})
"""What is read of a listed record: the rest is the object's own, not what is asked for."""
FAILURES = frozenset({"outcome", "code", "error"})
"""What the failures file of a batch has beside the request."""
OBJECTS = frozenset(
    name for kind in (Charge, Customer, Dispute, Invoice, Refund, Subscription) for name in kind.OUTPUT
) | {"type", "lines"}

OBJECT_TYPES: Mapping[str, str] = {
    "refund": "charge",
    "cancel": "subscription",
    "resend": "invoice",
    "void": "charge",
}
"""What each verb works on."""
MISTAKEN: Mapping[str, Mapping[str, str]] = {
    "refund": dict.fromkeys(("captured", "refunded", "refundable", "total", "amount_due"), "amount"),
    "cancel": {"cancel_at_period_end": "--now or --at-period-end on the command line"},
    "resend": {"email": "to"},
}
"""By the verb: columns of an object that somebody who writes rows may take for what the second is."""


@frozen
class Found:
    """What stands in one row: `cells` by column, without blank ones."""

    line: int
    cells: Mapping[str, str]


def is_known(column: str) -> bool:
    """Whether a column has a meaning, or is one that billctl itself writes."""
    return column in REQUEST or column in FAILURES or column.split(".", maxsplit=1)[0] in OBJECTS


def unknown(column: str) -> str:
    """What to say of a column that nobody knows."""
    close = get_close_matches(column, REQUEST, n=1)
    wanted = f"did you mean {close[0]}?" if close else f"known are {', '.join(REQUEST)}"
    return f"there is no column {column[:60]!r}: {wanted}"


def own_beside(column: str) -> str:
    """What to say of a column of a request among those of a list, of which only the reference is read."""
    return f"{column} stands beside a list's own columns: keep only ref of those and what you ask for"


def mistaken(verb: str, column: str) -> str | None:
    """What to say of an object's own column in rows that no list wrote; None where it misleads nobody."""
    meant = MISTAKEN.get(verb, {}).get(column)
    return (
        f"{column} is the object's own and asks for nothing: write {meant}, or leave it out"
        if meant
        else None
    )
