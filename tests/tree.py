"""The program's tree of commands, read from the program itself."""

from collections.abc import Iterator
from typing import Any

import typer

from billctl.cli.app import app


def leaves() -> set[str]:
    """Every command that can be run, by its whole name without `billctl`: `stripe refund`, `audit list`."""
    root = typer.main.get_command(app)
    return {" ".join(words) for words in _leaves(root, ())}


def _leaves(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    member = getattr(command, "_member", None)
    command = member.load() if member else command
    if not hasattr(command, "list_commands"):
        yield words
        return
    context = typer.Context(command, info_name=words[-1] if words else "billctl")
    for name in command.list_commands(context):
        yield from _leaves(command.get_command(context, name), (*words, name))
