"""Anchoring the head of the audit log: on demand, and beside the actions of a profile that asks for it."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from billctl.audit.anchors.base import AnchorUnreachable, broken, too_slow
from billctl.audit.checkpoint import Checkpoint, checkpoint_of, origin_of
from billctl.audit.entry import Entry, read
from billctl.audit.log import AuditLog
from billctl.audit.tail import check_tail
from billctl.errors import BillctlError, StoreError, Terminated
from billctl.frozen import frozen
from billctl.parallel import Job
from billctl.store.interface import RecordFilter, Store
from billctl.text import mask

if TYPE_CHECKING:
    from billctl.audit.anchors.spec import Spec
    from billctl.session import Session

ACTION = "audit anchor"
"""What an anchoring is called in the log."""

LIMIT = 20.0
"""Seconds that a person waits for all anchors together."""

BESIDE_AN_ACTION = 5.0
"""Seconds that an action waits for them."""

RETRY_AFTER = timedelta(minutes=10)
"""How soon after a failure an action tries again by itself."""


@frozen
class Placed:
    """What one anchor said: where the checkpoint is now, or why it is not there."""

    spec: str
    receipt: str | None = None
    error: AnchorUnreachable | None = None


@frozen
class Anchoring:
    """One checkpoint and what became of it at each anchor."""

    checkpoint: Checkpoint
    placed: tuple[Placed, ...]

    @property
    def failed(self) -> list[AnchorUnreachable]:
        """The anchors that did not take it."""
        return [placed.error for placed in self.placed if placed.error]


def anchor(
    store: Store,
    log: AuditLog,
    specs: Sequence["Spec"],
    *,
    state_dir: Path,
    clock: Callable[[], datetime],
    limit: float = LIMIT,
) -> Anchoring:
    """Give the log's head to every anchor, all at the same time, and record what they said.

    An anchor that fails is in the result, not raised; `limit` is in seconds, for all of them. Raises
    `StoreError` where the log cannot be read or written, or its last records are broken.
    """
    check_tail(store)
    if store.head().seq == 0:
        log.note(ACTION, outcome="pending", result={"anchors": [spec.text for spec in specs]})
    origin = origin_of(store)
    assert origin  # there is a record now
    checkpoint = checkpoint_of(origin, store.head())
    placed = _placed(checkpoint, specs, state_dir, clock(), limit)
    failed = [each for each in placed if each.error]
    log.note(
        ACTION,
        outcome="failed" if failed else "succeeded",
        # base64 as in the checkpoint: a run of digits in hex could be taken for a card number and masked.
        result={
            "size": checkpoint.size,
            "head": checkpoint.hash64,
            "anchors": [
                {"spec": each.spec}
                | ({"error": each.error.message} if each.error else {"receipt": each.receipt})
                for each in placed
            ],
        },
        error=failed[0].error if failed else None,
    )
    return Anchoring(checkpoint=checkpoint, placed=placed)


def _placed(
    checkpoint: Checkpoint, specs: Sequence["Spec"], state_dir: Path, now: datetime, limit: float
) -> tuple[Placed, ...]:
    # A little less for each, so that it ends its programs before it is left behind.
    jobs = [Job(_putting(checkpoint, spec, state_dir, now, limit * 0.9)) for spec in specs]
    until = time.monotonic() + limit
    placed = []
    for spec, job in zip(specs, jobs, strict=True):
        try:
            receipt = job.result(max(until - time.monotonic(), 0.0))
            placed.append(Placed(spec=spec.text, receipt=receipt))
        except AnchorUnreachable as error:
            placed.append(Placed(spec=spec.text, error=error))
        except TimeoutError:
            placed.append(Placed(spec=spec.text, error=too_slow(spec.text, limit)))
        except Exception as error:  # noqa: BLE001 - an action may be done already: its result is to be told
            placed.append(Placed(spec=spec.text, error=broken(spec.text, error)))
    return tuple(placed)


def _putting(
    checkpoint: Checkpoint, spec: "Spec", state_dir: Path, now: datetime, limit: float
) -> Callable[[], str]:
    from billctl.audit.anchors import anchor_of

    return lambda: anchor_of(spec, state_dir=state_dir).put(checkpoint, time=now, limit=limit)


# What the log itself says of earlier anchorings


@frozen
class Last:
    """The newest anchoring that reached every anchor asked about, and the newest try."""

    reached: datetime | None
    tried: datetime | None


def last(store: Store, specs: Sequence[str], *, since: datetime) -> Last:
    """What the log says of the anchorings since an instant, reading no further back."""
    wanted = set(map(mask, specs))
    tried = None
    for entry in _anchorings(store, since):
        tried = tried or entry.time
        if wanted <= _reached(entry):
            return Last(reached=entry.time, tried=tried)
    return Last(reached=None, tried=tried)


def _anchorings(store: Store, since: datetime) -> Iterator[Entry]:
    for record in store.records(RecordFilter(action=ACTION, since=since), newest_first=True):
        yield read(record)


def _reached(entry: Entry) -> set[str]:
    anchors = (entry.fields.get("result") or {}).get("anchors", [])
    return {str(each["spec"]) for each in anchors if isinstance(each, dict) and each.get("receipt")}


# Beside an action


class Unanchored(StoreError):
    """The profile demands an anchoring that failed; the log itself can be written."""


def demand(session: "Session") -> None:
    """Before anything is sent: anchor where the profile demands it and it is due.

    Raises `Unanchored` where that fails. Does nothing for a profile that does not demand it.
    """
    settings = session.profile.audit
    if not settings.fail_closed or not settings.anchors or not _due(session):
        return
    failed = _anchor_profile(session).failed
    if failed:
        raise Unanchored(
            f"{failed[0].message}, and the profile demands it",
            code=failed[0].code,
            hint="Repair it and run `billctl audit anchor`, or set fail_closed = false in the profile.",
        )


def renew(session: "Session") -> tuple[str, ...]:
    """After an action: anchor where that is due; returns warnings.

    Whatever happens here, the action is done and recorded: nothing is raised.
    """
    settings = session.profile.audit
    if not settings.anchors:
        return ()
    try:
        if not _due(session, retry_after=RETRY_AFTER):
            return ()
        return tuple(_warning(error) for error in _anchor_profile(session).failed)
    except BillctlError as error:
        return (_warning(error),)
    except (KeyboardInterrupt, Terminated):
        return ("the log was not anchored: interrupted; run `billctl audit anchor`",)


def _warning(error: BillctlError) -> str:
    return f"the log was not anchored: {error.message}; run `billctl audit anchor`"


def _due(session: "Session", *, retry_after: timedelta = timedelta(0)) -> bool:
    """Whether the last anchoring is too old, and the last try not just behind us."""
    settings = session.profile.audit
    now = session.clock()
    known = last(session.store, settings.anchors, since=now - timedelta(hours=settings.anchor_hours))
    return known.reached is None and (known.tried is None or now - known.tried >= retry_after)


def _anchor_profile(session: "Session") -> Anchoring:
    from billctl.audit.anchors.spec import parse

    return anchor(
        session.store,
        session.log,
        [parse(text) for text in session.profile.audit.anchors],
        state_dir=session.state_dir,
        clock=session.clock,
        limit=BESIDE_AN_ACTION,
    )
