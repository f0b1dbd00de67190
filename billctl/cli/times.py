"""Dates and ages as an operator types them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billctl.errors import UsageError

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
AGE = re.compile(r"([0-9]{1,5})([mhdw])")


def span(
    since: str | None, until: str | None, *, now: datetime, older_than: str | None = None
) -> tuple[datetime | None, datetime | None]:
    """The instants of `--since` and `--until`; `--older-than` is an age before `now`: the earlier end counts.

    Raises `UsageError` for what is no date or age, and for a span that ends before it begins.
    """
    oldest = age(older_than, "--older-than")
    begin = moment(since, "--since", now=now)
    ends = (moment(until, "--until", now=now), now - oldest if oldest is not None else None)
    end = min((instant for instant in ends if instant), default=None)
    if begin and begin > now:
        raise UsageError("--since is in the future: nothing can lie after it", code="bad_span")
    if begin and end and begin > end:
        option = "--until" if end == ends[0] else "--older-than"
        raise UsageError(f"--since is later than {option}: nothing can lie between them", code="bad_span")
    return begin, end


def age(text: str | None, option: str) -> timedelta | None:
    """A length of time: `90m`, `12h`, `3d`, `2w`; None stays None. Raises `UsageError` for anything else."""
    if text is None:
        return None
    found = AGE.fullmatch(text)
    if not found:
        raise UsageError(
            f"{option} {text[:40]!r} is no age", code="bad_date", hint="Write 90m, 12h, 3d or 2w."
        )
    return int(found[1]) * UNITS[found[2]]


def moment(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """An instant: `2026-11-01` (local midnight), RFC 3339, or an age before `now` (`90m`, `12h`, `3d`, `2w`).

    Returns aware UTC; None stays None. Raises `UsageError` for anything else.
    """
    hint = "Write 2026-11-01, 2026-11-01T14:00:00Z, or an age: 90m, 12h, 3d, 2w."
    return _instant(text, f"{option} {{}} is no date", hint, lambda length: now - length)


def time_to_come(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """As `moment`, but a length of time counts from `now` on: `70m` is in seventy minutes."""
    hint = "Write 2026-11-22T20:00, 2026-11-22T17:00:00Z, or how long to wait: 70m, 2h, 1d."
    return _instant(text, f"{option} {{}} is no time", hint, lambda length: now + length)


def _instant(
    text: str | None, wrong: str, hint: str, counted: Callable[[timedelta], datetime]
) -> datetime | None:
    if text is None:
        return None
    try:
        if length := AGE.fullmatch(text):
            return counted(int(length[1]) * UNITS[length[2]])
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(wrong.format(repr(text[:40])), code="bad_date", hint=hint) from None
