"""Checkpoints as single lines, as a log collector and a plain file keep them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from billctl.audit.anchors.base import Anchored
from billctl.audit.checkpoint import BadCheckpoint, Checkpoint, checkpoint

MARK = "billctl checkpoint"
LONGEST_LINE = 4096
"""Bytes; of a longer line the rest is passed over."""

_LINE = re.compile(rf"(?:^|[ \]:]){MARK} (billctl\.audit/\S{{32}}) (\d{{1,18}}) (\S{{44}})$")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:\d\d)[ \t]")


def line_of(mark: Checkpoint) -> str:
    """The one line of a checkpoint: `billctl checkpoint ORIGIN SIZE HASH`; its signatures are left out."""
    return f"{MARK} {mark.origin} {mark.size} {mark.hash64}"


def read_line(line: str, time: datetime | None = None) -> Anchored | None:
    """The checkpoint at the end of `line`, None where there is none.

    Its time is `time`, else the RFC 3339 instant at the line's beginning: the older form of a syslog
    line has no year, and so tells no time.
    """
    found = _LINE.search(line)
    if found is None:
        return None
    try:
        return Anchored(checkpoint=checkpoint(found[1], found[2], found[3]), time=time or _time(line))
    except BadCheckpoint:
        return None


def read_lines(file: BinaryIO) -> Iterator[Anchored]:
    """The checkpoints in `file`, streamed; however long its lines are, memory is not."""
    while line := file.readline(LONGEST_LINE):
        rest = line
        while not rest.endswith(b"\n") and (rest := file.readline(LONGEST_LINE)):
            pass
        if MARK.encode() in line and (found := read_line(line.decode(errors="replace").rstrip())):
            yield found


def _time(line: str) -> datetime | None:
    found = _INSTANT.match(line)
    if found is None:
        return None
    try:
        return datetime.fromisoformat("".join(found.groups())).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
