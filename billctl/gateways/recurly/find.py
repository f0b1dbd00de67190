"""Finding customers, which are accounts at Recurly: what the query names, then their history in parallel.

An e-mail address is looked for as it was typed and in lower case, since whether Recurly tells the two apart
is not known, and compared here. There is no search by name.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from billctl.errors import NoAnswer, NotFound, UsageError
from billctl.frozen import replace
from billctl.gaps import told
from billctl.gateway import By, Found, Query
from billctl.gateways.recurly import ids, mapping, values
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import reading_answer
from billctl.gateways.recurly.history import History, Named, read_history
from billctl.gateways.recurly.objects import named, retrieve
from billctl.gateways.recurly.queries import MOST
from billctl.models import Customer
from billctl.parallel import Job, gather

LONGEST_ADDRESS = 254
"""RFC 5321, with its errata."""

CAPITALS = (
    "an address kept in other capital letters may not be found: it was asked for as typed and in small ones"
)


class Lead(NamedTuple):
    """An account that answers the query: its id, the SDK's object where it was read already, and the objects
    that led to it."""

    id: str
    account: Any = None
    named: Named = Named()


class Person(NamedTuple):
    """The SDK's account with its history."""

    account: Any
    history: History


def find_customers(client: Client, query: Query) -> Found:
    """Customers that answer `query`, each with his history. Raises the errors of a read where the customers
    themselves cannot be read; what of their history cannot is in `failures`. Raises `UsageError` before
    anything is asked where no customer can be found by such a text."""
    with reading_answer(client.account.name, change=False):
        leads = _merged(WAYS[query.by](client, query.text.strip()))
    chosen = leads[: query.limit]
    people = gather([partial(_person, client, query, lead) for lead in chosen]) if chosen else []
    notes = [note for person in people for note in person.history.notes]
    if query.by is By.EMAIL and not people:
        notes.append(CAPITALS)
    notes += [
        f"account {values.text(one.account, 'id')} is closed" for one in people if _is_closed(one.account)
    ]
    if len(leads) > len(chosen):
        notes.append(f"{len(leads)} customers match; the first {len(chosen)} are shown")
    failures = told(gap for person in people for gap in person.history.gaps)
    failures += [error for person in people for error in person.history.left_out]
    with reading_answer(client.account.name, change=False):
        customers = tuple(_customer(client, person) for person in people)
    return Found(customers=customers, notes=tuple(notes), failures=tuple(failures))


def _merged(leads: Iterable[Lead]) -> list[Lead]:
    """One lead for each account, with all that led to it."""
    merged: dict[str, Lead] = {}
    for lead in leads:
        known = merged.get(lead.id, lead)
        together = known.named if known is lead else Named(*map(_both, known.named, lead.named))
        merged[lead.id] = Lead(lead.id, known.account or lead.account, together)
    return list(merged.values())


def _both(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return list({values.text(data, "id"): data for data in (*one, *other)}.values())


def _person(client: Client, query: Query, lead: Lead) -> Person:
    history = Job(lambda: read_history(client, lead.id, query, lead.named))
    account = lead.account or _named_elsewhere(client, "customer", lead.id)
    return Person(account, history.result())


def _is_closed(account: Any) -> bool:
    return values.text(account, "state") == "inactive"


def _customer(client: Client, person: Person) -> Customer:
    history = person.history
    return replace(
        mapping.customer(person.account, client.account.name, live=client.account.live),
        charges=history.charges,
        subscriptions=history.subscriptions,
        invoices=history.invoices,
    )


def _by_email(client: Client, text: str) -> Iterator[Lead]:
    if not text or len(text) > LONGEST_ADDRESS:
        raise UsageError(f"{text[:40]!r} is no e-mail address", code="bad_query")
    forms = dict.fromkeys([text, text.lower()])
    for accounts in gather([partial(_with_address, client, form) for form in forms]):
        for account in accounts:
            if (values.text(account, "email") or "").casefold() == text.casefold():
                yield Lead(values.needed(account, "id"), account)


def _with_address(client: Client, address: str) -> list[Any]:
    pages = client.site_pages(lambda sdk: sdk.list_accounts(params={"email": address, "limit": MOST}))
    return [account for page in pages for account in page]


def _by_id(client: Client, text: str) -> list[Lead]:
    """An id's form does not tell its kind at Recurly: all that it may be are asked at once."""
    probes: list[Callable[[], list[Lead]]] = []
    if ids.ID.fullmatch(text):
        probes = [partial(_of_account, client, text), partial(_of_invoice, client, text)]
    if ids.ID.fullmatch(text) or ids.UUID.fullmatch(text):
        name = _by_uuid(text)
        probes += [partial(_of_transaction, client, name), partial(_of_subscription, client, name)]
    if ids.CODE.fullmatch(text):
        probes.append(partial(_of_account, client, f"code-{text}"))
    if not probes:
        raise UsageError(f"{text[:40]!r} is no id or code of Recurly's", code="bad_id")
    return [lead for leads in gather([partial(_if_there, probe) for probe in probes]) for lead in leads]


def _by_charge(client: Client, text: str) -> list[Lead]:
    return _if_there(partial(_of_transaction, client, _id_or_uuid(text, "charge")))


def _by_subscription(client: Client, text: str) -> list[Lead]:
    return _if_there(partial(_of_subscription, client, _id_or_uuid(text, "subscription")))


def _by_invoice(client: Client, text: str) -> list[Lead]:
    """By its number, or by its id, where it has the form of one: a number may look like an id."""
    if not ids.NUMBER.fullmatch(text):
        raise UsageError(f"{text[:40]!r} is no invoice number of Recurly's", code="bad_id")
    names = [f"number-{text}", *([text] if ids.ID.fullmatch(text) else [])]
    probes = [partial(_if_there, partial(_of_invoice, client, name)) for name in names]
    return [lead for leads in gather(probes) for lead in leads]


def _id_or_uuid(text: str, kind: str) -> str:
    return _by_uuid(text) if ids.UUID.fullmatch(text) else ids.checked(text, kind)


def _by_uuid(text: str) -> str:
    return f"uuid-{text}" if ids.UUID.fullmatch(text) else text


def _if_there(probe: Callable[[], list[Lead]]) -> list[Lead]:
    try:
        return probe()
    except NotFound:
        return []


def _named_elsewhere(client: Client, kind: str, object_id: str) -> Any:
    """What an object that is there names; that it is not there itself is no sign that nobody is."""
    try:
        return retrieve(client, kind, object_id)
    except NotFound as error:
        message = f"{client.host} names {kind} {object_id} and does not have it"
        raise NoAnswer(message, code="bad_answer", account=client.account.name) from error


def _of_account(client: Client, name: str) -> list[Lead]:
    account = named(client, "customer", name)
    return [Lead(values.needed(account, "id"), account)]


def _of_transaction(client: Client, name: str) -> list[Lead]:
    """Whose a transaction is; with a refund comes the payment that it gives back."""
    data = named(client, "charge", name)
    with reading_answer(client.account.name, change=False):
        paid = [data] if mapping.is_charge(data) else []
        if parent := values.text(data, "original_transaction_id"):
            paid.append(_named_elsewhere(client, "charge", parent))
        return [Lead(values.needed(data.account, "id"), named=Named(payments=paid))]


def _of_subscription(client: Client, name: str) -> list[Lead]:
    data = named(client, "subscription", name)
    with reading_answer(client.account.name, change=False):
        return [Lead(values.needed(data.account, "id"), named=Named(subscriptions=[data]))]


def _of_invoice(client: Client, name: str) -> list[Lead]:
    data = named(client, "invoice", name)
    with reading_answer(client.account.name, change=False):
        return [Lead(values.needed(data.account, "id"), named=Named(invoices=[data]))]


WAYS: dict[By, Callable[[Client, str], Iterable[Lead]]] = {
    By.EMAIL: _by_email,
    By.ID: _by_id,
    By.INVOICE: _by_invoice,
    By.CHARGE: _by_charge,
    By.SUBSCRIPTION: _by_subscription,
}
