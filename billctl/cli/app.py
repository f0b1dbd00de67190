"""The root of the command tree, and the one place where an error becomes a line and an exit code."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TextIO

import typer

from billctl import VERSION
from billctl.cli.lazy import USAGE_ERROR, LazyGroup, Member, from_module
from billctl.cli.list_members import list_members
from billctl.cli.options import Choices, guess_output
from billctl.cli.output import Result, accept_all_text, internal, print_error, print_result, talk, talk_error
from billctl.errors import BillctlError, InternalError, Interrupted, OutcomeUnknown, Terminated, UsageError
from billctl.signals import last_words

COMMANDS: Mapping[str, tuple[str, str]] = {
    "lookup": ("billctl.cli.lookup", "Show a customer at every gateway at once."),
    "batch": ("billctl.cli.batch", "Many changes as one thing: plan, review, apply."),
    "audit": ("billctl.cli.audit", "Who did what, why, and what became of it."),
    "approvals": ("billctl.cli.approvals", "What waits for a second person, and his yes or no."),
    "watch": ("billctl.cli.watch", "What somebody must look at, for cron."),
    "profile": ("billctl.cli.profile", "Named sets of accounts."),
    "auth": ("billctl.cli.auth", "Credentials of accounts: add, remove, status."),
    "gateways": ("billctl.cli.gateways", "What each installed gateway can do."),
    "sandbox": ("billctl.cli.sandbox", "The rehearsal gateways: serve, reset, status, fault."),
    "completion": ("billctl.cli.completion_command", "Print a shell's completion script."),
    "doctor": ("billctl.cli.doctor", "Check configuration, store and credentials."),
    "help": ("billctl.cli.help", "Explain a topic: exit-codes, profiles, secrets, output, …"),
}


class Root(LazyGroup):
    """billctl itself: its own commands, and a group for each installed gateway."""

    def members(self) -> Mapping[str, Member]:
        from billctl import registry
        from billctl.paths import state_dir

        own = {name: from_module(module, text) for name, (module, text) in COMMANDS.items()}
        everywhere = {"lookup": own.pop("lookup"), **list_members(across=True)}
        entries = registry.installed(state_dir(os.environ))
        taken = everywhere.keys() | own.keys()
        named = (name for name in entries if name not in taken and registry.NAME.fullmatch(name))
        gateways = {name: _gateway_member(entries[name]) for name in named}
        return everywhere | gateways | own

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


def _gateway_member(entry: Any) -> Member:
    def load() -> Any:
        from billctl.cli.gateway_group import command_group

        return command_group(entry)

    origin = "" if entry.is_ours else f" (from {entry.package} {entry.version})"
    text = f"broken: {entry.fault}" if entry.fault else "Show, list, refund, cancel and more"
    return Member(f"{text}{origin}{'' if entry.fault else f' at {entry.name}.'}", load)


app = typer.Typer(
    cls=Root,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    help="""Billing operations over every payment gateway: look up, refund, cancel, resend.

    \b
    Examples:
      billctl --profile sandbox lookup layla@example.com
      billctl stripe refund ch_3Abc --amount 12.50 --reason "charged twice"
      billctl stripe cancel sub_1Abc --at-period-end --reason "moving away"
      billctl audit list --since 1d

    Every action needs a reason and lands in the audit log. Exit codes: `billctl help exit-codes`.
    """,
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"billctl {VERSION}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """The root's own options; everything else is its members'."""
    del version


def _terminate(number: int, _frame: object) -> None:
    raise Terminated(number)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns its exit code. Nothing that a command raises gets past this."""
    _fill_closed_descriptors()
    _leave_no_core()
    for stream in (sys.stdout, sys.stderr):
        accept_all_text(stream)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _terminate)
    chosen = Choices()
    command = typer.main.get_command(app)
    if sys.stdout is None:
        talk(
            "standard output is closed. Nothing was sent. Redirect it to /dev/null to throw the answer away."
        )
        return UsageError.exit_code
    return _run(command, list(arguments), chosen, sys.stdout)


def _run(command: Any, arguments: list[str], chosen: Choices, stdout: TextIO) -> int:
    try:
        with command.make_context("billctl", arguments, obj=chosen) as context:
            result = command.invoke(context)
        if not isinstance(result, Result):
            return 0
        return _answer(result, chosen, stdout)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except (KeyboardInterrupt, typer.Abort, Terminated) as stopped:
        with last_words():
            return _fail(_interrupted(stopped, chosen), arguments, chosen, stdout)
    except OSError as error:
        if error.filename is not None:  # a file's error; what Typer prints for --help has no name
            return _fail(internal(error), arguments, chosen, stdout)
        return _unwritable(error, stdout, 0)
    except Exception as error:  # noqa: BLE001  # whatever it is, it ends as one line and an exit code
        return _fail(_as_error(error, chosen), arguments, chosen, stdout)


def _interrupted(stopped: BaseException, chosen: Choices) -> Interrupted:
    """The error of a signal; after a change began to be sent, never one that says that nothing was."""
    number = stopped.number if isinstance(stopped, Terminated) else signal.SIGINT
    if chosen.sending is None:
        return Interrupted(number)
    return Interrupted(
        number,
        f"interrupted when {chosen.sending} was on its way or done",
        sent=OutcomeUnknown.sent,
        hint=OutcomeUnknown.default_hint,
    )


def _as_error(error: Exception, chosen: Choices) -> BillctlError:
    """Any exception as one of the family; what nobody expected is a fault in billctl."""
    if isinstance(error, BillctlError):
        return error
    if isinstance(error, USAGE_ERROR):
        return _usage(error, chosen)
    if chosen.verbose:
        _print_where(error)
    return internal(error)


def _answer(result: Result, chosen: Choices, stdout: TextIO) -> int:
    code = result.error.exit_code if result.error else 0
    try:
        code = _printed(lambda: print_result(result, chosen, stdout), stdout, code)
    except BillctlError as unprintable:
        if chosen.sending is None:
            raise
        return _unshown(unprintable, result, chosen, stdout)
    # After the data: an answer that could not be printed as asked ends in its own one line.
    if not chosen.quiet:
        for warning in result.warnings:
            talk(warning)
    for error in result.failures():
        talk_error(error)
    return code


def _unshown(error: BillctlError, result: Result, chosen: Choices, stdout: TextIO) -> int:
    """A change was sent, and its answer cannot be shown as asked: say so, never that nothing was sent."""
    unshown = InternalError(
        f"{chosen.sending} was sent, but its answer cannot be shown as asked: {error.message}",
        code=error.code,
        hint=f"See `billctl {_shower(chosen.sending)} {chosen.sending}`; do not send it again.",
    )
    for each in result.failures():
        talk_error(each)
    result.errors = [*result.failures(), unshown]
    result.error = result.error or unshown
    return _printed(lambda: print_error(unshown, result, chosen, stdout), stdout, result.error.exit_code)


def _shower(sent: str | None) -> str:
    """The command that shows what was sent: an operation, or a batch of them."""
    return "batch show" if sent and sent.startswith("bat_") else "audit show"


def _fail(error: BillctlError, arguments: Sequence[str], chosen: Choices, stdout: TextIO) -> int:
    guess_output(arguments, chosen)
    profile, mode = chosen.opened or (chosen.profile, None)
    result = Result(data={}, error=error, profile=profile, mode=mode)
    return _printed(lambda: print_error(error, result, chosen, stdout), stdout, error.exit_code)


def _printed(write: Callable[[], None], stdout: TextIO, code: int) -> int:
    """`code` after printing; a reader that left (`| head -1`) changes nothing, a full disk is told."""
    try:
        write()
    except OSError as error:
        return _unwritable(error, stdout, code)
    return code


def _unwritable(error: OSError, stdout: TextIO, code: int) -> int:
    """The exit code when stdout took nothing: `code` where its reader left (`| head -1`), else never 0."""
    if isinstance(error, BrokenPipeError):
        return _leave_pipe(stdout, code)
    talk(
        f"the answer could not be written to standard output ({error.strerror}). "
        "What was done is in the audit log: `billctl audit list`."
    )
    return _leave_pipe(stdout, code or InternalError.exit_code)


def _leave_pipe(stdout: TextIO, code: int) -> int:
    """Point stdout at /dev/null: Python would flush it again at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
    return code


def _usage(error: Any, chosen: Choices) -> UsageError:
    context = getattr(error, "ctx", None)
    hint = ""
    if context is not None:
        chosen.command = " ".join(context.command_path.split()[1:])
        hint = f"See `{context.command_path} --help`."
    message = error.format_message()
    return UsageError(message, hint="" if "`" in message else hint)


def _print_where(error: BaseException) -> None:
    import traceback

    frame = traceback.extract_tb(error.__traceback__)[-1]
    talk(f"{type(error).__name__} in {frame.name}, {frame.filename}:{frame.lineno}")


def _fill_closed_descriptors() -> None:
    """Open /dev/null on closed standard descriptors, so that no database file is ever given their numbers."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _leave_no_core() -> None:
    """Write no core file where the system honours the limit: it would hold every key in memory."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
