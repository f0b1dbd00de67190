"""Opening the SQLite file: whose it is, what durability needs, its migrations, and its faults in words."""

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

from billctl.errors import Busy, StoreError
from billctl.store import schema
from billctl.store.files import KEEP

T = TypeVar("T")

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables (sqlite.org/stricttables.html)."""

BUSY_SECONDS = 5.0
WAL_PAGES = 1000
"""A commit that leaves more pages than this in the WAL moves them to the main file: about 4 MB."""

PRAGMAS: tuple[tuple[str, str | int, str | int], ...] = (
    ("synchronous", "FULL", 2),
    ("fullfsync", "ON", 1),  # macOS: fsync alone leaves the data in the drive's cache
    ("wal_autocheckpoint", WAL_PAGES, WAL_PAGES),
)
"""Name, what is set, what SQLite must answer to it."""

FAULTS: tuple[tuple[str, str, str], ...] = (
    ("SQLITE_FULL", "the disk is full", "Make room and run again."),
    ("SQLITE_NOTADB", "it is not a billctl audit log", KEEP),
    ("SQLITE_CORRUPT", "it is damaged", "Keep a copy, then run `billctl audit verify`."),
    ("SQLITE_READONLY", "it or its directory cannot be written", "Make both writable for your user."),
    ("SQLITE_CANTOPEN", "it or its directory cannot be opened", "Check that your user may write there."),
    ("SQLITE_PERM", "access is denied", "Check that your user may write there."),
    ("SQLITE_AUTH", "access is denied", "Check that your user may write there."),
    ("SQLITE_IOERR", "the disk reports an error or a size limit", "Check the disk, its space and quota."),
    ("SQLITE_PROTOCOL", "its locks do not work", "Choose a $BILLCTL_STATE_DIR on a local disk."),
    ("SQLITE_NOLFS", "it is too large for this system", "Choose another $BILLCTL_STATE_DIR."),
    ("SQLITE_CONSTRAINT", "the record does not follow the log's rules", "Run `billctl audit verify`."),
)
"""SQLite's error name (its beginning), what it means here, what to do."""


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """A connection without implicit transactions, usable from any thread under the caller's lock."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if readonly else 'rw'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def ready(db: sqlite3.Connection, path: Path, *, readonly: bool) -> None:
    """Check whose file this is, switch on what durability needs, and bring the schema up to date."""
    if sys.version_info >= (3, 12):
        db.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
    check_version(db, path)
    if readonly:
        if not version(db):
            raise StoreError(
                f"the audit log {path} was never finished",
                code="store_older",
                hint="Any command that writes to it brings it up to date.",
            )
        return
    answer = _patiently(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone()[0])
    # After an I/O error SQLite stays in its old mode without raising.
    if answer != "wal":
        raise _wrong_pragma(path, "journal_mode", answer)
    for name, value, expected in PRAGMAS:
        db.execute(f"PRAGMA {name} = {value}")
        if (answer := _pragma(db, name)) != expected:
            raise _wrong_pragma(path, name, answer)
    _patiently(lambda: migrate(db))


def _wrong_pragma(path: Path, name: str, answer: object) -> StoreError:
    return StoreError(
        f"SQLite does not keep the audit log {path} durable ({name} is {answer!r})",
        code="store_pragma",
        hint="Check the disk, or choose a $BILLCTL_STATE_DIR on a local one.",
    )


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def version(db: sqlite3.Connection) -> int:
    """The schema's version: how many migrations the store has had."""
    return _pragma(db, "user_version")


def check_version(db: sqlite3.Connection, path: Path) -> None:
    """Raises `StoreError` for another program's file, and for one of a newer billctl."""
    with snapshot(db):  # another process may be making the store at this moment
        found = version(db)
        application = _pragma(db, "application_id")
        empty = found == 0 and not _pragma(db, "schema_version")
    if application != schema.APPLICATION_ID and not empty:
        raise StoreError(
            f"{path} is another program's database",
            code="store_foreign",
            hint=KEEP,
        )
    if found > schema.VERSION:
        raise StoreError(
            f"the audit log {path} was written by a newer billctl"
            f" (schema {found}; this one knows {schema.VERSION})",
            code="store_newer",
            hint="Upgrade billctl. Nothing was changed in the file.",
        )


def migrate(db: sqlite3.Connection, migrations: tuple[schema.Migration, ...] = schema.MIGRATIONS) -> None:
    """Run the migrations that the store has not had, each with its number in one transaction."""
    for number, statements in enumerate(migrations, start=1):
        if version(db) >= number:
            continue
        with transaction(db):
            if version(db) >= number:  # another process was first
                continue
            for statement in statements:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")


def _patiently(step: Callable[[], T]) -> T:
    """Repeat `step` while SQLite is busy without waiting by itself, as it is for a change of journal mode."""
    end = monotonic() + BUSY_SECONDS
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not _name(error).startswith("SQLITE_BUSY") or monotonic() > end:
                raise
        sleep(0.01)


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """`BEGIN IMMEDIATE` … `COMMIT`; rolled back when the block, or the commit itself, fails."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # SQLite has already rolled back by itself after some errors (sqlite.org/lang_transaction.html).
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(db: sqlite3.Connection) -> Iterator[None]:
    """One state of the store for all that the block reads, whatever is appended meanwhile."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's errors about the store `path` as `Busy` or `StoreError`, each with its one line."""
    try:
        yield
    except sqlite3.Error as error:
        raise fault(path, error) from error


def fault(path: Path, error: sqlite3.Error) -> Busy | StoreError:
    """What a SQLite error means here: `Busy` for a lock, else `StoreError`."""
    name = _name(error)
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy(
            f"another process has kept the audit log {path} locked for {BUSY_SECONDS:.0f} seconds",
            code="store_busy",
            hint="Run again when it has ended.",
        )
    for beginning, meaning, hint in FAULTS:
        if name.startswith(beginning):
            return StoreError(f"cannot use the audit log {path}: {meaning}", code=name.lower(), hint=hint)
    return StoreError(
        f"cannot use the audit log {path}: {error}",
        code=name.lower() or None,
        hint="Keep a copy, then run `billctl audit verify`.",
    )


def _name(error: sqlite3.Error) -> str:
    # Errors that the sqlite3 module raises by itself (a closed connection, undecodable text) carry no name.
    return str(getattr(error, "sqlite_errorname", ""))
