"""From rows to a plan: each object read, what would be done to it frozen, the policies asked."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from billctl.audit.new_file import check as check_new_file
from billctl.audit.tail import check_tail
from billctl.batch.freezing import Freezer
from billctl.batch.in_order import in_order
from billctl.batch.model import Header, PlannedRow
from billctl.batch.plan_file import PlanFile, PlanWriter, open_plan
from billctl.batch.reading import Chosen, RowReader
from billctl.batch.shelf import Shelf
from billctl.batch.spool import Spool
from billctl.batch.summing import Sums
from billctl.errors import BillctlError, PolicyDenied, UsageError, gravest
from billctl.fanout import Deadline, ask_each
from billctl.frozen import field, frozen
from billctl.policy.verdict import Judge
from billctl.session import Opened, Session

WORKERS = 8
"""Threads for each account."""
AHEAD = 1_000
"""Rows that are begun or wait for one before them; each takes some kilobytes."""

Tick = Callable[[int, int], None]
"""Is told how many rows are planned, and how many there are."""


@frozen
class BatchRequest:
    """What was asked for, for all rows. `source` is the input's name, `live` are the accounts that it was
    said to be meant for, by the gateways' ids of them."""

    chosen: Chosen
    source: str
    reason: str | None = None
    live: tuple[str, ...] = ()


@frozen
class Made:
    """A plan that was made, open; `path` is None after a dry run, which leaves no file.

    `left_out` are the first rows that are not part of it. `failed` are accounts that could not be asked.
    """

    plan: PlanFile
    path: Path | None = None
    left_out: tuple[PlannedRow, ...] = ()
    failed: Mapping[str, BillctlError] = field(default_factory=dict)


def make_plan(
    session: Session,
    spool: Spool,
    request: BatchRequest,
    *,
    path: Path | None = None,
    dry_run: bool = False,
    workers: int = WORKERS,
    tick: Tick = lambda _done, _rows: None,
    sleep: Callable[[float], object] = time.sleep,
) -> Made:
    """Plan all rows of `spool` and write the plan to `path`, or (None) to the shelf.

    Nothing is changed at a gateway. What an earlier run left open on a row's object is settled by asking, and
    recorded; not in a dry run. Raises `StoreError` where the log or the disk fails,
    `ConfigError` where a policy cannot be used, `UsageError` where there can be no plan at `path`, and the
    gravest error of the accounts where none of the rows could be read.
    """
    if path is not None:
        _check_place(path)
    check_tail(session.store)
    shelf = Shelf(session.state_dir)
    judge = Judge(policies=session.policies, actor=session.actor, mode=str(session.profile.mode))
    opened, failed = _open(session, spool.accounts())
    _check_live(request.live, opened)
    reader = RowReader(session, request.chosen, failed, settles=not dry_run, sleep=sleep)
    freezer = Freezer(spool, judge, judge.day(session.store, session.clock()), alike=_alike(opened.values()))
    sums = Sums()
    with PlanWriter(shelf.folder()) as writer:
        read = in_order(spool, reader.read, lane=lambda row: row.account, workers=workers, ahead=AHEAD)
        for planned in freezer.rows(read):
            writer.add(planned)
            sums.add(planned)
            tick(planned.n, len(spool))
        if sums.nothing_planned and set(spool.accounts()) <= reader.failed.keys():
            raise gravest(list(reader.failed.values()))
        header = sums.header(
            session,
            opened,
            freezer.objections,
            verb=request.chosen.verb,
            source=request.source,
            reason=request.reason,
            warnings=spool.warnings,
        )
        plan = _rehearsed(writer, header, shelf) if dry_run else _put(writer, header, path, shelf)
    return Made(
        plan=plan,
        path=None if dry_run else plan.path,
        left_out=tuple(sums.left_out),
        failed=reader.failed,
    )


def _put(writer: PlanWriter, header: Header, path: Path | None, shelf: Shelf) -> PlanFile:
    """The plan on disk, and known to the shelf."""
    place = path or shelf.new_path(header)
    shelf.add(place, header, writer.finish(place, header))
    return open_plan(place)


def _rehearsed(writer: PlanWriter, header: Header, shelf: Shelf) -> PlanFile:
    """The plan, open, in a file whose name is gone."""
    place = shelf.folder() / f".{header.id}.dry"
    writer.finish(place, header)
    try:
        return open_plan(place)
    finally:
        place.unlink()


def _open(session: Session, accounts: list[str]) -> tuple[dict[str, Opened], dict[str, BillctlError]]:
    """Every account that rows name, asked whom its credentials open; what failed beside it."""
    opened: dict[str, Opened] = {}
    failed: dict[str, BillctlError] = {}
    session.prepare()
    for name, answer in ask_each(session, accounts, session.open, deadline=Deadline(session)):
        if isinstance(answer, BillctlError):
            failed[name] = answer
        else:
            opened[name] = answer
    if failed and not opened:
        raise gravest(list(failed.values()))
    return opened, failed


def _alike(opened: Iterable[Opened]) -> dict[str, tuple[str, ...]]:
    """The accounts at the same place as each: whose credentials open the same."""
    at: defaultdict[str, list[str]] = defaultdict(list)
    for each in opened:
        at[each.object("")].append(each.account.name)
    return {name: tuple(names) for names in at.values() for name in names}


def _check_place(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already", code="file_exists", hint="Name a new file.")
    check_new_file(path, replace=False)


def _check_live(asserted: tuple[str, ...], opened: Mapping[str, Opened]) -> None:
    answers = [each.identity.id for each in opened.values() if each.identity.id]
    known = ", ".join(answers) or "nobody"
    for account_id in asserted:
        if account_id not in answers:
            raise PolicyDenied(
                f"--live names {account_id[:60]!r}, but the credentials answer to {known}",
                code="wrong_live_account",
                hint="Check which accounts these are: `billctl profile check`.",
            )
