"""What an armed fault does to a request or its answer at PayPal.

A 500 is not kept under a PayPal-Request-Id: after `500-before` the same id acts, after `500-after` it
finds what was made. `refuse` is 422 REFUND_NOT_ALLOWED unless another status or issue was given.
"""

import json
from collections.abc import Callable
from typing import Any

from billctl.sandbox.fault_table import Fault
from billctl.sandbox.paypal import tokens
from billctl.sandbox.paypal.errors import ApiError, detail, forbidden, in_progress, too_many, unauthenticated
from billctl.sandbox.paypal.money import NO_DECIMALS
from billctl.sandbox.spoil import BEFORE, Lies, delay, struck

__all__ = ["BEFORE", "LIES", "delay", "fail", "refusal", "refuse"]


def refusal(fault: Fault, path: str) -> ApiError:
    """The error of a fault that keeps the request from the endpoint: 409, 429, 401 or 403."""
    if fault.kind == "409":
        return in_progress()
    if fault.kind == "429":
        return too_many(fault.retry_after)
    if fault.kind == "403":
        return forbidden()
    return tokens.bad_client() if path == tokens.PATH else unauthenticated()


def refuse(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises before anything is written."""
    if struck(fault, "500-before"):
        raise ApiError(500)
    if told := struck(fault, "refuse"):
        raise ApiError(told.status or 422, [detail(told.code or "REFUND_NOT_ALLOWED")])


def fail(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises after everything is written."""
    if struck(fault, "500-after"):
        raise ApiError(500)


def _lie(change: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    def lying(text: bytes) -> bytes:
        body = json.loads(text) if text else None
        amount = body.get("amount") if isinstance(body, dict) else None
        if not isinstance(amount, dict):
            return text
        change(amount)
        return json.dumps(body, ensure_ascii=False).encode()

    return lying


def _another_amount(amount: dict[str, Any]) -> None:
    name = "value" if "value" in amount else "total"
    amount[name] = f"1{amount[name]}"


def _another_currency(amount: dict[str, Any]) -> None:
    name = "currency_code" if "currency_code" in amount else "currency"
    if amount[name] in NO_DECIMALS:
        amount[name] = "HUF" if amount[name] == "JPY" else "JPY"
    else:
        amount[name] = "EUR" if amount[name] == "USD" else "USD"


LIES: Lies = {"wrong-amount": _lie(_another_amount), "wrong-currency": _lie(_another_currency)}
