"""What a failed request to Braintree means, as one of billctl's errors.

The SDK's exceptions carry neither status nor body, and others escape it (`KeyError`, `ExpatError`,
`AttributeError`, …): what happened is told by the exchange as it was seen below the SDK, and by the chain
of causes. Classes are recognised by name, so that this module imports neither the SDK nor its transport.
Whatever is not named here is unknown.
"""

from contextlib import AbstractContextManager
from typing import NamedTuple

from billctl.causes import Reach, in_words, lost, one_line, reading
from billctl.errors import AuthFailed, BillctlError, NoAnswer, NotFound, NotSent, OutcomeUnknown, Refused

BROKEN = frozenset({"ConnectionError", "ChunkedEncodingError"})

STATUS: dict[int, type[BillctlError]] = {
    401: AuthFailed,
    403: AuthFailed,
    404: NotFound,
    426: Refused,
    429: NotSent,
}
"""Statuses that say that nothing was done. 400, 408 and 5xx are not here: what they leave is not known."""

WORDS: dict[int, tuple[str, str]] = {
    401: ("authentication", "Braintree does not accept these credentials"),
    403: ("permission", "Braintree does not let this API user do that"),
    404: ("not_found", "Braintree has no such object"),
    426: ("upgrade_required", "Braintree no longer speaks to this version of its SDK"),
    429: ("rate_limit", "Braintree turned the request away: too many at once"),
}
"""Code and message: these answers of Braintree are empty."""

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which a read is worth a repeat."""

HINTS: dict[type[BillctlError], str] = {
    NotSent: "Run it again when Braintree can be reached.",
    NoAnswer: "Run it again later; https://status.braintreepayments.com says how Braintree is.",
}
HINT_OF = {
    "authentication": "Check merchant_id, public_key and private_key: keys of production do not open the "
    "sandbox (mode test), nor the sandbox's production (mode live).",
    "permission": "Give its role that right in Braintree's control panel.",
    "upgrade_required": "Update the Python package braintree.",
    "rate_limit": "Wait a little, then run it again.",
}


class Exchange(NamedTuple):
    """One HTTP exchange, as far as it came: `status` is None until an answer is there.

    `own` tells Braintree's form (XML or nothing) from that of something in between. `request_id` and `wait`
    (seconds) are its `X-Request-Id` and `Retry-After`.
    """

    status: int | None = None
    own: bool = False
    request_id: str | None = None
    wait: float | None = None


class Failure(NamedTuple):
    """One failed call. `kind` None: not known what it did. `again`: a repeated read may help."""

    message: str
    kind: type[BillctlError] | None = None
    code: str | None = None
    again: bool = False
    hint: str | None = None

    def error(self, *, change: bool, account: str) -> BillctlError:
        """The error to raise."""
        kind = self.kind or (OutcomeUnknown if change else NoAnswer)
        hint = self.hint or HINT_OF.get(self.code or "") or HINTS.get(kind)
        return kind(self.message, code=self.code, hint=hint, account=account)


def failure_of(error: Exception, exchange: Exchange | None, host: str) -> Failure:
    """What `error`, raised by the SDK after `exchange` with `host` (None: before any), means."""
    if exchange is None:
        return Failure(
            one_line(f"the request could not be made: {in_words(error)}"), kind=NotSent, code="not_sent"
        )
    if exchange.status is None:
        return network_failure(error, host)
    trace = f" (request {one_line(exchange.request_id)})" if exchange.request_id else ""
    kind = STATUS.get(exchange.status)
    if kind and (exchange.own or kind is NotSent):
        code, words = WORDS[exchange.status]
        return Failure(words + trace, kind=kind, code=code)
    if exchange.status not in {200, 201, 204, 422}:
        whose = "" if exchange.own else " with something that is not Braintree's"
        message = f"{host} answered HTTP {exchange.status}{whose}{trace}"
        return Failure(message, code=f"http_{exchange.status}")
    if type(error).__name__ == "RequestTimeoutError":
        return Failure(f"a search took Braintree too long{trace}", code="timeout")
    return Failure(f"the answer of {host} is not what Braintree answers{trace}", code="bad_answer")


def network_failure(error: BaseException, host: str) -> Failure:
    """What `error`, raised before an answer of `host` was there, means."""
    told = lost(error, gateway="Braintree", host=host, broken=BROKEN, masked=one_line)
    kind = NotSent if told.reach is Reach.UNSENT else None
    return Failure(told.message, kind=kind, code=told.code, again=told.reach is Reach.BROKEN)


def reading_answer(account: str, *, change: bool) -> AbstractContextManager[None]:
    """Turn the errors of `mapping` into billctl's: an answer that cannot be read is no answer."""

    def failed(why: str) -> BillctlError:
        failure = Failure(one_line(f"Braintree's answer cannot be read: {why}"), code="bad_answer")
        return failure.error(change=change, account=account)

    return reading(failed)
