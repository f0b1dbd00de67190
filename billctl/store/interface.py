"""What a store promises: records that are only ever appended, in one hash chain, and the operations
they open and close.

SQLite is the default (`billctl.store.sqlite`); the same contract tests are for every implementation.
Every failure of the store itself raises `StoreError`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from billctl.frozen import frozen

GENESIS = "0" * 64
"""What the first record names as its predecessor."""

Seal = Callable[[int, str], str]
"""Given the record's number and its predecessor's hash, the exact text to store and to hash."""


class OperationState(StrEnum):
    """`open`: an intent without an outcome. `unknown`: sent, and nobody knows. The rest are final."""

    OPEN = "open"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"
    NOT_SENT = "not_sent"


UNSETTLED = frozenset({OperationState.OPEN, OperationState.UNKNOWN})


@frozen
class Head:
    """The last record's number and hash; (0, GENESIS) when there is none."""

    seq: int
    hash: str


@frozen
class StoredRecord:
    """A record as stored: `hash` is the SHA-256 (lower hex) of `body` in UTF-8.

    `private` is the text of its personal part, whose SHA-256 the body names; None where it has none,
    or where it was purged.
    """

    seq: int
    hash: str
    body: str
    private: str | None = None


@frozen
class Operation:
    """One action asked for once. `object` names what it changes, on every host alike
    (`GATEWAY|ACCOUNT IDENTITY|OBJECT ID`); `intent` and `outcome` are record numbers."""

    id: str
    key: str
    object: str
    state: OperationState
    intent: int
    outcome: int | None


@frozen
class RecordFilter:
    """Which records to read; None does not filter. `object_id` is the gateway's id of the object acted on,
    `operator` matches the login or the claimed name. `first` and `last` are record numbers, both inclusive;
    times are aware UTC, `since` inclusive, `until` not."""

    operation: str | None = None
    customer: str | None = None
    object_id: str | None = None
    action: str | None = None
    operator: str | None = None
    outcome: str | None = None
    account: str | None = None
    first: int | None = None
    last: int | None = None
    since: datetime | None = None
    until: datetime | None = None


Ranges = tuple[tuple[int, int], ...]
"""Record numbers as ranges, first and last of each, ascending and apart."""


@frozen
class Purgeable:
    """What a purge would remove, and what it would leave behind among what it was asked for.

    `ranges` are the numbers of the records whose private parts would go, `count` how many they are.
    `unsettled` counts records of operations that are not settled, `inseparable` those of before
    private parts were kept apart (format 1): what they say of a person is part of the chain.
    """

    ranges: Ranges
    count: int
    unsettled: int
    inseparable: int


Recent = Callable[[datetime], Iterator[StoredRecord]]
"""The intents since an instant (aware UTC), newest first, whose operation is unsettled or done."""

Guard = Callable[[Recent], None]
"""Judges a new intent by the others, within its transaction: raises, and nothing is appended."""


class Store(Protocol):
    """An open store. One process, any number of threads.

    `private` is the text of a record's personal part, kept beside it so that it can be purged.
    """

    def append(self, seal: Seal, *, private: str | None = None) -> StoredRecord:
        """Append one record; durable when this returns."""

    def begin(
        self,
        seal: Seal,
        *,
        operation: str,
        key: str,
        object: str,
        private: str | None = None,
        guard: Guard | None = None,
    ) -> StoredRecord:
        """Append an intent and open its operation, in one transaction.

        Raises `Busy` when an unsettled operation on the same object exists, or one with the same key
        that is unsettled or done, and whatever `guard` raises; nothing is appended then.
        """

    def finish(
        self, seal: Seal, *, operation: str, state: OperationState, private: str | None = None
    ) -> StoredRecord:
        """Append an outcome and set its operation's state, in one transaction."""

    def find_operation(self, *, key: str) -> Operation | None:
        """The unsettled or done operation with this key, if any."""

    def unsettled_on(self, *, object: str) -> Operation | None:
        """The unsettled operation on this object, if any."""

    def unsettled(self) -> list[Operation]:
        """All unsettled operations, oldest first."""

    def get_operation(self, operation: str) -> Operation | None:
        """The operation with this id, if any."""

    def recent(self, since: datetime) -> Iterator[StoredRecord]:
        """As a guard gets them, but outside of any transaction: others may add meanwhile; see `Recent`."""

    def acted_on(self, action: str, since: datetime) -> frozenset[str]:
        """The objects of the operations of this action, begun since then (aware UTC), that are done."""

    def head(self) -> Head:
        """The last record's number and hash."""

    def record(self, seq: int) -> StoredRecord | None:
        """One record, if there is one with this number."""

    def records(
        self, where: RecordFilter, *, newest_first: bool = False, limit: int | None = None
    ) -> Iterator[StoredRecord]:
        """Records that pass the filter, streamed; memory does not grow with the log."""

    def latest(self, where: RecordFilter, *, limit: int | None = None) -> Iterator[StoredRecord]:
        """As `records`, newest first, but of each operation only its last record."""

    def purgeable(
        self, *, before: datetime, customer: str | None = None, account: str | None = None
    ) -> Purgeable:
        """The private parts of records older than `before` (aware UTC); None does not filter."""

    def purge(self, seal: Seal, *, private: str | None, ranges: Ranges) -> StoredRecord:
        """Append the record of a purge and remove the private parts of `ranges`, in one transaction.

        Raises `Busy` where they are no longer all there, one belongs to an unsettled operation, or any
        operation is open: it could not record its outcome meanwhile. Nothing is changed then.
        """

    def scrub(self) -> None:
        """Let no byte of what was purged remain in the store's files; raises `Busy` while others read."""

    def lock_object(self, object: str) -> AbstractContextManager[None]:
        """Hold `object` while the block runs, across processes; raises `Busy` at once when another
        process or thread holds it. The lock dies with its process."""

    def close(self) -> None:
        """Close it; further calls raise `StoreError`."""
