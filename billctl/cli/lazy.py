"""Commands that share options, and groups whose members are imported only when entered."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from billctl.cli.options import SHARED_PREFIX, choices, shared_options
from billctl.frozen import frozen_value

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""The class of every usage error that Typer raises; Typer exports only this child of it."""

SHARED_HINT = "Every command also takes"


class Command(TyperCommand):
    """A command that takes the shared options."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params += shared_options()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _suggesting():
            return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        _write_own_options(self, ctx, formatter)
        _write_shared_options(ctx, formatter)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def invoke(self, ctx: Any) -> Any:
        from billctl.cli.progress import waiting

        chosen = choices(ctx)
        chosen.command = " ".join(ctx.command_path.split()[1:])
        with waiting(quiet=chosen.quiet):
            return super().invoke(ctx)


class Group(TyperGroup):
    """A group that takes the shared options, and suggests what a mistyped member may have meant."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.params += shared_options()

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.format_commands(ctx, formatter)
        _write_own_options(self, ctx, formatter)
        _write_shared_options(ctx, formatter)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _suggesting():
            rest = super().parse_args(ctx, args)
        if not rest and not ctx._protected_args and not ctx.resilient_parsing:
            names = ", ".join(self.list_commands(ctx))
            raise USAGE_ERROR(f"{ctx.command_path} needs a command: {names}.", ctx)
        return rest

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing and not name.startswith("-"):
            raise USAGE_ERROR(unknown_command(name, ctx.command_path, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


@contextmanager
def _suggesting() -> Iterator[None]:
    """Let the error of a mistyped option ask for the option that is spelled most like it."""
    try:
        yield
    except USAGE_ERROR as error:
        close = getattr(error, "possibilities", None)
        if close:
            (closest,) = get_close_matches(error.option_name, close, n=1, cutoff=0)
            error.message = f"{error.message}. Did you mean {closest}?"
            error.possibilities = None
        raise


def unknown_command(name: str, path: str, names: list[str]) -> str:
    """What to say of a command that does not exist."""
    close = get_close_matches(name, names, n=2)
    suggestion = f" Did you mean {' or '.join(close)}?" if close else f" See `{path} --help`."
    return f"{path} has no command {name[:60]!r}.{suggestion}"


def _write_own_options(command: Any, ctx: Any, formatter: Any) -> None:
    own = [p for p in command.get_params(ctx) if not p.name.startswith(SHARED_PREFIX)]
    for kind, title in (("argument", "Arguments"), ("option", "Options")):
        rows = [row for p in own if p.param_type_name == kind and (row := p.get_help_record(ctx))]
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def _write_shared_options(ctx: Any, formatter: Any) -> None:
    if ctx.parent is not None:
        formatter.write_paragraph()
        formatter.write_text(
            f"{SHARED_HINT} --profile, --output, --fields, --jq, --quiet, --verbose, --no-color: "
            "`billctl help output`."
        )
        return
    rows = [row for p in ctx.command.get_params(ctx) if (row := _shared_row(p, ctx))]
    with formatter.section(f"{SHARED_HINT}, before or after it"):
        formatter.write_dl(rows)


def _shared_row(parameter: Any, ctx: Any) -> tuple[str, str] | None:
    if not parameter.name.startswith(SHARED_PREFIX):
        return None
    row: tuple[str, str] | None = parameter.get_help_record(ctx)
    return row


@frozen_value
class Member:
    """A member of a lazy group: its one line of help, and how to get the command itself."""

    help: str
    load: Callable[[], Any]


def from_module(module: str, help: str) -> Member:
    """A member that is the Typer `app` of a module; the module is imported when the member is entered."""

    def load() -> Any:
        return typer.main.get_command(importlib.import_module(module).app)

    return Member(help, load)


class LazyCommand(TyperCommand):
    """Stands for a member until it is entered: knows its name and help, nothing else."""

    def __init__(self, name: str, member: Member) -> None:
        super().__init__(name, help=member.help, short_help=member.help, rich_markup_mode=None)
        self._member = member

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        command = self._member.load()
        command.name = self.name
        return command.make_context(info_name, args, parent=parent, **extra)


class LazyGroup(Group):
    """A group whose members come from `members`, imported only when entered."""

    def members(self) -> Mapping[str, Member]:
        """The members by name, in the order of help."""
        raise NotImplementedError

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(self.members())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        member = self.members().get(cmd_name)
        return LazyCommand(cmd_name, member) if member else None


def new_app(help: str, *, group: type[Group] = Group, **settings: Any) -> typer.Typer:
    """A Typer app in this program's manner: plain help, no completion options of its own."""
    return typer.Typer(
        cls=group, help=help, rich_markup_mode=None, add_completion=False, no_args_is_help=False, **settings
    )


def single(function: Callable[..., Any]) -> typer.Typer:
    """A Typer app that is one command and no group."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(cls=Command)(function)
    return app
