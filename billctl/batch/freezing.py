"""Freezing what was read of each row into a row of the plan, and asking the policies in the plan's order."""

from collections.abc import Iterator, Mapping

from billctl.batch.model import PlannedRow, Row, RowState
from billctl.batch.reading import RowRead
from billctl.batch.spool import Spool
from billctl.errors import BillctlError, PolicyDenied, UsageError
from billctl.policy.budget import Day
from billctl.policy.rules import Objection, Weight
from billctl.policy.verdict import Judge
from billctl.text import mask
from billctl.verbs.plan import Plan


class Freezer:
    """Turns rows that were read, in their order, into rows of a plan.

    `day` is what the operator did before. `objections` are, by the rule's key, the latest sentence of each
    rule that a second person can lift, and how many rows it is against: that of a limit per day then has the
    whole sum. `alike` are, by account, the accounts at the same place as it, itself among them.
    """

    def __init__(self, spool: Spool, judge: Judge, day: Day, *, alike: Mapping[str, tuple[str, ...]]) -> None:
        self._spool = spool
        self._alike = alike
        self._judge = judge
        self._day = day
        self.objections: dict[str, tuple[str, int]] = {}

    def rows(self, read: Iterator[RowRead]) -> Iterator[PlannedRow]:
        """The rows of the plan, numbered."""
        for n, each in enumerate(read, 1):
            yield _left_out(n, each, each.error) if each.error else self._row(n, each)

    def _row(self, n: int, read: RowRead) -> PlannedRow:
        assert read.done is not None
        if problem := self._contradiction(read):
            return _left_out(n, read, problem)
        if read.case is None:
            return _frozen(n, read, RowState.ALREADY_DONE, message="; ".join(read.done.notes))
        objections = self._judge.against(read.case, self._day).objections
        final = next((each for each in objections if each.weight is Weight.FINAL), None)
        if final:
            return _left_out(n, read, PolicyDenied(final.text, code=final.rule, hint=final.hint))
        self._note(objections)
        self._day = self._day.plus(read.verb.name, read.done.plan.amount)
        return _frozen(n, read, RowState.READY, rules=tuple(dict.fromkeys(o.rule for o in objections)))

    def _contradiction(self, read: RowRead) -> BillctlError | None:
        """What is wrong with a row by itself now that its object was read."""
        assert read.done is not None
        row, plan = read.row, read.done.plan
        if row.currency and plan.amount and row.currency != plan.amount.currency:
            return UsageError(
                f"the row says {row.currency}, {plan.record.ref} is in {plan.amount.currency}",
                code="wrong_currency",
            )
        return self._twice(row, plan)

    def _twice(self, row: Row, plan: Plan) -> BillctlError | None:
        """What is wrong where another row is on the same object by another id or another account.

        Of two accounts with the same credentials the earlier row counts, of two ids the one that the gateway
        uses.
        """
        accounts = self._alike.get(row.account, (row.account,))
        is_alias = plan.record.id != row.object_id
        if not is_alias and len(accounts) == 1:
            return None  # two rows with the same reference were found in the input
        other = self._spool.line_of(accounts, plan.record.id, but=row.line)
        if other is not None and (is_alias or other < row.line):
            return UsageError(f"{plan.record.ref} is the object of line {other} too", code="same_object")
        if is_alias:
            self._spool.note_alias(row.account, plan.record.id, row.line)
        return None

    def _note(self, objections: tuple[Objection, ...]) -> None:
        for each in objections:
            _, count = self.objections.get(each.rule, ("", 0))
            self.objections[each.rule] = (each.text, count + 1)


def _frozen(
    n: int, read: RowRead, state: RowState, *, rules: tuple[str, ...] = (), message: str | None = None
) -> PlannedRow:
    """A row whose object was read."""
    assert read.done is not None
    row, plan = read.row, read.done.plan
    return PlannedRow(
        n=n,
        line=row.line,
        account=row.account,
        object_id=row.object_id,
        state=state,
        params=_params(read),
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
        message=message,
        typed=_typed(read),
    )


def _params(read: RowRead) -> dict[str, str]:
    """What rebuilds the verb, with the amount resolved."""
    assert read.done is not None
    amount = read.done.plan.amount
    if read.verb.name == "refund" and amount:
        return {"amount": amount.decimal()}
    return read.verb.params()


def _left_out(n: int, read: RowRead, error: BillctlError) -> PlannedRow:
    """A row that cannot be done as things stand."""
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


def _typed(read: RowRead) -> dict[str, str]:
    """The columns of the input that differ from what is resolved."""
    row = read.row
    full = {"full": "true"} if row.full else {}
    return full | ({"currency": row.currency} if row.currency else {})
