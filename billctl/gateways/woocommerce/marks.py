"""What this machine knows by itself of the refunds it began: a mark for each claim it made on an order.

A mark is an empty file named by the operation, in the account's private folder, made durable before the
claim leaves. It says `unsent` until the moment before the refund itself is sent, and `sent` from then on: so
a run that was killed can prove that it asked for nothing, which the store cannot tell.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path

from billctl.errors import StoreError


class Mark(StrEnum):
    """How far an operation of this machine came, in this order."""

    UNSENT = "unsent"
    SENT = "sent"


class Marks:
    """The marks below `folder`; None where nothing may be kept: then there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "claims" if folder else None

    def of(self, operation: str) -> Mark | None:
        """The mark of an operation, if this machine has one. Of both, where a backup was copied over the
        folder, the later one counts. Raises `StoreError` where it cannot be read."""
        with _told():
            found = [mark for mark in Mark if (at := self._at(operation, mark)) and at.exists()]
        return found[-1] if found else None

    def begin(self, operation: str) -> bool:
        """Mark it as unsent, durably; False where it has a mark already, and must not begin again.

        Raises `StoreError`: then nothing is sent.
        """
        if (path := self._at(operation, Mark.UNSENT)) is None:
            return True
        if self.of(operation) is not None:
            return False
        with _told():
            _make(path.parent)
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                return False
            _sync(path.parent)
        return True

    def sending(self, operation: str) -> None:
        """Mark it as sent, durably. Raises `StoreError`, where its mark is gone too: nothing is sent then."""
        before, after = self._at(operation, Mark.UNSENT), self._at(operation, Mark.SENT)
        if before is None or after is None:
            return
        with _told():
            before.rename(after)
            _sync(after.parent)

    def end(self, operation: str) -> None:
        """Forget an operation whose claim is closed. Never raises: a mark that stays does no harm."""
        for mark in Mark:
            if path := self._at(operation, mark):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _at(self, operation: str, mark: Mark) -> Path | None:
        return self._folder / f"{operation}.{mark}" if self._folder else None


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the mark of a refund cannot be kept: {error.strerror or error}", code="no_mark"
        ) from None


def _make(folder: Path) -> None:
    """Make a private folder, and what it lies in, durably."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    """Make durable what was made, renamed or removed in `folder`."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
