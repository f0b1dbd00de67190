"""The live view of a batch on a terminal's standard error: a line an account, redrawn several times a second.

What was drawn is erased by moving up over it. A terminal that became narrower has folded the lines
meanwhile, as most do, so what they take up is counted anew for each frame. The lines keep to 80 columns
for that reason: wider terminals never fold them.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from billctl.batch.model import AccountProgress, Progress
from billctl.cli import progress as sign
from billctl.cli.output import talk
from billctl.frozen import frozen
from billctl.text import safe_text

WIDEST = 80
BAR = 30
SHORTEST_BAR = 5
PLAIN_EVERY = 10.0
"""Seconds between two lines on a terminal whose cursor cannot be moved."""
HOW_TO_STOP = "Ctrl-C stops after the rows in flight"
STOPPING = "stopping after the rows in flight; Ctrl-C again ends at once"
ERASE_BELOW = "\x1b[J"
GAP = "   "


@frozen
class Look:
    """What the terminal can show."""

    columns: int
    lines: int
    colour: bool
    unicode: bool


class Display:
    """What the one who waits for a batch is shown while it runs. This one shows nothing: nobody is there."""

    def begin(self, what: str, *, live: bool) -> None:
        """Say once what runs."""

    def show(self, progress: Progress) -> None:
        """Show how far it is."""

    def wait(self, seconds: float) -> None:
        """Show how long it will be until it begins."""

    def end(self, *, erase: bool) -> None:
        """Stop; `erase`: what comes next takes the place of the last frame."""


class PlainDisplay(Display):
    """A line now and then, where the cursor cannot be moved."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last: float | None = None

    def begin(self, what: str, *, live: bool) -> None:
        talk(f"{_mode(live)}  {what}", stderr=self._stream)

    def show(self, progress: Progress) -> None:
        rows = sum(account.rows for account in progress.accounts)
        done = sum(account.done for account in progress.accounts)
        unknown = sum(account.unknown for account in progress.accounts)
        failed = sum(account.failed for account in progress.accounts)
        said = [
            f"{done:,} of {rows:,} rows",
            f"{unknown:,} unknown" if unknown else "",
            f"{failed:,} failed" if failed else "",
            _left(progress),
        ]
        self._say(", ".join(part for part in said if part))

    def wait(self, seconds: float) -> None:
        self._say(f"begins in {clock(seconds)}; Ctrl-C cancels")

    def _say(self, text: str) -> None:
        now = time.monotonic()
        if self._last is None or now - self._last >= PLAIN_EVERY:
            self._last = now
            talk(text, stderr=self._stream)


class LiveDisplay(Display):
    """Frames that replace one another. A terminal that is gone ends the drawing, never the batch."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._drawn: list[int] = []
        self._gone = False
        self._head = Piece()

    def begin(self, what: str, *, live: bool) -> None:
        self._head = Piece((_mode(live), RED if live else ""), f"  {what}")

    def show(self, progress: Progress) -> None:
        self._draw([self._head, *frame(progress, self._look(), now=time.monotonic())])

    def wait(self, seconds: float) -> None:
        self._draw([self._head, Piece(f"begins in {clock(seconds)}; Ctrl-C cancels, nothing was sent")])

    def end(self, *, erase: bool) -> None:
        if erase:
            self._draw([])
        elif self._drawn:
            self._write(f"\r{ERASE_BELOW}")  # the ^C that the terminal showed
        self._drawn = []

    def _draw(self, lines: "Sequence[Piece]") -> None:
        if self._gone:
            return
        look = self._look()
        texts = [line.cut(look.columns) for line in lines]
        folded = sum(max(1, -(-length // look.columns)) for length in self._drawn)
        up = f"\x1b[{min(folded, look.lines - 1)}A" if folded else ""
        shown = "".join(f"{text.styled(colour=look.colour)}\r\n" for text in texts)
        self._drawn = [text.length for text in texts]
        self._write(f"\r{up}{ERASE_BELOW}{shown}")

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._gone = True

    def _look(self) -> Look:
        columns, lines = _size(self._stream)
        encoding = (getattr(self._stream, "encoding", None) or "ascii").lower()
        return Look(columns=columns, lines=lines, colour=self._colour, unicode="utf" in encoding)


def display_for(*, quiet: bool, no_color: bool) -> Display:
    """What standard error can show: nothing where it is no terminal or quiet was asked for."""
    stream = sys.stderr
    if quiet or stream is None or not stream.isatty():
        return Display()
    sign.end()
    if os.environ.get("TERM", "dumb") == "dumb" and os.name != "nt":
        return PlainDisplay(stream)
    return LiveDisplay(stream, colour=not (no_color or os.environ.get("NO_COLOR")))


# Frames


class Piece:
    """One line: texts, made safe, each with the SGR parameter of its style (ECMA-48, 8.3.117) or none."""

    def __init__(self, *parts: str | tuple[str, str]) -> None:
        styled = [part if isinstance(part, tuple) else (part, "") for part in parts]
        self.parts = [(safe_text(text), style) for text, style in styled]

    @property
    def length(self) -> int:
        """Its characters."""
        return sum(len(text) for text, _ in self.parts)

    @property
    def text(self) -> str:
        """Its characters without any style."""
        return "".join(text for text, _ in self.parts)

    def cut(self, columns: int) -> "Piece":
        """As much of it as one line shows: a character less than there are, or some terminals fold it."""
        left, parts = columns - 1, []
        for text, style in self.parts:
            parts.append((text[:left], style))
            left -= len(parts[-1][0])
        return Piece(*parts)

    def styled(self, *, colour: bool) -> str:
        """Its characters as they are written to the terminal."""
        if not colour:
            return self.text
        return "".join(
            f"\x1b[{style}m{text}\x1b[0m" if style and text else text for text, style in self.parts
        )


DIM, RED, YELLOW = "2", "31", "33"


def frame(progress: Progress, look: Look, *, now: float) -> list[Piece]:
    """One picture of a run. At `now`, in monotonic seconds, an account may be paused.

    Accounts that the terminal has no lines for are summed up in one.
    """
    room = max(1, look.lines - 4)
    accounts = progress.accounts
    shown = accounts if len(accounts) <= room else accounts[: room - 1]
    cells = [_cells(account, now) for account in shown]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(4)]
    rest = min(look.columns - 1, WIDEST) - sum(widths) - 4 * len(GAP)
    bar = min(BAR, rest) if rest >= SHORTEST_BAR else 0
    lines = [
        _account_line(row, widths, bar, account, look) for row, account in zip(cells, shown, strict=True)
    ]
    if hidden := accounts[len(shown) :]:
        done, rows = sum(a.done for a in hidden), sum(a.rows for a in hidden)
        lines.append(Piece(f"and {len(hidden)} more accounts   {done:,}/{rows:,}"))
    how = (STOPPING, YELLOW) if progress.stopping else (HOW_TO_STOP, DIM)
    left = _left(progress)
    said = Piece(left + (GAP if left else ""), how)
    indent = widths[0] + len(GAP)
    return [*lines, Piece(" " * indent, *said.parts) if indent + said.length < look.columns else said]


def _cells(account: AccountProgress, now: float) -> tuple[str, str, str, str]:
    """Name, rows, rate, and what is to be said of it."""
    over = account.done >= account.rows
    paused = account.paused_until is not None and account.paused_until > now and not over
    rate = "–" if over or paused else f"{account.rate:.1f}/s"
    said = [f"{account.unknown:,} unknown"] if account.unknown else []
    said += [f"{account.failed:,} failed"] if account.failed else []
    if over:
        said.append("done")
    elif paused:
        said.append(f"paused {max(1, round((account.paused_until or now) - now))} s")
    rows = f"{account.rows:,}"
    return account.name, f"{account.done:,}".rjust(len(rows)) + f"/{rows}", rate.rjust(6), ", ".join(said)


def _account_line(
    cells: tuple[str, str, str, str], widths: Sequence[int], bar: int, account: AccountProgress, look: Look
) -> Piece:
    name, rows, rate, said = cells
    full, empty = ("━", "─") if look.unicode else ("#", "-")
    filled = bar * account.done // account.rows if account.rows else bar
    drawn: list[str | tuple[str, str]] = [full * filled, (empty * (bar - filled), DIM), GAP] if bar else []
    style = RED if account.unknown else YELLOW if account.failed or said.startswith("paused") else ""
    dash = rate if look.unicode else rate.replace("–", "-")
    return Piece(
        name.ljust(widths[0]) + GAP,
        *drawn,
        rows.rjust(widths[1]) + GAP + dash.rjust(widths[2]) + GAP,
        (said, style),
    )


def _mode(live: bool) -> str:
    return "LIVE" if live else "test"


def _left(progress: Progress) -> str:
    return "" if progress.left is None or progress.stopping else f"{clock(progress.left)} left"


def clock(seconds: float) -> str:
    """`0:00:35`."""
    whole = max(0, round(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _size(stream: TextIO) -> tuple[int, int]:
    """Columns and lines of the terminal as they are now; 80 and 24 where it does not say."""
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return WIDEST, 24
    return size.columns or WIDEST, size.lines or 24
