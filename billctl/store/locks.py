"""Locks on objects that die with their process: POSIX byte-range locks in one file beside the store.

The byte an object locks is derived from its name, so that no file per object is left behind. POSIX
locks belong to a process, and closing any descriptor of the file drops all of them: a process holds
exactly one descriptor per lock file, shared by every store that is open on it, and a set of what its
own threads hold. There are no such locks on Windows.
"""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from billctl.errors import Busy, StoreError
from billctl.store.files import create, store_error

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

OFFSETS = 2**62
"""Below what a signed 64-bit file offset holds; a chance collision of two objects is negligible."""

HELD_ELSEWHERE = frozenset({errno.EACCES, errno.EAGAIN})


@dataclass(slots=True)
class _LockFile:
    descriptor: int
    users: int = 0
    held: set[int] = field(default_factory=set)


_guard = threading.Lock()
_files: dict[tuple[int, int, int], _LockFile] = {}
"""By process, device and inode: a forked child starts without its parent's locks."""


class ObjectLocks:
    """The locks of one store. Raises `StoreError` when the lock file cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = self._open()

    def _open(self) -> tuple[int, int, int]:
        try:
            if not self._path.exists():
                create(self._path)
            with _guard:
                found = self._path.stat()
                key = (os.getpid(), found.st_dev, found.st_ino)
                if key not in _files:
                    _files[key] = _LockFile(os.open(self._path, os.O_RDWR | os.O_CLOEXEC))
                _files[key].users += 1
        except OSError as error:
            raise store_error(self._path, error, "lock") from error
        return key

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold `name` while the block runs. Raises `Busy` at once when another process or thread does."""
        offset = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]) % OFFSETS
        self._take(offset, name)
        try:
            yield
        finally:
            self._leave(offset)

    def _take(self, offset: int, name: str) -> None:
        if fcntl is None:
            raise StoreError(
                "this system has no file locks that die with their process",
                code="locks_unsupported",
                hint="Run billctl on Linux or macOS.",
            )
        with _guard:
            file = _files[self._key]
            if offset in file.held:
                raise _busy(name)
            try:
                fcntl.lockf(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
            except OSError as error:
                if error.errno in HELD_ELSEWHERE:
                    raise _busy(name) from None
                raise store_error(self._path, error, "lock") from error
            file.held.add(offset)
            file.users += 1

    def _leave(self, offset: int) -> None:
        with _guard:
            file = _files[self._key]
            file.held.discard(offset)
            fcntl.lockf(file.descriptor, fcntl.LOCK_UN, 1, offset)
            self._release(file)

    def close(self) -> None:
        """Let go of the lock file; locks still held stay until their blocks end."""
        with _guard:
            self._release(_files[self._key])

    def _release(self, file: _LockFile) -> None:
        file.users -= 1
        if not file.users:
            os.close(file.descriptor)
            del _files[self._key]


def _busy(name: str) -> Busy:
    return Busy(
        f"another run is working on {name}",
        code="object_locked",
        hint="Wait until it has ended, then look at `billctl audit list` before running this again.",
    )
