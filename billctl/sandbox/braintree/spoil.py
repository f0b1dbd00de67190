"""What an armed fault does to a request or its answer at Braintree.

Its 401, 403, 429 and 500 have no body. A key in use is refused with 422, so that 409 stands for whatever else
may answer so, without a body. `refuse` is 422 with 91506 unless told otherwise. The lies change the first
amount or currency of an answer about transactions.
"""

from billctl.sandbox import spoil
from billctl.sandbox.braintree.errors import Refused, Status
from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Answer
from billctl.sandbox.spoil import BEFORE, Lies, delay, struck

__all__ = ["BEFORE", "after", "delay", "fail", "instead", "refuse"]

TOLD = "The sandbox was told to refuse this request."


def instead(fault: Fault, headers: dict[str, str]) -> Answer:
    """The answer of a fault that keeps the request from the endpoint."""

    def refused(fault: Fault) -> Answer:
        more = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Answer(int(fault.kind), b"", headers | more)

    return spoil.instead(fault, refused)


def refuse(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises before anything is written."""
    if struck(fault, "500-before"):
        raise Status(500)
    if told := struck(fault, "refuse"):
        if told.status not in (None, 422):
            raise Status(told.status)
        raise Refused("transaction", told.code or "91506", text=TOLD)


def fail(fault: Fault | None) -> None:
    """Raise what a fault inside the endpoint raises after everything is written."""
    if struck(fault, "500-after"):
        raise Status(500)


def after(fault: Fault | None, answer: Answer) -> Answer:
    """The answer as the fault lets it through; `answer` was acted upon in full, and is not compressed yet."""
    return spoil.after(fault, answer, LIES)


def _amount(body: bytes) -> bytes:
    start, end = _text(body, b"amount")
    if start < 0:
        return body
    digits = body[start:end].replace(b".", b"")
    point = body[start:end].find(b".")
    more = str(int(digits) + 1).encode().rjust(len(digits), b"0")
    lie = more if point < 0 else more[: point - len(digits)] + b"." + more[point - len(digits) :]
    return body[:start] + lie + body[end:]


def _currency(body: bytes) -> bytes:
    start, end = _text(body, b"currency-iso-code")
    if start < 0:
        return body
    return body[:start] + (b"EUR" if body[start:end] == b"USD" else b"USD") + body[end:]


def _text(body: bytes, tag: bytes) -> tuple[int, int]:
    """Where the text of the first such element is; (-1, -1) where there is none."""
    start = body.find(b"<" + tag + b">")
    if start < 0:
        return -1, -1
    start += len(tag) + 2
    return start, body.index(b"<", start)


LIES: Lies = {"wrong-amount": _amount, "wrong-currency": _currency}
