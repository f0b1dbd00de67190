"""The options that every command accepts, before or after it, and what an operator chose with them."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.core import TyperOption

from billctl.errors import UsageError

FORMATS = ("table", "json", "ndjson", "csv", "tsv")


@dataclass(slots=True)
class Choices:
    """What the shared options and their environment variables chose; None means not chosen."""

    profile: str | None = None
    output: str | None = None
    fields: tuple[str, ...] = ()
    jq: str | None = None
    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    command: str = ""
    """The command's name without `billctl`, for the JSON envelope."""
    opened: tuple[str, str] | None = None
    """The profile that was opened and its mode, for the JSON envelope of an error."""
    sending: str | None = None
    """The operation, or the batch of them, that has begun to be sent, for what is said of an interruption."""
    action: dict[str, Any] = field(default_factory=dict)
    """What the options of an action chose, by the option's name."""

    def format(self, *, terminal: bool) -> str:
        """The output format: option, then $BILLCTL_OUTPUT, then `table` on a terminal and `tsv` elsewhere.

        `--jq` works on JSON, so it means `json` where no line-by-line format was chosen. Raises
        `UsageError` for a format that does not exist.
        """
        chosen = self.output or os.environ.get("BILLCTL_OUTPUT") or ""
        if chosen and chosen not in FORMATS:
            raise UsageError(
                f"{chosen[:40]!r} is not an output format",
                code="bad_output",
                hint=f"Use {', '.join(FORMATS)}.",
            )
        if self.jq is not None:
            return chosen if chosen in {"json", "ndjson"} else "json"
        return chosen or ("table" if terminal else "tsv")

    def asks_for_output(self) -> bool:
        """Whether an option or the environment chose what is printed."""
        return bool(self.output or os.environ.get("BILLCTL_OUTPUT") or self.fields or self.jq is not None)


def choices(context: typer.Context) -> Choices:
    """The choices of the running command."""
    found = context.find_root().obj
    if not isinstance(found, Choices):
        raise TypeError("the root context carries no choices")
    return found


def _keep(name: str, convert: Callable[[Any], Any] = lambda value: value) -> Callable[..., None]:
    """A parameter callback: a given value is kept in the choices, the deeper command's last."""

    def callback(context: Any, _parameter: Any, value: Any) -> None:
        if value not in (None, False):
            setattr(choices(context), name, convert(value))

    return callback


def _output_format(value: str) -> str:
    if value not in FORMATS:
        raise typer.BadParameter(f"{value!r} is none of {', '.join(FORMATS)}.")
    return value


def _field_names(value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(","))
    if not all(re.fullmatch(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*", name) for name in names):
        raise typer.BadParameter("write field names with commas between them, like ref,amount.minor.")
    return names


def _profile_names(incomplete: str) -> list[str]:
    from billctl.cli.completion import profile_names

    return profile_names(incomplete)


def shared_options() -> list[TyperOption]:
    """New instances of the options that every command accepts."""
    return [
        _shared(
            "profile", ["--profile", "-p"], "Profile to use.", metavar="NAME", autocompletion=_profile_names
        ),
        _shared(
            "output",
            ["--output", "-o"],
            "table, json, ndjson, csv or tsv; table on a terminal, else tsv.",
            metavar="FORMAT",
            convert=_output_format,
            autocompletion=lambda incomplete: [f for f in FORMATS if f.startswith(incomplete)],
        ),
        _shared("fields", ["--fields"], "Only these fields: a,b.c", metavar="LIST", convert=_field_names),
        _shared("jq", ["--jq"], "Filter the JSON with a jq expression.", metavar="EXPR"),
        _shared("quiet", ["--quiet", "-q"], "Say nothing but data and errors.", is_flag=True),
        _shared("verbose", ["--verbose", "-v"], "Say more on standard error.", is_flag=True),
        _shared("no_color", ["--no-color"], "No colour.", is_flag=True),
    ]


def _shared(
    name: str,
    declarations: list[str],
    text: str,
    *,
    convert: Callable[[Any], Any] = lambda value: value,
    is_flag: bool = False,
    metavar: str | None = None,
    autocompletion: Callable[[str], list[str]] | None = None,
) -> TyperOption:
    return TyperOption(
        param_decls=[f"shared_{name}", *declarations],
        callback=_keep(name, convert),
        expose_value=False,
        is_flag=is_flag,
        default=False if is_flag else None,
        help=text,
        metavar=metavar,
        show_default=False,
        autocompletion=completing(autocompletion) if autocompletion else None,
    )


def completing(words: Callable[[str], list[str]]) -> Callable[..., list[str]]:
    """`words` in the form that a `TyperOption` calls: with context and arguments before the word begun."""
    return lambda _context, _arguments, incomplete: words(incomplete)


SHARED_PREFIX = "shared_"
_VALUE_OPTIONS = {"--output": "output", "-o": "output", "--jq": "jq"}


def guess_output(arguments: Sequence[str], chosen: Choices) -> None:
    """Find `--output` and `--jq` in unparsed arguments: an error too speaks the format asked for."""
    for position, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        name = _VALUE_OPTIONS.get(option)
        if name is None:
            continue
        if not equals:
            value = arguments[position + 1] if position + 1 < len(arguments) else ""
        if name == "jq" or value in FORMATS:
            setattr(chosen, name, getattr(chosen, name) or value)
