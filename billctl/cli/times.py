"""Dates and ages as an operator types them."""

import re
from datetime import UTC, datetime, timedelta

from billctl.errors import UsageError

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
AGE = re.compile(r"([0-9]{1,5})([mhdw])")


def moment(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """An instant: `2026-11-01` (local midnight), RFC 3339, or an age before `now` (`90m`, `12h`, `3d`, `2w`).

    Returns aware UTC; None stays None. Raises `UsageError` for anything else.
    """
    if text is None:
        return None
    age = AGE.fullmatch(text)
    if age:
        return now - int(age[1]) * UNITS[age[2]]
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option} {text[:40]!r} is no date",
            code="bad_date",
            hint="Write 2026-11-01, 2026-11-01T14:00:00Z, or an age: 90m, 12h, 3d, 2w.",
        ) from None
