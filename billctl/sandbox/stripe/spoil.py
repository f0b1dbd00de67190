"""What an armed fault does to a request or its answer at Stripe."""

import json
from collections.abc import Callable
from typing import Any

from billctl.sandbox import spoil
from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Answer
from billctl.sandbox.spoil import BEFORE, Lies, delay, struck
from billctl.sandbox.stripe.access import bad_key
from billctl.sandbox.stripe.errors import ApiError, refused, server_error, too_many
from billctl.sandbox.stripe.idempotency import in_use

__all__ = ["BEFORE", "after", "delay", "fail", "instead", "refuse"]


def instead(fault: Fault, headers: dict[str, str]) -> Answer:
    """The answer of a fault that keeps the request from the endpoint."""

    def rendered(fault: Fault) -> Answer:
        error = REFUSALS[fault.kind](fault)
        return Answer(error.status, json.dumps(error.body).encode(), headers | error.headers)

    return spoil.instead(fault, rendered)


def refuse(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises before anything is written."""
    if struck(fault, "500-before"):
        raise server_error()
    if told := struck(fault, "refuse"):
        error = refused(
            "The sandbox was told to refuse this request.", code=told.code or "charge_not_refundable"
        )
        error.status = told.status or 400
        raise error


def fail(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises after everything is written."""
    if struck(fault, "500-after"):
        raise server_error()


def after(fault: Fault | None, answer: Answer) -> Answer:
    """The answer as the fault lets it through; `answer` was acted upon in full."""
    return spoil.after(fault, answer, LIES)


def _lie(name: str, change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    def lying(text: bytes) -> bytes:
        body = json.loads(text)
        if name not in body:
            return text
        body[name] = change(body[name])
        return json.dumps(body, ensure_ascii=False).encode()

    return lying


NOT_PERMITTED = "The provided key does not have the required permissions for this endpoint."

REFUSALS: dict[str, Callable[[Fault], ApiError]] = {
    "409": lambda _fault: in_use("used_by_fault"),
    "429": lambda fault: too_many(fault.retry_after),
    "401": lambda _fault: bad_key("sk_test_refused_by_fault"),
    "403": lambda _fault: ApiError(403, NOT_PERMITTED),
}

LIES: Lies = {
    "wrong-amount": _lie("amount", lambda amount: amount + 1),
    "wrong-currency": _lie("currency", lambda currency: "eur" if currency == "usd" else "usd"),
}
