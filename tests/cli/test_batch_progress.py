"""The live view of a batch: what a frame shows, and how one takes the place of another."""

import io
from typing import Any

import pytest

from billctl.batch.model import AccountProgress, PlannedRow, Progress, RowResult, RowState
from billctl.batch.tally import Tally
from billctl.cli import batch_progress
from billctl.cli.batch_progress import LiveDisplay, Look, PlainDisplay, clock, frame

WIDE = Look(columns=100, lines=24, colour=False, unicode=True)
NOW = 1_000.0


def account(name: str = "stripe", rows: int = 2412, done: int = 1540, **more: Any) -> AccountProgress:
    settled = {"failed": 1, "rate": 24.8} | more
    return AccountProgress(name=name, rows=rows, done=done, **settled)


class Clock:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def result(n: int) -> RowResult:
    """A row that was done."""
    row = PlannedRow(
        n=n, line=n, account="paypal", object_id=str(n), state=RowState.READY, params={}, reason="outage"
    )
    return RowResult(row=row, outcome="succeeded")


def shown(
    *accounts: AccountProgress, look: Look = WIDE, left: float | None = 35.0, stopping: bool = False
) -> list[str]:
    progress = Progress(accounts=accounts, left=left, stopping=stopping)
    return [line.text for line in frame(progress, look, now=NOW)]


def test_each_account_has_a_line_and_the_last_says_how_long_and_how_to_stop() -> None:
    paypal = account("paypal", 588, 588, failed=0, rate=0.0)
    assert shown(account(), paypal) == [
        "stripe   ━━━━━━━━━━━━━━━━━━━───────────   1,540/2,412   24.8/s   1 failed",
        "paypal   ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━       588/588        –   done",
        "         0:00:35 left   Ctrl-C stops after the rows in flight",
    ]


def test_a_pause_that_a_gateway_asked_for_is_told() -> None:
    (line, _) = shown(account(failed=0, paused_until=NOW + 12.4))
    assert line.endswith("–   paused 12 s")


def test_what_nobody_knows_is_never_told_as_a_failure() -> None:
    (line, _) = shown(account(failed=0, unknown=9))
    assert line.endswith("9 unknown")
    (line, _) = shown(account(failed=2, unknown=9))
    assert line.endswith("9 unknown, 2 failed")


def test_the_time_left_does_not_follow_rows_that_come_in_clumps() -> None:
    clock_of = Clock()
    tally = Tally({"paypal": 1_000}, monotonic=clock_of)
    told = []
    for second in range(40):  # two rows a second, in clumps of twelve
        if second % 6 == 0:
            for n in range(12):
                tally.add(result(second * 12 + n))
        clock_of.now += 1
        told.append(tally.progress(stopping=False).left)
    steady = [left for left in told[30:] if left is not None]
    assert all(350 <= left <= 600 for left in steady), steady


def test_stopping_is_told() -> None:
    last = shown(account(), stopping=True)[-1]
    assert last.strip() == "stopping after the rows in flight; Ctrl-C again ends at once"


def test_what_cannot_be_told_yet_is_left_out() -> None:
    assert "left" not in shown(account(), left=None)[-1]


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 80, 120, 300])
def test_no_frame_is_wider_than_the_terminal_or_than_eighty_columns(columns: int) -> None:
    look = Look(columns=columns, lines=24, colour=False, unicode=True)
    lines = frame(
        Progress(accounts=(account("a-rather-long-account-name"), account()), left=3.0), look, now=NOW
    )
    assert all(line.cut(columns).length < columns for line in lines)
    assert all(line.length <= 80 for line in lines[:-1])


def test_accounts_that_there_are_no_lines_for_are_summed_up() -> None:
    look = Look(columns=80, lines=9, colour=False, unicode=True)
    lines = shown(*(account(f"shop{n}", 10, 5) for n in range(9)), look=look)
    assert len(lines) == 6
    assert lines[-2] == "and 5 more accounts   25/50"


def test_a_terminal_without_unicode_gets_a_bar_of_ascii() -> None:
    look = Look(columns=80, lines=24, colour=False, unicode=False)
    (line, _) = shown(account(done=2412), look=look)
    assert line.isascii()
    assert "######" in line


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (35.4, "0:00:35"), (3661, "1:01:01"), (-1, "0:00:00")]
)
def test_a_time_is_shown_in_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert clock(seconds) == text


# On a terminal


class Screen:
    """A small terminal: understands what the display writes, and folds lines anew when it is resized."""

    encoding = "utf-8"

    def __init__(self, columns: int, lines: int = 24) -> None:
        self.columns, self.height = columns, lines
        self.lines = [""]
        self.row = 0

    def write(self, text: str) -> int:
        rest = text
        while rest:
            if rest[0] == "\r":
                rest = rest[1:]
            elif rest[0] == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
                rest = rest[1:]
            elif rest.startswith("\x1b[J"):
                del self.lines[self.row :]
                self.lines.append("")
                rest = rest[3:]
            elif rest.startswith("\x1b["):
                number, _, rest = rest[2:].partition("A")
                self._up(int(number))
            else:
                end = min((at for c in "\r\n\x1b" if (at := rest.find(c)) >= 0), default=len(rest))
                self.lines[self.row] = rest[:end]
                rest = rest[end:]
        return len(text)

    def _up(self, screen_rows: int) -> None:
        """Up by rows of the screen: a folded line has several."""
        while screen_rows > 0:
            self.row -= 1
            screen_rows -= max(1, -(-len(self.lines[self.row]) // self.columns))
        assert screen_rows == 0, "it went into the middle of a folded line"

    def flush(self) -> None:
        pass


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen(100)
    monkeypatch.setattr(batch_progress, "_size", lambda _stream: (found.columns, found.height))
    return found


def progress(done: int) -> Progress:
    return Progress(accounts=(account(done=done), account("paypal", 588, 588)), left=1.0)


@pytest.mark.parametrize("widths", [(100, 100, 100), (100, 60, 33), (33, 60, 100), (40, 200, 40, 21)])
def test_each_frame_takes_the_place_of_the_one_before_whatever_the_width_became(
    screen: Screen, widths: tuple[int, ...]
) -> None:
    screen.write("$ billctl batch apply x.plan\r\n")
    display = LiveDisplay(screen, colour=False)  # type: ignore[arg-type]  # as much of a stream as it writes to
    for number, width in enumerate(widths):
        screen.columns = width
        display.show(progress(done=number))
        assert screen.lines[0] == "$ billctl batch apply x.plan"
        assert len(screen.lines) == 1 + 4 + 1
    display.end(erase=True)
    assert screen.lines == ["$ billctl batch apply x.plan", ""]


def test_a_wait_is_counted_down_in_one_place(screen: Screen) -> None:
    display = LiveDisplay(screen, colour=False)  # type: ignore[arg-type]  # as above
    display.begin("refund · 2 refunds", live=True)
    for seconds in (7_199.6, 61.0):
        display.wait(seconds)
    assert screen.lines == [
        "LIVE  refund · 2 refunds",
        "begins in 0:01:01; Ctrl-C cancels, nothing was sent",
        "",
    ]


def test_the_last_frame_stays_where_nothing_takes_its_place(screen: Screen) -> None:
    display = LiveDisplay(screen, colour=False)  # type: ignore[arg-type]  # as above
    display.show(progress(1))
    screen.write("^C")
    display.end(erase=False)
    assert len(screen.lines) == 5
    assert screen.lines[-1] == "", "what the terminal shows of a signal does not begin the next line"


def test_a_terminal_that_is_gone_ends_the_drawing_only() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:  # noqa: ARG002  a file's method
            raise OSError(5, "Input/output error")

    display = LiveDisplay(Gone(), colour=True)
    display.show(progress(1))
    display.show(progress(2))
    display.end(erase=True)


def test_colour_only_repeats_what_words_say() -> None:
    look = Look(columns=80, lines=24, colour=True, unicode=True)
    for line in frame(progress(1), look, now=NOW):
        assert line.styled(colour=False) == line.text
    assert "\x1b[33m1 failed\x1b[0m" in frame(progress(1), look, now=NOW)[0].styled(colour=True)


def test_a_terminal_whose_cursor_cannot_be_moved_gets_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    display = PlainDisplay(stream)
    for now in (0.0, 1.0, 9.9, 10.0, 15.0, 20.1):
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        display.show(progress(int(now)))
    assert stream.getvalue().splitlines() == [
        f"billctl: {n} of 3,000 rows, 2 failed, 0:00:01 left" for n in (588, 598, 608)
    ]
