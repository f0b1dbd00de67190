"""What a failed request to Recurly means, as one of billctl's errors.

The SDK makes an exception of every answer from 400 on, of Recurly's own form or not, and other exceptions
escape it (`TypeError`, `ValueError`, `KeyError`, …): what happened is told by the exchange as it was seen
below the SDK, by the `type` of Recurly's own error, and by the chain of causes. Classes are recognised by
what they carry, so that this module imports neither the SDK nor its transport. Whatever is not named here is
unknown. The types are those of Recurly's API description (`ErrorTypeEnum`, `ErrorCategoryEnum`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from billctl.causes import Reach, in_words, lost, one_line, reading
from billctl.errors import AuthFailed, BillctlError, NoAnswer, NotFound, NotSent, OutcomeUnknown, Refused

BROKEN = frozenset({"ConnectionError", "ChunkedEncodingError"})

STATUS: dict[int, type[BillctlError]] = {
    400: Refused,
    401: AuthFailed,
    402: Refused,
    403: AuthFailed,
    404: NotFound,
    406: Refused,
    412: Refused,
    422: Refused,
    429: NotSent,
}
"""Answers of Recurly itself (an error with a type) after which nothing was done. 409 and 5xx are not here:
what they leave is not known."""

ABSENT = "not_found"
"""The one type under which a 404 says that there is no such object."""

TOO_MANY = "rate_limit"
"""billctl's code for a request turned away as one too many, by which a batch waits; Recurly: rate_limited."""

IN_FLIGHT = "simultaneous_request"
"""Another request for the same object is under way, which may be this very operation, of another host."""

FAULTS = frozenset({"internal_server_error", "service_not_available", "tax_service_error"})
"""Types of what failed at Recurly itself, the SDK's `InternalServerError`s: under any status they prove
nothing."""

TRANSACTION = "transaction"
UNSURE_CATEGORIES = frozenset({"communication", "unknown", "api_error", "recurly"})
UNSURE_CODES = frozenset({"gateway_timeout", "gateway_error", "gateway_unavailable", "ssl_error", "unknown"})
"""Failed transactions of which the processor may know more: the way to it failed, or nobody told why."""

AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which a read is worth a repeat."""

HINTS: dict[type[BillctlError], str] = {
    NotSent: "Run it again when Recurly can be reached.",
    NoAnswer: "Run it again later; https://status.recurly.com says how Recurly is.",
    AuthFailed: "Check the key with `billctl auth status`, replace it with `billctl auth add`.",
}
HINT_OF = {
    "unauthorized": 'Check the key with `billctl auth status`; a site kept in the EU needs region = "eu".',
    TOO_MANY: "Wait a little, then run it again.",
    "invalid_permissions": "Give the key that right in Recurly, under Integrations, API Credentials.",
    "invalid_api_version": "Update the Python package recurly.",
    "unknown_api_version": "Update the Python package recurly.",
}


class Exchange(NamedTuple):
    """One HTTP exchange, as far as it came: `status` is None until an answer is there.

    `request_id` is its `X-Request-Id`; `wait` how many seconds Recurly asks to wait for the next request.
    """

    status: int | None = None
    request_id: str | None = None
    wait: float | None = None


class Failure(NamedTuple):
    """One failed call. `kind` None: not known what it did. `again`: a repeated read may help."""

    message: str
    kind: type[BillctlError] | None = None
    code: str | None = None
    again: bool = False

    def error(self, *, change: bool, account: str) -> BillctlError:
        """The error to raise."""
        kind = self.kind or (OutcomeUnknown if change else NoAnswer)
        hint = HINT_OF.get(self.code or "") or HINTS.get(kind)
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
    told = getattr(error, "error", None)
    if exchange.status >= 400 and isinstance(getattr(told, "type", None), str):
        return _answered_failure(exchange.status, told, trace)
    if exchange.status == 429:
        return Failure("Recurly turned the request away: too many at once", kind=NotSent, code=TOO_MANY)
    if not 200 <= exchange.status < 300:
        message = f"{host} answered HTTP {exchange.status} with something that is not Recurly's{trace}"
        return Failure(message, code=f"http_{exchange.status}")
    return Failure(f"the answer of {host} is not what Recurly answers{trace}", code="bad_answer")


def _answered_failure(status: int, told: Any, trace: str) -> Failure:
    """What Recurly's own error says: its type, its message, the parameters it names."""
    words = [one_line(str(getattr(told, "message", None) or f"HTTP {status}")).rstrip(".")]
    words += [said for said in _parameters(told) if said not in words[0]]
    code, kind = told.type, STATUS.get(status)
    if code == TRANSACTION:
        return _failed_transaction(status, told, words, trace)
    if code == IN_FLIGHT:
        words = ["it is at work on another request for this, which may be the same operation"]
        kind = None
    if code in FAULTS or (kind is NotFound and code != ABSENT):
        kind = None
    code = TOO_MANY if kind is NotSent else code
    return Failure(one_line(f"Recurly says: {'; '.join(words)}") + trace, kind=kind, code=code)


def _parameters(told: Any) -> Iterator[str]:
    for named in getattr(told, "params", None) or ():
        if isinstance(named, dict) and named.get("param"):
            yield f"{named['param']} {named.get('message') or ''}".strip()


def _failed_transaction(status: int, told: Any, words: list[str], trace: str) -> Failure:
    """A transaction that the processor declined is refused; where the way to it failed, nothing is known."""
    detail = getattr(told, "transaction_error", None)
    code, category = getattr(detail, "code", None), getattr(detail, "category", None)
    advice = getattr(detail, "merchant_advice", None) or getattr(detail, "message", None)
    words += [one_line(str(advice)).rstrip(".")] if advice else []
    unsure = category in UNSURE_CATEGORIES or code in UNSURE_CODES
    return Failure(
        one_line(f"Recurly says: {'; '.join(dict.fromkeys(words))}") + trace,
        kind=None if unsure else STATUS.get(status),
        code=code or TRANSACTION,
    )


def network_failure(error: BaseException, host: str) -> Failure:
    """What `error`, raised before an answer of `host` was there, means."""
    told = lost(error, gateway="Recurly", host=host, broken=BROKEN, masked=one_line)
    kind = NotSent if told.reach is Reach.UNSENT else None
    return Failure(told.message, kind=kind, code=told.code, again=told.reach is Reach.BROKEN)


def reading_answer(account: str, *, change: bool) -> AbstractContextManager[None]:
    """Turn the errors of `mapping` into billctl's: an answer that cannot be read is no answer."""

    def failed(why: str) -> BillctlError:
        failure = Failure(one_line(f"Recurly's answer cannot be read: {why}"), code="bad_answer")
        return failure.error(change=change, account=account)

    return reading(failed)
