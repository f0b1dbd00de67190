"""An anchor in the system's log: one line a checkpoint, which a central collector carries off the machine.

The line is handed to the socket that syslog(3) uses (`/dev/log`, on macOS `/var/run/syslog`); taking it is
all that the daemon says, so only reading back shows that it was kept. Read back from the file that the
daemon or the collector writes, else from the journal. Any local user can write such lines: a forged one
can raise a false alarm, it cannot hide a true one. What log rotation took away is not read.
"""

import errno
import json
import os
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from billctl.audit.anchors.base import Anchored, AnchorUnreachable
from billctl.audit.anchors.file import read_file
from billctl.audit.anchors.lines import line_of, read_line
from billctl.audit.anchors.programs import run
from billctl.audit.checkpoint import Checkpoint

SOCKETS = (Path("/dev/log"), Path("/var/run/syslog"))
USER_NOTICE = 1 * 8 + 5
"""RFC 3164, 4.1.1: facility 1 (user-level messages), severity 5 (notice)."""


class SyslogAnchor:
    """The system's log; `file` is where its lines can be read back, None for the journal.

    See `billctl.audit.anchors.base.Anchor`.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file

    def put(self, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        """Hand the checkpoint's line to the daemon."""
        stamp = f"{time.astimezone():%b} {time.astimezone().day:2} {time.astimezone():%H:%M:%S}"
        line = f"<{USER_NOTICE}>{stamp} billctl[{os.getpid()}]: {line_of(checkpoint)}".encode()
        path = next((path for path in SOCKETS if path.is_socket()), None)
        if path is None:
            raise _unreachable("no system log listens on this machine")
        try:
            _send(path, line, limit)
        except OSError as error:
            raise _unreachable(f"{path} does not take it: {error.strerror or error}") from error
        return f"handed to {path}"

    def read(self, *, limit: float) -> Sequence[Anchored]:
        """The checkpoints in the file, or in the journal."""
        if self.file:
            return read_file(self.file)
        done = run(("journalctl", "-t", "billctl", "-o", "json", "--no-pager", "-q"), limit=limit)
        if done.code and done.err:
            raise _unreachable(f"the journal cannot be read: {done.why()}")
        return list(_journal(done.out))


def _send(path: Path, line: bytes, limit: float) -> None:
    """As one datagram; over a stream, as some daemons have it, with a NUL at its end."""
    for kind, end in ((socket.SOCK_DGRAM, b""), (socket.SOCK_STREAM, b"\0")):
        with socket.socket(socket.AF_UNIX, kind) as wire:
            wire.settimeout(limit)
            try:
                wire.connect(str(path))
            except OSError as error:
                if kind is socket.SOCK_DGRAM and error.errno == errno.EPROTOTYPE:  # a stream
                    continue
                raise
            wire.sendall(line + end)
            return


def _journal(answer: bytes) -> Iterator[Anchored]:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for line in answer.splitlines():
        try:
            entry = json.loads(line)
            message = entry.get("MESSAGE")
            time = epoch + timedelta(microseconds=int(entry.get("__REALTIME_TIMESTAMP", "")))
        except (ValueError, OverflowError, AttributeError):
            continue  # other lines of the journal are none of ours
        if isinstance(message, str) and (found := read_line(message, time)):
            yield found


def _unreachable(why: str) -> AnchorUnreachable:
    return AnchorUnreachable(
        f"the anchor syslog cannot be used: {why}",
        code="anchor_unreachable",
        hint="Start a log daemon; to read back, name the file it writes: syslog:/var/log/syslog.",
    )
