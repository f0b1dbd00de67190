"""The state of an account's pace, in one small file that all processes of a machine read and write in turn.

Nothing here holds a request up or fails one: where there is no such file to be had, where it cannot be
written or somebody keeps it locked, the process goes on with what it knows itself. The file is not synced:
after a power cut nobody is being asked anything.
"""

import errno
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite
from pathlib import Path

from billctl.errors import BillctlError
from billctl.pace.rule import SLOWEST, State
from billctl.paths import ensure_private_dir

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PATIENCE = 0.25
"""Seconds to try for the lock: it is held for microseconds, unless its holder was stopped."""
PAUSE = 0.001
MOST_BYTES = 65_536
"""More than any state needs; a longer file is none of ours."""
NUMBERS = ("share", "share_at", "held_from", "held_for")


class Shared:
    """The state in the file `path`, which is made when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._alone = fcntl is None
        self._state = State()

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    @contextmanager
    def state(self) -> Iterator[State]:
        """The state, for this thread of this process alone to change in place while the block runs."""
        with self._lock:
            descriptor = self._locked()
            if descriptor is None:
                yield self._state
                return
            try:
                before = self._read(descriptor)
                yield self._state
                self._write(descriptor, before)
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _locked(self) -> int | None:
        """The file, locked; None where this process is on its own, now or for good."""
        if self._alone:
            return None
        try:
            if self._descriptor is None:
                self._descriptor = _opened(self._path)
            return self._descriptor if _lock(self._descriptor) else None
        except (OSError, BillctlError):
            self._alone = True
            return None

    def _read(self, descriptor: int) -> bytes:
        """Take over what the file says; what it says is kept where it cannot be read, until it is written."""
        try:
            said = os.pread(descriptor, MOST_BYTES, 0)
        except OSError:
            self._alone = True
            return b""
        self._state = parsed(said) or self._state
        return said

    def _write(self, descriptor: int, before: bytes) -> None:
        text = written(self._state)
        if text == before or self._alone:
            return
        try:
            if os.pwrite(descriptor, text, 0) < len(text):
                raise OSError(errno.ENOSPC, "not all of it was written")
            if len(before) > len(text):
                os.ftruncate(descriptor, len(text))
        except OSError:
            self._alone = True  # what stands there now is older than what this process knows


def written(state: State) -> bytes:
    """The file's text for a state."""
    said = {name: getattr(state, name) for name in NUMBERS}
    return json.dumps({"free": state.free, **said}).encode()


def parsed(text: bytes) -> State | None:
    """The state that a file's text holds; None for anything else."""
    try:
        said = json.loads(text)
        free = {str(name): float(at) for name, at in said["free"].items()}
        numbers = {name: float(said[name]) for name in NUMBERS}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    if not all(map(isfinite, (*free.values(), *numbers.values()))):
        return None
    numbers["share"] = min(max(numbers["share"], SLOWEST), 1.0)
    return State(free=free, **numbers)


def _opened(path: Path) -> int:
    ensure_private_dir(path.parent)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags, 0o600)


def _lock(descriptor: int) -> bool:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE)
        else:
            return True
