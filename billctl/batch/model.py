"""What the parts of a batch hand to each other: rows as typed, rows as planned, rows as done."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from billctl.frozen import field, frozen
from billctl.money import Money

VERBS = ("refund", "cancel", "resend", "void")
"""What a batch can do, by the names of the actions."""


@frozen
class Row:
    """One row of the input, right in form; nothing of it was compared with a gateway yet.

    `line` is where it begins in the input, counted from 1. `amount` is as typed, None where `full` is
    asked for or the verb takes none. `currency` is upper case. What the row does not say of `reason`,
    `reason_code` and `ticket` is the batch's.
    """

    line: int
    account: str
    object_id: str
    amount: str | None = None
    full: bool = False
    currency: str | None = None
    reason: str
    reason_code: str | None = None
    ticket: str | None = None
    to: str | None = None


@frozen
class Pending:
    """What of a plan is still to be done: so many rows, and what they move, one sum a currency."""

    rows: int
    totals: tuple[Money, ...] = ()


class RowState(StrEnum):
    """What a plan does with a row."""

    READY = "ready"
    ALREADY_DONE = "already_done"
    """This very operation is known to be done: nothing is sent."""
    LEFT_OUT = "left_out"
    """It cannot be done as things stand; `code` and `message` say why."""


@frozen
class PlannedRow:
    """One row of a plan: what is done to which object in which state, frozen.

    `n` counts from 1 in the plan. `params` rebuild the verb (`verbs.from_params`), with the amount
    resolved. `amount`, `object`, `key`, `customer`, `before` and `facts` are as in `verbs.plan.Plan`; they
    are empty where the object could not be read. `rules` are the keys of the policy's rules that a second
    person would have to lift. `code`, `word` (the error's class) and `message` are set where it is left out.
    `typed` are the columns of the input that differ from what is resolved: `full`, `currency`.
    """

    n: int
    line: int
    account: str
    object_id: str
    state: RowState
    params: Mapping[str, str]
    reason: str
    reason_code: str | None = None
    ticket: str | None = None
    again: int = 1
    amount: Money | None = None
    object: str = ""
    key: str = ""
    customer: str | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    facts: tuple[tuple[str, str], ...] = ()
    rules: tuple[str, ...] = ()
    code: str | None = None
    word: str | None = None
    message: str | None = None
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        """`ACCOUNT:ID` of the object."""
        return f"{self.account}:{self.object_id}"


@frozen
class PlannedAccount:
    """One account of a plan: whom its credentials answered to when it was made (`session.Opened`).

    `rows` are the ready ones; `totals` what they move, one sum a currency, in the order of the currencies'
    codes.
    """

    name: str
    gateway: str
    account_id: str | None
    live: bool
    place: str
    rows: int
    totals: tuple[Money, ...] = ()


@frozen
class Header:
    """What a plan says of itself in its first line.

    `source` is the input's name (`-` for standard input). `rows` = `ready` + `already_done` + `left_out`.
    `rules` and `why` are what the policies object to that a second person can lift, over all ready rows, as
    keys and as sentences. `warnings` are what the input said of itself, like an account that failed.
    """

    id: str
    verb: str
    profile: str
    mode: str
    created: datetime
    by: Mapping[str, Any]
    source: str
    reason: str | None
    rows: int
    ready: int
    already_done: int
    left_out: int
    totals: tuple[Money, ...]
    accounts: tuple[PlannedAccount, ...]
    rules: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def live(self) -> bool:
        """Whether any of it is at a live account."""
        return any(account.live for account in self.accounts)


@frozen
class RowResult:
    """What became of one row of a plan.

    `outcome` is a word of the command-line contract (`succeeded pending failed already_done unknown
    refused`), or `skipped`: nothing was sent, for `code` (`drifted`, a policy's rule, a busy object, what
    left it out of the plan …). `word` is the error's class. `operation`, `intent` and `outcome_seq` name the
    audit records; `result` is the gateway's answer in short.
    """

    row: PlannedRow
    outcome: str
    operation: str | None = None
    result_id: str | None = None
    intent: int | None = None
    outcome_seq: int | None = None
    code: str | None = None
    word: str | None = None
    message: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the row is not as it was asked for."""
        return self.outcome not in {"succeeded", "pending", "already_done"}


@frozen
class AccountProgress:
    """How far one account is. `rate` is rows a second over the last seconds; `paused_until` (monotonic
    seconds) while the gateway asked for patience; `rows` are those that there are to do in all. Of the `done`
    ones `failed` are not as they were asked for, and of `unknown` nobody knows what became."""

    name: str
    rows: int
    done: int
    failed: int
    rate: float
    unknown: int = 0
    paused_until: float | None = None


@frozen
class Progress:
    """How far a run is, and the seconds it will still take; None while that cannot be told."""

    accounts: tuple[AccountProgress, ...]
    left: float | None
    stopping: bool = False


class Stop(StrEnum):
    """Why a run ended before its last row."""

    CANARY = "canary"
    """The first rows were done, and somebody is to look at them."""
    MAX_FAILURES = "max_failures"
    INTERRUPTED = "interrupted"
    ACCOUNT = "account"
    """Nothing more can be done at the accounts that are left: credentials, the log, a dead gateway."""
