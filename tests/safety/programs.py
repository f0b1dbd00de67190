"""billctl in one thread for the fault tests, as it is (`RIGHT`) or made wrong in one place (`WRONG`).

`python -m tests.safety.programs NAME WORDS…` runs it as a process. What is wrong about each is found by the
harness that finds nothing wrong about billctl: tests/safety/test_wrong_variants.py.
"""

import hashlib
import secrets
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from unittest import mock

RIGHT = "right"
UNLOCKED = "without locks"
"""Nothing but the store's own rules keeps two runs from one object."""


@contextmanager
def in_one_thread() -> Iterator[None]:
    """Whatever is to run in a thread runs where it is started, to its end."""
    with (
        mock.patch.object(threading.Thread, "start", threading.Thread.run),
        mock.patch.object(threading.Thread, "join", return_value=None),
        mock.patch("billctl.transport.IDLE", 0),  # a thread of calls ends after its first
    ):
        yield


@contextmanager
def _right() -> Iterator[None]:
    yield


@contextmanager
def _a_new_key_every_time() -> Iterator[None]:
    with mock.patch("billctl.actions.operation_key", side_effect=lambda **_: secrets.token_hex(16)):
        yield


@contextmanager
def _a_key_that_counts_what_it_sees() -> Iterator[None]:
    from billctl.actions import _Run
    from billctl.models import Charge
    from billctl.money import Money
    from billctl.verbs.plan import Plan

    bind, key = _Run._bind, _Run._key
    seen: list[int] = []

    def counting_bind(self: _Run, plan: Plan) -> Plan:
        assert isinstance(plan.record, Charge)
        seen.append(plan.record.refunded.minor)
        return bind(self, plan)

    def counting_key(self: _Run, amount: Money | None) -> str:
        return hashlib.sha256(f"{key(self, amount)} {seen[-1]}".encode()).hexdigest()[:32]

    with mock.patch.multiple(_Run, _bind=counting_bind, _key=counting_key):
        yield


@contextmanager
def _sends_before_it_records() -> Iterator[None]:
    from billctl.audit.log import AuditLog

    begin, finish = AuditLog.intent, AuditLog.outcome
    held = []

    def intent(self: AuditLog, *args: object, **kwargs: object) -> int:
        held.append(lambda: begin(self, *args, **kwargs))  # type: ignore[arg-type]  # handed on as they came
        return 0

    def outcome(self: AuditLog, *args: object, **kwargs: object) -> int:
        while held:
            held.pop()()
        return finish(self, *args, **kwargs)  # type: ignore[arg-type]  # handed on as they came

    with mock.patch.object(AuditLog, "intent", intent), mock.patch.object(AuditLog, "outcome", outcome):
        yield


@contextmanager
def _sends_what_it_could_not_record() -> Iterator[None]:
    from billctl.audit.log import AuditLog
    from billctl.errors import StoreError

    begin = AuditLog.intent

    def intent(self: AuditLog, *args: object, **kwargs: object) -> int:
        try:
            return begin(self, *args, **kwargs)  # type: ignore[arg-type]  # handed on as they came
        except StoreError:
            return 0

    with mock.patch.object(AuditLog, "intent", intent):
        yield


@contextmanager
def _takes_no_trace_for_not_done() -> Iterator[None]:
    from billctl.verbs.resend import ResendInvoice

    with mock.patch.object(ResendInvoice, "find", return_value=None):
        yield


@contextmanager
def _refunds_without_a_claim() -> Iterator[None]:
    from billctl.gateways.woocommerce.refunding import _Refunding

    def look_and_go(self: _Refunding, before: object) -> None:
        del before
        self._marks.sending(self._stamp.operation)

    with mock.patch.object(_Refunding, "_claimed", look_and_go):
        yield


@contextmanager
def _without_locks() -> Iterator[None]:
    from billctl.store.locks import ObjectLocks

    with mock.patch.object(ObjectLocks, "hold", return_value=nullcontext()):
        yield


Program = Callable[[], AbstractContextManager[None]]

WRONG: Mapping[str, Program] = {
    "a new key every time": _a_new_key_every_time,
    "a key that counts what it sees": _a_key_that_counts_what_it_sees,
    "sends before it records": _sends_before_it_records,
    "sends what it could not record": _sends_what_it_could_not_record,
    "takes no trace for not done": _takes_no_trace_for_not_done,
    "refunds without a claim": _refunds_without_a_claim,
}
PROGRAMS: Mapping[str, Program] = {RIGHT: _right, UNLOCKED: _without_locks, **WRONG}


def main() -> int:
    """Run the program that the first word names with the words that follow."""
    from billctl.cli.app import run

    with PROGRAMS[sys.argv[1]](), in_one_thread():
        return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
