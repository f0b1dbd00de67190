"""What a failed request to Stripe means, as one of billctl's errors.

The SDK raises one class, `APIConnectionError`, for every network failure: only its cause chain tells
what is proved not to have left this machine from what may have been done. Classes are recognised by
name, so that this module imports neither the SDK nor its transport. Whatever is not named here is
unknown. HTTP statuses: docs.stripe.com/api/errors.
"""

import re
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from billctl.causes import Reach, lost, one_line, reading, retry_after
from billctl.errors import (
    AuthFailed,
    BillctlError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    Unsupported,
)

BROKEN = frozenset({"APIConnectionError"})

STATUS: dict[int, type[BillctlError]] = {
    400: Refused,
    401: AuthFailed,
    402: Refused,
    403: AuthFailed,
    404: Refused,
    429: NotSent,
}
"""Answers of Stripe itself (a body with an `error` object). 409 (the same key is in use by a request
under way), 424 and 5xx are not here: what they leave behind is not known."""

DEFAULT_CODES = {401: "authentication", 403: "permission", 429: "rate_limit"}

HINTS: dict[type[BillctlError], str] = {
    AuthFailed: "Check the key with `billctl auth status`, replace it with `billctl auth add`.",
    NotSent: "Run it again when Stripe can be reached.",
    NoAnswer: "Run it again later; https://status.stripe.com says how Stripe is.",
}

KEY_USED = (
    "Stripe knows this operation's key from an earlier request, of another run or another host: this one did "
    "nothing, that one may have"
)
"""The key is the operation's own, so a request that differs can only be an earlier try at the same operation.
Stripe's words would suggest another key, which is how money moves twice."""

PERMISSION = re.compile(r"\brak_[a-z_]+\b")
KEY = re.compile(r"\b([srp]k_(?:test|live)_)[A-Za-z0-9_*]+")


class Failure(NamedTuple):
    """One failed attempt. `kind` None: not known what it did. `wait` is Stripe's `Retry-After`, in seconds.

    `again`: a repeat that changes nothing twice may help.
    """

    message: str
    kind: type[BillctlError] | None = None
    code: str | None = None
    again: bool = False
    wait: float | None = None

    def error(self, *, change: bool, account: str, uncertain: bool = False) -> BillctlError:
        """The error to raise. `uncertain`: an earlier attempt of the same change may have been done."""
        unknown = OutcomeUnknown if change else NoAnswer
        kind = unknown if self.kind is None or uncertain else self.kind
        hint = HINTS.get(kind)
        if kind is AuthFailed and (permission := PERMISSION.search(self.message)):
            hint = f"Give the restricted key the permission {permission[0]} in Stripe's dashboard."
        if self.code == "rate_limit" and kind is NotSent:
            hint = "Wait a little, then run it again."
        return kind(self.message, code=self.code, hint=hint, account=account)


def redacted(text: str) -> str:
    """`text` on one line, cut to a sentence's length, with every Stripe key in it masked."""
    return one_line(KEY.sub(r"\1…", text))


def failure_of(error: Exception, host: str) -> Failure:
    """What `error`, raised by the SDK for one request to `host`, means."""
    status = getattr(error, "http_status", None)
    if status is None:
        return _network_failure(error, host)
    body = getattr(error, "json_body", None)
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return Failure(
            message=f"{host} answered HTTP {status} with something that is not Stripe's", again=status >= 500
        )
    return _answered_failure(status, told, getattr(error, "headers", None) or {})


def _answered_failure(status: int, told: dict[str, Any], headers: Any) -> Failure:
    words = told.get("message") or f"HTTP {status}"
    code = told.get("code") or DEFAULT_CODES.get(status)
    kind = STATUS.get(status)
    if code == "resource_missing":
        kind = NotFound
    elif code == "rate_limit":
        kind = NotSent
    if told.get("type") == "idempotency_error":
        return Failure(message=KEY_USED, code="idempotency_error")
    should = str(headers.get("Stripe-Should-Retry", "")).lower()
    again = should == "true" or (should != "false" and (status in {409, 429} or status >= 500))
    return Failure(
        message=redacted(f"Stripe says: {words}" if kind else f"Stripe answered HTTP {status}: {words}"),
        kind=kind,
        code=str(code) if code else None,
        again=again,
        wait=retry_after(headers.get("Retry-After")),
    )


def _network_failure(error: Exception, host: str) -> Failure:
    told = lost(error, gateway="Stripe", host=host, broken=BROKEN, masked=redacted)
    kind = NotSent if told.reach is Reach.UNSENT else None
    return Failure(message=told.message, kind=kind, code=told.code, again=told.reach is Reach.BROKEN)


def reading_answer(account: str, *, change: bool) -> AbstractContextManager[None]:
    """Turn the errors of `mapping` into billctl's: an answer that cannot be read is no answer.

    After a change that holds for a currency that is not read at Stripe, too: the change may have been made.
    """

    def failed(why: str) -> BillctlError:
        failure = Failure(redacted(f"Stripe's answer cannot be read: {why}"), code="bad_answer")
        return failure.error(change=change, account=account)

    return reading(failed, *((Unsupported,) if change else ()))
