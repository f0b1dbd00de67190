"""The options that every action takes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperOption

from billctl.cli.lazy import Command
from billctl.cli.options import choices, completing, shared_options

if TYPE_CHECKING:
    from billctl.cli.output import Result


def account_names(incomplete: str) -> list[str]:
    """Accounts of the profile, for completion."""
    from billctl.cli import completion

    return completion.account_names(incomplete)


AccountName = Annotated[
    str | None,
    typer.Option("--account", metavar="NAME", help="Account of the profile.", autocompletion=account_names),
]

AccountNames = Annotated[
    list[str] | None,
    typer.Option(
        "--account", metavar="NAME", help="Only this account (repeatable).", autocompletion=account_names
    ),
]

OPTIONS: tuple[tuple[str, str | None, str], ...] = (
    ("reason", "TEXT", "Why (required; it stays in the audit log)."),
    ("reason_code", "CODE", "duplicate, billing_error, goodwill, …"),
    ("ticket", "REF", "Ticket, like zendesk:35436."),
    ("again", "N", "The Nth deliberate repeat of an identical operation."),
    ("dry_run", None, "Read and check everything, send nothing."),
    ("yes", None, "Do not ask."),
    ("live", "ACCOUNT_ID", "The live account this is meant for."),
    ("request_approval", None, "Ask a second person where the policy's limits are exceeded."),
    ("account", "NAME", "Account of the profile."),
)
"""The options of every action: name, what stands for the value (None: a flag), help."""


def action_option(name: str, metavar: str | None, text: str, *, repeatable: bool = False) -> TyperOption:
    """An option of `OPTIONS` whose value is kept in `Choices.action`; `repeatable`: a tuple of values."""

    def keep(context: Any, _parameter: Any, value: Any) -> None:
        choices(context).action[name] = value

    return TyperOption(
        param_decls=[name, f"--{name.replace('_', '-')}"],
        callback=keep,
        expose_value=False,
        is_flag=metavar is None,
        default=False if metavar is None else None,
        help=text,
        metavar=metavar,
        show_default=False,
        multiple=repeatable,
        autocompletion=completing(account_names) if name == "account" else None,
    )


class ActionCommand(Command):
    """A command that changes something: takes a reason, and all that every action takes."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        shared = len(shared_options())
        self.params[-shared:-shared] = [action_option(*row) for row in OPTIONS]


def action(function: "Callable[..., Result]") -> typer.Typer:
    """A Typer app that is one action."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=ActionCommand)(function)
    return app
