"""One customer at every account at once: one thread an account, one deadline for all.

Every account ends as found, none, cannot_search or failed; one that is down, slow or broken never
hides what the others said. Results stand in the profile's order.
"""

import re
import time
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from billctl.errors import BillctlError, NotFound, Partial, UsageError, gravest
from billctl.fanout import Deadline, ask_each, chosen_accounts
from billctl.frozen import frozen, replace
from billctl.gateway import By, Capability, Found, Query
from billctl.models import Customer
from billctl.session import Session

KIND_TO_BY = {
    "customer": By.ID,
    "charge": By.CHARGE,
    "payment_intent": By.CHARGE,
    "refund": By.CHARGE,
    "dispute": By.CHARGE,
    "subscription": By.SUBSCRIPTION,
    "invoice": By.INVOICE,
}
"""How each kind of object is looked for when its id is recognised by its form."""
LAST4 = re.compile(r"[0-9]{4}")
INVOICE_NUMBER = re.compile(r"(?=.*[0-9])[A-Z0-9]+(?:-[A-Z0-9]+)+")
ID = re.compile(r"(?=.*[0-9])[A-Za-z0-9_-]+")
"""One word with a digit in it. Nobody is called so, and the ids of some gateways have no other form."""
TAKEN_FOR = {
    By.LAST4: "the last digits of a card",
    By.INVOICE: "an invoice's number",
    By.ID: "an id",
    By.NAME: "a name",
}
"""What a query is guessed to be where its form leaves room for doubt."""
MAX_QUERY = 500
NO_TEXT = frozenset({"Cc", "Cs"})
"""Unicode's control characters, and its surrogates, as which bytes arrive that are no UTF-8."""


class Status(StrEnum):
    """How one account's part of a lookup ended."""

    FOUND = "found"
    NONE = "none"
    CANNOT_SEARCH = "cannot_search"
    FAILED = "failed"


@frozen
class AccountAnswer:
    """One account's part: `notes` say how complete it is, `error` why it failed, or (found) the gravest
    reason why a part of what was found is missing; further reasons are notes.

    `refusal` is why the gateway took the query for a wrong one. `voids`: unsettled charges can be released.
    """

    account: str
    gateway: str
    status: Status
    customers: tuple[Customer, ...] = ()
    notes: tuple[str, ...] = ()
    error: BillctlError | None = None
    refusal: UsageError | None = None
    voids: bool = False

    def data(self) -> dict[str, Any]:
        """The account's row in the lookup's data."""
        said = (*self.notes, self.error.line()) if self.error else self.notes
        note = "; ".join(said) or None
        return {"account": self.account, "gateway": self.gateway, "status": str(self.status), "note": note}


@frozen
class LookupResult:
    """All accounts' parts, in the profile's order, and what the query was taken for.

    `guessed`: nobody said what the query is, and its form leaves room for doubt.
    """

    text: str
    by: By
    answers: tuple[AccountAnswer, ...]
    seconds: float
    guessed: bool = False

    @property
    def customers(self) -> tuple[Customer, ...]:
        """Every customer found, in the order of accounts."""
        return tuple(customer for answer in self.answers for customer in answer.customers)

    @property
    def errors(self) -> list[BillctlError]:
        """Why accounts failed, wholly or in a part."""
        return [answer.error for answer in self.answers if answer.error]


def lookup(
    session: Session,
    text: str,
    *,
    by: By | None = None,
    accounts: Sequence[str] = (),
    since: datetime | None = None,
    limit: int = 20,
) -> LookupResult:
    """Ask every account (or `accounts`) for the customers that `text` names; `by` None guesses what it is.

    A guess goes by the text's form. Where a gateway knows the form as that of an id of its own, its
    accounts are asked for that kind of object; the others for what the text is taken for in all (`by` of
    the result), and say so where that differs. Four digits are a card's where a gateway knows those, and
    the number of an invoice or order where it does not.

    Every account is waited for until the deadline, also when one has failed: which failure comes first
    is chance, and the answer must not depend on it.

    Raises `UsageError` for a query that is no text to look for or an unknown account; what goes wrong at
    an account is in its answer.
    """
    text, account = _reference(session, text.strip())
    _check_text(text)
    if account and accounts and account not in accounts:
        raise UsageError(
            f"{account}:{text[:60]} is at account {account}, and --account names another",
            code="bad_account",
            hint="Leave --account out.",
        )
    names = chosen_accounts(session, [account] if account else accounts)
    session.prepare()
    started = time.monotonic()
    deadline = Deadline(session)
    ways = {} if by or "@" in text else _own_ways(session, names, text, deadline)
    told = bool(by or ways or "@" in text)
    asked_by = by or guess(text, ways, is_reference=account is not None)
    if asked_by is By.LAST4 and not told:
        ways = _numbered(session, names)
        asked_by = By.INVOICE if len(ways) == len(names) else asked_by
    queries = {
        name: Query(by=ways.get(name, asked_by), text=text, since=since, limit=limit) for name in names
    }
    asked = ask_each(session, names, lambda name: _ask(session, name, queries[name]), deadline=deadline)
    parts = [_part(session, queries[name], asked_by, name, answer) for name, answer in asked]
    answers = [_unless_number(part, queries[part.account], asked_by) for part in parts]
    return LookupResult(
        text=text,
        by=asked_by,
        answers=tuple(answers),
        seconds=round(time.monotonic() - started, 3),
        guessed=not told,
    )


def _check_text(text: str) -> None:
    if not text or len(text) > MAX_QUERY:
        raise UsageError(f"a lookup needs 1 to {MAX_QUERY} characters to look for", code="bad_query")
    if any(unicodedata.category(character) in NO_TEXT for character in text):
        raise UsageError(
            "a lookup takes text: this query holds control characters or bytes that are no UTF-8",
            code="bad_query",
        )


def guess(text: str, ways: Mapping[str, By], *, is_reference: bool = False) -> By:
    """What a query's text is: an e-mail; what the first account that knows its form takes it for (`ways`);
    four digits of a card; an invoice's number; an id; else a name. A reference names an object, never a
    card or a person."""
    if "@" in text:
        return By.EMAIL
    if ways:
        return next(iter(ways.values()))
    if is_reference:
        return By.ID
    if LAST4.fullmatch(text):
        return By.LAST4
    if INVOICE_NUMBER.fullmatch(text):
        return By.INVOICE
    return By.ID if ID.fullmatch(text) else By.NAME


def _own_ways(session: Session, names: Sequence[str], text: str, deadline: Deadline) -> dict[str, By]:
    """What `text` is at the accounts whose gateway knows its form, in their order. Sends nothing.

    An account that cannot be opened knows no form; it says why when it is asked.
    """
    kinds = ask_each(session, names, lambda name: session.gateway(name).kind_of(text), deadline=deadline)
    return {name: KIND_TO_BY[kind] for name, kind in kinds if isinstance(kind, str) and kind in KIND_TO_BY}


def _numbered(session: Session, names: Sequence[str]) -> dict[str, By]:
    """The accounts that are asked for four digits as a number: they know invoices, and no card's digits."""
    can = {name: session.kind(name).capabilities for name in names}
    return {
        name: By.INVOICE
        for name in names
        if By.INVOICE.capability in can[name] and By.LAST4.capability not in can[name]
    }


def exit_error(result: LookupResult, *, all_or_fail: bool, notes: bool = True) -> BillctlError | None:
    """The error that decides a lookup's exit code, None when everything was found and answered.

    `notes`: an error that nobody was found says what the accounts say of how they searched.
    """
    failed = [a.account for a in result.answers if a.status is Status.FAILED]
    partly = [a.account for a in result.answers if a.error and a.status is Status.FOUND]
    asked = [a for a in result.answers if a.status is not Status.CANNOT_SEARCH]
    if not asked:
        refusals: list[BillctlError] = [a.refusal for a in result.answers if a.refusal]
        return gravest(refusals) if refusals else _nobody_can(result)
    if (failed or partly) and (all_or_fail or len(failed) == len(asked)):
        return gravest(result.errors)
    if failed or partly:
        missing = [f"no answer from {', '.join(failed)}"] if failed else []
        missing += [f"not everything could be read at {', '.join(partly)}"] if partly else []
        return Partial(f"{'; '.join(missing)}; the rest is complete", code="partial")
    return None if result.customers else _not_found(result, notes=notes)


def _nobody_can(result: LookupResult) -> UsageError:
    return UsageError(f"no account of this profile can search by {result.by}", code="unsupported")


def _not_found(result: LookupResult, *, notes: bool) -> NotFound:
    rest = _unable(result)
    several = len(result.answers) > 1
    said = dict.fromkeys(
        (f"{a.account}: " if several else "") + note.rstrip(".")
        for a in result.answers
        if notes and a.status is Status.NONE
        for note in a.notes
    )
    ways = (
        f" It was taken for {TAKEN_FOR[result.by]}; if it is none, say what it is: {_other_way(result)}."
        if result.guessed
        else ""
    )
    hint = (" ".join(f"{note}." for note in said) + ways).strip()
    return NotFound(f"no customer by {result.by} {result.text!r}{rest}", hint=hint)


def _unable(result: LookupResult) -> str:
    """Who did not search and so cannot be counted among those who have nobody, in brackets."""
    unable = [answer for answer in result.answers if answer.status is Status.CANNOT_SEARCH]
    by_nature = ", ".join(answer.account for answer in unable if not answer.refusal)
    not_an_id = ", ".join(answer.account for answer in unable if answer.refusal)
    said = [
        f"{by_nature} cannot search by {result.by}" if by_nature else "",
        f"not asked: {not_an_id}" if not_an_id else "",
    ]
    return f" ({'; '.join(filter(None, said))})" if unable else ""


def _other_way(result: LookupResult) -> str:
    """The option that says what the query is; digits may be the number of an invoice."""
    numbered = result.text.isdecimal() and result.by is not By.INVOICE
    return "--by invoice" if numbered else "--by"


def _reference(session: Session, text: str) -> tuple[str, str | None]:
    """`ACCOUNT:ID` as the id and its account, where that account exists."""
    account, colon, rest = text.partition(":")
    return (rest, account) if colon and account in session.profile.accounts else (text, None)


def _ask(session: Session, name: str, query: Query) -> Found | None:
    """What the account has; None where its gateway cannot search that way."""
    gateway = session.gateway(name)
    if query.by.capability not in gateway.capabilities:
        return None
    opening = session.opening(name)
    try:
        return gateway.find_customers(query)
    finally:
        opening()  # credentials of the wrong mode or account outrank what they found


def _part(
    session: Session, query: Query, asked_by: By, name: str, answer: Found | BillctlError | None
) -> AccountAnswer:
    """One account's part, whatever came of asking it."""
    gateway = session.gateway_of(name)
    own_way = (f"searched by {query.by}",) if query.by is not asked_by else ()
    part = AccountAnswer(account=name, gateway=gateway, status=Status.FAILED, notes=own_way)
    match answer:
        case None:
            note = f"{gateway} cannot search by {query.by}"
            return replace(part, status=Status.CANNOT_SEARCH, notes=(note,))
        case NotFound():
            return replace(part, status=Status.NONE)
        case UsageError():  # the text is none of the gateway's ids, say: it cannot be searched for there
            return replace(part, status=Status.CANNOT_SEARCH, notes=(answer.message,), refusal=answer)
        case BillctlError():
            return replace(part, error=answer)
    return _answered(replace(part, voids=Capability.VOID in session.gateway(name).capabilities), answer)


def _unless_number(part: AccountAnswer, query: Query, asked_by: By) -> AccountAnswer:
    """The part; where a card's digits were asked for as a number in vain, that they were not searched for."""
    if part.status is not Status.NONE or (query.by, asked_by) != (By.INVOICE, By.LAST4):
        return part
    note = f"{part.gateway} cannot search by {asked_by}, and has no invoice of the number {query.text}"
    return replace(part, status=Status.CANNOT_SEARCH, notes=(note, *part.notes[1:]))


def _answered(part: AccountAnswer, found: Found) -> AccountAnswer:
    """What an account found. Nobody found while something could not be read is a failure, not none."""
    notes = (*part.notes, *found.notes)
    if not found.failures:
        status = Status.FOUND if found.customers else Status.NONE
        return replace(part, status=status, customers=found.customers, notes=notes)
    for failure in found.failures:
        failure.account = failure.account or part.account
    worst = gravest(list(found.failures))
    others = tuple(failure.message for failure in found.failures if failure is not worst)
    return replace(
        part,
        status=Status.FOUND if found.customers else Status.FAILED,
        customers=found.customers,
        notes=(*notes, *others),
        error=worst,
    )
