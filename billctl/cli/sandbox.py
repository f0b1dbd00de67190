"""`billctl sandbox`: the rehearsal gateways, kept up, begun anew, looked at, and spoiled on purpose."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer

from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import Command, new_app
from billctl.cli.output import Result
from billctl.errors import PolicyDenied, UsageError
from billctl.paths import ensure_private_dir, state_dir

DEFAULT_PORT = 12111
"""The port in the contract's example of a `base_url`; of several gateways each has the next one."""

app = new_app(
    """Rehearsal gateways: real protocols, play money.

    \b
    Examples:
      billctl --profile sandbox lookup layla@example.com
      billctl sandbox serve
      billctl sandbox fault answer-lost --on "POST /v1/refunds" --times 9
      billctl sandbox reset --yes

    They run on this machine and need no account. The profile `sandbox` brings them up for each command
    by itself; `serve` is for other programs.
    """
)


def _gateways(incomplete: str) -> list[str]:
    from billctl.sandbox.registry import GATEWAYS

    return [name for name in GATEWAYS if name.startswith(incomplete)]


# serve


@app.command(cls=Command)
def serve(
    context: typer.Context,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65535, help="First gateway's port, then the next; 0: any free."
        ),
    ] = DEFAULT_PORT,
    gateway: Annotated[
        list[str] | None,
        typer.Option(
            "--gateway", metavar="NAME", help="Only this one (repeatable).", autocompletion=_gateways
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME=N[,M]",
            help="Requests a second it takes at an endpoint, and in all (repeatable).",
        ),
    ] = None,
    latency: Annotated[
        float, typer.Option("--latency", metavar="S", min=0, max=60, help="Seconds before each answer.")
    ] = 0.0,
) -> None:
    """Keep the gateways up for other programs, until Ctrl-C.

    \b
    Examples:
      billctl sandbox serve
      billctl sandbox serve --port 0 --output json
      billctl sandbox serve --gateway paypal --port 12112
      billctl sandbox serve --limit stripe=25,100 --latency 0.2

    A line for each gateway comes on standard output when all answer: gateway, base_url, the name of its
    secret, a key that opens it, and its other settings. Put base_url and the settings into a profile in
    test mode, and the key into `billctl auth add` (or its environment variable). What is too much for a
    --limit gets the gateway's own 429.
    """
    from billctl.cli.sandbox_serving import loads, stay
    from billctl.sandbox.registry import GATEWAYS
    from billctl.sandbox.server import Sandbox

    chosen = [name for name in GATEWAYS if name in _known_gateways(gateway or GATEWAYS)]
    ports = {name: port + place if port else 0 for place, name in enumerate(chosen)}
    load = loads(limit or (), chosen, latency)
    with ExitStack() as up:
        try:
            gateways = up.enter_context(Sandbox(_directory(), gateways=chosen, ports=ports, loads=load))
        except (OSError, OverflowError) as failure:
            errno = failure.errno if isinstance(failure, OSError) else None
            why = os.strerror(errno) if errno else "there is none above 65535"
            wanted = f"port {port}" if len(chosen) == 1 else f"ports {port} to {port + len(chosen) - 1}"
            raise UsageError(
                f"{wanted} on 127.0.0.1 cannot be had: {why}",
                code="port_in_use",
                hint="Choose another one, or --port 0 for any free one.",
            ) from None
        stay(context, gateways, chosen)


def _known_gateways(names: Sequence[str]) -> Sequence[str]:
    """`names`; raises `UsageError` for one that has no sandbox."""
    from billctl.sandbox.registry import GATEWAYS

    for name in names:
        if name not in GATEWAYS:
            raise UsageError(
                f"there is no sandbox of {name[:40]!r}",
                code="bad_gateway",
                hint=f"There is one of {', '.join(GATEWAYS)}.",
            )
    return names


def _directory() -> Path:
    """The state directory, made private and created where missing."""
    return ensure_private_dir(state_dir(os.environ))


# reset


@app.command(cls=Command)
def reset(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Result:
    """Begin anew: the first day's shop, no faults.

    \b
    Examples:
      billctl sandbox reset
      billctl sandbox reset --yes

    The audit log keeps what was done to the old shop.
    """
    from billctl.cli import prompts
    from billctl.sandbox.state import reset as begin_anew

    del context
    if not yes:
        if not prompts.somebody_is_there():
            raise PolicyDenied("without a terminal nobody can be asked", code="needs_yes", hint="Add --yes.")
        if prompts.ask("Forget everything done in the sandbox? [y/N]").lower() not in {"y", "yes"}:
            raise PolicyDenied("you said no", code="declined")
    directory = _directory()
    begin_anew(directory)
    return _status_result(directory, silent=True)


# status


@app.command(cls=Command)
def status() -> Result:
    """Show the sandbox's objects and its armed faults.

    \b
    Examples:
      billctl sandbox status
      billctl sandbox status -o json --jq .data.gateways[0].faults
    """
    return _status_result(_directory())


def _status_result(directory: Path, *, silent: bool = False) -> Result:
    from billctl.sandbox.state import status as look

    report = look(directory)
    for name, content in report.items():
        content["faults"] = [{"gateway": name} | fault for fault in content["faults"]]
    gateways = [{"gateway": name} | content for name, content in report.items()]
    records = [
        {"type": "objects", "gateway": name, "kind": kind, "count": count}
        for name, content in report.items()
        for kind, count in content["objects"].items()
    ]
    return Result(
        data={"gateways": gateways},
        records=records,
        columns=("gateway", "kind", "count"),
        view=[block for name, content in report.items() for block in _gateway_view(name, content)]
        or [Line(("The sandbox has not been used yet.",))],
        success_is_silent=silent,
    )


def _gateway_view(name: str, content: dict[str, Any]) -> Iterator[Line | Grid]:
    yield Line((Cell(name, "bold"), Cell(content["path"], "dim")))
    rows = tuple((kind, str(count)) for kind, count in content["objects"].items())
    yield Grid((Column(), Column(right=True)), rows, indent=2)
    yield from _faults_view(content["faults"])


def _faults_view(faults: list[dict[str, Any]]) -> View:
    if not faults:
        return [Line(("no fault is armed",), indent=2)]
    rows = tuple(
        (fault.get("gateway", ""), fault["kind"], fault["match"], _times(fault["remaining"]))
        for fault in faults
    )
    return [Grid((Column("at"), Column("fault"), Column("meets"), Column("for")), rows, indent=2)]


def _times(remaining: int) -> str:
    return "the next request" if remaining == 1 else f"the next {remaining} requests"


# fault


def _kinds(incomplete: str) -> list[tuple[str, str]]:
    from billctl.sandbox.faults import KINDS

    return [(kind, what) for kind, what in KINDS.items() if kind.startswith(incomplete)]


@app.command(cls=Command)
def fault(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="Which fault; --list shows all.", autocompletion=_kinds),
    ] = None,
    on: Annotated[
        str,
        typer.Option(
            "--on", metavar="REQUEST", help='Which requests: "POST /v1/refunds", "* /v1/charges/*".'
        ),
    ] = "*",
    times: Annotated[int, typer.Option("--times", metavar="N", min=1, help="How many requests meet it.")] = 1,
    seconds: Annotated[
        float | None, typer.Option("--seconds", metavar="S", min=0, help="How long the kinds that wait do.")
    ] = None,
    status_code: Annotated[
        int | None,
        typer.Option("--status", metavar="N", min=400, max=599, help="Of `refuse`; else the gateway's."),
    ] = None,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="Of `refuse`; else the gateway's.")
    ] = None,
    retry_after: Annotated[
        int | None, typer.Option("--retry-after", metavar="S", min=0, help="Of `429`, in seconds.")
    ] = None,
    gateway: Annotated[
        str | None,
        typer.Option(
            "--gateway",
            metavar="NAME",
            help="At which gateway: stripe, unless --clear or --list is given.",
            autocompletion=_gateways,
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="Show all kinds, and what is armed.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Disarm KIND, or everything.")] = False,
) -> Result:
    """Spoil the next request that matches.

    \b
    Examples:
      billctl sandbox fault answer-lost --on "POST /v1/refunds" --times 9
      billctl sandbox fault hang-after --seconds 40 --times 9
      billctl sandbox fault refuse --code charge_disputed --on "POST /v1/refunds" --times 2
      billctl sandbox fault --list
      billctl sandbox fault --clear

    At Stripe and PayPal a change that gets no answer is re-sent once under its idempotency key, so a
    single lost answer heals by itself: --times 9 makes it stay lost. At the others none is re-sent.
    --clear and --list are for every gateway unless --gateway names one. Paths are the gateway's own:
    /v2/payments/captures/*/refund at PayPal, /merchants/*/transactions/*/refund at Braintree,
    /wp-json/wc/v3/orders/*/refunds at WooCommerce, /invoices/*/refund at Recurly. Codes of `refuse`
    that act, and then fail: gateway_error_after and gateway_fatal_after at WooCommerce, declined_after
    at Recurly.
    """
    from billctl.sandbox import faults
    from billctl.sandbox.registry import GATEWAYS

    _check_fault(kind, on)
    asked = _known_gateways([gateway] if gateway else GATEWAYS)
    directory = _directory()
    if list_all:
        return _kinds_result(_armed(directory, asked))
    if clear:
        count = sum(faults.clear(directory, name, kind) for name in asked)
        return _faults_result(_armed(directory, asked), [f"{count} disarmed"])
    if kind is None:
        raise UsageError("which fault?", code="no_kind", hint="See `billctl sandbox fault --list`.")
    armed = faults.arm(
        directory,
        gateway or "stripe",
        kind,
        match=on,
        times=times,
        seconds=seconds,
        status=status_code,
        code=code,
        retry_after=retry_after,
    )
    return _faults_result([{"gateway": gateway or "stripe"} | armed], [])


def _armed(directory: Path, gateways: Sequence[str]) -> list[dict[str, Any]]:
    from billctl.sandbox import faults

    return [{"gateway": name} | fault for name in gateways for fault in faults.armed(directory, name)]


def _check_fault(kind: str | None, on: str) -> None:
    """Raise `UsageError` for words that the sandbox does not know."""
    from billctl.sandbox.faults import KINDS

    if kind is not None and kind not in KINDS:
        close = get_close_matches(kind, KINDS, n=1)
        hint = f"Did you mean {close[0]}?" if close else "See `billctl sandbox fault --list`."
        raise UsageError(f"there is no fault called {kind[:40]!r}", code="bad_kind", hint=hint)
    if on != "*" and len(on.split()) != 2:
        raise UsageError(
            f"--on {on[:60]!r} is no request", code="bad_request", hint='Write it like "POST /v1/refunds".'
        )


def _kinds_result(armed: list[dict[str, Any]]) -> Result:
    from billctl.sandbox.faults import KINDS

    rows = [{"type": "fault_kind", "kind": kind, "what": what} for kind, what in KINDS.items()]
    return Result(
        data={"kinds": rows, "faults": armed},
        records=rows,
        columns=("kind", "what"),
        view=[Grid((Column(), Column(whole=False)), tuple(KINDS.items())), Line(), *_faults_view(armed)],
    )


def _faults_result(faults: list[dict[str, Any]], notes: list[str]) -> Result:
    return Result(
        data={"faults": faults},
        records=[{"type": "fault"} | fault for fault in faults],
        columns=("gateway", "kind", "match", "remaining"),
        view=[*(Line((note,)) for note in notes), *_faults_view(faults)],
        success_is_silent=True,
    )
