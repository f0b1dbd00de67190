"""Dates and ages as an operator types them."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.cli.times import moment, span
from billctl.cli.views import with_local_times
from billctl.errors import UsageError

NOW = datetime(2026, 11, 21, 14, 2, 30, tzinfo=UTC)


@pytest.fixture
def in_riyadh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Riyadh")
    time.tzset()
    yield
    del os.environ["TZ"]
    time.tzset()


def test_nothing_stays_nothing() -> None:
    assert moment(None, "--since", now=NOW) is None


@pytest.mark.parametrize(
    ("text", "back"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("0d", timedelta()),
    ],
)
def test_an_age_counts_back_from_now(text: str, back: timedelta) -> None:
    assert moment(text, "--since", now=NOW) == NOW - back


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-01T14:00:00Z", "2026-11-01T14:00:00+00:00"),
        ("2026-11-01T14:00:00+03:00", "2026-11-01T11:00:00+00:00"),
        ("2026-11-01T14:00:00.5-05:30", "2026-11-01T19:30:00.500000+00:00"),
    ],
)
def test_an_instant_with_an_offset_is_that_instant(text: str, utc: str) -> None:
    found = moment(text, "--since", now=NOW)
    assert found is not None
    assert found.isoformat() == utc


@pytest.mark.usefixtures("in_riyadh")
def test_a_date_is_midnight_where_the_operator_is() -> None:
    assert moment("2026-11-01", "--since", now=NOW) == datetime(2026, 10, 31, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "yesterday", "3", "d", "-3d", "3.5d", "3 d", "3D", "3y", "٣d", "999999d", "1e3d"),
        *("2026-13-01", "2026-02-30", "21.11.2026", "11/21/2026", "2026", "0001-01-01T00:00:00+14:00"),
        *("\u202e3d", "3d\n", "9" * 5000),
    ],
)
def test_anything_else_is_a_usage_error_that_shows_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        moment(text, "--since", now=NOW)
    assert caught.value.code == "bad_date"
    assert caught.value.hint == "Write 2026-11-01, 2026-11-01T14:00:00Z, or an age: 90m, 12h, 3d, 2w."
    assert len(caught.value.line()) < 200


@given(st.text(max_size=30))
def test_whatever_is_typed_is_an_aware_instant_or_a_usage_error(text: str) -> None:
    try:
        found = moment(text, "--since", now=NOW)
    except UsageError:
        return
    assert found is not None
    assert found.utcoffset() == timedelta()


@pytest.mark.parametrize(
    ("until", "older_than", "end"),
    [(None, None, None), ("3d", None, 3), (None, "3d", 3), ("3d", "5d", 5), ("5d", "3d", 5)],
)
def test_a_span_ends_at_the_earlier_of_its_ends(
    until: str | None, older_than: str | None, end: int | None
) -> None:
    begin, found = span("9d", until, now=NOW, older_than=older_than)
    assert begin == NOW - timedelta(days=9)
    assert found == (None if end is None else NOW - timedelta(days=end))


@pytest.mark.parametrize(
    ("since", "until", "older_than", "code"),
    [("1d", "2d", None, "bad_span"), ("1d", None, "2d", "bad_span"), (None, None, "2026-01-31", "bad_date")],
)
def test_a_span_that_nothing_lies_in_is_a_usage_error(
    since: str | None, until: str | None, older_than: str | None, code: str
) -> None:
    with pytest.raises(UsageError) as caught:
        span(since, until, now=NOW, older_than=older_than)
    assert caught.value.code == code


# Times as an operator reads them


@pytest.mark.usefixtures("in_riyadh")
def test_the_times_in_a_text_are_shown_in_the_operators_own_zone_with_its_offset() -> None:
    text = "ends 2026-12-10T22:22:28Z, or at 2026-12-10T10:00:00.354967Z"
    assert with_local_times(text) == "ends 2026-12-11 01:22 +03:00, or at 2026-12-10 13:00 +03:00"
    assert with_local_times("until 2026-12-10, PRO-2026-12-10T") == "until 2026-12-10, PRO-2026-12-10T"
