"""Opening the audit log, to read it or to record a look at it, for commands that need no profile."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billctl.audit.actor import current_actor
from billctl.audit.log import AuditLog
from billctl.errors import StoreError
from billctl.paths import ensure_private_dir, state_dir
from billctl.session import STORE, utc_now
from billctl.store.interface import Store


def log_path() -> Path:
    """Where the audit log is."""
    return state_dir(os.environ) / STORE


@contextmanager
def reading() -> Iterator[Store | None]:
    """The store, open for reading; None where nothing has ever been recorded."""
    from billctl.store.sqlite import open_store

    try:
        store = open_store(log_path(), readonly=True)
    except StoreError as error:
        if error.code != "store_missing":
            raise
        yield None
        return
    try:
        yield store
    finally:
        store.close()


@contextmanager
def writing() -> Iterator[tuple[Store, AuditLog]]:
    """The store, open for writing and created where missing, and the log that records what is done with it.

    What it records names no profile and no mode (both empty): none is read. Raises what opening a store
    raises.
    """
    from billctl.store.sqlite import open_store

    path = log_path()
    ensure_private_dir(path.parent)
    store = open_store(path)
    try:
        actor = current_actor(os.environ)
        yield (
            store,
            AuditLog(store, actor=actor, profile="", mode="", clock=utc_now, source="cli", argv=sys.argv[1:]),
        )
    finally:
        store.close()
