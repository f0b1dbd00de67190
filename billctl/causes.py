"""What every adapter's failures have in common: how far a request came that failed without an answer, told by
the chain of its causes, and what cannot be read of one.

Classes are recognised by name, so that neither an SDK nor its transport is imported. Under every adapter is
requests with urllib3, which raises (a subclass of) `ConnectTimeoutError` only while it makes a connection:
refused, name not resolved, timed out; `billctl.transport` adds every failure of a TLS handshake.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import NamedTuple

UNSENT = frozenset({"ConnectTimeoutError", "ConnectTimeout", "SSLCertVerificationError"})
TIMED_OUT = frozenset({"ReadTimeout", "ReadTimeoutError", "TimeoutError", "RequestTimeoutError"})

UNREADABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, OSError)
"""What reading an answer of another shape raises: `ArithmeticError` comes from `Decimal` and from numbers too
large, `OSError` from instants no clock has."""

LONGEST_TEXT = 500
"""Characters of a gateway's words in a message."""


class Reach(Enum):
    """Where a request was when it failed."""

    UNSENT = auto()
    """It is proved that no byte of it reached the gateway."""
    TIMED_OUT = auto()
    """It was sent, and no whole answer came in time."""
    BROKEN = auto()
    """The connection broke before a whole answer was there."""
    UNCLEAR = auto()
    """None of these is proved."""


class Lost(NamedTuple):
    """A request that failed without an answer: how far it came, and what to say of it. `code` is None where
    the error's own class says it all."""

    reach: Reach
    message: str
    code: str | None


def lost(
    error: BaseException, *, gateway: str, host: str, broken: frozenset[str], masked: Callable[[str], str]
) -> Lost:
    """What the chain of `error` tells of a request to `host`.

    `broken` are the SDK's classes for a connection that broke; `masked` makes its words fit to be shown.
    """
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    last = masked(str(chain[-1]) or type(chain[-1]).__name__)
    if names & UNSENT:
        return Lost(Reach.UNSENT, f"{gateway} cannot be reached at {host}: {last}", None)
    if names & TIMED_OUT:
        return Lost(Reach.TIMED_OUT, f"{host} did not answer in time", "timeout")
    if names & broken:
        return Lost(Reach.BROKEN, f"the connection to {host} broke before an answer: {last}", "no_answer")
    message = f"the answer of {host} cannot be used: {type(error).__name__}: {last}"
    return Lost(Reach.UNCLEAR, message, "bad_answer")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """From `error` to its first cause; urllib3 and Stripe's SDK keep some links in attributes."""
    seen: set[int] = set()
    link: object = error
    while isinstance(link, BaseException) and id(link) not in seen:
        seen.add(id(link))
        yield link
        hidden = getattr(link, "reason", None) or getattr(link, "original_error", None)
        link = link.__cause__ or link.__context__ or (hidden if isinstance(hidden, BaseException) else None)


def retry_after(text: object) -> int | None:
    """A `Retry-After` header in seconds; its other form, a date, is not read."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else None


def one_line(text: str) -> str:
    """`text` on one line, cut to a sentence's length."""
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST_TEXT else plain[:LONGEST_TEXT] + "…"


def in_words(error: BaseException) -> str:
    """`TypeError: its words`, as long as they are: what must be masked in them comes before they are cut."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


@contextmanager
def reading(failed: Callable[[str], Exception], *also: type[Exception]) -> Iterator[None]:
    """Within it, what reading an answer of another shape raises (`UNREADABLE`, and `also`) becomes what
    `failed` makes of it `in_words`."""
    kinds: tuple[type[Exception], ...] = (*UNREADABLE, *also)
    try:
        yield
    except kinds as error:
        raise failed(in_words(error)) from error
