"""What a failed request to a store means, as one of billctl's errors.

An answer of WordPress itself is a JSON object with `code`, `message` and `data`; only such a one proves a
refusal. `data` holds the HTTP status as `{"status": 404}`, or is a bare number that the HTTP status does not
follow: an unknown order's refund answers HTTP 500 with `"data": 404`. So `code` decides, not `data`.
What a cache kept (header `Age`, RFC 9111) is no answer: it may be of before somebody claimed an order, and it
is given to whoever asks. A cache that does not say so cannot be told from the store.
HTML comes from what stands in front of a store, a firewall say, or from PHP: after a change nobody knows
what it did; a firewall may even have judged the answer, not the request. Whatever is not named here is
unknown. Statuses and codes: observed on WooCommerce 10.0.2, and its source.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from billctl.causes import Reach, lost, one_line, reading, retry_after
from billctl.errors import (
    AuthFailed,
    BillctlError,
    NetworkError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    Unsupported,
)

BROKEN = frozenset({"ConnectionError", "ChunkedEncodingError", "InvalidHeader", "ContentDecodingError"})


class Forbidden(AuthFailed):
    """The store knows the key, whose user may not do that."""


NO_ROUTE = "rest_no_route"
"""The code of an answer that the store has no such part of the API: it lacks an extension, or it is older."""

REDIRECT = "redirect"
"""The code of an answer that points elsewhere."""

FORM = frozenset({"code", "message", "data"})
OWN = "woocommerce_rest_"
"""How the codes begin by which WooCommerce says that it has no such object. Any other 404 tells of a part of
the API, or of what stands before it: nobody is not there because of it."""

STATUS: dict[int, type[BillctlError]] = {401: AuthFailed, 403: Forbidden, 404: NotFound}
"""Answers of WordPress that prove that nothing was done. 400 and 5xx are told by their code, below."""

INVALID = "rest_invalid_param"
"""The code of a parameter that the store does not take; its message names it."""

ILL_FORMED = frozenset({INVALID, "rest_missing_callback_param", "rest_invalid_json"})
"""Codes of 400 that WordPress raises before a request comes to what it is for."""

CODES: dict[str, type[BillctlError]] = {
    "woocommerce_rest_invalid_order_id": NotFound,
    "woocommerce_rest_missing_email": Refused,
    "woocommerce_rest_invalid_email_template": Refused,
    "woocommerce_rest_order_billing_email_exists": Refused,
}
"""Codes that prove that nothing was done, whatever the HTTP status; those of e-mails are answered before one
is sent (`OrderActionsRestController`)."""

REFUND_FAILED = "woocommerce_rest_cannot_create_order_refund"
NOT_TRIED = frozenset(
    {
        "Invalid refund amount.",
        "The payment gateway for this order does not exist.",
        "The payment gateway for this order does not support automatic refunds.",
    }
)
"""Messages of a failed refund that are raised before the payment gateway is asked (`wc_create_refund`,
`wc_refund_payment`). In another language they differ, and the outcome stays unknown: the safe side. So it
does with any other message, whatever HTTP status the store gives it: it may be the payment gateway's own."""

TOO_MANY = 429

CHECK_KEY = (
    "Check consumer_key and consumer_secret. A store answers so to a key it does not know, and to any key "
    "where its server keeps the Authorization header from WordPress."
)
PERMISSION = (
    "Give the key that permission in the store's admin (WooCommerce, Settings, Advanced, REST API), and its "
    "user the role Shop manager."
)
ADDRESS = "Check url: it is the store's own address, with pretty permalinks switched on in WordPress."
NO_PART = "WooCommerce is switched off there, or older than what was asked of it, or lacks an extension."
FIREWALL = (
    "A firewall in front of the store may have done that: its owner can let billctl's requests through."
)
CACHE = "Have the cache or CDN in front of the store leave everything below /wp-json/ alone."
REMEDIES = frozenset({FIREWALL, CACHE})
"""What only the store's owner can do, whatever the question was."""
HINTS: dict[type[BillctlError], str] = {
    NotSent: "Run it again when the store can be reached.",
    NoAnswer: "Run it again later; if it stays so, the store's own log says why.",
}

KEY = re.compile(r"\b(c[ks]_)[0-9a-zA-Z]{8,}|\b(Basic) +\S+", re.ASCII)
TAG = re.compile(r"<[^<>]*>")


class Answer(NamedTuple):
    """A whole HTTP answer: its status, headers (by any case) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failure(NamedTuple):
    """One failed attempt. `kind` None: not known what it did. `wait` is the answer's `Retry-After`, in
    seconds. `again`: a repeat that changes nothing twice may help."""

    message: str
    kind: type[BillctlError] | None = None
    code: str | None = None
    again: bool = False
    wait: int | None = None
    hint: str | None = None

    def error(self, *, change: bool, account: str) -> BillctlError:
        """The error to raise."""
        kind = self.kind or (OutcomeUnknown if change else NoAnswer)
        hint = HINTS.get(kind) if self.hint is None or kind is OutcomeUnknown else self.hint
        return kind(self.message, code=self.code, hint=hint, account=account)


class NoJson(Exception):
    """A body that is no JSON; its text says what it is instead."""


def redacted(text: str) -> str:
    """`text` without markup, on one line, cut to a sentence's length, with every key in it masked."""
    plain = html.unescape(TAG.sub(" ", text))
    return one_line(KEY.sub(lambda found: f"{found[1] or found[2]}…", plain))


def parsed(body: bytes) -> Any:
    """The JSON that `body` is. Raises `NoJson` for anything else, JSON behind something else included."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        raise NoJson(_described(body)) from None


def _described(body: bytes) -> str:
    start = body[:2048].lstrip()
    if not start:
        return "nothing"
    if start.startswith(b"\xef\xbb\xbf"):
        return "no JSON but a byte order mark before it, which a file of a plugin or theme begins with"
    if re.search(rb"<b>(?:Warning|Notice|Deprecated|Fatal error|Parse error)</b>|^PHP ", start):
        return "no JSON but a message of PHP's before it"
    return "HTML" if start.startswith(b"<") else "something that is no JSON"


def failure_of(answer: Answer, host: str, *, change: bool) -> Failure | None:
    """What `answer` of `host` to a change or a read failed with; None for one of success."""
    if not change and (age := answer.headers.get("Age", "0")).strip().strip("0"):
        return Failure(
            f"{host} answered from a cache that has kept it for {age[:20]} s", code="cached", hint=CACHE
        )
    if answer.status in {200, 201}:
        return None
    try:
        told = parsed(answer.body)
    except NoJson as error:
        return _turned_away(answer, host) or _foreign(answer, host, str(error))
    if not _is_wordpress(told):
        return _turned_away(answer, host) or _foreign(answer, host, "something that is not WooCommerce's")
    away = None if told["code"] == REFUND_FAILED else _turned_away(answer, host)
    return away or _refusal(answer.status, told["code"], redacted(str(told["message"])), change=change)


def _turned_away(answer: Answer, host: str) -> Failure | None:
    """What a request failed with that was one too many."""
    if answer.status != TOO_MANY:
        return None
    return Failure(
        f"{host} turned the request away: too many at once",
        kind=NotSent,
        code="rate_limit",
        again=True,
        wait=retry_after(answer.headers.get("Retry-After")),
        hint="Wait a little, then run it again.",
    )


def _is_wordpress(told: Any) -> bool:
    """Whether an answer has the form of WordPress's errors; a firewall or a proxy may write JSON, too."""
    return isinstance(told, dict) and told.keys() >= FORM and isinstance(told["code"], str)


def _foreign(answer: Answer, host: str, what: str) -> Failure:
    """An answer that WordPress did not give, or not as it should."""
    status = answer.status
    if 300 <= status < 400:
        return Failure(
            f"{host} points elsewhere (HTTP {status}), and billctl follows no redirect",
            code=REDIRECT,
            hint="Correct url: it is the address at which the store itself answers.",
        )
    hints = {401: CHECK_KEY, 403: FIREWALL, 404: ADDRESS}
    return Failure(
        f"{host} answered HTTP {status} with {what}",
        code=f"http_{status}",
        again=status >= 500,
        wait=retry_after(answer.headers.get("Retry-After")),
        hint=hints.get(status),
    )


def _refusal(status: int, code: str, words: str, *, change: bool) -> Failure:
    kind = None if code == REFUND_FAILED else CODES.get(code) or STATUS.get(status)
    if kind is NotFound and not code.startswith(OWN):
        kind = None
    hint = None
    if code == NO_ROUTE:
        kind, hint = (Refused if change else None), NO_PART
    elif _is_refusal(status, code, words, change=change):
        kind = Refused
    elif kind in {AuthFailed, Forbidden}:
        hint = PERMISSION if status == 403 or "permission" in words.lower() else CHECK_KEY
    opening = "WooCommerce says" if kind else f"WooCommerce answered HTTP {status}"
    return Failure(
        f"{opening}: {words.rstrip('. ') or code}",
        kind=kind,
        code=code,
        again=status >= 500,
        hint=hint,
    )


def _is_refusal(status: int, code: str, words: str, *, change: bool) -> bool:
    """Whether an answer that no table names proves that nothing was done."""
    if code == REFUND_FAILED:
        return words in NOT_TRIED
    return status == 400 and (code in ILL_FORMED or not change)


def network_failure(error: Exception, host: str) -> Failure:
    """What `error`, raised before a whole answer of `host` was there, means."""
    told = lost(error, gateway="the store", host=host, broken=BROKEN, masked=redacted)
    kind = NotSent if told.reach is Reach.UNSENT else None
    return Failure(told.message, kind=kind, code=told.code, again=told.reach is Reach.BROKEN)


def bad_answer(host: str, what: str) -> Failure:
    """An answer of success that cannot be one."""
    return Failure(f"{host} answered {what}", code="bad_answer")


@contextmanager
def before(sent: str = NotSent.sent) -> Iterator[None]:
    """What is read or written before a change: within it the change itself is not sent, so a failure of the
    network proves that it was not. `sent` says so; what helps against the failure itself is still advised."""
    try:
        yield
    except NotSent:
        raise
    except (NetworkError, OutcomeUnknown) as error:
        remedy = error.hint if error.hint in REMEDIES else ""
        hint = f"Run it again. {remedy}".rstrip()
        proved = NotSent(error.message, code=error.code, hint=hint, account=error.account)
        proved.sent = sent
        raise proved from error


def reading_answer(account: str, *, change: bool) -> AbstractContextManager[None]:
    """Turn the errors of `mapping` into billctl's: an answer that cannot be read is no answer.

    After a change that holds for an amount that cannot be held here, too: the change may have been made.
    """

    def failed(why: str) -> BillctlError:
        failure = Failure(redacted(f"the store's answer cannot be read: {why}"), code="bad_answer")
        return failure.error(change=change, account=account)

    return reading(failed, *((Unsupported,) if change else ()))
