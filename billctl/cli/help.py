"""`billctl help`: topics that no single command explains, and any command's own help."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from billctl import errors
from billctl.cli.layout import Cell, Column, Grid, Line, View
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.errors import BillctlError, UsageError

TOPICS = {
    "exit-codes": "What each exit code means, and whether to run it again.",
    "profiles": "Named sets of accounts, test or live.",
    "secrets": "Where credentials come from; never from a profile.",
    "output": "Formats, fields, jq, and the options that every command takes.",
    "audit": "What the audit log proves, and how to prove an export without billctl.",
    "policy": "Limits, what needs approval, what is never allowed.",
    "approvals": "A second person's yes or no, and what it is worth.",
    "batch": "Many changes as one thing: plan, look at it, apply.",
    "cron": "Jobs that run by themselves: silence, exit codes, locks, credentials.",
    "plugins": "Gateways that others bring.",
}
"""Topic → its one line. The text is in `topics/`, but the exit codes come from the error classes."""

MEANINGS = {
    "ok": ("done, or already done by this same operation", "yes"),
    "internal": ("a fault in billctl", "no"),
    "usage": (
        "wrong call, reason or amount missing, unsupported by this gateway; nothing was sent",
        "after correcting",
    ),
    "not_found": ("looked everywhere, no such thing", "yes"),
    "auth": ("credentials missing or refused", "after fixing"),
    "refused": ("the gateway said no; nothing changed", "no"),
    "unknown": ("it may have happened: `billctl audit reconcile`", "never blindly"),
    "partial": ("some accounts or rows failed; the rest is done", "yes, it resumes"),
    "policy": ("refused here: limit, live guard, no --yes, operator said no", "after approval"),
    "store": ("audit log unreadable, unwritable or broken; nothing was sent", "after repair"),
    "busy": (
        "another run holds it, or an identical operation is open or already done",
        "later, or --again",
    ),
    "network": ("certainly not sent: DNS, refused, TLS, connect timeout", "yes"),
    "config": ("profile or plugin invalid", "after correcting"),
    "note_pending": ("done at the gateway, the ticket note is still queued (later)", "no"),
    "findings": ("`watch`, `audit reconcile` or `audit report` found something to look at", "–"),
    "approval": ("recorded, waits for a second person; nothing was sent", "after approval"),
    "interrupted": ("interrupted (Ctrl-C, TERM, HUP); what was open is recorded", "yes"),
}
"""Class of an exit code → what it means, and whether to run the command again."""

LATER = {13: "note_pending"}
"""Codes that are promised and that nothing ends with yet: no error class has them."""

INTERRUPTED = (130, 143, 129)


class ExitCode(NamedTuple):
    """One row of the table of exit codes."""

    code: int
    word: str
    meaning: str
    again: str


def exit_codes() -> list[ExitCode]:
    """Every exit code: success, those of the error classes, those to come, and being interrupted."""
    # The signal decides the code of an interruption.
    kinds = [kind for kind in _family(BillctlError) if kind is not errors.Interrupted]
    words = {0: "ok"} | {kind.exit_code: kind.word for kind in kinds} | LATER
    rows = [ExitCode(code, word, *MEANINGS[word]) for code, word in sorted(words.items())]
    return rows + [ExitCode(code, "interrupted", *MEANINGS["interrupted"]) for code in INTERRUPTED]


def _family(kind: type[BillctlError]) -> Iterator[type[BillctlError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _family(child)


def _names(context: typer.Context, incomplete: str) -> list[str]:
    return [name for name in (*TOPICS, *_commands(context)) if name.startswith(incomplete)]


def _commands(context: typer.Context) -> list[str]:
    root: Any = context.find_root().command
    names: list[str] = root.list_commands(context.find_root())
    return names


def explain(
    context: typer.Context,
    about: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC | COMMAND…]", help="None: the topics.", autocompletion=_names),
    ] = None,
) -> Result:
    """Explain a topic, or a command.

    \b
    Examples:
      billctl help exit-codes
      billctl help secrets
      billctl help stripe refund
    """
    if not about:
        return _topics()
    if len(about) == 1 and about[0] in TOPICS:
        return _exit_codes() if about[0] == "exit-codes" else _text(context, about[0], _topic(about[0]))
    return _text(context, " ".join(about), _command_help(context, about))


def _topics() -> Result:
    rows = [{"type": "topic", "topic": name, "text": text} for name, text in TOPICS.items()]
    view: View = [
        Line((Cell("Topics", "bold"),)),
        Grid((Column(), Column()), tuple(TOPICS.items()), indent=2),
        Line(("A command's own help: `billctl help stripe refund`, or `billctl stripe refund --help`.",)),
    ]
    return Result(data={"topics": rows}, records=rows, columns=("topic", "text"), view=view)


def _exit_codes() -> Result:
    rows = exit_codes()
    # The longest text is the last column, which is wrapped where others would be cut; those before it are
    # filled up, so that every text begins in one place.
    titles = (Column("code", right=True), Column("class"), Column("again?"), Column("meaning"))
    wide = max(len(row.again) for row in rows)
    cells = tuple((f"{row.code:4}", f"{row.word:12}", row.again.ljust(wide), row.meaning) for row in rows)
    return Result(
        data={"exit_codes": [_code_record(row) for row in rows]},
        records=[{"type": "exit_code"} | _code_record(row) for row in rows],
        columns=("code", "class", "meaning", "again"),
        view=[Grid(titles, cells)],
    )


def _code_record(row: ExitCode) -> dict[str, Any]:
    return {"code": row.code, "class": row.word, "meaning": row.meaning, "again": row.again}


def _topic(name: str) -> str:
    return (Path(__file__).with_name("topics") / f"{name}.txt").read_text(encoding="utf-8")


def _text(context: typer.Context, about: str, text: str) -> Result:
    chosen = choices(context)
    if not os.environ.get("BILLCTL_OUTPUT"):
        # Plain text is the same on a terminal and in a pipe.
        chosen.output = chosen.output or "tsv"
    lines = text.splitlines()
    return Result(
        data={"about": about, "text": text},
        records=[{"type": "line", "text": line} for line in lines],
        columns=("text",),
        view=[Line((line,)) for line in lines],
    )


def _command_help(context: typer.Context, words: list[str]) -> str:
    """The help of the command that `words` name. Raises `UsageError` where there is none."""
    inner: Any = context.find_root()
    for word in words:
        group = inner.command
        member = group.get_command(inner, word) if isinstance(group, TyperGroup) else None
        if member is None:
            raise _unknown(context, inner, word)
        inner = member.make_context(word, [], parent=inner, resilient_parsing=True)
    text: str = inner.get_help()
    return text


def _unknown(context: typer.Context, inner: Any, word: str) -> UsageError:
    if inner.parent is None:
        names = [*TOPICS, *_commands(context)]
        what, where = "topic or command", "billctl help"
    else:
        group = inner.command
        names = group.list_commands(inner) if isinstance(group, TyperGroup) else []
        what, where = f"command of {inner.command_path}", f"{inner.command_path} --help"
    close = get_close_matches(word, names, n=2)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"See `{where}`."
    return UsageError(f"there is no {what} called {word[:40]!r}", code="no_such_help", hint=hint)


app = single(explain)
