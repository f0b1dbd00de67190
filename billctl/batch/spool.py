"""Rows on disk while they are checked and planned: memory does not grow with them.

They lie in a file of SQLite that has no name any more once it is open, so that nothing of it outlives the
process, however that ends. Sorting is SQLite's own, bounded by its cache.
"""

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from billctl.batch.model import Row
from billctl.errors import StoreError
from billctl.frozen import fields

SETUP = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -1024;
CREATE TABLE row (
    n INTEGER PRIMARY KEY, line INTEGER NOT NULL, account TEXT NOT NULL, object_id TEXT NOT NULL,
    more TEXT NOT NULL
);
CREATE TABLE alias (
    account TEXT, object_id TEXT, line INTEGER, PRIMARY KEY (account, object_id, line)
) WITHOUT ROWID;
"""
IN_THE_TABLE = ("line", "account", "object_id")
TWICE = """
SELECT row.line, first.line, row.account || ':' || row.object_id,
       row.more = (SELECT more FROM row WHERE n = first.n)
  FROM (SELECT account, object_id, min(n) AS n, min(line) AS line FROM row
        GROUP BY account, object_id HAVING count(*) > 1) AS first
  JOIN row ON row.account = first.account AND row.object_id = first.object_id AND row.n != first.n
 ORDER BY row.n
"""


class Spool:
    """The rows of one input, in their order; a context manager. Iterate it any number of times.

    `warnings` are what the input said of itself being incomplete. The file lies in `folder`. Raises
    `StoreError` where the disk fails.
    """

    def __init__(self, folder: Path) -> None:
        self.warnings: tuple[str, ...] = ()
        self._rows = 0
        with _told():
            handle, name = tempfile.mkstemp(prefix=".rows-", dir=folder)
            os.close(handle)
            self._path = Path(name)
            with _removed(self._path):
                self._database = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
                self._database.executescript(SETUP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the rows."""
        self._database.close()
        self._path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Row]:
        with _told():
            for line, account, object_id, more in self._database.execute(
                "SELECT line, account, object_id, more FROM row ORDER BY n"
            ):
                yield Row(line=line, account=account, object_id=object_id, **json.loads(more))

    def fill(self, rows: Iterable[Row]) -> None:
        """Take all rows, once."""
        with _told():
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT INTO row (line, account, object_id, more) VALUES (?, ?, ?, ?)", map(_values, rows)
            )
            self._database.execute("COMMIT")
            (self._rows,) = self._database.execute("SELECT count(*) FROM row").fetchone()

    def accounts(self) -> list[str]:
        """The accounts that rows name, in the order of their names."""
        with _told():
            return [name for (name,) in self._database.execute("SELECT DISTINCT account FROM row ORDER BY 1")]

    def twice(self) -> Iterator[tuple[int, int, str, bool]]:
        """Rows on an object that an earlier row is on, in their order: line, the first one's line, reference,
        whether the two say the same in everything."""
        with _told():
            self._database.execute("CREATE INDEX IF NOT EXISTS by_object ON row (account, object_id)")
            for line, first, ref, same in self._database.execute(TWICE):
                yield line, first, ref, bool(same)

    def line_of(self, accounts: Sequence[str], object_id: str, *, but: int) -> int | None:
        """The first line with a row on this object of one of `accounts`, by its own name or by an alias that
        was noted; not the line `but`."""
        lines = []
        with _told():
            for table in ("row", "alias"):
                for account in accounts:
                    query = f"SELECT min(line) FROM {table} WHERE account = ? AND object_id = ? AND line != ?"  # noqa: S608 ours
                    lines += self._database.execute(query, (account, object_id, but)).fetchone()
        return min((line for line in lines if line is not None), default=None)

    def note_alias(self, account: str, object_id: str, line: int) -> None:
        """Keep that the gateway calls the object of the row at `line` so, and the row does not."""
        with _told():
            self._database.execute("INSERT INTO alias VALUES (?, ?, ?)", (account, object_id, line))


def _values(row: Row) -> tuple[Any, ...]:
    more = {n: v for n, v in fields(row).items() if n not in IN_THE_TABLE and v not in (None, False)}
    return row.line, row.account, row.object_id, json.dumps(more)


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    """Take the file's name away, once it is open; where a system does not let go of it, closing does."""
    try:
        yield
    finally:
        with suppress(PermissionError):
            path.unlink()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise StoreError(
            f"the rows cannot be kept on disk while they are read: {why}",
            code="spool",
            hint="Check the disk, then run it again.",
        ) from error
