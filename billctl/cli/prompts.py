"""Questions to a person, on the terminal; where nobody can answer, they refuse instead."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from billctl.cli import progress
from billctl.errors import PolicyDenied
from billctl.text import safe_text

TERMINAL = "/dev/tty"
"""The terminal that a process belongs to, whatever its standard streams are (POSIX.1, 10.1)."""


def somebody_is_there() -> bool:
    """Whether a person can be asked: standard input and standard error are terminals."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


@contextmanager
def answers(*, stdin_is_data: bool) -> Iterator[TextIO | None]:
    """Where a person's answers come from; None where nobody can be asked.

    With data on standard input it is the terminal itself, if standard error is one: `cat FILE | billctl …`
    has somebody who sees the question.
    """
    if not stdin_is_data:
        yield sys.stdin if somebody_is_there() else None
        return
    if not (sys.stderr and sys.stderr.isatty()) or os.name != "posix":
        yield None
        return
    try:
        terminal = open(TERMINAL, encoding="utf-8", errors="replace")  # noqa: PTH123, SIM115 a device, not a path
    except OSError:
        yield None
        return
    with terminal:
        yield terminal


def ask(question: str, source: TextIO | None = None) -> str:
    """The answer to `question`, without surrounding blanks, from `source` or else standard input.

    Raises `PolicyDenied` at end of input.
    """
    progress.end()
    sys.stderr.write(safe_text(question) + " ")
    sys.stderr.flush()
    answer = (source or sys.stdin).readline()
    if not answer:
        sys.stderr.write("\n")
        raise PolicyDenied("nobody answered", code="no_answer")
    return answer.strip()


def ask_secret(question: str) -> str:
    """A secret typed unseen, without surrounding blanks. Raises `PolicyDenied` at end of input."""
    import getpass

    progress.end()
    try:
        return getpass.getpass(f"{safe_text(question)} ", stream=sys.stderr).strip()
    except EOFError:
        raise PolicyDenied("nobody answered", code="no_answer") from None
