"""Where the rehearsal gateways' state is, how it comes to be, and what is in it.

`STATE_DIR/sandbox/GATEWAY.sqlite` is 0600, its directory 0700. Settings (`configure`): `search_lag`
seconds before a new object is found by Search (default 0), `settle_after` seconds until a pending refund
settles (default 60). Of PayPal: `reporting_lag` seconds before Transaction Search knows a payment (default
10,800), `resultset_cap` rows that it gives at most (default 10,000), `token_life` seconds of an access token
(default 32,400). Of WooCommerce: `woo_version` (100002 is 10.0.2, the default), `woo_subscriptions` and
`woo_https` and `woo_permalinks` (0 or 1, default 1), `woo_decimals` of every amount (default 2),
`woo_window_ms` between reading what a refund may take and writing its record, `woo_gateway_ms` that its
payment gateway takes, `woo_mail_down` (all three default 0).
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from billctl.errors import StoreError
from billctl.sandbox.database import SCHEMA, SETTINGS, VERSION, Clock, Database, utc_now
from billctl.sandbox.fault_table import listed
from billctl.sandbox.registry import GATEWAYS, seed

GENERATION = "generation"
"""The settings row that tells one shop from the one before it: ids of objects begin anew with each."""

GARBAGE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)
SPOILT = (*GARBAGE, sqlite3.SQLITE_ERROR)
"""SQLite's codes for a file whose content is wrong (`SQLITE_ERROR`: a table is missing)."""


def path_of(state_dir: Path, gateway: str) -> Path:
    """The file of a gateway's state."""
    return state_dir / "sandbox" / f"{gateway}.sqlite"


def kept_dir(state_dir: Path) -> Path:
    """The folder of what adapters keep of the rehearsal gateways between runs: tokens, copies."""
    return state_dir / "sandbox" / "kept"


def prepare(state_dir: Path, gateway: str, *, clock: Clock = utc_now, seed_shop: bool = True) -> Path:
    """Make sure the gateway's state exists, seeded unless told otherwise, and return its path.

    A new file is built aside and linked into place, so no command ever sees half a shop. One that another
    version of the sandbox made is replaced: it holds nothing but a rehearsal. Raises
    `StoreError` when the directory cannot be written or the file is no database.
    """
    path = path_of(state_dir, gateway)
    with usable(path):
        if path.exists() and _version(path) != VERSION:
            _remove(path)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.chmod(0o700)
            _build(path, gateway, clock() if seed_shop else None)
    return path


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Inside, state that cannot be opened, read or written becomes a `StoreError` that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError) as failure:
        if _code(failure) in SPOILT:
            hint = "It is play money: begin anew with `billctl sandbox reset`."
        else:
            hint = f"Give {path.parent} room and the right to write there, or set BILLCTL_STATE_DIR."
        why = failure.strerror if isinstance(failure, OSError) else failure
        message = f"the sandbox's data in {path.parent} cannot be used: {why or failure}"
        raise StoreError(message, code="sandbox_data", hint=hint) from failure


def _code(failure: BaseException | None) -> int | None:
    """SQLite's primary code of a failure; None for one of another kind."""
    code: int | None = getattr(failure, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _version(path: Path) -> int:
    database = Database(path)
    try:
        return int(database.execute("PRAGMA user_version").fetchone()[0])
    finally:
        database.close()


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def _build(path: Path, gateway: str, seeded_at: datetime | None) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        database = Database(draft)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            with database.transaction(write=True):
                for statement in SCHEMA.split(";"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version={VERSION}")
                _seed(database, gateway, seeded_at)
        finally:
            database.close()
        try:
            os.link(draft, path)
        except FileExistsError:
            return  # another command was faster; its shop is the same
    finally:
        draft.unlink(missing_ok=True)


def _seed(database: Database, gateway: str, now: datetime | None) -> None:
    """Fill the test-mode shop; the live copy is made when a live key first asks. None: an empty shop."""
    database.execute("INSERT INTO settings VALUES(?, ?)", (GENERATION, int.from_bytes(os.urandom(6))))
    if now is None:
        database.execute("INSERT INTO settings VALUES('empty', 1)")
        return
    seed(gateway, database, live=False, now=int(now.timestamp()))


def generation(state_dir: Path, gateway: str) -> str:
    """Twelve hex digits that name the gateway's present shop: random, and others after every `reset`.

    The state is made and seeded first where it is not there.
    """
    with opened(state_dir, gateway) as database:
        row = database.execute("SELECT value FROM settings WHERE name=?", (GENERATION,)).fetchone()
    return f"{row[0]:012x}"


def configure(state_dir: Path, gateway: str, **settings: int) -> None:
    """Change settings (see the module's text). Raises `ValueError` for an unknown name."""
    unknown = settings.keys() - SETTINGS.keys()
    if unknown:
        raise ValueError(f"no such sandbox setting: {', '.join(sorted(unknown))}")
    with opened(state_dir, gateway) as database, database.transaction(write=True):
        for name, value in settings.items():
            database.execute("INSERT OR REPLACE INTO settings VALUES(?, ?)", (name, value))


def reset(state_dir: Path, *, clock: Clock = utc_now) -> None:
    """Wipe every gateway's state, faults and settings included, and what adapters kept of it; seed anew.

    Commands that are running see the new shop from their next request on. A file that is no database is
    replaced.
    """
    with usable(kept := kept_dir(state_dir)):
        if kept.exists():
            import shutil

            shutil.rmtree(kept)
    for gateway in GATEWAYS:
        try:
            prepare(state_dir, gateway, clock=clock)
        except StoreError as error:
            if _code(error.__cause__) not in GARBAGE:
                raise
            path = path_of(state_dir, gateway)
            with usable(path):
                _remove(path)
        with opened(state_dir, gateway) as database, database.transaction(write=True):
            for table in ("objects", "keys", "faults", "settings"):
                database.execute(f"DELETE FROM {table}")  # noqa: S608 the names above
            _seed(database, gateway, clock())


def status(state_dir: Path) -> dict[str, dict[str, Any]]:
    """Per gateway: `path`, `objects` and `live_objects` (kind → count), `faults` (as `faults.armed` does).

    A gateway that was never used has no state yet and is left out.
    """
    report: dict[str, dict[str, Any]] = {}
    for gateway in GATEWAYS:
        path = path_of(state_dir, gateway)
        if not path.exists():
            continue
        with opened(state_dir, gateway) as database, database.transaction(write=False):
            report[gateway] = {
                "path": str(path),
                "objects": _counts(database, live=False),
                "live_objects": _counts(database, live=True),
                "faults": listed(database),
            }
    return report


def _counts(database: Database, *, live: bool) -> dict[str, int]:
    query = "SELECT kind, count(*) FROM objects WHERE live=? GROUP BY kind ORDER BY kind"
    return dict(database.execute(query, (live,)))


@contextmanager
def opened(state_dir: Path, gateway: str) -> Iterator[Database]:
    """A connection for one block, closed after it; the state is made and seeded first if it is not there.

    Raises `StoreError` when it cannot be used, inside the block too.
    """
    path = prepare(state_dir, gateway)
    with usable(path), closing(Database(path)) as database:
        yield database
