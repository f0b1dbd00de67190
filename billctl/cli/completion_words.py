"""Which words can stand where the cursor is.

Typer's own way imports Rich, to take markup out of help texts that have none, whenever the shell
shows help beside a word; and it loses words in which the shell sees a break (`--output=js`,
`stripe:ch_1`). So the command tree is walked here, by the same methods that parse a command line.
"""

import shlex
from typing import Any

from typer.core import TyperGroup

from billctl.cli.completion import INSERTABLE, Place, place
from billctl.cli.gateway_group import GatewayGroup
from billctl.cli.options import Choices, choices
from billctl.frozen import frozen_value

ENDING = frozenset({"--help", "-h", "--version"})
"""Options after which nothing on the line counts."""


@frozen_value
class Word:
    """A word that can stand at the cursor, whole, and what it means."""

    value: str
    help: str


def complete(root: Any, line: str) -> list[Word]:
    """The words that can follow or finish `line`, the command line up to the cursor, program included."""
    words, incomplete = split_line(line)
    if ENDING & set(words):
        return []
    context = _innermost(root, words[1:])
    if context is None:
        return []
    token = place.set(_place(context))
    try:
        return [word for word in _candidates(context, words, incomplete) if INSERTABLE.fullmatch(word.value)]
    finally:
        place.reset(token)


def split_line(line: str) -> tuple[list[str], str]:
    """The finished words of a shell's command line, and the one at its end (empty after a blank)."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # the line ends inside quotes
        return words, lexer.token
    if line[-1:].isspace() or not words:
        return words, ""
    return words[:-1], words[-1]


def _innermost(root: Any, words: list[str]) -> Any:
    """The context of the command that `words` lead to; None where they name no command."""
    context = root.make_context("billctl", words, obj=Choices(), resilient_parsing=True)
    while isinstance(context.command, TyperGroup):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        member = context.command.get_command(context, rest[0])
        if member is None:
            return None
        context = member.make_context(rest[0], rest[1:], parent=context, resilient_parsing=True)
    return context


def _place(context: Any) -> Place:
    inside = context
    while inside and not isinstance(inside.command, GatewayGroup):
        inside = inside.parent
    return Place(profile=choices(context).profile, gateway=inside.command.name if inside else None)


def _candidates(context: Any, words: list[str], incomplete: str) -> list[Word]:
    parameters = context.command.get_params(context)
    name, equals, value = incomplete.partition("=")
    if incomplete.startswith("-") and "--" not in words:
        option = _valued_option(parameters, name) if equals else None
        if option is None:
            return _words(context.command, context, incomplete)
        return _words(option, context, value, prefix=f"{name}=")
    before = words[-1] if words else ""
    target = _valued_option(parameters, before) or _open_argument(parameters, context) or context.command
    return _words(target, context, incomplete)


def _valued_option(parameters: list[Any], name: str) -> Any:
    """The option called `name`, if it takes a value."""
    options = (p for p in parameters if p.param_type_name == "option" and not p.is_flag)
    return next((option for option in options if name in option.opts), None)


def _open_argument(parameters: list[Any], context: Any) -> Any:
    """The first argument that can still take a word."""
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            source = context.get_parameter_source(parameter.name)
            if parameter.nargs == -1 or source is None or source.name != "COMMANDLINE":
                return parameter
    return None


def _words(target: Any, context: Any, incomplete: str, *, prefix: str = "") -> list[Word]:
    return [Word(prefix + item.value, item.help or "") for item in target.shell_complete(context, incomplete)]
