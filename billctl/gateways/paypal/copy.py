"""The local copy: rows of Transaction Search on this machine, for what PayPal cannot search.

It covers one unbroken time, `since` to `until`: every window is written in one transaction with the new
edge, and only where it touches the time already covered. So a kill at any moment, or two runs at once,
leave a copy that is whole as far as it says. The last `SETTLING` before its end is read again with every
sync, for payments whose state changed. The file is readable by its owner only.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from billctl.errors import StoreError
from billctl.frozen import fields
from billctl.gateway import By, LocalCopy, Query
from billctl.gateways.paypal import windows
from billctl.gateways.paypal.client import Client
from billctl.gateways.paypal.pool import WORKERS, spread
from billctl.gateways.paypal.rows import Row, created_of
from billctl.gateways.paypal.tokens import make_private
from billctl.gateways.paypal.windows import Transactions, Window

COLUMNS = Row.__match_args__
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS covered (one INTEGER PRIMARY KEY CHECK (one = 1), since INTEGER, until INTEGER);
CREATE TABLE IF NOT EXISTS rows (
    {", ".join(f"{name} TEXT" for name in COLUMNS)},
    at INTEGER, payment INTEGER, email_folded TEXT, name_folded TEXT, PRIMARY KEY (id, code));
CREATE INDEX IF NOT EXISTS rows_email ON rows (email_folded);
CREATE INDEX IF NOT EXISTS rows_payer ON rows (payer_id);
"""
SUFFIXES = ("", "-journal", "-wal", "-shm")
WAIT = 10.0
"""Seconds for another process that writes."""


class Copy:
    """The copy of one client's transactions at one address, in `folder`. Nothing is there before `sync`."""

    def __init__(self, folder: Path, *, endpoint: str, client_id: str, account: str) -> None:
        name = hashlib.sha256(f"{endpoint}\n{client_id}".encode()).hexdigest()[:32]
        self._path = folder / f"copy-{name}.sqlite"
        self._account = account

    def state(self) -> LocalCopy | None:
        """What the copy covers; None where there is none. Raises `StoreError` for one that cannot be read."""
        if not self._path.exists():
            return None
        with self._open() as database:
            covered = database.execute("SELECT since, until FROM covered").fetchone()
            if covered is None:
                return None
            (records,) = database.execute("SELECT count(*) FROM rows WHERE payment").fetchone()
        return LocalCopy(since=_instant(covered[0]), until=_instant(covered[1]), records=records)

    def rows_of(self, query: Query) -> list[Row]:
        """The rows of everybody who answers a query by e-mail, name or payer id, by one of his rows."""
        value = query.text if query.by is By.ID else query.text.casefold()
        with self._open() as database:
            return [Row(*values) for values in database.execute(QUERIES[query.by], (value,))]

    def put(self, window: Window, found: Transactions) -> None:
        """Add a window's rows and the time it covers, in one step; nothing where it does not touch the time
        covered so far, which another run may have changed."""
        edge = min(window.until, found.refreshed or window.until - windows.LAG)
        since, until = int(window.since.timestamp()), int(max(edge, window.since).timestamp())
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            covered = database.execute("SELECT since, until FROM covered").fetchone() or (since, until)
            if since <= covered[1] and int(window.until.timestamp()) >= covered[0]:
                marks = ", ".join("?" * (len(COLUMNS) + 4))
                database.executemany(
                    f"INSERT OR REPLACE INTO rows VALUES ({marks})",  # noqa: S608 - question marks only
                    [_values(row) for row in found.rows],
                )
                edges = (min(since, covered[0]), max(until, covered[1]))
                database.execute("INSERT OR REPLACE INTO covered VALUES (1, ?, ?)", edges)
            database.execute("COMMIT")

    def forget(self) -> LocalCopy | None:
        """Delete the copy, and return what was deleted; one that cannot be read is deleted unread."""
        try:
            state = self.state()
        except StoreError:
            state = None
        for suffix in SUFFIXES:
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return state

    def create(self) -> None:
        """Make the file, for its owner only. Raises `StoreError`."""
        try:
            make_private(self._path.parent)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise self._failed(error) from error
        with self._open() as database:
            database.executescript(SCHEMA)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT, isolation_level=None)) as database:
                yield database
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(
            f"the local copy cannot be used: {error}",
            code="local_copy",
            hint="Delete it with `billctl paypal sync --forget`.",
            account=self._account,
        )


ROWS = f"SELECT {', '.join(COLUMNS)} FROM rows WHERE coalesce(payer_id, email) IN "  # noqa: S608 - own words
PEOPLE = "(SELECT coalesce(payer_id, email) FROM rows WHERE "
QUERIES = {
    By.EMAIL: f"{ROWS}{PEOPLE}email_folded = ?)",
    By.NAME: f"{ROWS}{PEOPLE}instr(name_folded, ?))",
    By.ID: f"{ROWS}{PEOPLE}payer_id = ?)",
}


def _values(row: Row) -> tuple[object, ...]:
    folded = (row.email.casefold() if row.email else None, row.name.casefold() if row.name else None)
    at = int(created_of(row).timestamp())
    return (*fields(row).values(), at, int(row.is_payment), *folded)


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def renew(client: Client, copy: Copy, since: datetime, *, now: datetime) -> LocalCopy:
    """Fetch what the copy lacks: first what is new, then what is older, back to `since`.

    Every window is kept as soon as it is there. Raises the errors of a read, and `StoreError`.
    """
    copy.create()
    since = max(since, now - windows.HISTORY)
    state = copy.state()
    if state is not None:
        settling = max(state.until - windows.SETTLING, state.since)
        _fetch(client, copy, list(windows.windows(settling, now))[::-1])
    _fetch(client, copy, list(windows.windows(since, state.since if state else now)))
    found = copy.state()
    assert found is not None
    return found


def _fetch(client: Client, copy: Copy, wanted: list[Window]) -> None:
    """Read windows, a few at once, and write them in their order: each touches the one before."""
    for begin in range(0, len(wanted), WORKERS):
        part = wanted[begin : begin + WORKERS]
        for window, found in zip(
            part, spread([partial(windows.read, client, window) for window in part]), strict=True
        ):
            copy.put(window, found)
