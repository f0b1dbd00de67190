"""The options that batches share with actions, and those that say what the rows of a batch mean."""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.action_options import OPTIONS, action_option
from billctl.cli.lazy import Command
from billctl.cli.options import shared_options
from billctl.frozen import frozen

if TYPE_CHECKING:
    from billctl.cli.output import Result

VERBS = ("refund", "cancel", "resend", "void")

OF_ROWS = ("reason", "reason_code", "ticket", "again", "account")
"""The action options that say something of rows: frozen into a plan."""
OF_A_RUN = ("dry_run", "yes", "live", "request_approval")
"""The action options under which a plan is applied."""
REPEATABLE = {"live": "The live account this is meant for (one for each)."}
"""Options of which a batch takes several, with their help."""
HELP = REPEATABLE | {"reason": "Why, for every row that does not say it itself."}


def _verbs(incomplete: str) -> list[str]:
    return [verb for verb in VERBS if verb.startswith(incomplete)]


VerbName = Annotated[
    str, typer.Argument(metavar="VERB", help="refund, cancel, resend or void.", autocompletion=_verbs)
]


def _row_files(incomplete: str) -> list[str]:
    from billctl.cli import completion

    return completion.files_here((".csv", ".ndjson", ".jsonl", ".tsv", ".txt"), incomplete)


def _plans(incomplete: str) -> list[str]:
    from billctl.cli import completion

    return completion.plans(incomplete)


FileName = Annotated[
    str,
    typer.Argument(
        metavar="FILE|-",
        help="CSV or NDJSON with a column ref, or - for standard input.",
        autocompletion=_row_files,
    ),
]
PlanName = Annotated[
    str,
    typer.Argument(
        metavar="ID|PLAN", help="A batch's id, the beginning of one, or a plan file.", autocompletion=_plans
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Refund all that is left where a row says no amount.")]
AtPeriodEnd = Annotated[
    bool, typer.Option("--at-period-end", help="Cancel when the paid period ends (the default).")
]
Now = Annotated[bool, typer.Option("--now", help="Cancel at once, with no refund of the time left.")]
AgainAfter = Annotated[
    str | None,
    typer.Option(
        "--again-after", metavar="AGE", help="Resend again what was resent longer ago than that: 7d, 12h."
    ),
]


@frozen
class Asked:
    """What a batch's own arguments and options say of its rows, as they were typed."""

    verb: str
    file: str
    full: bool = False
    at_period_end: bool = False
    now: bool = False
    again_after: str | None = None


def batch_command(
    function: "Callable[..., Result]", names: Collection[str] = (*OF_ROWS, *OF_A_RUN)
) -> typer.Typer:
    """A Typer app that is one command of `billctl batch`, with those of the action options that are named.

    What they chose is in `Choices.action`; `live` is a tuple there.
    """

    class BatchCommand(Command):
        """A command over many rows."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            shared = len(shared_options())
            self.params[-shared:-shared] = [
                action_option(name, metavar, HELP.get(name, text), repeatable=name in REPEATABLE)
                for name, metavar, text in OPTIONS
                if name in names
            ]

    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=BatchCommand)(function)
    return app
