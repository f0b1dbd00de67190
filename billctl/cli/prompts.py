"""Questions to a person, on the terminal; where nobody can answer, they refuse instead."""

import sys

from billctl.cli import progress
from billctl.errors import PolicyDenied
from billctl.text import safe_text


def somebody_is_there() -> bool:
    """Whether a person can be asked: standard input and standard error are terminals."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


def ask(question: str) -> str:
    """The answer to `question`, without surrounding blanks. Raises `PolicyDenied` at end of input."""
    progress.end()
    sys.stderr.write(safe_text(question) + " ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
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
