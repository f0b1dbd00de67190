"""`billctl audit anchor`: keep the log's head elsewhere."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.audit_log import writing
from billctl.cli.layout import Cell, Column, Grid, Line
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.errors import Partial, StoreError, UsageError
from billctl.paths import state_dir

if TYPE_CHECKING:
    from billctl.anchoring import Anchoring
    from billctl.audit.anchors.spec import Spec

COLUMNS = ("anchor", "status", "size", "head", "note")


def anchor(
    context: typer.Context,
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to", metavar="SPEC", help="git:/path, syslog, file:/path or rfc3161:URL#ca=/path; repeatable."
        ),
    ] = None,
) -> Result:
    """Keep the log's head elsewhere.

    \b
    Examples:
      billctl audit anchor
      billctl audit anchor --to git:/var/lib/billctl-anchor --to syslog
      billctl audit anchor -o json --jq .data.checkpoint

    The number of records and the last one's hash go to every anchor of the profile, or to those named,
    which needs no profile. `billctl audit verify` compares the log with them afterwards.
    Exit codes: 0 every anchor has it, 7 some have not, 9 none has, or the log cannot be read.
    """
    from billctl.anchoring import anchor as place
    from billctl.session import utc_now

    chosen = choices(context)
    if to:
        specs = specs_of(to, "--to")
        with writing() as (store, log):
            done = place(store, log, specs, state_dir=state_dir(os.environ), clock=utc_now)
        return _result(done, chosen.profile, None)
    with session_of(chosen) as session:
        specs = _of_profile(session.profile.audit.anchors, session.profile.name)
        done = place(session.store, session.log, specs, state_dir=session.state_dir, clock=session.clock)
        return _result(done, session.profile.name, str(session.profile.mode))


def specs_of(texts: list[str], option: str) -> list["Spec"]:
    """The anchors that an option names. Raises `UsageError`."""
    from billctl.audit.anchors.spec import BadSpec, parse

    specs = []
    for text in dict.fromkeys(texts):
        try:
            specs.append(parse(text))
        except BadSpec as bad:
            raise UsageError(f"{option} {text[:80]!r} {bad.message}", code=bad.code, hint=bad.hint) from None
    return specs


def _of_profile(texts: tuple[str, ...], profile: str) -> list["Spec"]:
    from billctl.audit.anchors.spec import parse

    if not texts:
        raise UsageError(
            f"profile {profile} names no anchor",
            code="no_anchor",
            hint='Add [audit] with anchors = ["syslog"] to it, or name one with --to.',
        )
    return [parse(text) for text in texts]


def _result(done: "Anchoring", profile: str | None, mode: str | None) -> Result:
    mark = done.checkpoint
    rows: list[dict[str, Any]] = [
        {
            "type": "anchor",
            "anchor": placed.spec,
            "status": "failed" if placed.error else "anchored",
            "size": mark.size,
            "head": mark.hash,
            "note": placed.error.message if placed.error else placed.receipt,
        }
        for placed in done.placed
    ]
    shown = Line((f"{mark.size:,} records, head {mark.hash[:8]}…{mark.hash[-4:]}",))
    grid = Grid(
        (Column(), Column(), Column()),
        tuple(
            (Cell(row["status"], "red" if row["status"] == "failed" else ""), row["anchor"], row["note"])
            for row in rows
        ),
        indent=2,
    )
    return Result(
        data={
            "origin": mark.origin,
            "size": mark.size,
            "head": mark.hash,
            "checkpoint": mark.text(),
            "anchors": rows,
        },
        records=rows,
        columns=COLUMNS,
        view=[shown, grid],
        error=_error(done),
        errors=list(done.failed),
        profile=profile,
        mode=mode,
        success_is_silent=True,
    )


def _error(done: "Anchoring") -> Partial | StoreError | None:
    failed = done.failed
    if not failed:
        return None
    if len(failed) < len(done.placed):
        return Partial(f"{len(failed)} of {len(done.placed)} anchors did not take the head", code="anchoring")
    return failed[0]


app = single(anchor)
