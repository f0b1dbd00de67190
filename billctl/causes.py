"""How far a request came that failed without an answer, told by the chain of its causes.

Classes are recognised by name, so that neither an SDK nor its transport is imported. Under every adapter is
requests with urllib3, which raises (a subclass of) `ConnectTimeoutError` only while it makes a connection:
refused, name not resolved, timed out; `billctl.transport` adds every failure of a TLS handshake.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

UNSENT = frozenset({"ConnectTimeoutError", "ConnectTimeout", "SSLCertVerificationError"})
TIMED_OUT = frozenset({"ReadTimeout", "ReadTimeoutError", "TimeoutError", "RequestTimeoutError"})


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


class Cause(NamedTuple):
    """How far the request came, and the last cause in its own words (to be masked before it is shown)."""

    reach: Reach
    text: str


def cause_of(error: BaseException, *, broken: frozenset[str]) -> Cause:
    """What the chain of `error` tells; `broken` are the SDK's classes for a connection that broke."""
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    text = str(chain[-1]) or type(chain[-1]).__name__
    for reach, words in ((Reach.UNSENT, UNSENT), (Reach.TIMED_OUT, TIMED_OUT), (Reach.BROKEN, broken)):
        if names & words:
            return Cause(reach, text)
    return Cause(Reach.UNCLEAR, text)


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
