"""A person's yes to a whole plan, and to going on after its first rows."""

import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from billctl.batch.model import Pending, RowResult
from billctl.batch.plan_file import PlanFile
from billctl.cli import progress, prompts
from billctl.cli.batch_effect import Facts, effect_of
from billctl.cli.batch_views import OBJECTS, count, mode_cell, result_grid, totals_text
from billctl.cli.layout import Cell, Column, Grid, Line, View, render
from billctl.cli.output import terminal_width
from billctl.errors import BillctlError, PolicyDenied
from billctl.gateway import Identity
from billctl.money import parse
from billctl.session import Opened


def confirm(plan: PlanFile, opened: Mapping[str, Opened], pending: Pending, source: TextIO) -> None:
    """Show what a plan does and ask. `pending` is left to do; answers come from `source`.

    A live plan is confirmed by typing the sum of each currency that it still moves, or the number of rows to
    do where it moves none. Raises `PolicyDenied` for any other answer.
    """
    who = {name: each.identity for name, each in opened.items()}
    _show(plan_view(plan, who, pending, effect_of(plan)))
    header = plan.header
    if not header.live:
        if prompts.ask("Apply? [y/N]", source).lower() not in {"y", "yes"}:
            raise PolicyDenied("you said no", code="declined")
        return
    for total in pending.totals:
        typed = prompts.ask(f"Type the total in {total.currency} to confirm:", source)
        try:
            meant = parse(typed, total.currency) == total
        except BillctlError:
            meant = False
        if not meant:
            raise PolicyDenied(
                f"the total typed is not what is to be moved in {total.currency}", code="not_confirmed"
            )
    if pending.totals:
        return
    if prompts.ask("Type the number of rows to confirm:", source) != str(pending.rows):
        raise PolicyDenied("the number typed is not that of the rows to do", code="not_confirmed")


def go_on(verb: str, results: Sequence[RowResult], left: int, source: TextIO) -> bool:
    """Show the first rows' results and ask whether the other `left` are to follow."""
    first = "the first row" if len(results) == 1 else f"the first {count(len(results), 'row')}"
    _show([Line((Cell(first, "bold"),)), result_grid(results)])
    more = count(left, f"more {OBJECTS[verb]}", f"more {OBJECTS[verb]}s")
    return prompts.ask(f"Go on with {more}? [y/N]", source).lower() in {"y", "yes"}


def _show(view: View) -> None:
    progress.end()
    sys.stderr.write(render(view, colour=False, width=terminal_width(sys.stderr)))


def plan_view(plan: PlanFile, who: Mapping[str, Identity], pending: Pending, effect: Facts) -> View:
    """A plan as a person looks at it before it is applied: `who` the accounts' credentials answer to, what
    is left to do, what `effect_of` says of the rows."""
    header = plan.header
    accounts = tuple(
        (
            account.name,
            _who(who.get(account.name)) or account.account_id or "",
            count(account.rows, OBJECTS[header.verb]),
            totals_text(account.totals),
        )
        for account in header.accounts
    )
    facts = [(Cell(label, "dim"), text) for label, text in _facts(plan, pending, effect)]
    return [
        Line((mode_cell(live=header.live), f"{header.verb} · {count(header.ready, OBJECTS[header.verb])}")),
        Grid((Column(), Column(), Column(right=True), Column()), accounts, indent=2),
        Grid((Column(), Column()), tuple(facts), indent=2),
    ]


def _facts(plan: PlanFile, pending: Pending, effect: Facts) -> Facts:
    header = plan.header
    facts: Facts = []
    if len(header.accounts) > 1 and header.totals:
        facts.append(("total", totals_text(header.totals)))
    if done := header.ready - pending.rows:
        facts.append(("done before", count(done, "row")))
        moved = f", {totals_text(pending.totals)}" if pending.totals else ""
        facts.append(("to do", f"{count(pending.rows, 'row')}{moved}"))
    if header.already_done:
        facts.append(("already done", f"{count(header.already_done, 'row')} when the plan was made"))
    if header.left_out:
        facts.append(("left out", f"{count(header.left_out, 'row')}; see `billctl batch show {header.id}`"))
    facts += [("policy", why) for why in header.why]
    facts.append(("reason", header.reason or "each row has its own"))
    facts += effect
    facts.append(("plan", f"{plan.path}, hash {plan.hash[:12]}"))
    return facts


def _who(identity: Identity | None) -> str:
    if identity is None or not identity.id:
        return ""
    return f"{identity.name} ({identity.id})" if identity.name else identity.id


def confirmed_by_options(
    opened: Mapping[str, Opened], *, yes: bool, live: Sequence[str], unattended: bool
) -> bool:
    """Whether `--yes` is enough at a terminal: in live mode only with every live account that has rows to do
    named by `--live`, and where the profile allows changes that nobody looks at (`unattended`)."""
    ids = {account.identity.id for account in opened.values() if account.live}
    return yes and (not ids or (unattended and ids <= set(live)))
