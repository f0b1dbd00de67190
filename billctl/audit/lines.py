"""Proving an export: one record's text a line, followed by the line of its private part where it has one.

This and the recipe in `billctl help audit` are two readings of the same form; neither asks the log.

What the lines alone cannot show: a change of the last record, records cut off at the end, everything
written anew with new hashes, private parts left out. All but the last end in another head: compare it
with the log's, or with a checkpoint kept elsewhere; the private parts are counted.
"""

import hashlib
import re
from collections.abc import Iterable

from billctl.audit.proof import Fault, wrong_lead
from billctl.frozen import frozen
from billctl.store.interface import GENESIS, Head

PRIVATE = b'{"salt":"'
"""How the line of a private part begins; a record's begins with its predecessor's hash."""

NAMED_AT = slice(-len(',"private":""}') - 64, None)
"""Where a record's text names the hash of its private part: at its end."""

START = Head(seq=0, hash=GENESIS)
_LEAD = re.compile(rb'\{"prev":"([0-9a-f]{64})","seq":([1-9][0-9]{0,17}),')


@frozen
class LinesVerdict:
    """What the lines proved to be, up to the first fault.

    `first` is the number of the first record, None where there is none; `head` the last one proved;
    `private` counts private parts, `absent` the records that name one which is not there. `broken` is the
    number of the record at fault, `why` says what is wrong with it; None where nothing is.
    """

    records: int
    first: int | None
    head: Head
    private: int
    absent: int
    broken: int | None = None
    why: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything was proved."""
        return self.why is None


class LineProof:
    """A pass over lines in their order. `after` is what the first record must follow; None takes its word."""

    def __init__(self, after: Head | None = START) -> None:
        self._prev = after
        self._record = b""
        self._parts = 0
        self._naming = 0
        self._first: int | None = None

    @property
    def head(self) -> Head:
        """The last record proved."""
        return self._prev or START

    def record(self, line: bytes) -> None:
        """The next record's text. Raises `Fault`."""
        prev = self._prev or _predecessor(line)
        seq = prev.seq + 1
        if why := wrong_lead(line, seq, prev.hash):
            raise Fault(why, seq)
        if b"\n" in line:
            raise Fault(f"record {seq} is more than one line", seq)
        self._first = self._first or seq
        self._prev = Head(seq=seq, hash=hashlib.sha256(line).hexdigest())
        self._naming += line[NAMED_AT].startswith(b',"private":"')
        self._record = line

    def private(self, line: bytes) -> None:
        """The private part of the record just given. Raises `Fault` unless that names it, and only once."""
        named = b',"private":"%b"}' % hashlib.sha256(line).hexdigest().encode()
        if self._record[NAMED_AT] != named or b"\n" in line:
            seq = self.head.seq or 1
            raise Fault(f"the private part after record {seq} is not the one that it names", seq)
        self._record = b""
        self._parts += 1

    def verdict(self, fault: Fault | None = None) -> LinesVerdict:
        """What was proved so far."""
        return LinesVerdict(
            records=self.head.seq - self._first + 1 if self._first else 0,
            first=self._first,
            head=self.head,
            private=self._parts,
            absent=self._naming - self._parts,
            broken=fault.seq if fault else None,
            why=fault.why if fault else None,
        )


def verify_lines(lines: Iterable[bytes], *, after: Head | None = START) -> LinesVerdict:
    """Prove an export from its lines. Streamed.

    `after` is the head that the first record must follow: that of an empty log unless told otherwise;
    None for an export that may begin anywhere.
    """
    proof = LineProof(after)
    try:
        for line in lines:
            text = line.removesuffix(b"\n")
            if text.startswith(PRIVATE):
                proof.private(text)
            else:
                proof.record(text)
    except Fault as fault:
        return proof.verdict(fault)
    return proof.verdict()


def _predecessor(line: bytes) -> Head:
    """What the first record of an export names before it."""
    found = _LEAD.match(line)
    if not found:
        raise Fault("the first line is no record", 1)
    seq, prev = int(found[2]), found[1].decode()
    if (seq == 1) != (prev == GENESIS):
        raise Fault(f"record {seq} names a predecessor that it cannot have", seq)
    return Head(seq=seq - 1, hash=prev)
