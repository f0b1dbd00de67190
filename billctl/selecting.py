"""What every adapter's lists have: records that a selection means, and what could not be read among them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from billctl.errors import BillctlError, NoAnswer, Unsupported
from billctl.gateway import Selection
from billctl.models import Record

R = TypeVar("R", bound=Record)
S = TypeVar("S")


def selected(
    items: Iterable[S],
    record: Callable[[S], R],
    selection: Selection,
    *,
    name: Callable[[S], object],
    account: str,
) -> Iterator[R]:
    """Records of a gateway's `items`, newest first, that pass `selection`, up to its limit.

    One that `record` cannot read, by an error of billctl's, hides nothing else: it is named at the end, by
    `Unsupported` where all such are, else by `NoAnswer` (both `left_out`), after all that could be listed.
    """
    left_out: list[tuple[object, BillctlError]] = []
    wanted = selection.limit
    for item in items if wanted > 0 else ():
        try:
            found = record(item)
        except BillctlError as error:
            left_out.append((name(item), error))
            continue
        if not passes(found, selection):
            continue
        yield found
        wanted -= 1
        if not wanted:
            break
    if left_out:
        told = "; ".join(f"{name} ({error.message})" for name, error in left_out)
        kind = Unsupported if all(isinstance(error, Unsupported) for _, error in left_out) else NoAnswer
        raise kind(f"left out of the list: {told}", code="left_out", account=account)


def passes(found: Any, selection: Selection) -> bool:
    """Whether a record has the status and the time of `selection`; one without a time passes no time."""
    created = found.created
    return (
        (selection.status is None or getattr(found, "status", None) == selection.status)
        and (selection.since is None or (created is not None and created >= selection.since))
        and (selection.until is None or (created is not None and created < selection.until))
    )
