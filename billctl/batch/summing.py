"""What the rows of a plan sum up to: its header."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from billctl.batch.model import Header, PlannedAccount, PlannedRow, RowState
from billctl.money import Money
from billctl.session import Opened, Session

KEPT_LEFT_OUT = 20
"""Rows left out that are kept at hand; the plan has them all."""


class Sums:
    """Counts rows of a plan. `left_out` are the first that are not part of it."""

    def __init__(self) -> None:
        self._states: Counter[RowState] = Counter()
        self._rows: Counter[str] = Counter()
        self._totals: Counter[tuple[str, str]] = Counter()
        self.left_out: list[PlannedRow] = []

    @property
    def nothing_planned(self) -> bool:
        """Whether all rows so far are left out."""
        return self._states[RowState.LEFT_OUT] == self._states.total()

    def add(self, planned: PlannedRow) -> None:
        """Count one more row."""
        self._states[planned.state] += 1
        if planned.state is RowState.READY:
            self._rows[planned.account] += 1
            if planned.amount:
                self._totals[planned.account, planned.amount.currency] += planned.amount.minor
        elif planned.state is RowState.LEFT_OUT and len(self.left_out) < KEPT_LEFT_OUT:
            self.left_out.append(planned)

    def are_of(self, header: Header) -> bool:
        """Whether the header says what these rows sum up to, of every account that has any."""
        states = {
            RowState.READY: header.ready,
            RowState.ALREADY_DONE: header.already_done,
            RowState.LEFT_OUT: header.left_out,
        }
        accounts = {account.name: (account.rows, account.totals) for account in header.accounts}
        return (
            header.rows == self._states.total()
            and all(self._states[state] == rows for state, rows in states.items())
            and header.totals == self._sums(None)
            and set(self._rows) <= set(accounts)
            and all(said == (self._rows[name], self._sums(name)) for name, said in accounts.items())
        )

    def header(
        self,
        session: Session,
        opened: Mapping[str, Opened],
        objections: Mapping[str, tuple[str, int]],
        **said: Any,
    ) -> Header:
        """The header of the rows so far. `objections` are `Freezer.objections`, `said` the fields of the
        header that the rows do not tell: verb, source, reason, warnings."""
        names = [name for name in session.profile.accounts if name in opened]
        return Header(
            id="bat_" + session.new_operation_id().removeprefix("op_"),
            profile=session.profile.name,
            mode=str(session.profile.mode),
            created=session.clock(),
            by=session.actor.data(),
            rows=self._states.total(),
            ready=self._states[RowState.READY],
            already_done=self._states[RowState.ALREADY_DONE],
            left_out=self._states[RowState.LEFT_OUT],
            totals=self._sums(None),
            accounts=tuple(self._account(opened[name]) for name in names),
            rules=tuple(objections),
            why=tuple(_sentence(text, count) for text, count in objections.values()),
            **said,
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
