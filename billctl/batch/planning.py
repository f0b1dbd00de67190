"""From rows to a plan: each object read, what would be done to it frozen, the policies asked."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from billctl.audit.new_file import check as check_new_file
from billctl.audit.tail import check_tail
from billctl.batch.in_order import in_order
from billctl.batch.model import Header, PlannedAccount, PlannedRow, RowState
from billctl.batch.plan_file import PlanFile, PlanWriter, open_plan
from billctl.batch.reading import Chosen, RowRead, RowReader
from billctl.batch.shelf import Shelf
from billctl.batch.spool import Spool
from billctl.errors import BillctlError, PolicyDenied, UsageError, gravest
from billctl.fanout import Deadline, ask_each
from billctl.frozen import field, frozen
from billctl.money import Money
from billctl.policy.rules import Objection, Weight
from billctl.policy.verdict import Judge
from billctl.session import Opened, Session
from billctl.text import mask

WORKERS = 8
"""Threads for each account."""
AHEAD = 1_000
"""Rows that are begun or wait for one before them; each takes some kilobytes."""

Tick = Callable[[int], None]
"""Is told how many rows are planned."""


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
    tick: Tick = lambda _rows: None,
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
    planner = _Planner(session, spool, judge)
    with PlanWriter(shelf.folder()) as writer:
        read = in_order(spool, reader.read, lane=lambda row: row.account, workers=workers, ahead=AHEAD)
        for planned in planner.rows(read):
            writer.add(planned)
            tick(planned.n)
        planner.raise_if_nothing(reader.failed)
        header = planner.header(request, spool, opened)
        place = shelf.folder() / f".{header.id}.dry" if dry_run else path or shelf.new_path(header)
        writer.finish(place, header)
    plan = open_plan(place)
    if dry_run:
        place.unlink()
    else:
        shelf.add(place, header, plan.hash)
    return Made(
        plan=plan,
        path=None if dry_run else place,
        left_out=tuple(planner.left_out),
        failed=reader.failed,
    )


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


KEPT_LEFT_OUT = 20
"""Rows left out that are shown; the plan has them all."""


class _Planner:
    """Turns what was read, row by row in order, into rows of a plan, and sums them up."""

    def __init__(self, session: Session, spool: Spool, judge: Judge) -> None:
        self._session = session
        self._spool = spool
        self._judge = judge
        self._day = judge.day(session.store, session.clock())
        self._states: Counter[RowState] = Counter()
        self._rows: Counter[str] = Counter()
        self._totals: Counter[tuple[str, str]] = Counter()
        self._why: dict[str, tuple[str, int]] = {}
        self.left_out: list[PlannedRow] = []

    def rows(self, read: Iterator[RowRead]) -> Iterator[PlannedRow]:
        """The rows of the plan, numbered."""
        for n, each in enumerate(read, 1):
            planned = self._left_out(n, each, each.error) if each.error else self._planned(n, each)
            self._count(planned)
            yield planned

    def _planned(self, n: int, read: RowRead) -> PlannedRow:
        assert read.done is not None
        row, plan = read.row, read.done.plan
        if problem := self._contradiction(read):
            return self._left_out(n, read, problem)
        rules: tuple[str, ...] = ()
        state, message = RowState.ALREADY_DONE, "; ".join(read.done.notes)
        if read.case is not None:
            verdict = self._judge.against(read.case, self._day)
            final = next((each for each in verdict.objections if each.weight is Weight.FINAL), None)
            if final:
                return self._left_out(n, read, PolicyDenied(final.text, code=final.rule, hint=final.hint))
            self._note(verdict.objections)
            self._day = self._day.plus(read.verb.name, plan.amount)
            state, message = RowState.READY, ""
            rules = tuple(dict.fromkeys(each.rule for each in verdict.objections))
        params = {"amount": plan.amount.decimal()} if read.verb.name == "refund" and plan.amount else None
        return PlannedRow(
            n=n,
            line=row.line,
            account=row.account,
            object_id=row.object_id,
            state=state,
            params=read.verb.params() if params is None else params,
            reason=row.reason,
            reason_code=row.reason_code,
            ticket=row.ticket,
            again=read.again,
            amount=plan.amount,
            object=plan.object,
            key=plan.key,
            customer=plan.customer_id,
            before=plan.before,
            facts=plan.facts,
            rules=rules,
            message=message or None,
            typed=_typed(read),
        )

    def _contradiction(self, read: RowRead) -> BillctlError | None:
        """What is wrong with a row by itself now that its object was read."""
        assert read.done is not None
        row, plan = read.row, read.done.plan
        if row.currency and plan.amount and row.currency != plan.amount.currency:
            return UsageError(
                f"the row says {row.currency}, {plan.record.ref} is in {plan.amount.currency}",
                code="wrong_currency",
            )
        if plan.record.id == row.object_id:
            return None
        other = self._spool.another(row.account, plan.record.id, row.line)
        if other is None:
            return None
        return UsageError(f"it is {plan.record.ref}, as in line {other}", code="same_object")

    def _left_out(self, n: int, read: RowRead, error: BillctlError) -> PlannedRow:
        row = read.row
        return PlannedRow(
            n=n,
            line=row.line,
            account=row.account,
            object_id=row.object_id,
            state=RowState.LEFT_OUT,
            params=read.verb.params(),
            reason=row.reason,
            reason_code=row.reason_code,
            ticket=row.ticket,
            again=read.again,
            code=error.code,
            word=error.word,
            message=mask(error.message),
            typed=_typed(read),
        )

    def _note(self, objections: tuple[Objection, ...]) -> None:
        """Keep of each rule the latest sentence: that of a limit per day then has the whole sum."""
        for each in objections:
            _, count = self._why.get(each.rule, ("", 0))
            self._why[each.rule] = (each.text, count + 1)

    def _count(self, planned: PlannedRow) -> None:
        self._states[planned.state] += 1
        if planned.state is RowState.READY:
            self._rows[planned.account] += 1
            if planned.amount:
                self._totals[planned.account, planned.amount.currency] += planned.amount.minor
        elif planned.state is RowState.LEFT_OUT and len(self.left_out) < KEPT_LEFT_OUT:
            self.left_out.append(planned)

    def raise_if_nothing(self, failed: Mapping[str, BillctlError]) -> None:
        """Raise the gravest error of the accounts where none of them could be asked for any row."""
        planned = self._states[RowState.READY] + self._states[RowState.ALREADY_DONE]
        if failed and not planned and set(self._spool.accounts()) <= failed.keys():
            raise gravest(list(failed.values()))

    def header(self, request: BatchRequest, spool: Spool, opened: Mapping[str, Opened]) -> Header:
        """The plan's header."""
        session = self._session
        names = [name for name in session.profile.accounts if name in opened]
        return Header(
            id="bat_" + session.new_operation_id().removeprefix("op_"),
            verb=request.chosen.verb,
            profile=session.profile.name,
            mode=str(session.profile.mode),
            created=session.clock(),
            by=session.actor.data(),
            source=request.source,
            reason=request.reason,
            rows=self._states.total(),
            ready=self._states[RowState.READY],
            already_done=self._states[RowState.ALREADY_DONE],
            left_out=self._states[RowState.LEFT_OUT],
            totals=self._sums(None),
            accounts=tuple(self._account(opened[name]) for name in names),
            rules=tuple(self._why),
            why=tuple(_sentence(text, count) for text, count in self._why.values()),
            warnings=spool.warnings,
        )

    def _account(self, opened: Opened) -> PlannedAccount:
        name = opened.account.name
        return PlannedAccount(
            name=name,
            gateway=opened.account.gateway,
            account_id=opened.identity.id,
            live=opened.live,
            place=opened.place,
            rows=self._rows[name],
            totals=self._sums(name),
        )

    def _sums(self, account: str | None) -> tuple[Money, ...]:
        """What the ready rows move, of one account or of all; one sum a currency."""
        sums: Counter[str] = Counter()
        for (name, currency), minor in self._totals.items():
            if account in (None, name):
                sums[currency] += minor
        return tuple(Money(minor, currency) for currency, minor in sorted(sums.items()))


def _sentence(text: str, count: int) -> str:
    more = count - 1
    return f"{text}, and {more:,} more {'row' if more == 1 else 'rows'}" if more else text


def _typed(read: RowRead) -> dict[str, str]:
    """The columns of the input that differ from what is resolved."""
    row = read.row
    full = {"full": "true"} if row.full else {}
    return full | ({"currency": row.currency} if row.currency else {})
