"""One row's cells as a request, or everything that is wrong with them."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from billctl.batch.faults import FaultList
from billctl.batch.model import Row
from billctl.batch.rows_columns import OBJECT_TYPES, Found
from billctl.errors import UsageError
from billctl.frozen import frozen
from billctl.iso4217 import EXPONENTS
from billctl.money import parse
from billctl.reasons import check_reason
from billctl.text import find_secret, holds_key
from billctl.verbs.resend import check_address

KindOf = Callable[[str], str | None]
"""What kind of object an id names by its form; see `Gateway.kind_of`."""

TAKES: Mapping[str, frozenset[str]] = {
    "refund": frozenset({"amount", "full", "currency"}),
    "cancel": frozenset(),
    "resend": frozenset({"to"}),
    "void": frozenset(),
}
"""The columns that only some verbs take."""
ONLY_SOME = frozenset().union(*TAKES.values())
YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
FINEST = "CLF"
"""A currency with as many decimals as any has: an amount without a currency has at most so many."""
LONGEST_ID = 255
SEEN = 256
"""Reasons, amounts and addresses whose checks are remembered: most rows have the same."""


@frozen
class RowDefaults:
    """What holds for every row that does not say it itself. `account`: the only one that rows may name."""

    account: str | None = None
    full: bool = False
    reason: str | None = None
    reason_code: str | None = None
    ticket: str | None = None


class RowCheck:
    """Holds rows of one batch against the form that they must have.

    `accounts` are the profile's, each with what its gateway's ids tell.
    """

    def __init__(
        self, verb: str, accounts: Mapping[str, KindOf], defaults: RowDefaults, faults: FaultList
    ) -> None:
        self._verb = verb
        self._accounts = accounts
        self._defaults = defaults
        self._faults = faults
        only = next(iter(accounts)) if len(accounts) == 1 else None
        self._bare = defaults.account or only
        self._foreign = ONLY_SOME - TAKES[verb]

    def row(self, found: Found) -> Row | None:
        """The row; None where it has faults."""
        before, line, cells = self._faults.count, found.line, found.cells
        named = self._named(line, cells)
        amount, full = self._how_much(line, cells)
        words = self._words(line, cells)
        self._address(line, cells)
        self._nothing_else(line, cells)
        if named is None or words is None or self._faults.count != before:
            return None
        reason, reason_code, ticket = words
        currency = cells.get("currency")
        return Row(
            line=line,
            account=named[0],
            object_id=named[1],
            amount=amount,
            full=full,
            currency=currency.upper() if currency else None,
            reason=reason,
            reason_code=reason_code,
            ticket=ticket,
            to=cells.get("to"),
        )

    def _nothing_else(self, line: int, cells: Mapping[str, str]) -> None:
        for column in self._foreign & cells.keys():
            if column != "full" or YES_OR_NO.get(cells[column].lower()) is not False:
                self._wrong(line, f"{self._verb} takes no {column}", "bad_column")

    def _wrong(self, line: int, what: str, code: str) -> None:
        self._faults.add(line, what, code=code)

    # Which object

    def _named(self, line: int, cells: Mapping[str, str]) -> tuple[str, str] | None:
        """The account's name and the id."""
        try:
            account, object_id = self._reference(cells)
            self._check_account(account)
            self._check_id(account, object_id)
        except UsageError as error:
            self._wrong(line, error.message, error.code)
            return None
        return account, object_id

    def _reference(self, cells: Mapping[str, str]) -> tuple[str, str]:
        ref, account, object_id = cells.get("ref"), cells.get("account"), cells.get("id")
        if ref is None:
            if object_id is None:
                raise UsageError("it names no object: ref is missing", code="no_ref")
            return self._account(account), object_id
        name, colon, rest = ref.partition(":")
        if not colon:
            name, rest = self._account(account), ref
        if not rest:
            raise UsageError(f"{ref[:60]!r} is no reference; write ACCOUNT:ID", code="bad_ref")
        if (account and account != name) or (object_id and object_id != rest):
            raise UsageError(f"ref {ref[:80]!r} is not what account and id say", code="bad_ref")
        return name, rest

    def _account(self, named: str | None) -> str:
        account = named or self._bare
        if account is None:
            raise UsageError("it names no account; write ACCOUNT:ID", code="no_account")
        return account

    def _check_account(self, account: str) -> None:
        if account not in self._accounts:
            known = ", ".join(self._accounts) or "none"
            raise UsageError(
                f"the profile has no account {account[:60]!r}; its accounts: {known}", code="no_such_account"
            )
        if self._defaults.account and account != self._defaults.account:
            raise UsageError(
                f"it is of account {account}, not of {self._defaults.account} (--account)",
                code="wrong_account",
            )

    def _check_id(self, account: str, object_id: str) -> None:
        shown = object_id[:60]
        if len(object_id) > LONGEST_ID or not object_id.isprintable() or " " in object_id:
            raise UsageError(f"{shown!r} is no id", code="bad_id")
        if holds_key(object_id):  # a long number may be an id, a key never is
            raise UsageError("the id is an API key, which must not be recorded", code="secret_in_text")
        kind, wanted = self._accounts[account](object_id), OBJECT_TYPES[self._verb]
        if kind is not None and kind != wanted:
            raise UsageError(
                f"{shown} is {_with_article(kind)}; {self._verb} takes {_with_article(wanted)}",
                code="wrong_kind",
            )

    # How much

    def _how_much(self, line: int, cells: Mapping[str, str]) -> tuple[str | None, bool]:
        """The amount as typed, and whether all of it is meant."""
        if self._verb != "refund":
            return None, False
        amount, currency = cells.get("amount"), cells.get("currency")
        said = cells.get("full")
        full = YES_OR_NO.get(said.lower()) if said else False
        if full is None:
            self._wrong(line, f"full is {cells['full'][:40]!r}; write true or nothing", "bad_full")
        if said and full is False and not amount:
            self._wrong(line, "full is false, and it says no amount", "no_amount")
        if amount and full:
            self._wrong(line, "amount and full exclude each other", "amount_and_full")
        if currency and currency.upper() not in EXPONENTS:
            self._wrong(line, f"{currency[:40]!r} is not an ISO 4217 currency", "unknown_currency")
            currency = None
        if amount:
            try:
                _checked_amount(amount, currency.upper() if currency else FINEST)
            except UsageError as error:
                self._wrong(line, error.message, error.code)
        elif not said and not self._defaults.full:
            what = "it says neither amount nor full, and --full is not given"
            self._faults.add_once(line, what, code="no_amount")
        return amount, not amount

    # Why, and to whom

    def _words(self, line: int, cells: Mapping[str, str]) -> tuple[str, str | None, str | None] | None:
        """The reason, its code and the ticket: the row's own, else the batch's."""
        reason = cells.get("reason") or self._defaults.reason
        reason_code = cells.get("reason_code") or self._defaults.reason_code
        ticket = cells.get("ticket") or self._defaults.ticket
        if reason is None:
            self._faults.add_once(line, "it has no reason, and --reason is not given", code="no_reason")
            return None
        try:
            _checked_words(reason, reason_code, ticket)
        except UsageError as error:
            self._wrong(line, error.message.removeprefix("--"), error.code)
            return None
        return reason, reason_code, ticket

    def _address(self, line: int, cells: Mapping[str, str]) -> None:
        address = cells.get("to")
        if address and self._verb == "resend":
            try:
                _checked_address(address)
            except UsageError as error:
                self._wrong(line, error.message, error.code)


def _with_article(kind: str) -> str:
    named = kind.replace("_", " ")
    return f"{'an' if named[:1] in 'aeio' else 'a'} {named}"


@lru_cache(maxsize=SEEN)
def _checked_words(reason: str, reason_code: str | None, ticket: str | None) -> None:
    check_reason(reason, reason_code=reason_code, ticket=ticket)


@lru_cache(maxsize=SEEN)
def _checked_amount(amount: str, currency: str) -> None:
    parse(amount, currency)


@lru_cache(maxsize=SEEN)
def _checked_address(address: str) -> None:
    check_address(address)
    if secret := find_secret(address):
        raise UsageError(f"to seems to hold {secret}, which must not be recorded", code="secret_in_text")
