"""`billctl completion`: a shell's completion script, and the words that the script asks for."""

from difflib import get_close_matches
from typing import Annotated

import typer

from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.errors import UsageError

SHELLS = ("bash", "zsh", "fish", "powershell")


def _shells(incomplete: str) -> list[str]:
    return [shell for shell in SHELLS if shell.startswith(incomplete)]


def completion(
    context: typer.Context,
    shell: Annotated[
        str, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.", autocompletion=_shells)
    ],
    line: Annotated[
        str | None, typer.Option("--complete", metavar="LINE", hidden=True, help="Print words for LINE.")
    ] = None,
) -> Result:
    """Print a shell's completion script.

    \b
    Examples:
      billctl completion bash > ~/.local/share/bash-completion/completions/billctl
      billctl completion zsh > "${fpath[1]}/_billctl"
      billctl completion fish > ~/.config/fish/completions/billctl.fish
      billctl completion powershell >> $PROFILE

    An installation by pipx has put the first three in place. Completion knows commands, options,
    gateways with their plugins, profiles, accounts and ids seen lately; it never uses the network.
    """
    if shell not in SHELLS:
        close = get_close_matches(shell, SHELLS, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(SHELLS)}."
        raise UsageError(f"there is no completion for {shell[:40]!r}", code="bad_shell", hint=hint)
    return _script(context, shell) if line is None else _words(context, line)


def _script(context: typer.Context, shell: str) -> Result:
    from billctl.cli.completion_scripts import SCRIPTS

    chosen = choices(context)
    # A script is for a shell whatever BILLCTL_OUTPUT says, and the same on a terminal and in a pipe.
    chosen.output = chosen.output or "tsv"
    script = SCRIPTS[shell]
    lines = script.splitlines()
    return Result(
        data={"shell": shell, "script": script},
        records=[{"type": "line", "text": text} for text in lines],
        columns=("text",),
        view=[Line((text,)) for text in lines],
    )


def _words(context: typer.Context, line: str) -> Result:
    from billctl.cli.completion_words import complete

    words = complete(context.find_root().command, line)
    return Result(
        data={"words": [{"value": word.value, "help": word.help} for word in words]},
        records=[{"type": "word", "value": word.value, "help": word.help} for word in words],
        columns=("value", "help"),
        view=[Line((word.value, word.help)) for word in words],
    )


app = single(completion)
