"""billctl as it is (`RIGHT`) or made wrong in one place where a batch must not be (`WRONG`).

`python -m tests.safety.batch_programs NAME WORDS…` runs it as a process, threads and all. What is wrong about
each is found by the harness that finds nothing wrong about billctl: tests/safety/test_batch_wrong.py.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from billctl.batch.model import PlannedRow, RowResult
    from billctl.batch.one_row import RowWork, Tried
    from billctl.store.interface import Operation

RIGHT = "right"


@contextmanager
def _forgets_what_was_open() -> Iterator[None]:
    """What a dead run left open counts as not sent, without a look at the gateway."""
    from billctl.batch.one_row import RowWork
    from billctl.recorded import intent_of, subject_of
    from billctl.store.interface import OperationState

    def settled(self: "RowWork", row: "PlannedRow", standing: "Operation") -> None:
        session = self._session
        session.log.outcome(
            subject_of(intent_of(session.store, standing)),
            operation=standing.id,
            state=OperationState.NOT_SENT,
            outcome="not_sent",
        )

    with mock.patch.object(RowWork, "_settled", settled):
        yield


@contextmanager
def _takes_what_was_begun_for_done() -> Iterator[None]:
    from billctl.batch import one_row

    def settled(self: "RowWork", row: "PlannedRow", standing: "Operation") -> "Tried":
        return one_row.Tried(result=one_row._of_operation(row, standing))

    with mock.patch.object(one_row.RowWork, "_settled", settled):
        yield


@contextmanager
def _trusts_the_results_file() -> Iterator[None]:
    """A row is done that the results of an earlier run call done, whatever the log says."""
    import json

    from billctl.batch import model, one_row

    plan = next(Path(word) for word in sys.argv if word.endswith(".plan"))
    lines = plan.with_suffix(".results.ndjson").read_text(encoding="utf-8").splitlines()
    done = {found["n"] for found in map(json.loads, lines) if found["outcome"] == "succeeded"}

    def done_before(self: "RowWork", row: "PlannedRow") -> "RowResult | None":
        return model.RowResult(row=row, outcome="already_done") if row.n in done else None

    with mock.patch.object(one_row.RowWork, "done_before", done_before):
        yield


@contextmanager
def _records_after_sending() -> Iterator[None]:
    from billctl.audit.log import AuditLog

    begin, finish = AuditLog.intent, AuditLog.outcome
    held = threading.local()

    def intent(self: AuditLog, *args: Any, **kwargs: Any) -> int:
        held.intent = lambda: begin(self, *args, **kwargs)
        return 0

    def outcome(self: AuditLog, *args: Any, **kwargs: Any) -> int:
        if begun := vars(held).pop("intent", None):
            begun()
        return finish(self, *args, **kwargs)

    with mock.patch.object(AuditLog, "intent", intent), mock.patch.object(AuditLog, "outcome", outcome):
        yield


Program = Callable[[], AbstractContextManager[None]]
WRONG: Mapping[str, Program] = {
    "forgets what was open": _forgets_what_was_open,
    "takes what was begun for done": _takes_what_was_begun_for_done,
    "trusts the results file": _trusts_the_results_file,
    "records after sending": _records_after_sending,
}
PROGRAMS: Mapping[str, Program] = {RIGHT: nullcontext, **WRONG}


def main() -> int:
    """Run the program that the first word names with the words that follow."""
    from billctl.cli.app import run

    with PROGRAMS[sys.argv[1]]():
        return run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
