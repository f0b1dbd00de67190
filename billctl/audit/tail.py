"""A look at the log's last records before each action; a look at all of them would cost more than it."""

from billctl.audit.chain import digest, lead
from billctl.audit.entry import read
from billctl.audit.private import hash_named, purged_ranges
from billctl.errors import StoreError
from billctl.store.interface import GENESIS, RecordFilter, Store, StoredRecord

LENGTH = 100


def check_tail(store: Store) -> None:
    """Raise `StoreError` unless the last records are whole and linked, and the last operation is known."""
    records = list(store.records(RecordFilter(), newest_first=True, limit=LENGTH))
    for position, record in enumerate(records):
        if digest(record.body) != record.hash:
            raise _broken(record.seq, "it was changed")
        before = records[position + 1] if position + 1 < len(records) else None
        prev = GENESIS if record.seq == 1 else before.hash if before else None
        if prev is not None and not record.body.startswith(lead(record.seq, prev) + ","):
            raise _broken(record.seq, "it does not follow the record before it")
    _check_private(records)
    operation = read(records[0]).operation if records else None
    if operation and store.get_operation(operation) is None:
        raise _broken(records[0].seq, "its operation is not known")


def _check_private(records: list[StoredRecord]) -> None:
    missing = []
    for record in records:
        named = hash_named(record.body)
        if record.private is not None and digest(record.private) != named:
            raise _broken(record.seq, "its private part was changed")
        if record.private is None and named is not None:
            missing.append(record.seq)
    if not missing:
        return
    # A record is purged by a later one, so the purge of any of these is among them.
    purged = [part for record in records for part in purged_ranges(read(record).fields)]
    for seq in missing:
        if not any(first <= seq <= last for first, last in purged):
            raise _broken(seq, "its private part is missing")


def _broken(seq: int, why: str) -> StoreError:
    return StoreError(
        f"the audit log is broken at record {seq}: {why}",
        code="chain_broken",
        hint="Keep the file as it is and run `billctl audit verify`.",
    )
