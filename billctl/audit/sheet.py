"""Records as rows of a spreadsheet: CSV by RFC 4180, with nothing in a cell that would be run."""

import csv
import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from billctl.audit.entry import Entry, read
from billctl.models import rfc3339
from billctl.store.interface import StoredRecord
from billctl.text import csv_cell

_cell = lru_cache(maxsize=4096)(csv_cell)
"""Most cells of a log repeat: accounts, names, words, reasons."""


def _field(name: str) -> Callable[[Entry], Any]:
    return lambda entry: entry.fields.get(name)


def _actor(name: str) -> Callable[[Entry], Any]:
    return lambda entry: (entry.fields.get("actor") or {}).get(name)


COLUMNS: Mapping[str, Callable[[Entry], Any]] = {
    "seq": lambda entry: entry.seq,
    "time": lambda entry: rfc3339(entry.time),
    "operator": lambda entry: entry.operator,
    "login": lambda entry: entry.login,
    "host": _actor("host"),
    "origin": _actor("origin"),
    "phase": lambda entry: entry.phase,
    "action": lambda entry: entry.action,
    "gateway": lambda entry: entry.gateway,
    "account": lambda entry: entry.account,
    "ref": lambda entry: entry.ref,
    "customer": lambda entry: entry.customer,
    "amount": lambda entry: entry.amount.decimal() if entry.amount else None,
    "currency": lambda entry: entry.amount.currency if entry.amount else None,
    "outcome": lambda entry: entry.outcome,
    "operation": lambda entry: entry.operation,
    "reason_code": lambda entry: entry.reason_code,
    "reason": lambda entry: entry.reason,
    "ticket": lambda entry: entry.ticket,
    "error": lambda entry: (entry.error or {}).get("code"),
    "profile": _field("profile"),
    "mode": _field("mode"),
    "source": _field("source"),
    "version": _field("version"),
}
"""Name of a column and where its value is in a record. The record's hash ends the row."""


def heading() -> bytes:
    """The first row: the columns' names."""
    return _line([*COLUMNS, "hash"])


def row(record: StoredRecord) -> bytes:
    """One record's row. Raises `StoreError` for a text that is no record of billctl's."""
    entry = read(record)
    values = [value_of(entry) for value_of in COLUMNS.values()]
    return _line([*("" if value is None else _cell(str(value)) for value in values), record.hash])


def _line(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
