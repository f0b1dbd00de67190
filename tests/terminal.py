"""A terminal inside the tests' own process, for a command line whose answers were typed beforehand."""

import os
import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

COLUMNS = 100
"""As wide as it is, unless it is told otherwise."""


def on_terminal(typed: str, act: Callable[[], int], *, columns: int = COLUMNS) -> tuple[int, str]:
    """What `act` returns with its standard streams on a terminal, and everything that was shown there.

    The terminal echoes `typed` at once, so it stands before the first question.
    """
    ours, theirs = os.openpty()
    os.write(ours, typed.encode())
    shown: list[bytes] = []
    reader = threading.Thread(target=_read, args=(ours, shown), daemon=True)
    try:
        with (
            os.fdopen(theirs, "r+b", buffering=0) as device,
            open(os.dup(device.fileno()), encoding="utf-8") as stdin,  # noqa: PTH123 no path
            open(os.dup(device.fileno()), "w", encoding="utf-8") as screen,  # noqa: PTH123 no path
        ):
            reader.start()
            patched = mock.patch.multiple(sys, stdin=stdin)
            width = mock.patch.dict(os.environ, COLUMNS=str(columns))
            with patched, width, redirect_stdout(screen), redirect_stderr(screen):
                code = act()
        reader.join()
    finally:
        os.close(ours)
    return code, b"".join(shown).decode()


def _read(terminal: int, shown: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            return  # the other end is closed
        shown.append(piece)
