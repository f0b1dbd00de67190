"""What a fault left: the log as it was at that instant, the gateway, and whether all comes right afterwards.

Every check raises `AssertionError`. Those that look do so on copies of the files: opening the log itself
would repair it.
"""

import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock
from urllib.parse import urlsplit

from billctl.audit.entry import Entry, read
from billctl.gateways.woocommerce.resend import ACCEPTED
from billctl.sandbox.state import configure
from billctl.session import Session
from billctl.store.interface import RecordFilter
from billctl.store.sqlite import open_store
from tests.safety import programs
from tests.safety.acts import Act
from tests.shop import SECONDS, Ran, Shop

ROOT = Path(__file__).resolve().parents[2]
LATER = timedelta(minutes=2)
"""Longer than billctl waits for an answer: afterwards, no trace means that it was not done."""
NOTHING = "Nothing was sent"


def program(act: Act, *, name: str = programs.RIGHT) -> list[str]:
    """The words that start `act` in one of the programs."""
    return [sys.executable, "-m", "tests.safety.programs", name, *act.words]


def environment(shop: Shop) -> dict[str, str]:
    """The environment of such a program."""
    return shop.environment({"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""})


def records(shop: Shop, phase: str) -> list[Entry]:
    """The records of a phase that are on disk now, oldest first."""
    with TemporaryDirectory(dir=shop.state_dir.parent) as folder:
        copied = Path(folder) / "state"
        copied.mkdir(mode=0o700)
        for path in shop.state_dir.glob("audit.sqlite*"):
            shutil.copy2(path, copied)
        log = copied / "audit.sqlite"
        if not log.exists():
            return []
        store = open_store(log)
        try:
            return [
                entry for record in store.records(RecordFilter()) if (entry := read(record)).phase == phase
            ]
        finally:
            store.close()


def unsettled(shop: Shop) -> list[str]:
    """The operations of which the log does not know what became of them."""
    store = open_store(shop.state_dir / "audit.sqlite")
    try:
        return [operation.id for operation in store.unsettled()]
    finally:
        store.close()


def _serving() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "sandbox"}


@contextmanager
def acted_upon(shop: Shop) -> Iterator[None]:
    """What the block sent is acted upon when it ends, also where nobody waits for the answer any more.

    Connections are accepted in their order: once a later one is answered, each has its thread.
    """
    before = _serving()
    yield
    where = urlsplit(shop.url)
    with socket.create_connection((where.hostname, where.port), SECONDS) as later:
        later.sendall(b"GET / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n")
        while later.recv(4096):
            pass
    deadline = time.monotonic() + SECONDS
    while _serving() - before:
        assert time.monotonic() < deadline, "a request is still being acted upon"
        time.sleep(0.001)


@contextmanager
def later(ahead: timedelta = LATER) -> Iterator[None]:
    """Commands in this process run by a clock that is so much ahead: when no request can be under way any
    more."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC) + ahead  # noqa: E731  # a value, not a function
    assert Session.__init__.__kwdefaults__
    with mock.patch.dict(Session.__init__.__kwdefaults__, clock=clock):
        yield


def check_instant(shop: Shop, act: Act) -> int:
    """How often it is done at the gateway: never without its intent on disk, with who, why and what."""
    effects, announced = act.effects(shop), records(shop, "intent")
    assert effects <= len(announced) <= 1, f"{effects} effects, {len(announced)} intents on disk"
    for intent in announced:
        minor = intent.amount.minor if intent.amount else None
        assert (intent.action, intent.reason, minor) == (act.verb, "charged twice", act.minor)
        assert intent.login
        assert re.fullmatch(r"[0-9a-f]{32}", intent.fields["key"])
    return effects


def check_recovery(shop: Shop, act: Act, *, name: str = programs.RIGHT) -> None:
    """Run again, after a reconciliation where it asks for one, it is done exactly once; the log is whole."""
    before, found = act.effects(shop), ""
    with programs.PROGRAMS[name]():
        first = shop.run(*act.words)
        with later():
            if first.code:
                found = _found_out(shop, act)
            again = shop.run(*act.words, "-o", "json")
    assert act.effects(shop) == 1, f"done {act.effects(shop)} times"
    assert first.code in {0, *act.stopped}, first
    assert found in {"", "done" if before else "not_done"}
    done = before or not found
    assert (again.code, again.data["outcome"]) == (0, "already_done" if done else act.ends)
    assert [entry.state for entry in records(shop, "outcome")].count("done") == 1
    assert unsettled(shop) == []
    verified = shop.run("audit", "verify")
    assert verified.code == 0, verified


def _found_out(shop: Shop, act: Act) -> str:
    """What a reconciliation, which sends nothing, finds; where no gateway can tell, what a person knows."""
    before = act.effects(shop)
    asked = shop.run("audit", "reconcile", "-o", "json")
    if act.late:
        configure(shop.state_dir, act.gateway, reporting_lag=0)
    if act.late and unsettled(shop):
        assert asked.code == 6, asked.out
        asked = shop.run("audit", "reconcile", "-o", "json")
    assert act.effects(shop) == before, "a reconciliation sent it"
    if not unsettled(shop):
        assert asked.code == 0, asked.out
        return str(asked.data[0]["finding"]) if asked.data else ""
    assert (asked.code, act.shows(done=bool(before))) == (6, False), asked.out
    assert shop.run(*act.words).code in act.stopped
    assert act.effects(shop) == before, "it was sent on top of an unknown outcome"
    (operation,) = unsettled(shop)
    truth = "done" if before else "not-done"
    resolved = shop.run("audit", "resolve", operation, "--as", truth, "--reason", "asked him", "--yes")
    assert resolved.code == 0, resolved
    return truth.replace("-", "_")


def check_words(ran: Ran, effects: int) -> None:
    """One line at most, beside what is known of every delivery, and it does not say that nothing was sent
    where something was."""
    assert "Traceback" not in ran.err
    assert len([line for line in ran.err.splitlines() if ACCEPTED not in line]) <= 1, ran.err
    assert not (effects and NOTHING in ran.err), ran.err
    assert ran.code or effects == 1
