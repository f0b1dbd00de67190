"""Opening the audit log to read it, for commands that need no profile."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from billctl.errors import StoreError
from billctl.paths import state_dir
from billctl.session import STORE
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
