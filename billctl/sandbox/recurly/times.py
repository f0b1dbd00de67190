"""Instants on the wire: RFC 3339 in UTC, to the second. The SDK cannot read fractions of one."""

from datetime import UTC, datetime

DAY = 86_400
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def wire(seconds: int | None) -> str | None:
    """Unix seconds as Recurly writes them; no instant is null."""
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def http_date(seconds: int) -> str:
    """Unix seconds as a header has them (RFC 9110, 5.6.7); not by the locale's names."""
    then = datetime.fromtimestamp(seconds, UTC)
    return f"{DAYS[then.weekday()]}, {then.day:02} {MONTHS[then.month - 1]} {then:%Y %H:%M:%S} GMT"


def read(text: str) -> int | None:
    """Unix seconds of an ISO 8601 instant, UTC where it names no zone; None for what is not one."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def months_later(seconds: int, months: int) -> int:
    """The same time of day so many months later, on the month's last day where it is shorter."""
    from calendar import monthrange

    then = datetime.fromtimestamp(seconds, UTC)
    index = then.year * 12 + then.month - 1 + months
    year, month = divmod(index, 12)
    day = min(then.day, monthrange(year, month + 1)[1])
    return int(then.replace(year=year, month=month + 1, day=day).timestamp())
