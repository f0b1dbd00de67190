"""`billctl audit purge`: remove what old records say of persons; the records stay, and the chain verifies."""

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli import progress, prompts
from billctl.cli.audit_log import log_path, writing
from billctl.cli.layout import Cell, Line, render
from billctl.cli.lazy import single
from billctl.cli.opening import split_reference
from billctl.cli.options import Choices, choices
from billctl.cli.output import Result, terminal_width
from billctl.cli.times import moment
from billctl.cli.views import now_utc
from billctl.errors import UsageError
from billctl.models import rfc3339
from billctl.profiles.audit import LEAST_RETENTION
from billctl.reasons import check_reason
from billctl.store.schema import PURGE

if TYPE_CHECKING:
    from billctl.audit.purge import Wanted
    from billctl.store.interface import Purgeable

COLUMNS = ("records", "before", "customer", "unsettled", "inseparable", "audit")


def purge(
    context: typer.Context,
    before: Annotated[
        str | None, typer.Option("--before", metavar="DATE", help="What is older than this (required).")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why (required; it goes on record).")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="ID", help="Only this customer's (id or reference).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and purge nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Without a terminal: go ahead.")] = False,
) -> Result:
    """Remove what old records say of persons, for good.

    \b
    Examples:
      billctl audit purge --before 2025-01-01 --reason "yearly clean-up" --dry-run
      billctl audit purge --before 400d --reason "erasure request 17" --customer stripe:cus_1Abc
      billctl audit purge --before 2025-01-01 --reason "yearly clean-up" --yes

    Customers, reasons, command lines and results go; who did what, when, on which object, for how much
    stays, and the chain still verifies. Records are kept for 12 months, longer where the chosen profile's
    [audit] says so; erasure requests wait for that too. What is not settled stays, and what billctl 0.2
    or older recorded. Exports, backups and the gateways are not touched.
    Exit codes: 0 purged, or nothing to purge, 8 too young or not confirmed, 9 the log is broken or its
    file could not be cleared, 10 an operation is open.
    """
    chosen = choices(context)
    reason = check_reason(reason)
    wanted = _wanted(before, customer)
    months = _retention(chosen)
    if not os.path.lexists(log_path()):
        return _result(wanted, None, None, months, chosen, dry_run=dry_run)
    return _purge(wanted, months, chosen, reason=reason, dry_run=dry_run, yes=yes)


def _wanted(before: str | None, customer: str | None) -> "Wanted":
    from billctl.audit.purge import Wanted

    now = now_utc()
    limit = moment(before, "--before", now=now)
    if limit is None:
        raise UsageError("--before is missing", code="no_date", hint="Say what is old: --before 2025-01-01.")
    if limit > now:
        raise UsageError("--before is in the future: only what is old is purged", code="bad_date")
    account, customer_id = split_reference(customer) if customer is not None else (None, None)
    return Wanted(before=limit, customer=customer_id, account=account)


def _retention(chosen: Choices) -> int:
    """How many months records are kept: as the chosen profile says, 12 without one."""
    from billctl.profiles import chosen_profile, load_profile
    from billctl.session import installed_gateways

    name = chosen_profile(chosen.profile, os.environ)
    if name is None:
        return LEAST_RETENTION
    profile = load_profile(name, env=os.environ, gateways=installed_gateways(os.environ))
    return max(profile.audit.retention_months, LEAST_RETENTION)


def _purge(
    wanted: "Wanted", months: int, chosen: Choices, *, reason: str, dry_run: bool, yes: bool
) -> Result:
    from billctl.audit import purge as purging

    with writing() as (store, log):
        try:
            purging.check_retention(wanted, months=months, now=now_utc())
            purging.check_whole(log_path())
            found = purging.find(store, wanted)
            if found.count and not dry_run:
                _confirm(wanted, found, yes=yes)
        except purging.NotPurged as error:
            if not dry_run:
                log.note(PURGE, outcome="denied", reason=reason, error=error)
            raise
        seq = None if dry_run else purging.purge(store, log, wanted, found, reason=reason)
    return _result(wanted, found, seq, months, chosen, dry_run=dry_run)


def _confirm(wanted: "Wanted", found: "Purgeable", *, yes: bool) -> None:
    """Ask on a terminal, where the number of records must be typed; elsewhere demand `--yes`."""
    from billctl.audit.purge import NotPurged

    if not prompts.somebody_is_there():
        if not yes:
            raise NotPurged(
                "there is no terminal to ask on, and --yes is not given",
                code="not_confirmed",
                hint="Add --yes, or look first with --dry-run.",
            )
        return
    progress.end()
    told = Line((Cell(f"{_counted(found)} {_which(wanted)}: this cannot be undone", "red"),))
    sys.stderr.write(render([told], colour=False, width=terminal_width(sys.stderr)))
    if prompts.ask("Type their number to purge them:") != str(found.count):
        raise NotPurged("the number typed is not the number of records", code="not_confirmed")


def _counted(found: "Purgeable | None") -> str:
    count = found.count if found else 0
    return f"{count:,} record{'' if count == 1 else 's'}"


def _which(wanted: "Wanted") -> str:
    whose = f" about {wanted.customer}" if wanted.customer else ""
    return f"older than {rfc3339(wanted.before)}{whose}"


def _result(
    wanted: "Wanted",
    found: "Purgeable | None",
    seq: int | None,
    months: int,
    chosen: Choices,
    *,
    dry_run: bool,
) -> Result:
    row: dict[str, Any] = {
        "type": "purge",
        "dry_run": dry_run,
        "before": rfc3339(wanted.before),
        "customer": wanted.customer,
        "account": wanted.account,
        "records": found.count if found else 0,
        "ranges": found.ranges if found else (),
        "unsettled": found.unsettled if found else 0,
        "inseparable": found.inseparable if found else 0,
        "retention_months": months,
        "audit": seq,
    }
    done = "would be purged of what they say of persons" if dry_run else "purged of what they said of persons"
    line = Line((Cell(f"{_counted(found)} {done}", "bold"), Cell(f"audit {seq}" if seq else "", "dim")))
    return Result(
        data=row,
        records=[row],
        columns=COLUMNS,
        view=[line],
        warnings=_staying(found),
        profile=chosen.profile,
        success_is_silent=True,
    )


def _staying(found: "Purgeable | None") -> list[str]:
    """What stays among the records asked for, and why."""
    if found is None:
        return []
    reasons = (
        (found.unsettled, "of operations that are not settled: `billctl audit reconcile`"),
        (
            found.inseparable,
            "written by billctl 0.2 or older: what they say of persons is part of the chain",
        ),
    )
    return [
        f"older too, but kept: {count:,} record{'' if count == 1 else 's'} {why}"
        for count, why in reasons
        if count
    ]


app = single(purge)
