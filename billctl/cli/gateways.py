"""`billctl gateways`: what each installed gateway can do, and why a broken one cannot be used."""

import os
from collections.abc import Collection, Mapping
from typing import Any

import typer

from billctl import registry
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.output import Result
from billctl.errors import BillctlError
from billctl.frozen import fields
from billctl.gateway import By, Capability
from billctl.paths import state_dir

COLUMNS = {
    "find_by": "find by",
    "refund": "refund",
    "void": "void",
    "cancel": "cancel",
    "resend": "resend",
    "idempotency": "same key twice",
    "sync": "sync",
}
"""A record's field → its title in the table."""

CANNOT = "no"

WORDS: Mapping[str, Mapping[Capability, str]] = {
    "find_by": {by.capability: str(by) for by in By},
    "refund": {Capability.REFUND: "full", Capability.PARTIAL_REFUND: "part"},
    "void": {Capability.VOID: "yes"},
    "cancel": {Capability.CANCEL_NOW: "now", Capability.CANCEL_AT_PERIOD_END: "period-end"},
    "resend": {Capability.RESEND_INVOICE: "yes", Capability.RESEND_TO: "to"},
    "idempotency": {Capability.IDEMPOTENCY: "safe"},
    "sync": {Capability.SYNC: "yes"},
}
"""A record's field → the word for each capability it tells of."""

ALSO: Mapping[Capability, str] = {
    Capability.REFUND_LINES: "refund --line",
    Capability.CANCEL_REFUND: "cancel --refund",
    Capability.REACTIVATE: "reactivate",
    Capability.VOID_CREDIT: "void-credit",
    Capability.INVOICE_PDF: "pdf",
    Capability.INVOICE_LINK: "link",
}
"""What few gateways can, as the commands that do it: named below the table."""

LIMITED = "*"
"""Behind a word: the capability has a limit, which a line below the table names."""


def gateways() -> Result:
    """Show what each installed gateway can do.

    \b
    Examples:
      billctl gateways
      billctl gateways -o json --jq '.data.gateways[] | {name, capabilities}'

    Plugins and broken gateways are included. `resend to` means that the e-mail can go to another
    address. `same key twice` says whether the gateway itself keeps a refund from happening twice; where
    not, billctl looks before it sends. `sync` keeps a copy of the history here, for what the gateway
    cannot search. A word with * has a limit, which a line below names, as it does the commands that few
    gateways have (`also`).
    """
    rows = [_row(entry) for entry in registry.installed(state_dir(os.environ)).values()]
    return Result(
        data={"gateways": rows},
        records=[
            {"type": "gateway"} | row | _words(row["capabilities"], ()) | {"also": _also(row)} for row in rows
        ],
        columns=("name", *COLUMNS, "fault", "package", "version"),
        view=_view(rows),
    )


def _row(entry: registry.Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"name": entry.name, "package": entry.package, "version": entry.version}
    try:
        kind = registry.load(entry)
    except BillctlError as error:
        why = error.message.removeprefix(f"gateway {entry.name} cannot be used: ")
        return row | {"fault": why, "capabilities": [], "limits": {}, "settings": []}
    return row | {
        "fault": None,
        "capabilities": [str(one) for one in Capability if one in kind.capabilities],
        "limits": {str(one): kind.limits[one] for one in Capability if one in kind.limits},
        "settings": [fields(setting) for setting in kind.settings],
    }


def _view(rows: list[dict[str, Any]]) -> View:
    usable = [row for row in rows if not row["fault"]]
    # The longest column last: there it can go on below.
    names = [*(name for name in COLUMNS if name != "find_by"), "find_by"]
    columns = (Column(), *(Column(COLUMNS[name]) for name in names))
    cells: tuple[tuple[Cell | str, ...], ...] = tuple(_cells(row, names) for row in usable)
    also = [Line((f"{row['name']} also has {', '.join(_also(row))}",)) for row in usable if _also(row)]
    limits = [Line((f"{LIMITED} {text}",)) for row in usable for text in _footnotes(row)]
    broken = [
        Line((Cell(row["name"], "bold"), Cell(f"broken: {row['fault']}", "red")))
        for row in rows
        if row["fault"]
    ]
    return [Grid(columns, cells), *broken, *also, *limits] if usable else broken


def _also(row: dict[str, Any]) -> list[str]:
    """The commands of `ALSO` that a gateway has."""
    return [command for one, command in ALSO.items() if one in row["capabilities"]]


def _footnotes(row: dict[str, Any]) -> list[str]:
    """A gateway's limits, each once with all that it limits."""
    named = {str(one): command for one, command in ALSO.items()} | {
        str(one): f"{COLUMNS[field]} {word}" if len(words) > 1 else COLUMNS[field]
        for field, words in WORDS.items()
        for one, word in words.items()
    }
    limited: dict[str, list[str]] = {}
    for one, text in row["limits"].items():
        limited.setdefault(text, []).append(named.get(one, one.replace("_", " ")))
    return [f"{row['name']}, {' and '.join(names)}: {text}" for text, names in limited.items()]


def _cells(row: dict[str, Any], names: list[str]) -> tuple[Cell | str, ...]:
    words = _words(row["capabilities"], row["limits"])
    return (Cell(row["name"], "bold"), *(words[name] for name in names))


def _words(offered: Collection[str], limited: Collection[str]) -> dict[str, str]:
    """The fields of `COLUMNS`, for a person (with marks at what is limited) and for pipes (without)."""
    return {
        field: " ".join(
            word + (LIMITED if one in limited else "") for one, word in words.items() if one in offered
        )
        or CANNOT
        for field, words in WORDS.items()
    }


app: typer.Typer = single(gateways)
