"""What an armed fault does to a request or its answer, whichever gateway meets it.

A gateway's own `spoil` module adds what only it can say: its error bodies for 409, 429, 401, 403, 500
and `refuse`, and its lies about amount and currency.
"""

from collections.abc import Callable, Mapping

from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Answer, Pause

Lies = Mapping[str, Callable[[bytes], bytes]]
"""`wrong-amount` and `wrong-currency` → the answer's body as sent (compressed, say) → the lying body."""

HTML = b"<html><head><title>%b</title></head><body><h1>%b</h1></body></html>\n"
PORTAL = HTML % (b"Welcome to the guest network", b"Sign in to go online")
PROXY = HTML % (b"502 Bad Gateway", b"502 Bad Gateway")

LATE_SECONDS = 2.0
SLOW_SECONDS = 5.0
BEFORE = frozenset({"connection-dropped", "hang-before", "html", "html-502", "409", "429", "401", "403"})
"""Kinds that never reach the endpoint: answered by `instead`."""


def instead(fault: Fault, refused: Callable[[Fault], Answer]) -> Answer:
    """The answer of a fault that keeps the request from the endpoint (one of `BEFORE`).

    `refused` gives the gateway's own answer for 409, 429 (with `retry_after` where there is one), 401 and
    403.
    """
    if fault.kind == "connection-dropped":
        return Answer(0, b"", delivery="none")
    if fault.kind == "hang-before":
        return Answer(0, b"", delivery="silent", seconds=fault.seconds)
    if fault.kind in ("html", "html-502"):
        return _html(200 if fault.kind == "html" else 502)
    return refused(fault)


def delay(fault: Fault | None, pause: Pause) -> None:
    """Wait as a `late` fault says. Call before anything is read or written."""
    if fault and fault.kind == "late":
        pause(LATE_SECONDS if fault.seconds is None else fault.seconds)


def struck(fault: Fault | None, kind: str) -> Fault | None:
    """The fault where it is of this kind.

    `refuse` and `500-before` strike inside the endpoint before anything is written, `500-after` when
    everything is: the gateway raises its error there, so that it is kept under an idempotency key as the
    gateway would.
    """
    return fault if fault and fault.kind == kind else None


def after(fault: Fault | None, answer: Answer, lies: Lies) -> Answer:
    """The answer as the fault lets it through; `answer` was acted upon in full."""
    if fault is None:
        return answer
    if fault.kind == "html-502-after":
        return _html(502)
    if fault.kind in lies:
        answer.body = lies[fault.kind](answer.body)
    elif fault.kind in DELIVERIES:
        answer.delivery = DELIVERIES[fault.kind]
        default = SLOW_SECONDS if fault.kind == "slow" else None
        answer.seconds = default if fault.seconds is None else fault.seconds
    return answer


DELIVERIES = {"answer-lost": "none", "hang-after": "silent", "cut-body": "cut", "slow": "slow"}
"""Kind → how the connection is spoilt (`Answer.delivery`)."""


def _html(status: int) -> Answer:
    body = PORTAL if status == 200 else PROXY
    return Answer(status, body, {"Server": "proxy", "Content-Type": "text/html; charset=utf-8"})
