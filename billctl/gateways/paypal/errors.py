"""What a failed request to PayPal means, as one of billctl's errors.

An answer of PayPal itself is a JSON object with a `name` (or, of the token endpoint, an `error`); only
such a one proves a refusal. Network failures come through the SDK as requests raised them, so the cause
chain tells what never left this machine; classes are recognised by name, so that this module imports
neither the SDK nor its transport. Whatever is not named here is unknown. Statuses and `issue` words:
the error schemas of PayPal's API descriptions.
"""

import json
import re
from collections.abc import Mapping
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

BROKEN = frozenset({"RequestException"})

STATUS: dict[int, type[BillctlError]] = {
    400: Refused,
    401: AuthFailed,
    403: AuthFailed,
    404: NotFound,
    405: Refused,
    410: NotFound,
    415: Refused,
    422: Refused,
    429: NotSent,
}
"""Answers of PayPal itself. 409 (a request with the same key is under way) and 5xx are not here: what they
leave behind is not known."""

DEFAULT_CODES = {401: "authentication", 403: "permission", 429: "rate_limit"}
TOO_LARGE = "RESULTSET_TOO_LARGE"

HINTS: dict[type[BillctlError], str] = {
    NotSent: "Run it again when PayPal can be reached.",
    NoAnswer: "Run it again later; https://www.paypal-status.com says how PayPal is.",
}
CREDENTIALS = (
    "Check client_id and client_secret, and that they are of the profile's mode: live credentials do not "
    "open PayPal's sandbox, nor the other way round."
)
PERMISSION = (
    "Give the app this permission in PayPal's developer dashboard; a token from before lacks it for 9 hours."
)

TOKENS = re.compile(r"\b(Bearer|Basic) +\S+|\b(A21A)[\w.-]{8,}", re.ASCII)


class Failure(NamedTuple):
    """One failed attempt. `kind` None: not known what it did. `wait` is PayPal's `Retry-After`, in seconds.

    `again`: a repeat that changes nothing twice may help. `status` is the answer's, if there was one.
    """

    message: str
    kind: type[BillctlError] | None = None
    code: str | None = None
    again: bool = False
    wait: int | None = None
    status: int | None = None

    def error(self, *, change: bool, account: str, uncertain: bool = False) -> BillctlError:
        """The error to raise. `uncertain`: an earlier attempt of the same change may have been done."""
        unknown = OutcomeUnknown if change else NoAnswer
        kind = unknown if self.kind is None or uncertain else self.kind
        hint = HINTS.get(kind)
        if kind is AuthFailed:
            hint = PERMISSION if self.status == 403 else CREDENTIALS
        elif self.code == DEFAULT_CODES[429] and kind is NotSent:
            hint = "Wait half a minute, then run it again."
        return kind(self.message, code=self.code, hint=hint, account=account)


class NoToken(Exception):
    """PayPal gave no token, so that the request that needed it was never sent."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure_of_token = failure

    def failure(self, *, change: bool) -> Failure:
        """What it means for that request; whatever is not a refusal proves that a change was not sent."""
        kind = self.failure_of_token.kind or (NotSent if change else None)
        message = f"no access token from PayPal: {self.failure_of_token.message}"
        return self.failure_of_token._replace(kind=kind, message=message)


def redacted(text: str) -> str:
    """`text` on one line, cut to a sentence's length, with every token in it masked."""
    return one_line(TOKENS.sub(lambda found: f"{found[1] or found[2]}…", text))


def failure_of(error: Exception, host: str) -> Failure:
    """What `error`, raised by the SDK or its transport for one request to `host`, means."""
    if isinstance(error, BadAnswer):
        return Failure(message=f"{host} answered {error}", code="bad_answer")
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if not isinstance(status, int):
        return _network_failure(error, host)
    told = _object(getattr(error, "content", None))
    if told is None or not (told.get("name") or told.get("error")):
        return Failure(
            message=f"{host} answered HTTP {status} with something that is not PayPal's",
            again=status >= 500,
            status=status,
        )
    return _answered_failure(status, told, getattr(response, "headers", None) or {})


class BadAnswer(Exception):
    """An answer of success that is not what the description says; its text says what came instead."""


def _object(content: object) -> dict[str, Any] | None:
    try:
        told = json.loads(content) if isinstance(content, str) else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _answered_failure(status: int, told: Mapping[str, Any], headers: Mapping[str, str]) -> Failure:
    code, words = _said(told)
    kind = STATUS.get(status)
    if told.get("error") == "invalid_client":
        kind = AuthFailed
    debug = f" (debug id {told['debug_id']})" if told.get("debug_id") else ""
    opening = "PayPal says" if kind else f"PayPal answered HTTP {status}"
    return Failure(
        message=redacted(f"{opening}: {words}{debug}"),
        kind=kind,
        code=DEFAULT_CODES.get(status) or code,
        again=status in {409, 429} or status >= 500,
        wait=retry_after(headers.get("Retry-After")),
        status=status,
    )


def _said(told: Mapping[str, Any]) -> tuple[str | None, str]:
    """The code to look up (the first `issue`, else the name) and the words of an error's body."""
    details = told.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    code = first.get("issue") or told.get("name") or told.get("error")
    words = first.get("description") or told.get("message") or told.get("error_description") or code
    if first.get("field"):
        words = f"{words} [{first['field']}]"
    return (str(code) if code else None), str(words).rstrip(". ")


def _network_failure(error: Exception, host: str) -> Failure:
    told = lost(error, gateway="PayPal", host=host, broken=BROKEN, masked=redacted)
    kind = NotSent if told.reach is Reach.UNSENT else None
    return Failure(message=told.message, kind=kind, code=told.code, again=told.reach is Reach.BROKEN)


def reading_answer(account: str, *, change: bool) -> AbstractContextManager[None]:
    """Turn the errors of `mapping` into billctl's: an answer that cannot be read is no answer.

    After a change that holds for a currency that is not read at PayPal, too: the change may have been made.
    """

    def failed(why: str) -> BillctlError:
        failure = Failure(redacted(f"PayPal's answer cannot be read: {why}"), code="bad_answer")
        return failure.error(change=change, account=account)

    return reading(failed, *((Unsupported,) if change else ()))
