"""What a plan does that its sums do not say: when it ends, who is written to, what can be undone."""

from billctl.batch.model import PlannedRow, RowState
from billctl.batch.plan_file import PlanFile
from billctl.cli.batch_views import count
from billctl.gateway import When
from billctl.verbs.cancel import WORDS

Facts = list[tuple[str, str]]


def effect_of(plan: PlanFile) -> Facts:
    """Lines for a person, label and text, in the order in which an action on its own has them."""
    return [*_ends(plan), *_elsewhere(plan), *_undo(plan)]


def _ends(plan: PlanFile) -> Facts:
    """When a batch of cancellations ends them; that is one choice for all rows."""
    rows = (_first_ready(plan, account.name) for account in plan.header.accounts)
    when = next((row.params["when"] for row in rows if row and "when" in row.params), None)
    return [("ends", WORDS[When(when)])] if when else []


def _elsewhere(plan: PlanFile) -> Facts:
    """How many invoices go to another address than the customer's."""
    if plan.header.verb != "resend":
        return []
    number = sum("to" in row.params for row in plan.rows() if row.state is RowState.READY)
    return [("to", f"{count(number, 'invoice')} to an address that the rows name")] if number else []


def _undo(plan: PlanFile) -> Facts:
    """What can be taken back, by the first ready row of each account."""
    rows = (_first_ready(plan, account.name) for account in plan.header.accounts)
    found = (fact for row in rows if row for fact in row.facts if fact[0] == "undo")
    return list(dict.fromkeys(found))


def _first_ready(plan: PlanFile, account: str) -> PlannedRow | None:
    return next((row for row in plan.rows(account) if row.state is RowState.READY), None)
