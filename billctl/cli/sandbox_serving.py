"""What `billctl sandbox serve` does: how much it takes, what it says, how it ends."""

import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from billctl.cli import progress
from billctl.cli.layout import Column, Grid
from billctl.cli.options import choices
from billctl.cli.output import Result, print_result, talk
from billctl.errors import UsageError
from billctl.sandbox.limits import Load

if TYPE_CHECKING:
    from billctl.sandbox.server import Sandbox

LOOK = 0.5
"""Seconds between two looks at signals: one that arrives just before a sleep begins does not cut it short."""

LIMIT = re.compile(r"([a-z]+)=([1-9][0-9]{0,5})(?:,([1-9][0-9]{0,5}))?", re.ASCII)


def loads(limits: Sequence[str], gateways: Sequence[str], latency: float) -> Mapping[str, Load]:
    """The load of each of `gateways`. Raises `UsageError` for a limit that is none, or of one not served."""
    found = {name: Load(latency=latency) for name in gateways}
    for text in limits:
        match = LIMIT.fullmatch(text)
        if match is None:
            raise UsageError(
                f"--limit {text[:60]!r} is no limit",
                code="bad_limit",
                hint="Write NAME=N or NAME=N,M: stripe=25 takes 25 requests a second at each endpoint, "
                "stripe=25,100 also 100 in all.",
            )
        name, endpoint, in_all = match.groups()
        if name not in found:
            raise UsageError(
                f"--limit is for {name[:40]!r}, which is not being served",
                code="bad_gateway",
                hint=f"Served: {', '.join(gateways)}.",
            )
        found[name] = Load(endpoint=int(endpoint), in_all=int(in_all) if in_all else None, latency=latency)
    return found


def announce(context: typer.Context, gateways: "Sandbox", chosen: Sequence[str]) -> None:
    """Say where `chosen` are, and what opens them."""
    from billctl.sandbox import KEYS, SETTINGS

    rows: list[dict[str, Any]] = [
        {
            "type": "sandbox",
            "gateway": name,
            "base_url": gateways.url(name),
            "secret": secret,
            "key": key,
            "settings": dict(SETTINGS.get(name, {})),
        }
        for name in chosen
        for secret, key in KEYS[name].items()
    ]
    columns = ("gateway", "base_url", "secret", "key", "settings")
    lines = [row | {"settings": _joined(row["settings"])} for row in rows]
    cells = tuple(tuple(line[column] for column in columns) for line in lines)
    view = [Grid(tuple(Column(title) for title in columns), cells)]
    chosen_output = choices(context)
    as_lines = chosen_output.format(terminal=sys.stdout.isatty()) in {"csv", "tsv"}
    records = lines if as_lines else rows
    result = Result(data={"gateways": rows}, records=records, columns=columns, view=view)
    print_result(result, chosen_output, sys.stdout)


def _joined(settings: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def stay(context: typer.Context, gateways: "Sandbox", chosen: Sequence[str]) -> None:
    """Say where they are and wait. Raises `typer.Exit` with the exit code of what ended it."""
    from billctl.errors import Terminated

    quiet = choices(context).quiet
    progress.end()
    try:
        if not quiet:
            talk("the sandbox is up; Ctrl-C takes it down.")
        announce(context, gateways, chosen)
        while True:
            time.sleep(LOOK)
    except (KeyboardInterrupt, Terminated) as stopped:
        if not quiet:
            talk("the sandbox is down; its data is kept.")
        number = stopped.number if isinstance(stopped, Terminated) else signal.SIGINT
        raise typer.Exit(128 + number) from None
