"""What an armed fault does to a request or its answer at Recurly.

A 500 is kept under an Idempotency-Key, `500-before` and `500-after` alike (see `keys`). What `refuse` says
goes by its code: one of Recurly's error types makes an error of that type, any other a declined transaction
(422 `transaction`) of that code; without one a refund is declined with `transaction_cannot_be_refunded`, and
anything else is a `validation` error. With the code `declined_after` a refund does what it does where the
customer's bank declines it (an open credit invoice stays, see `crediting`), and the answer is that 422:
whether Recurly answers so, or with the invoice, is not verified.
"""

import json
from collections.abc import Callable
from typing import Any

from billctl.sandbox.fault_table import Fault
from billctl.sandbox.recurly.errors import (
    ApiError,
    declined,
    forbidden,
    server_error,
    simultaneous,
    too_many,
    unauthorized,
)
from billctl.sandbox.spoil import BEFORE, Lies, delay, struck

__all__ = ["BEFORE", "LIES", "declines", "delay", "fail", "refusal", "refuse"]

DECLINED_AFTER = "declined_after"

TYPES = frozenset(
    {
        *("bad_request", "immutable_subscription", "internal_server_error", "invalid_api_key"),
        *("invalid_permissions", "invalid_token", "missing_feature", "not_found", "rate_limited"),
        *("service_not_available", "simultaneous_request", "tax_service_error", "unauthorized"),
        *("validation",),
    }
)
"""The description's error types that a fault may ask for by `--code`."""


def refusal(fault: Fault) -> ApiError:
    """The error of a fault that keeps the request from the endpoint: 409, 429, 401 or 403."""
    if fault.kind == "409":
        return simultaneous()
    if fault.kind == "429":
        return too_many(fault.retry_after)
    return forbidden() if fault.kind == "403" else unauthorized()


def refuse(fault: Fault | None, path: str) -> None:
    """Raise what a fault inside the endpoint raises before anything is written."""
    if struck(fault, "500-before"):
        raise server_error()
    told = struck(fault, "refuse")
    if told is None or told.code == DECLINED_AFTER:
        return
    code = told.code or ("transaction_cannot_be_refunded" if path.endswith("/refund") else "validation")
    if code in TYPES:
        raise ApiError(told.status or 422, code, "The sandbox was told to refuse this request.")
    error = declined("", code)
    error.status = told.status or 422
    raise error


def declines(fault: Fault | None) -> bool:
    """Whether refunds are declined by the bank, and the answer says so."""
    told = struck(fault, "refuse")
    return told is not None and told.code == DECLINED_AFTER


def fail(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises after everything is written."""
    if struck(fault, "500-after"):
        raise server_error()
    if declines(fault):
        raise declined("", "declined")


def _lie(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """Let `change` alter an object that bears an amount, and the transactions inside it."""

    def lying(text: bytes) -> bytes:
        if not text.startswith(b"{"):
            return text
        body = json.loads(text)
        for each in (body, *(body.get("transactions") or ())):
            if "currency" in each:
                change(each)
        return json.dumps(body, ensure_ascii=False).encode()

    return lying


def _another_amount(body: dict[str, Any]) -> None:
    for name in ("total", "amount"):
        if isinstance(body.get(name), int | float):
            body[name] += -1 if body[name] < 0 else 1


def _another_currency(body: dict[str, Any]) -> None:
    body["currency"] = "EUR" if body["currency"] == "USD" else "USD"


LIES: Lies = {"wrong-amount": _lie(_another_amount), "wrong-currency": _lie(_another_currency)}
