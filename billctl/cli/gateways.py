"""`billctl gateways`: what each installed gateway can do, and why a broken one cannot be used."""

import os
from collections.abc import Mapping
from typing import Any

import typer

from billctl import registry
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.output import Result
from billctl.errors import BillctlError, ConfigError
from billctl.gateway import By, Capability, Gateway
from billctl.paths import state_dir

COLUMNS = {
    "find_by": "find by",
    "refund": "refund",
    "void": "void",
    "cancel": "cancel",
    "resend": "resend",
    "idempotency": "same key twice",
}
"""A record's field → its title in the table."""

CANNOT = "no"


def gateways() -> Result:
    """Show what each installed gateway can do.

    \b
    Examples:
      billctl gateways
      billctl gateways -o json --jq '.data.gateways[] | {name, capabilities}'

    Plugins and broken gateways are included. `resend to` means that the e-mail can go to another
    address. `same key twice` says whether the gateway itself keeps a refund from happening twice; where
    not, billctl looks before it sends.
    """
    rows = [_row(entry) for entry in registry.installed(state_dir(os.environ)).values()]
    return Result(
        data={"gateways": rows},
        records=[{"type": "gateway"} | row | _words(row["capabilities"]) for row in rows],
        columns=("name", *COLUMNS, "fault", "package", "version"),
        view=_view(rows),
    )


def _row(entry: registry.Entry) -> dict[str, Any]:
    row: dict[str, Any] = {"name": entry.name, "package": entry.package, "version": entry.version}
    try:
        kind = registry.load(entry)
        offered = _capabilities(kind)
        settings = [_setting(setting) for setting in kind.settings]
    except BillctlError as error:
        why = error.message.removeprefix(f"gateway {entry.name} cannot be used: ")
        if entry.package not in why:
            why = f"{why} (package {entry.package} {entry.version})"
        return row | {"fault": why, "capabilities": [], "settings": []}
    return row | {"fault": None, "capabilities": offered, "settings": settings}


def _capabilities(kind: type[Gateway]) -> list[str]:
    """The declared capabilities in the order of `Capability`. Raises `ConfigError` for any other thing."""
    declared: object = kind.capabilities
    if not isinstance(declared, frozenset) or not all(isinstance(item, Capability) for item in declared):
        raise ConfigError("its capabilities are not a frozenset of billctl.gateway.Capability")
    return [str(capability) for capability in Capability if capability in kind.capabilities]


def _setting(setting: Any) -> dict[str, Any]:
    return {
        "name": setting.name,
        "help": setting.help,
        "secret": setting.secret,
        "required": setting.required,
    }


def _view(rows: list[dict[str, Any]]) -> View:
    usable = [row for row in rows if not row["fault"]]
    # The longest column last: there it can go on below.
    names = [*(name for name in COLUMNS if name != "find_by"), "find_by"]
    columns = (Column(), *(Column(COLUMNS[name]) for name in names))
    cells: tuple[tuple[Cell | str, ...], ...] = tuple(_cells(row, names) for row in usable)
    broken = [
        Line((Cell(row["name"], "bold"), Cell(f"broken: {row['fault']}", "red")))
        for row in rows
        if row["fault"]
    ]
    return [Grid(columns, cells), *broken] if usable else broken


def _cells(row: dict[str, Any], names: list[str]) -> tuple[Cell | str, ...]:
    words = _words(row["capabilities"])
    return (Cell(row["name"], "bold"), *(words[name] for name in names))


def _words(offered: list[str]) -> dict[str, str]:
    """The fields of `COLUMNS`, for a person and for pipes."""
    return {
        "find_by": " ".join(str(by) for by in By if by.capability in offered) or CANNOT,
        "refund": _listed(offered, {Capability.REFUND: "full", Capability.PARTIAL_REFUND: "part"}),
        "void": _listed(offered, {Capability.VOID: "yes"}),
        "cancel": _listed(
            offered, {Capability.CANCEL_NOW: "now", Capability.CANCEL_AT_PERIOD_END: "period-end"}
        ),
        "resend": _listed(offered, {Capability.RESEND_INVOICE: "yes", Capability.RESEND_TO: "to"}),
        "idempotency": _listed(offered, {Capability.IDEMPOTENCY: "safe"}),
    }


def _listed(offered: list[str], words: Mapping[Capability, str]) -> str:
    return " ".join(word for capability, word in words.items() if capability in offered) or CANNOT


app: typer.Typer = single(gateways)
