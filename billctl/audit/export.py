"""Exporting the log: its records in a form, proved while they are written.

NDJSON is the stored bytes: a record's text a line, then the line of its private part where it has one.
The chain can be proved from that alone (`billctl.audit.lines`). CSV is for a spreadsheet and proves nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from billctl.audit.lines import LineProof, LinesVerdict
from billctl.audit.proof import Fault
from billctl.audit.sheet import heading, row
from billctl.errors import StoreError
from billctl.frozen import frozen_value
from billctl.store.interface import RecordFilter, Store, StoredRecord


@frozen_value
class Form:
    """How an export looks: what stands before the records, and the bytes of one record."""

    heading: bytes
    record: Callable[[StoredRecord], bytes]


def _lines(record: StoredRecord) -> bytes:
    text = record.body if record.private is None else f"{record.body}\n{record.private}"
    return text.encode() + b"\n"


FORMS: Mapping[str, Form] = {"ndjson": Form(b"", _lines), "csv": Form(heading(), row)}


def in_range(store: Store, since: datetime | None, until: datetime | None) -> Iterator[StoredRecord]:
    """The records from the first at `since` or later to the last before `until`, from one snapshot.

    Whatever stands between the two is among them, also where a clock went back: the chain has no gap.
    """
    first = next(store.records(RecordFilter(since=since), limit=1), None)
    last = next(store.records(RecordFilter(until=until), newest_first=True, limit=1), None)
    if first is None or last is None:
        return iter(())
    return store.records(RecordFilter(first=first.seq, last=last.seq if until else None))


def export(
    records: Iterable[StoredRecord], write: Callable[[bytes], object], form: Form, *, private: bool
) -> LinesVerdict:
    """Write `records`, which follow each other by number, and say what was proved of them.

    Without `private` the private parts stay out. Raises `StoreError` at the first record that is broken:
    what was written before it is whole, and no export.
    """
    proof = LineProof(None)
    write(form.heading)
    try:
        for record in records:
            given = record if private else StoredRecord(seq=record.seq, hash=record.hash, body=record.body)
            _prove(proof, given)
            write(form.record(given))
    except Fault as fault:
        raise StoreError(
            f"the audit log is broken at record {fault.seq}: {fault.why}",
            code="chain_broken",
            hint="Keep the log as it is and run `billctl audit verify`.",
        ) from None
    return proof.verdict()


def _prove(proof: LineProof, record: StoredRecord) -> None:
    proof.record(record.body.encode())
    if proof.head.hash != record.hash:
        raise Fault(f"record {record.seq} was changed: its hash is not that of its text", record.seq)
    if record.private is not None:
        proof.private(record.private.encode())
