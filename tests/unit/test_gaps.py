"""Objects of a gateway that cannot be read: each is named, and hides no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from billctl.errors import BillctlError, NoAnswer
from billctl.gaps import Reading


class Made(NamedTuple):
    created: datetime


@contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise NoAnswer(f"it cannot be read: {error}") from None


def made(year: int) -> Made:
    return Made(datetime(year, 1, 1, tzinfo=UTC))


def test_what_can_be_read_comes_newest_first_and_the_rest_is_named() -> None:
    left_out: list[BillctlError] = []
    read = Reading(told, lambda year: f"year {year}", left_out)
    assert [one.created.year for one in read.each([2024, 0, 2026, 2025], made)] == [2026, 2025, 2024]
    (error,) = left_out
    assert isinstance(error, NoAnswer)
    assert error.message.startswith("year 0 is left out: it cannot be read: year 0 is out of range")


def test_what_cannot_be_two_things_is_named_once_and_what_cannot_be_one_of_them_too() -> None:
    read = Reading(told, str, [])
    read.each([0, 2026], made)
    read.each([0, 99999], made)
    assert [error.message.partition(" ")[0] for error in read.left_out] == ["0", "99999"]
