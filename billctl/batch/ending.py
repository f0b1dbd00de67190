"""What a run ends with: the error that decides the exit code, in one line."""

from collections.abc import Collection, Mapping, Sequence

from billctl.batch.model import Header, Stop
from billctl.batch.running import AS_ASKED, READY
from billctl.errors import (
    BillctlError,
    Interrupted,
    OutcomeUnknown,
    Partial,
    StoreError,
)

WORDS = {
    "unknown": "unknown",
    "failed": "failed",
    "refused": "refused",
    "skipped": "skipped",
    "approval_required": "waiting for approval",
}
SETTLES = "Apply the plan again: it asks the gateway first, and sends nothing twice."
AGAIN = "Apply the plan again: it goes on where this ended."
INPUT = "See why, then run it again."
WHY: Mapping[Stop, str] = {
    Stop.CANARY: "after the first rows, to be looked at",
    Stop.MAX_FAILURES: "at too many failures",
    Stop.INTERRUPTED: "by a signal",
    Stop.ACCOUNT: "where nothing more could be done",
}


def ending(
    header: Header,
    counts: Mapping[str, int],
    *,
    not_reached: int,
    stop: Stop | None,
    signal: int | None,
    errors: Sequence[BillctlError],
    failures: Collection[BillctlError],
) -> BillctlError | None:
    """The error of a run; None where every row is as it was asked for.

    `errors` are why accounts could not go on, `failures` one for each way in which rows failed.
    """
    said = _said(counts, not_reached, stop)
    if signal is not None:
        return Interrupted(signal, f"interrupted: {said}", sent="What was begun is recorded.", hint=AGAIN)
    if broken := next((error for error in (*errors, *failures) if isinstance(error, StoreError)), None):
        error = _as(broken, f"{broken.message}; {said}")
        error.sent = "" if _may_have_sent(counts) else broken.sent
        return error
    cause = _cause(errors)
    if counts.get("unknown"):
        return OutcomeUnknown(said + cause, code="rows_unknown", hint=SETTLES)
    failed = sum(count for outcome, count in counts.items() if outcome not in AS_ASKED)
    if not (failed or not_reached or header.warnings):
        return None
    if (failed or errors) and not _done(counts) and (alike := _alike([*errors, *failures], header)):
        return _as(alike, f"{alike.message} ({said})" if failed > 1 else alike.message)
    if not (failed or not_reached):
        return Partial(f"{said}; {header.warnings[0]}", code="input_incomplete", hint=INPUT)
    code = str(stop) if stop else "rows_failed"
    return Partial(said + cause, code=code, hint=AGAIN if not_reached else None)


def _said(counts: Mapping[str, int], not_reached: int, stop: Stop | None) -> str:
    """`2 refused, 1 skipped, 997 done; ended at too many failures, 2,000 not reached`."""
    parts = [f"{counts[outcome]:,} {word}" for outcome, word in WORDS.items() if counts.get(outcome)]
    done, ready = _done(counts), counts.get(READY, 0)
    parts += [f"{ready:,} would be done"] if ready else []
    parts += [f"{done - ready:,} done"] if done > ready or not ready else []
    ended = f"; ended {WHY[stop]}" if stop else ""
    reached = f", {not_reached:,} not reached" if not_reached else ""
    return ", ".join(parts) + ended + reached


def _cause(errors: Sequence[BillctlError]) -> str:
    """What kept the first account that could not go on from it."""
    if not errors:
        return ""
    return f" ({errors[0].account or 'the run'} could not go on: {errors[0].message})"


def _may_have_sent(counts: Mapping[str, int]) -> bool:
    return any(counts.get(outcome) for outcome in ("succeeded", "pending", "unknown", "refused", "failed"))


def _done(counts: Mapping[str, int]) -> int:
    return sum(count for outcome, count in counts.items() if outcome in AS_ASKED)


def _alike(failures: Sequence[BillctlError], header: Header) -> BillctlError | None:
    """The first failure, where nothing was done and all failed by the same class."""
    if header.left_out or not failures or len({type(error) for error in failures}) > 1:
        return None
    return failures[0]


def _as(error: BillctlError, message: str) -> BillctlError:
    """An error of the same class and code with other words."""
    return type(error)(message, code=error.code, hint=error.hint, account=error.account)
