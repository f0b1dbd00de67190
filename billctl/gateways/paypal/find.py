"""Finding customers: one way for each kind of query. An e-mail, a name or a payer id is searched for, here;
the id of a payment, subscription, invoice or dispute leads to its owner, in `owners`."""

from datetime import datetime
from functools import partial

from billctl.errors import NotFound, UsageError
from billctl.gaps import told
from billctl.gateway import By, Found, Query
from billctl.gateways.paypal.client import Client, Json
from billctl.gateways.paypal.copy import Copy
from billctl.gateways.paypal.errors import reading_answer
from billctl.gateways.paypal.history import Known, read_history
from billctl.gateways.paypal.ids import checked, kind_of
from billctl.gateways.paypal.owners import OWNERS, found_owners
from billctl.gateways.paypal.people import Person, billed, customer, name_match, same, seen
from billctl.gateways.paypal.pool import spread
from billctl.gateways.paypal.rows import Row
from billctl.gateways.paypal.search import DEFAULT, Searched, anybody, somebody
from billctl.models import Customer, Match

CUSTOMER = "customer"
NUMBER = "number"
"""An invoice's number, as the merchant gave it: it has no form."""

ACCEPTED: dict[By, tuple[str, ...]] = {
    By.EMAIL: (),
    By.NAME: (),
    By.ID: (CUSTOMER, *(kind for kind in OWNERS if kind != NUMBER)),
    By.CHARGE: ("charge", "dispute"),
    By.SUBSCRIPTION: ("subscription",),
    By.INVOICE: ("invoice",),
}
"""The kinds of object that a query of each sort may name."""

NAMED = {By.CHARGE: "a charge", By.SUBSCRIPTION: "a subscription", By.INVOICE: "an invoice"}
"""What a query of a sort names, where that is not any object."""


def find_customers(client: Client, query: Query, copy: Copy | None, *, now: datetime) -> Found:
    """Customers that answer `query`, each with his history. Raises the errors of a read where nothing could
    be read; what of it could not is in `failures`."""
    with reading_answer(client.account.name, change=False):
        if query.by in {By.EMAIL, By.NAME}:
            return _searched(client, query, copy, now)
        kind = _kind(query)
        if kind == CUSTOMER:
            return _searched(client, query, copy, now)
        return found_owners(client, OWNERS[kind], query, now=now)


def get_customer(client: Client, customer_id: str, copy: Copy | None, *, now: datetime) -> Customer:
    """One payer, or one who was billed, without history: from the local copy, else from the newest of his
    invoices or of the last 90 days' payments.

    Raises `UsageError` for what is neither payer id nor e-mail, `NotFound` for whom they do not show.
    """
    by = By.EMAIL if "@" in customer_id else By.ID
    if by is By.ID:
        checked(customer_id, CUSTOMER)
    with reading_answer(client.account.name, change=False):
        person = anybody(client, Query(by=by, text=customer_id), copy, now=now)
    if person is None:
        raise NotFound(
            f"PayPal shows no invoice of {customer_id}, and no payment in the last {DEFAULT.days} days",
            code="customer_not_seen",
            account=client.account.name,
        )
    return customer(person, client.account.name, live=client.account.live)


def _kind(query: Query) -> str:
    """The kind of object whose id the query is. Raises `UsageError` for one that leads nowhere."""
    kind = kind_of(query.text)
    if kind is None and query.by is By.INVOICE:
        return NUMBER
    if kind in ACCEPTED[query.by]:
        return kind
    raise UsageError(
        f"{query.text[:40]!r} is no id of {NAMED.get(query.by, 'anything')} at PayPal",
        code="wrong_kind" if kind else "bad_id",
        hint="Leave --by out, and the id's form decides.",
    )


def _searched(client: Client, query: Query, copy: Copy | None, now: datetime) -> Found:
    found = somebody(client, query, copy, now=now)
    people = _people(found, query)
    chosen = people[: query.limit]
    notes = list(found.notes)
    if len(people) > len(chosen):
        notes.append(f"{len(people)} customers match; the first {len(chosen)} are shown")
    histories = spread([partial(read_history, client, known, query.limit, now=now) for known in chosen])
    failures = [*found.failures, *told(gap for history in histories for gap in history.gaps)]
    failures += [error for history in histories for error in history.left_out]
    notes += [note for history in histories for note in history.notes]
    return Found(
        customers=tuple(history.customer for history in histories),
        notes=tuple(notes),
        failures=tuple(failures),
    )


def _people(found: Searched, query: Query) -> list[Known]:
    """Everybody who answers: payers in the order of their last payment, then those who were only billed.

    An invoice goes to the payer of its address; it has no payer id.
    """
    left = list(found.invoices)
    people = []
    for person_id in dict.fromkeys(row.person for row in found.rows if row.person):
        own = [row for row in found.rows if row.person == person_id]
        emails = [row.email for row in own]
        mine = [data for data in left if any(same(_email(data), email) for email in emails)]
        left = [data for data in left if data not in mine]
        person = seen(own, person_id)
        people.append(_known(found, person, own, mine, query))
    for email in dict.fromkeys(_key(data) for data in left):
        mine = [data for data in left if _key(data) == email]
        person = billed(mine[0]) or Person(email)
        people.append(_known(found, person, [], mine, query))
    return people


def _known(found: Searched, person: Person, own: list[Row], mine: list[Json], query: Query) -> Known:
    names = [person.name, *(row.name for row in own)]
    whole = query.by is not By.NAME or any(name_match(name, query.text) is Match.EXACT for name in names)
    match = Match.EXACT if whole else Match.PARTIAL
    return Known(person, match, own, found.rows, mine, found.disputes, found.refreshed)


def _email(invoice: Json) -> str | None:
    person = billed(invoice)
    return person.email if person else None


def _key(invoice: Json) -> str:
    """What tells those apart who were only billed."""
    person = billed(invoice)
    return person.id.casefold() if person else ""
