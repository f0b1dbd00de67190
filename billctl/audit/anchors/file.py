"""An anchor in a plain file, meant for other storage: a mount of another machine's, or write-once media.

One line a checkpoint, appended and synchronised: `TIME billctl checkpoint ORIGIN SIZE HASH`. The folder
must be there already, so that storage that is not mounted is not taken for it.
"""

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from billctl.audit.anchors.base import Anchored, AnchorUnreachable
from billctl.audit.anchors.lines import line_of, read_lines
from billctl.audit.checkpoint import Checkpoint
from billctl.models import rfc3339


class FileAnchor:
    """The file at `path`; see `billctl.audit.anchors.base.Anchor`.

    No call on a file can be given a time limit: a dead network mount holds its caller up. What needs the
    limit kept calls from a thread that it can leave behind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        """Append the checkpoint's line; it is on the disk when this returns."""
        del limit
        line = f"{rfc3339(time)} {line_of(checkpoint)}\n".encode()
        try:
            existed = self.path.exists()
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self.path, flags, 0o600)
            try:
                self._append(descriptor, line)
            finally:
                os.close(descriptor)
            if not existed:
                _sync_folder(self.path.parent)
        except OSError as error:
            raise self._unreachable("written", error) from error
        return str(self.path)

    def _append(self, descriptor: int, line: bytes) -> None:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is no regular file")
        torn = found.st_size and os.pread(descriptor, 1, found.st_size - 1) != b"\n"
        line = b"\n" * bool(torn) + line
        if os.write(descriptor, line) != len(line):
            raise OSError("the line was cut")
        os.fsync(descriptor)

    def read(self, *, limit: float) -> Sequence[Anchored]:
        """The file's checkpoints."""
        del limit
        return read_file(self.path)

    def _unreachable(self, what: str, error: OSError) -> AnchorUnreachable:
        return unreachable(self.path, what, error)


def read_file(path: Path) -> list[Anchored]:
    """The checkpoints in a file of lines. Raises `AnchorUnreachable`."""
    try:
        if not path.is_file():  # opening a pipe would wait for who never comes
            raise FileNotFoundError(2, "there is no such file")
        with path.open("rb") as file:
            return list(read_lines(file))
    except OSError as error:
        raise unreachable(path, "read", error) from error


def unreachable(path: Path, what: str, error: OSError) -> AnchorUnreachable:
    """The one line for an operating system's refusal; `what` could not be done to the file."""
    return AnchorUnreachable(
        f"the anchor {path} cannot be {what}: {error.strerror or error}",
        code="anchor_unreachable",
        hint="Check that its storage is mounted and yours to use.",
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
