"""`billctl batch`: many changes as one thing, planned, reviewed and then applied."""

from collections.abc import Mapping

from billctl.cli.lazy import LazyGroup, Member, from_module, new_app

COMMANDS: Mapping[str, tuple[str, str]] = {
    "plan": ("billctl.cli.batch_plan", "Read every row's object and write down what would be done."),
    "apply": ("billctl.cli.batch_apply", "Do what a plan says, each row once."),
    "run": ("billctl.cli.batch_run", "Plan and apply in one, for trusted files and for cron."),
    "list": ("billctl.cli.batch_list", "List the plans made here, and what came of them."),
    "show": ("billctl.cli.batch_show", "Show what a plan holds, and how far it is by the log."),
}


class BatchGroup(LazyGroup):
    """The commands of batches, each imported when it is entered."""

    def members(self) -> Mapping[str, Member]:
        return {name: from_module(module, text) for name, (module, text) in COMMANDS.items()}


app = new_app(
    """Many changes as one thing: plan, review, apply.

    \b
    Examples:
      billctl batch plan refund refunds.csv --reason "double charge of 2026-11-20"
      billctl batch apply refund-2026-11-21-3xk9f2.plan
      billctl invoices --status past_due -o csv | billctl batch run resend - --reason "overdue" --yes

    A plan is a file to be read in a review; applying it does exactly what it says, and goes on where a
    run before it ended.
    """,
    group=BatchGroup,
)


@app.callback()
def batch() -> None:
    """The group has no options of its own."""
