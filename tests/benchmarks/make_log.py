"""Builds a large log quickly: valid in every respect, in one transaction, by the product's own functions.

python -m tests.benchmarks.make_log 1000000 audit.db
"""

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from billctl import VERSION
from billctl.audit.chain import digest, seal
from billctl.audit.private import split
from billctl.money import Money
from billctl.store.connection import connect
from billctl.store.interface import GENESIS
from billctl.store.schema import instant
from billctl.store.sqlite import open_store

CUSTOMERS = 50_000
START = datetime(2026, 1, 1, tzinfo=UTC)
OPERATORS = ("layla", "amir", "joan")
UNKNOWN_EVERY = 1000


def customer(operation: int) -> str:
    """The customer whom operation number `operation` concerns."""
    return f"cus_{operation % CUSTOMERS:08d}"


def make_log(path: Path, records: int) -> None:
    """A new log of `records` records (even): an intent and an outcome for each operation."""
    open_store(path).close()
    with closing(connect(path, readonly=False)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("PRAGMA cache_size = -200000")
        db.execute("BEGIN")
        # The triggers guard against what this program is sure not to do; they come back before the commit.
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        for row, private in _records(records):
            db.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", row)
            db.execute("INSERT INTO private (seq, body) VALUES (?, ?)", (row[0], private))
        db.executemany(
            "INSERT INTO operation (id, key, object, state, intent_seq, outcome_seq)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            _operations(records // 2),
        )
        for _, sql in triggers:
            db.execute(sql)
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _records(count: int) -> Iterator[tuple[tuple[int, str, str], str | None]]:
    prev = GENESIS
    for seq in range(1, count + 1):
        stays, private = split(entry(seq), seq.to_bytes(16))
        body = seal(seq, prev, stays)
        prev = digest(body)
        yield (seq, prev, body), private


def _operations(count: int) -> Iterator[tuple[str, str, str, str, int, int]]:
    for number in range(count):
        yield _id(number), f"{number:032x}", _object(number), _state(number), 2 * number + 1, 2 * number + 2


def entry(seq: int) -> dict[str, Any]:
    """The fields of record `seq`, of the size that a refund's records have."""
    number, closing_it = divmod(seq - 1, 2)
    fields: dict[str, Any] = {
        "phase": "outcome" if closing_it else "intent",
        "operation": _id(number),
        "object": _object(number),
        "time": instant(START + timedelta(seconds=seq)),
        "action": "refund" if number % 3 else "cancel",
        "gateway": "stripe",
        "account": "stripe",
        "account_id": "acct_1Abc",
        "live": True,
        "object_type": "charge",
        "object_id": f"ch_{number:024d}",
        "customer": customer(number),
        "amount": Money(1250 + number % 5000, "USD").data(),
        "reason": "charged twice for the same order, see the ticket",
        "ticket": f"zendesk:{number}",
        "actor": {
            "uid": 1000 + number % 3,
            "login": OPERATORS[number % 3],
            "host": "billing-1",
            "tty": "/dev/pts/1",
            "origin": "terminal",
        },
        "profile": "shop",
        "mode": "live",
        "source": "cli",
        "argv": ["billctl", "stripe", "refund", f"ch_{number:024d}", "--amount", "12.50", "--yes"],
        "version": VERSION,
        "format": 2,
    }
    if closing_it:
        state = _state(number)
        fields |= {"state": state, "outcome": "succeeded" if state == "done" else state}
        fields |= {"result": {"id": f"re_{number:024d}", "status": "succeeded"}, "request_id": f"req_{seq}"}
    else:
        fields["key"] = f"{number:032x}"
    return fields


def _id(number: int) -> str:
    return f"op_{number:026d}"


def _object(number: int) -> str:
    return f"stripe|acct_1Abc|ch_{number:024d}"


def _state(number: int) -> str:
    return "done" if (number + 1) % UNKNOWN_EVERY else "unknown"


if __name__ == "__main__":
    make_log(Path(sys.argv[2]), int(sys.argv[1]))
