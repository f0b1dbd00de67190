"""What of a customer's history could not be read: one failing part never hides the others."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from billctl.errors import BillctlError

T = TypeVar("T")


class Dated(Protocol):
    """A record that says when it was made."""

    @property
    def created(self) -> datetime:
        """Aware UTC."""


D = TypeVar("D", bound=Dated)

NAMED = 3
"""Customers named in one message; the rest are counted."""


class Gap(NamedTuple):
    """`part` (`disputes`) of `customer_id`'s history is missing, because of `error`."""

    part: str
    customer_id: str
    error: BillctlError


class Reading(NamedTuple):
    """Turns a gateway's objects into records; one that cannot be read is `left_out`, and hides nothing else.

    `reading` is what an adapter reads an answer under; `name` gives an object's id.
    """

    reading: Callable[[], AbstractContextManager[None]]
    name: Callable[[Any], object]
    left_out: list[BillctlError]

    def each(self, items: Iterable[Any], record: Callable[[Any], D]) -> tuple[D, ...]:
        """The records of `items`, newest first. An object is left out once, whatever it was to become."""
        found = []
        for item in items:
            try:
                with self.reading():
                    found.append(record(item))
            except BillctlError as error:
                self._leave_out(because(f"{self.name(item)} is left out", error))
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    def _leave_out(self, error: BillctlError) -> None:
        if error.message not in {one.message for one in self.left_out}:
            self.left_out.append(error)


def attempted(call: Callable[[], T], instead: T) -> tuple[T, BillctlError | None]:
    """What `call` returns, or `instead` and why. Raises `AuthFailed` (`wrong_mode`): an answer of the other
    mode is no gap, it puts in doubt all that was read with it."""
    try:
        return call(), None
    except BillctlError as error:
        if error.code == "wrong_mode":
            raise
        return instead, error


def told(gaps: Iterable[Gap]) -> list[BillctlError]:
    """One error for each part and cause, which names the customers; of the class and code of the cause."""
    alike: dict[tuple[str, type[BillctlError], str, str], list[Gap]] = {}
    for gap in gaps:
        alike.setdefault((gap.part, type(gap.error), gap.error.code, gap.error.message), []).append(gap)
    return [_told(same) for same in alike.values()]


def _told(gaps: list[Gap]) -> BillctlError:
    people = list(dict.fromkeys(gap.customer_id for gap in gaps))
    rest = f" and {len(people) - NAMED} more" if len(people) > NAMED else ""
    of = ", ".join(people[:NAMED]) + rest
    return because(f"the {gaps[0].part} of {of} could not be read", gaps[0].error)


def because(what: str, error: BillctlError) -> BillctlError:
    """`error` with `what` it cost said first."""
    return type(error)(f"{what}: {error.message}", code=error.code, hint=error.hint, account=error.account)
