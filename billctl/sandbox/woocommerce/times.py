"""Times as WordPress tells them: site-local without a zone, and UTC without one.

The store stands in Riyadh: three hours before UTC all year.
"""

from datetime import UTC, datetime, timedelta, timezone

ZONE = "Asia/Riyadh"
OFFSET_HOURS = 3
SITE = timezone(timedelta(hours=OFFSET_HOURS))


def gmt(seconds: int | None) -> str | None:
    """`2025-11-02T08:00:00`, UTC; None for what did not happen."""
    return None if seconds is None else _digits(seconds, UTC)


def local(seconds: int | None) -> str | None:
    """The same instant on the store's clock, without saying so."""
    return None if seconds is None else _digits(seconds, SITE)


def both(name: str, seconds: int | None) -> dict[str, str | None]:
    """`NAME` and `NAME_gmt`."""
    return {name: local(seconds), f"{name}_gmt": gmt(seconds)}


def _digits(seconds: int, zone: timezone) -> str:
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S")


def boundary(text: str, *, gmt_column: bool) -> int:
    """The instant (Unix seconds) that `after` or `before` is compared with. Raises `ValueError`.

    A time without a zone is taken for the store's; one with a zone is brought to the store's clock first.
    The digits that come out are then compared with the UTC column where `dates_are_gmt` asks for it: a time
    with a zone is off by the store's offset there (WP_Date_Query in WordPress's source; not observed).
    """
    given = datetime.fromisoformat(text)
    digits = given.replace(tzinfo=SITE) if given.tzinfo is None else given.astimezone(SITE)
    return int((digits.replace(tzinfo=UTC) if gmt_column else digits).timestamp())
