"""What an armed fault does to a request or its answer."""

import json
from collections.abc import Callable
from typing import Any

from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Answer, Pause
from billctl.sandbox.stripe.access import bad_key
from billctl.sandbox.stripe.errors import ApiError, refused, server_error
from billctl.sandbox.stripe.limits import too_many

HTML = b"<html><head><title>%b</title></head><body><h1>%b</h1></body></html>\n"
PORTAL = HTML % (b"Welcome to the guest network", b"Sign in to go online")
PROXY = HTML % (b"502 Bad Gateway", b"502 Bad Gateway")

LATE_SECONDS = 2.0
SLOW_SECONDS = 5.0
BEFORE = frozenset({"connection-dropped", "hang-before", "html", "html-502", "429", "401", "403"})
"""Kinds that never reach the endpoint."""


def instead(fault: Fault, headers: dict[str, str]) -> Answer:
    """The answer of a fault that keeps the request from the endpoint."""
    if fault.kind == "connection-dropped":
        return Answer(0, b"", delivery="none")
    if fault.kind == "hang-before":
        return Answer(0, b"", delivery="silent", seconds=fault.seconds)
    if fault.kind in ("html", "html-502"):
        return _html(200 if fault.kind == "html" else 502)
    error = {
        "429": lambda: too_many(fault.retry_after),
        "401": lambda: bad_key("sk_test_refused_by_fault"),
        "403": lambda: ApiError(
            403, "The provided key does not have the required permissions for this endpoint."
        ),
    }[fault.kind]()
    return Answer(error.status, json.dumps(error.body).encode(), headers | error.headers)


def delay(fault: Fault | None, pause: Pause) -> None:
    """Wait as a `late` fault says."""
    if fault and fault.kind == "late":
        pause(LATE_SECONDS if fault.seconds is None else fault.seconds)


def refuse(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises before anything is written."""
    if fault and fault.kind == "500-before":
        raise server_error()
    if fault and fault.kind == "refuse":
        error = refused(
            "The sandbox was told to refuse this request.", code=fault.code or "charge_not_refundable"
        )
        error.status = fault.status or 400
        raise error


def fail(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises after everything is written."""
    if fault and fault.kind == "500-after":
        raise server_error()


def after(fault: Fault | None, answer: Answer) -> Answer:
    """The answer as the fault lets it through; `answer` was acted upon in full."""
    spoiler = AFTER.get(fault.kind) if fault else None
    return spoiler(answer, fault) if spoiler and fault else answer


def _html(status: int) -> Answer:
    body = PORTAL if status == 200 else PROXY
    return Answer(status, body, {"Server": "proxy", "Content-Type": "text/html; charset=utf-8"})


def _delivered(how: str) -> Callable[[Answer, Fault], Answer]:
    def spoiler(answer: Answer, fault: Fault) -> Answer:
        answer.delivery = how
        answer.seconds = fault.seconds
        return answer

    return spoiler


def _slow(answer: Answer, fault: Fault) -> Answer:
    answer.delivery = "slow"
    answer.seconds = SLOW_SECONDS if fault.seconds is None else fault.seconds
    return answer


def _lie(name: str, change: Callable[[Any], Any]) -> Callable[[Answer, Fault], Answer]:
    def spoiler(answer: Answer, _fault: Fault) -> Answer:
        body = json.loads(answer.body)
        if name in body:
            body[name] = change(body[name])
            answer.body = json.dumps(body, ensure_ascii=False).encode()
        return answer

    return spoiler


AFTER: dict[str, Callable[[Answer, Fault], Answer]] = {
    "answer-lost": _delivered("none"),
    "hang-after": _delivered("silent"),
    "cut-body": _delivered("cut"),
    "slow": _slow,
    "html-502-after": lambda _answer, _fault: _html(502),
    "wrong-amount": _lie("amount", lambda amount: amount + 1),
    "wrong-currency": _lie("currency", lambda currency: "eur" if currency == "usd" else "usd"),
}
