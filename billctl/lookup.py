"""One customer at every account at once: one thread an account, one deadline for all.

Every account ends as found, none, cannot_search or failed; one that is down, slow or broken never
hides what the others said. Results stand in the profile's order.
"""

import queue
import re
import threading
import time
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from billctl.errors import BillctlError, InternalError, NoAnswer, NotFound, Partial, UsageError, gravest
from billctl.frozen import frozen, replace
from billctl.gateway import By, Found, Gateway, Query
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
LAST4 = re.compile(r"[0-9]{4}")
INVOICE_NUMBER = re.compile(r"(?=.*[0-9])[A-Z0-9]+(?:-[A-Z0-9]+)+")
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
    reason why a part of what was found is missing; further reasons are notes."""

    account: str
    gateway: str
    status: Status
    customers: tuple[Customer, ...] = ()
    notes: tuple[str, ...] = ()
    error: BillctlError | None = None

    def data(self) -> dict[str, Any]:
        """The account's row in the lookup's data."""
        said = (*self.notes, self.error.line()) if self.error else self.notes
        note = "; ".join(said) or None
        return {"account": self.account, "gateway": self.gateway, "status": str(self.status), "note": note}


@frozen
class LookupResult:
    """All accounts' parts, in the profile's order, and what the query was taken for."""

    text: str
    by: By
    answers: tuple[AccountAnswer, ...]
    seconds: float

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

    Raises `UsageError` for a query that is no text to look for or an unknown account; what goes wrong at
    an account is in its answer.
    """
    text, account = _reference(session, text.strip())
    if not text or len(text) > MAX_QUERY:
        raise UsageError(f"a lookup needs 1 to {MAX_QUERY} characters to look for", code="bad_query")
    if any(unicodedata.category(character) in NO_TEXT for character in text):
        raise UsageError(
            "a lookup takes text: this query holds control characters or bytes that are no UTF-8",
            code="bad_query",
        )
    names = list(dict.fromkeys(accounts)) or ([account] if account else list(session.profile.accounts))
    for name in names:
        session.gateway_of(name)
    session.prepare()
    started = time.monotonic()
    by = by or guess(text, [g for g in (_quietly_opened(session, name) for name in names) if g])
    query = Query(by=by, text=text, since=since, limit=limit)
    answers = _ask_all(session, names, query)
    return LookupResult(
        text=text, by=by, answers=tuple(answers), seconds=round(time.monotonic() - started, 3)
    )


def guess(text: str, gateways: Sequence[Gateway]) -> By:
    """What a query's text is: an e-mail, an id by its form, four digits, an invoice number, else a name."""
    if "@" in text:
        return By.EMAIL
    for gateway in gateways:
        kind = gateway.kind_of(text)
        if kind in KIND_TO_BY:
            return KIND_TO_BY[kind]
    if LAST4.fullmatch(text):
        return By.LAST4
    return By.INVOICE if INVOICE_NUMBER.fullmatch(text) else By.NAME


def exit_error(result: LookupResult, *, all_or_fail: bool) -> BillctlError | None:
    """The error that decides a lookup's exit code, None when everything was found and answered."""
    failed = [a.account for a in result.answers if a.status is Status.FAILED]
    partly = [a.account for a in result.answers if a.error and a.status is not Status.FAILED]
    asked = [a for a in result.answers if a.status is not Status.CANNOT_SEARCH]
    if (failed or partly) and (all_or_fail or len(failed) == len(asked)):
        return gravest(result.errors)
    if failed or partly:
        missing = [f"no answer from {', '.join(failed)}"] if failed else []
        missing += [f"not everything could be read at {', '.join(partly)}"] if partly else []
        return Partial(f"{'; '.join(missing)}; the rest is complete", code="partial")
    if not asked:
        return UsageError(f"no account of this profile can search by {result.by}", code="unsupported")
    if not result.customers:
        unable = [a.account for a in result.answers if a.status is Status.CANNOT_SEARCH]
        rest = f" ({', '.join(unable)} cannot search by {result.by})" if unable else ""
        asked_notes = dict.fromkeys(note.rstrip(".") for answer in asked for note in answer.notes)
        hint = " ".join(f"{note}." for note in asked_notes)
        return NotFound(f"no customer by {result.by} {result.text!r}{rest}", hint=hint)
    return None


def _reference(session: Session, text: str) -> tuple[str, str | None]:
    """`ACCOUNT:ID` as the id and its account, where that account exists."""
    account, colon, rest = text.partition(":")
    return (rest, account) if colon and account in session.profile.accounts else (text, None)


def _quietly_opened(session: Session, name: str) -> Gateway | None:
    """The account's gateway for its id forms; an account that cannot be opened says so when it is asked."""
    try:
        return session.gateway(name)
    except BillctlError:
        return None


def _ask_all(session: Session, names: Sequence[str], query: Query) -> list[AccountAnswer]:
    answered: queue.SimpleQueue[AccountAnswer] = queue.SimpleQueue()

    def ask(name: str) -> None:
        answered.put(_ask(session, name, query))

    for name in names:
        threading.Thread(target=ask, args=(name,), name=f"lookup {name}", daemon=True).start()
    until = time.monotonic() + session.profile.timeouts.deadline
    answers: dict[str, AccountAnswer] = {}
    while len(answers) < len(names):
        try:
            answer = answered.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        answers[answer.account] = answer
    return [answers.get(name) or _too_late(session, name) for name in names]


def _ask(session: Session, name: str, query: Query) -> AccountAnswer:
    gateway_name = session.gateway_of(name)
    blank = AccountAnswer(account=name, gateway=gateway_name, status=Status.FAILED)
    try:
        gateway = session.gateway(name)
        if query.by.capability not in gateway.capabilities:
            note = f"{gateway_name} cannot search by {query.by}"
            return replace(blank, status=Status.CANNOT_SEARCH, notes=(note,))
        opening = session.opening(name)
        try:
            found = gateway.find_customers(query)
        finally:
            opening()  # credentials of the wrong mode or account outrank what they found
    except NotFound:
        return replace(blank, status=Status.NONE)
    except BillctlError as error:
        error.account = error.account or name
        return replace(blank, error=error)
    except Exception as error:  # noqa: BLE001  # an adapter's fault is that account's, not the lookup's
        fault = InternalError(
            f"unexpected {type(error).__name__} in the {gateway_name} adapter", account=name
        )
        return replace(blank, error=fault)
    return _answered(blank, found)


def _answered(blank: AccountAnswer, found: Found) -> AccountAnswer:
    """What an account found. Nobody found while something could not be read is a failure, not none."""
    if not found.failures:
        status = Status.FOUND if found.customers else Status.NONE
        return replace(blank, status=status, customers=found.customers, notes=found.notes)
    for failure in found.failures:
        failure.account = failure.account or blank.account
    worst = gravest(list(found.failures))
    others = tuple(failure.message for failure in found.failures if failure is not worst)
    return replace(
        blank,
        status=Status.FOUND if found.customers else Status.FAILED,
        customers=found.customers,
        notes=(*found.notes, *others),
        error=worst,
    )


def _too_late(session: Session, name: str) -> AccountAnswer:
    seconds = session.profile.timeouts.deadline
    error = NoAnswer(f"no answer within {seconds:g} s", code="deadline", account=name)
    return AccountAnswer(account=name, gateway=session.gateway_of(name), status=Status.FAILED, error=error)
