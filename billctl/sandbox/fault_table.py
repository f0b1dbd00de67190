"""The faults that are armed in a gateway's state, and which request meets one."""

from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from billctl.sandbox.database import Database


class Fault(NamedTuple):
    """An armed fault: the next `remaining` requests that `match` (`METHOD PATH` with `*`, or `*`) meet it."""

    id: int
    kind: str
    match: str
    remaining: int
    seconds: float | None
    status: int | None
    code: str | None
    retry_after: int | None


def listed(database: Database) -> list[dict[str, Any]]:
    """The armed faults in the order they were armed, as plain dicts."""
    return [fault._asdict() for fault in _all(database)]


def take(database: Database, method: str, path: str) -> Fault | None:
    """The first armed fault that this request meets, used up once. None for almost every request."""
    if not any(_meets(fault, method, path) for fault in _all(database)):
        return None
    with database.transaction(write=True):
        fault = next((f for f in _all(database) if _meets(f, method, path)), None)
        if fault:
            database.execute("UPDATE faults SET remaining=remaining-1 WHERE id=?", (fault.id,))
            database.execute("DELETE FROM faults WHERE remaining<1")
    return fault


def _all(database: Database) -> list[Fault]:
    return [Fault(*row) for row in database.execute("SELECT * FROM faults ORDER BY id")]


def _meets(fault: Fault, method: str, path: str) -> bool:
    if fault.match == "*":
        return True
    wanted_method, wanted_path = fault.match.split()
    return fnmatchcase(method, wanted_method.upper()) and fnmatchcase(path, wanted_path)
