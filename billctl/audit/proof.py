"""Proving a range of records, and of the operation table what belongs to it. Memory does not grow with it.

Records are read in runs and compared in bulk; a run that fails so is looked at record by record, to
say which is wrong and why.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import repeat
from operator import itemgetter

from billctl.frozen import frozen_value
from billctl.store.interface import Head

RUN = 256
"""Records read at once."""

SEQ_AT = len('{"prev":"') + 64 + len('",')
"""Where `"seq":` stands in a record."""

NAMED = b',"private":"%b"}'
"""How a record ends that has a private part: with the SHA-256 of that part's line."""

ENDING = len(NAMED) - len(b"%b") + 64

_RECORDS = "SELECT seq, hash, body FROM record WHERE seq BETWEEN ? AND ? ORDER BY seq"
_HAS_PRIVATE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'private'"
_TEXTS = "SELECT hash, CAST(body AS BLOB) FROM record WHERE seq BETWEEN ? AND ? ORDER BY seq"
_PRIVATE = "SELECT seq, CAST(body AS BLOB) FROM private WHERE seq BETWEEN ? AND ?"
_COLUMNS = "SELECT id, key, object, state, intent_seq, outcome_seq FROM operation"
_OPENED = f"{_COLUMNS} WHERE intent_seq BETWEEN ? AND ?"
_CLOSED_LATER = f"{_COLUMNS} WHERE outcome_seq BETWEEN ? AND ? AND intent_seq < ?"

Row = tuple[bytes, bytes, bytes, bytes, int, int | None]


@frozen_value
class _Head:
    """How an operation's row shows in the text of a record: right after `seq`, found without parsing."""

    phase: str
    names: tuple[str, ...]
    columns: Callable[[Row], tuple[bytes, ...]]
    seq: Callable[[Row], int]
    begins: bytes
    form: bytes


_INTENT = _Head(
    phase="intent",
    names=("operation", "key", "object"),
    columns=itemgetter(0, 1, 2),
    seq=itemgetter(4),
    begins=b'"phase":"intent",',
    form=b'"phase":"intent","operation":"%b","key":"%b","object":"%b",',
)
_OUTCOME = _Head(
    phase="outcome",
    names=("operation", "object", "state"),
    columns=itemgetter(0, 2, 3),
    seq=itemgetter(5),
    begins=b'"phase":"outcome",',
    form=b'"phase":"outcome","operation":"%b","object":"%b","state":"%b",',
)


class Fault(Exception):
    """The first thing that is wrong; `seq` is the record, if it is one."""

    def __init__(self, why: str, seq: int | None = None) -> None:
        super().__init__(why, seq)
        self.why = why
        self.seq = seq


class Proof:
    """A pass over the records after `head`, through a connection whose texts are bytes.

    `head` is the last record proved, `opened` and `closed` count the operations found whole: with
    their intent here, with their last outcome here. `missing` are the records whose private part is
    not there, as ranges: a purge must say so.
    """

    def __init__(self, db: sqlite3.Connection, head: Head) -> None:
        self._db = db
        self._has_private = bool(db.execute(_HAS_PRIVATE).fetchone())
        self.head = head
        self.opened = 0
        self.closed = 0
        self.missing: list[tuple[int, int]] = []

    def run(self, last: int) -> None:
        """Prove everything up to record `last`. Raises `Fault`."""
        for low, high in _runs(self.head.seq + 1, last):
            bodies = self._quick_run(low, high) or self._slow_run(low, high)
            self._check_operations(bodies, low, high)
            self._check_private(bodies, low, high)

    def _quick_run(self, low: int, high: int) -> Sequence[bytes] | None:
        """The run's texts if all is well with them; None when they need a closer look."""
        rows = self._db.execute(_TEXTS, (low, high)).fetchall()
        if len(rows) != high - low + 1:  # numbers are unique: so many in the range means no gap
            return None
        hashes, bodies = zip(*rows, strict=True)
        try:
            digests = [sha256(body).hexdigest() for body in bodies]
        except TypeError:  # no text at all
            return None
        if list(map(str.encode, digests)) != list(hashes):
            return None
        if not _follow(bodies, [self.head.hash, *digests[:-1]], low, high):
            return None
        self.head = Head(seq=high, hash=digests[-1])
        return bodies

    def _slow_run(self, low: int, high: int) -> list[bytes]:
        """The run's texts, each proved by itself; raises `Fault` at the first that is wrong."""
        bodies = []
        for seq, stored, body in self._db.execute(_RECORDS, (low, high)):
            expected = self.head.seq + 1
            if seq != expected:
                raise Fault(f"record {expected} is missing", expected)
            if not isinstance(body, bytes) or not isinstance(stored, bytes):
                raise Fault(f"record {seq} has no text or no hash", seq)
            digest = sha256(body).hexdigest()
            if digest.encode() != stored:
                raise Fault(f"record {seq} was changed: its hash is not that of its text", seq)
            if why := wrong_lead(body, seq, self.head.hash):
                raise Fault(why, seq)
            self.head = Head(seq=seq, hash=digest)
            bodies.append(body)
        if self.head.seq != high:
            raise Fault(f"record {self.head.seq + 1} is missing", self.head.seq + 1)
        return bodies

    def _check_private(self, bodies: Sequence[bytes], low: int, high: int) -> None:
        rows = self._db.execute(_PRIVATE, (low, high)).fetchall() if self._has_private else []
        endings = [body[-ENDING:] for body in bodies]
        try:
            hashed = {seq: NAMED % sha256(line).hexdigest().encode() for seq, line in rows}
        except TypeError:
            raise Fault("a record's private part has no text") from None
        if len(hashed) == len(endings) and [hashed[seq] for seq in range(low, high + 1)] == endings:
            return
        for seq, ending in enumerate(endings, low):
            names = _names_private(ending)
            if seq in hashed and not names:
                raise Fault(f"record {seq} has a private part that it does not name", seq)
            if seq in hashed and hashed[seq] != ending:
                raise Fault(f"the private part of record {seq} was changed", seq)
            if seq not in hashed and names:
                self._miss(seq)

    def _miss(self, seq: int) -> None:
        if self.missing and self.missing[-1][1] == seq - 1:
            self.missing[-1] = (self.missing[-1][0], seq)
        else:
            self.missing.append((seq, seq))

    def _check_operations(self, bodies: Sequence[bytes], low: int, high: int) -> None:
        phase_at = _phase_at(low)  # the numbers of a run have the same length
        opened: list[Row] = self._db.execute(_OPENED, (low, high)).fetchall()
        closed = [row for row in opened if row[5] is not None and row[5] <= high]
        closed += self._db.execute(_CLOSED_LATER, (low, high, low)).fetchall()
        _check_heads(_INTENT, opened, bodies, low, phase_at)
        _check_heads(_OUTCOME, closed, bodies, low, phase_at)
        if len(opened) != _count(bodies, _INTENT.begins, phase_at):
            self._find_unopened(bodies, {row[4] - low for row in opened}, phase_at)
        if len(closed) != _count(bodies, _OUTCOME.begins, phase_at):
            self._check_superseded(bodies, {_OUTCOME.seq(row) - low for row in closed}, phase_at)
        self.opened += len(opened)
        self.closed += len(closed)

    def _find_unopened(self, bodies: Sequence[bytes], known: set[int], phase_at: int) -> None:
        for index, body in enumerate(bodies):
            if index not in known and body.startswith(_INTENT.begins, phase_at):
                seq = json.loads(body)["seq"]
                raise Fault(f"record {seq} opens an operation that the operation table does not know", seq)

    def _check_superseded(self, bodies: Sequence[bytes], known: set[int], phase_at: int) -> None:
        """An outcome that is not its operation's last must have left it unknown."""
        for index, body in enumerate(bodies):
            if index in known or not body.startswith(_OUTCOME.begins, phase_at):
                continue
            record = json.loads(body)
            seq = record["seq"]
            row = self._db.execute(f"{_COLUMNS} WHERE id = ?", (record.get("operation"),)).fetchone()
            if not row or row[5] is None or not row[4] < seq < row[5] or record.get("state") != "unknown":
                raise Fault(f"the operation table does not know the outcome in record {seq}", seq)


def _follow(bodies: Sequence[bytes], previous: list[str], low: int, high: int) -> bool:
    """Whether each text names the hash of the one before and its own number."""
    phase_at = _phase_at(low)
    opening = '{"prev":"'
    links = b"".join([body[: SEQ_AT - 2] for body in bodies])
    seqs = b"".join([body[SEQ_AT - 2 : phase_at] for body in bodies])
    expected = ',","seq":'.join(map(str, range(low, high + 1)))
    return links.decode(errors="replace") == opening + opening.join(previous) and (
        seqs.decode(errors="replace") == f'","seq":{expected},'
    )


def _names_private(ending: bytes) -> bool:
    first, last = NAMED.split(b"%b")
    return ending.startswith(first) and ending.endswith(last)


def _phase_at(seq: int) -> int:
    """Where `"phase":` stands in record `seq`."""
    return SEQ_AT + len(f'"seq":{seq},')


def _count(bodies: Sequence[bytes], phase: bytes, phase_at: int) -> int:
    return sum(map(bytes.startswith, bodies, repeat(phase), repeat(phase_at)))


def _check_heads(kind: _Head, rows: list[Row], bodies: Sequence[bytes], low: int, phase_at: int) -> None:
    """Each row's record must begin with what the row says. Raises `Fault`."""
    named = [bodies[kind.seq(row) - low] for row in rows]
    heads = list(map(kind.form.__mod__, map(kind.columns, rows)))
    # A quotation mark more than the form's would let a name run into the fields behind it.
    quotes = kind.form.count(b'"')
    if all(map(bytes.startswith, named, heads, repeat(phase_at))) and (
        b"".join(heads).count(b'"') == quotes * len(heads)
    ):
        return
    for row, body in zip(rows, named, strict=True):
        _compare(kind, row, body)


def _compare(kind: _Head, row: Row, body: bytes) -> None:
    """The same comparison through a parser, for names that JSON escapes."""
    record = json.loads(body)
    values = (text.decode(errors="replace") for text in kind.columns(row))
    expected = dict(zip(kind.names, values, strict=True)) | {"phase": kind.phase}
    for name, value in expected.items():
        if record.get(name) != value:
            seq = record["seq"]
            raise Fault(f"the operation table does not agree with record {seq} on its {name}", seq)


def _runs(low: int, last: int) -> Iterator[tuple[int, int]]:
    """Ranges of record numbers from `low` to `last`, each with numbers of one length."""
    while low <= last:
        high = min(low + RUN - 1, last, 10 ** len(str(low)) - 1)
        yield low, high
        low = high + 1


def wrong_lead(body: bytes, seq: int, prev: str) -> str | None:
    """What is wrong with the predecessor's hash and the number in a record's text, None if nothing."""
    if body.startswith(f'{{"prev":"{prev}","seq":{seq},'.encode()):
        return None
    if body[: SEQ_AT - 2] != f'{{"prev":"{prev}'.encode():
        return f"record {seq} does not follow record {seq - 1}: it names another hash"
    return f"record {seq} carries another number"
