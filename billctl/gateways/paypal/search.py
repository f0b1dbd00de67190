"""What PayPal knows of somebody who is named by e-mail, name or payer id: rows of Transaction Search (live,
or from the local copy and live where it ends) and invoices, and how far that goes."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from billctl.errors import BillctlError, StoreError
from billctl.frozen import field, frozen_value
from billctl.gaps import attempted, because
from billctl.gateway import By, LocalCopy, Query
from billctl.gateways.paypal import disputes, invoices, windows
from billctl.gateways.paypal.amounts import wire_time
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.copy import Copy
from billctl.gateways.paypal.people import Person, billed, name_match, same, seen
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.rows import Row, created_of
from billctl.models import rfc3339
from billctl.parallel import Job

DEFAULT = timedelta(days=90)
"""How far back a query without `--since` goes."""

LONGEST_EMAIL, LONGEST_NAME = 254, 140
"""Characters that invoice search takes; no recipient has a longer one."""


class Reach(NamedTuple):
    """The time that is searched."""

    since: datetime
    until: datetime


@frozen_value
class Searched:
    """Rows of everybody who answers the query, newest first; his invoices; disputes of that time as listed.

    `refreshed` is how far Transaction Search had got. `disputes` None: more than one page, to be asked for
    charge by charge.
    """

    reach: Reach
    rows: list[Row] = field(default_factory=list)
    refreshed: datetime | None = None
    invoices: list[Json] = field(default_factory=list)
    disputes: list[Json] | None = None
    notes: list[str] = field(default_factory=list)
    failures: list[BillctlError] = field(default_factory=list)


class Kept(NamedTuple):
    """A copy that can be used, and what it covers."""

    copy: Copy
    state: LocalCopy


def kept(copy: Copy | None) -> tuple[Kept | None, list[str]]:
    """The copy if there is one that can be read; a broken one is named, and searched without."""
    try:
        state = copy.state() if copy else None
    except StoreError as error:
        return None, [f"{error.message}. {error.hint}".rstrip(".")]
    return (Kept(copy, state), []) if copy and state else (None, [])


def reach_of(query: Query, known: Kept | None, now: datetime) -> Reach:
    """From `--since`, else as far back as the copy goes, else 90 days; never beyond PayPal's three years."""
    since = query.since or min(known.state.since if known else now, now - DEFAULT)
    return Reach(max(since, now - windows.HISTORY), now)


def somebody(client: Client, query: Query, copy: Copy | None, *, now: datetime) -> Searched:
    """Everything of whom `query` names. Invoices, transactions and disputes are searched at the same time;
    what of them cannot be is a failure, not an end."""
    known, broken = kept(copy)
    reach = reach_of(query, known, now)
    searches = [_search(client, criteria) for criteria in CRITERIA[query.by](query.text)]
    list_disputes = partial(disputes.page, client, reach.since, now)
    listing = Job(partial(attempted, list_disputes, disputes.Page([], None)))
    (rows, refreshed, notes), no_rows = attempted(
        partial(_rows, client, known, reach, query), Rows([], None, [])
    )
    emails = list(dict.fromkeys(row.email.casefold() for row in rows if row.email))
    if query.by is By.ID:
        searches = [_search(client, {"recipient_email": email}) for email in emails]
    billed_to, no_invoices = _invoices(searches, query, emails)
    if no_rows and (no_invoices or not searches):
        raise no_rows
    page, no_disputes = listing.result()
    failures = [
        because(f"{part} could not be searched", error)
        for part, error in (("payments", no_rows), ("invoices", no_invoices), ("disputes", no_disputes))
        if error
    ]
    if no_rows is None:
        notes = [*notes, *_limits(reach, refreshed)]
    notes = [*broken, *notes]
    listed = None if page.following else page.rows
    return Searched(reach, rows, refreshed, billed_to, listed, notes, failures)


Search = Job[tuple[list[Json], BillctlError | None]]


def _search(client: Client, criteria: Json) -> Search:
    nothing: list[Json] = []
    return Job(partial(attempted, partial(invoices.search, client, criteria), nothing))


def anybody(client: Client, query: Query, copy: Copy | None, *, now: datetime) -> Person | None:
    """The first whom a query by e-mail or payer id names, in as few requests as it takes."""
    known, _ = kept(copy)
    found = known.copy.rows_of(query) if known else []
    if not found and query.by is By.EMAIL:
        billed_to, _ = _invoices([_search(client, {"recipient_email": query.text})], query, [])
        if billed_to:
            return billed(billed_to[0])
    for window in () if found else windows.windows(now - DEFAULT, now):
        found = _of_whom(windows.read(client, window).rows, query)
        if found:
            break
    newest = max(found, key=created_of, default=None)
    return (
        seen(sorted(found, key=created_of, reverse=True), newest.person) if newest and newest.person else None
    )


class Rows(NamedTuple):
    """The rows of whom a query names, how far PayPal's report goes, and where they are from."""

    rows: list[Row]
    refreshed: datetime | None
    notes: list[str]


def _rows(client: Client, known: Kept | None, reach: Reach, query: Query) -> Rows:
    if known is None or known.state.until < reach.since:
        found = windows.search(client, reach.since, reach.until)
        return Rows(_of_whom(found.rows, query), found.refreshed, [])
    covered = known.state
    settling = max(covered.until - windows.SETTLING, reach.since)
    tail = Job(partial(windows.search, client, settling, reach.until))
    older = list(windows.windows(reach.since, covered.since)) if reach.since < covered.since else []
    parts = spread([partial(windows.read, client, part) for part in older])
    own = [row for row in known.copy.rows_of(query) if created_of(row) >= reach.since]
    fresh = tail.result()
    rows = windows.joined([fresh, *parts, windows.Transactions(own, None)]).rows
    until = rfc3339(covered.until)
    age = f"payments up to {until} are from this machine's copy; `billctl paypal sync` renews it"
    return Rows(_of_whom(rows, query), fresh.refreshed, [age])


def _of_whom(rows: Sequence[Row], query: Query) -> list[Row]:
    """The rows of everybody who answers the query by one of his rows: an address may have changed since."""
    answers = ANSWERS[query.by]
    people = {row.person for row in rows if row.person and answers(row, query.text)}
    return [row for row in rows if row.person in people]


ANSWERS: dict[By, Callable[[Row, str], bool]] = {
    By.EMAIL: lambda row, text: same(row.email, text),
    By.NAME: lambda row, text: name_match(row.name, text) is not None,
    By.ID: lambda row, text: row.payer_id == text,
}


def _invoices(
    searches: Sequence[Search], query: Query, emails: Sequence[str]
) -> tuple[list[Json], BillctlError | None]:
    """What the searches found, filtered exactly here, every invoice once; the first reason for a gap."""
    results = [search.result() for search in searches]
    found = {
        str(item["id"]): item
        for items, _ in results
        for item in items
        if _is_billed(billed(item), query, emails)
    }
    return list(found.values()), next((error for _, error in results if error), None)


def _is_billed(person: Person | None, query: Query, emails: Sequence[str]) -> bool:
    if person is None:
        return False
    if query.by is By.NAME:
        return name_match(person.name, query.text) is not None
    addresses = [query.text] if query.by is By.EMAIL else emails
    return any(same(person.email, address) for address in addresses)


def _named(text: str) -> list[Json]:
    """Criteria that between them find a whole name: PayPal searches first, last and business name apart."""
    first, _, rest = text.strip().partition(" ")
    whole: Json = {"recipient_business_name": text}
    if rest.strip():
        return [{"recipient_first_name": first, "recipient_last_name": rest.strip()}, whole]
    return [{"recipient_first_name": first}, {"recipient_last_name": first}, whole]


CRITERIA: dict[By, Callable[[str], list[Json]]] = {
    By.EMAIL: lambda text: [{"recipient_email": text}] if len(text) <= LONGEST_EMAIL else [],
    By.NAME: lambda text: _named(text) if len(text) <= LONGEST_NAME else [],
    By.ID: lambda _: [],
}
"""What is searched at once; by payer id the e-mails of his payments are, once they are known."""


def _limits(reach: Reach, refreshed: datetime | None) -> list[str]:
    """What was not searched, said in every answer."""
    hint = "" if reach.until - reach.since >= windows.HISTORY else "; --since goes back up to 3 years"
    report = f"PayPal's report goes up to {wire_time(refreshed)}" if refreshed else "PayPal's report is late"
    return [
        f"PayPal history before {reach.since:%Y-%m-%d} was not searched{hint}",
        f"payments and refunds of the last 3 hours may be missing ({report})",
        "subscriptions are found by their payments in that time",
    ]
