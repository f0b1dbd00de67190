"""The log's head as a text to keep elsewhere: a checkpoint. Pure.

The form is that of C2SP tlog-checkpoint (c2sp.org/tlog-checkpoint), which is a signed note
(c2sp.org/signed-note): a line with the origin, one with the size in decimal, one with the hash in base64,
a blank line, then signature lines. Both pages were read for this. billctl writes no signature: what makes
a checkpoint worth something is that it lies where the log's owner cannot change it.

The hash is that of the last record in a hash chain. It is not the root of a Merkle tree, as the format
means it: a tool that keeps, shows, signs or compares checkpoints can do so with these, one that asks for
an inclusion or a consistency proof cannot. A verifier of signed notes refuses one without a signature.
"""

import base64
import binascii
import re

from billctl.errors import StoreError
from billctl.frozen import frozen
from billctl.store.interface import Head, Store

ORIGIN = re.compile(r"billctl\.audit/[0-9a-f]{32}")
LARGEST = 64 * 1024
"""Characters of a checkpoint; the signed-note page asks that at least 16 signatures have room."""

_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_HASH = re.compile(r"[A-Za-z0-9+/]{43}=")
_SIGNATURE = re.compile(r"— [^\s+]+ [A-Za-z0-9+/]{8,}={0,2}")


class BadCheckpoint(ValueError):
    """A text that is no checkpoint of a billctl log; the message says why."""


@frozen
class Checkpoint:
    """How many records a log had, and the last one's hash (lower hex).

    `signatures` are whole lines that somebody else put below; nothing verifies them.
    """

    origin: str
    size: int
    hash: str
    signatures: tuple[str, ...] = ()

    @property
    def hash64(self) -> str:
        """The hash as the text has it."""
        return base64.b64encode(bytes.fromhex(self.hash)).decode()

    def text(self) -> str:
        """The checkpoint's text, to the byte."""
        lines = (self.origin, str(self.size), self.hash64, "", *self.signatures)
        return "".join(f"{line}\n" for line in lines)


def checkpoint(origin: str, size: str, hash64: str, signatures: tuple[str, ...] = ()) -> Checkpoint:
    """The checkpoint of these words. Raises `BadCheckpoint` for any that billctl would not write so."""
    if not ORIGIN.fullmatch(origin):
        raise BadCheckpoint("its origin is not a billctl log's")
    if not _SIZE.fullmatch(size):
        raise BadCheckpoint("its size is no plain decimal number")
    try:
        digest = base64.b64decode(hash64, validate=True) if _HASH.fullmatch(hash64) else b""
    except binascii.Error:
        digest = b""
    if len(digest) != 32 or base64.b64encode(digest).decode() != hash64:
        raise BadCheckpoint("its hash is not the base64 of 32 bytes")
    return Checkpoint(origin=origin, size=int(size), hash=digest.hex(), signatures=signatures)


def parse(text: str | bytes) -> Checkpoint:
    """The checkpoint that `text` is, to the byte. Raises `BadCheckpoint`."""
    if len(text) > LARGEST:
        raise BadCheckpoint("it is longer than any checkpoint")
    try:
        text = text if isinstance(text, str) else text.decode()
    except UnicodeDecodeError:
        raise BadCheckpoint("it is not UTF-8") from None
    lines = text.split("\n")
    if len(lines) < 5 or lines[3] or lines[-1]:
        raise BadCheckpoint("it is not three lines, a blank one, and signatures")
    signatures = tuple(lines[4:-1])
    if not all(map(_SIGNATURE.fullmatch, signatures)):
        raise BadCheckpoint("a line below the blank one is no signature")
    return checkpoint(lines[0], lines[1], lines[2], signatures)


def origin_of(store: Store) -> str | None:
    """The origin of the log in `store`: `billctl.audit/` and its first record's id; None for an empty log.

    Raises `StoreError` where the first record has no such id.
    """
    from billctl.audit.entry import read

    first = store.record(1)
    if first is None:
        return None
    origin = f"billctl.audit/{read(first).fields.get('log_id')}"
    if not ORIGIN.fullmatch(origin):
        raise StoreError(
            "the audit log's first record has no id to name its checkpoints by",
            code="no_log_id",
            hint="Run `billctl audit verify`.",
        )
    return origin


def checkpoint_of(origin: str, head: Head) -> Checkpoint:
    """The checkpoint of a head."""
    return Checkpoint(origin=origin, size=head.seq, hash=head.hash)
