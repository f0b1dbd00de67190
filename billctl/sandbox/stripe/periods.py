"""Billing periods."""

from calendar import monthrange
from datetime import UTC, datetime

DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "year": 12}
DAY = 86_400


def after(start: int, interval: str, count: int = 1) -> int:
    """`count` intervals after `start` (negative: before it), in Unix seconds; months keep their day."""
    if interval in DAYS:
        return start + DAYS[interval] * count * DAY
    moment = datetime.fromtimestamp(start, UTC)
    months = moment.year * 12 + moment.month - 1 + MONTHS[interval] * count
    year, month = divmod(months, 12)
    day = min(moment.day, monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())
