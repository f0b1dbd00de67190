"""A sign of life on a terminal while a command waits for a gateway."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 1.0
"""Seconds of silence before the first sign; what answers faster needs none."""

ERASE_LINE = "\r\x1b[K"

_current: "_Sign | None" = None


class _Sign:
    def __init__(self) -> None:
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._shown = False
        self.rows = (0, 0)
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(PATIENCE):
            seconds = int(time.monotonic() - self._started)
            with self._writing:
                if not self._stop.is_set():
                    done, rows = self.rows
                    what = f"{done:,} of {rows:,} rows read" if done else "waiting for an answer"
                    sys.stderr.write(f"{ERASE_LINE}{what}, {seconds} s (Ctrl-C stops)")
                    sys.stderr.flush()
                    self._shown = True

    def end(self) -> None:
        self._stop.set()
        with self._writing:
            if self._shown:
                sys.stderr.write(ERASE_LINE)
                sys.stderr.flush()
                self._shown = False


@contextmanager
def waiting(*, quiet: bool) -> Iterator[None]:
    """Show on a terminal's standard error how long the block has been running, from `PATIENCE` seconds on."""
    global _current  # noqa: PLW0603  # there is one terminal
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    _current = _Sign()
    try:
        yield
    finally:
        end()


def rows_done(done: int, rows: int) -> None:
    """Let the sign say how many of all rows were read so far."""
    if _current is not None:
        _current.rows = (done, rows)


def end() -> None:
    """Take the sign away for good: a question is asked, or the command serves from here on."""
    global _current  # noqa: PLW0603  # as above
    if _current is not None:
        _current.end()
        _current = None
