"""Finding customers: one way for each kind of query, then every customer's history in parallel.

Which fields Stripe's Search knows, and its lag (under a minute normally, up to an hour in an outage;
not offered to merchants in India): docs.stripe.com/search. A list by e-mail is consistent at once but
case-sensitive, so both are asked at the same time.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from billctl.errors import AuthFailed, BillctlError, NetworkError, NotFound, Refused, Unsupported, UsageError
from billctl.frozen import field, frozen_value, replace
from billctl.gaps import because, told
from billctl.gateway import By, Found, Query
from billctl.gateways.stripe import mapping
from billctl.gateways.stripe.client import PAGE, Client, Json
from billctl.gateways.stripe.errors import reading_answer
from billctl.gateways.stripe.history import History, NewestDisputes, read_history
from billctl.gateways.stripe.ids import checked, kind_of
from billctl.gateways.stripe.objects import retrieve
from billctl.models import Customer, Match
from billctl.parallel import Job, gather

SEARCH_LAG = "Stripe's Search may not show yet what is less than a minute old"
SHORTEST_PART = 3
"""Stripe's Search takes `~` (part of a text) from three characters on."""


@frozen_value
class Hits:
    """Customers as on the wire with how they match, notes, what could not be searched, and the objects
    (charges, …) that led to them."""

    customers: list[tuple[Json, Match]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[BillctlError] = field(default_factory=list)
    named: list[Json] = field(default_factory=list)


def find_customers(client: Client, query: Query, *, now: datetime) -> Found:
    """Customers that answer `query`, each with his history. Raises the errors of a read where the customers
    themselves cannot be read; what of their history cannot is in `failures`. Raises `UsageError` before
    anything is asked where no customer can be found by such a text."""
    _check(query)
    newest = NewestDisputes(client)
    with reading_answer(client.account.name, change=False):
        early = _read_beside(client, query, now, newest)
        hits = WAYS[query.by](client, query)
        unique = {data["id"]: (data, match) for data, match in reversed(hits.customers)}
        chosen = list(reversed(unique.values()))[: query.limit]
        if len(unique) > len(chosen):
            hits.notes.append(f"{len(unique)} customers match; the first {len(chosen)} are shown")

        def history_of(data: Json) -> Callable[[], History]:
            if early:
                return early.result
            own = [item for item in hits.named if mapping.id_of(item.get("customer")) == data["id"]]
            return lambda: read_history(client, data["id"], query, now=now, newest=newest, named=own)

        histories = gather([history_of(data) for data, _ in chosen])
        people = [_customer(client, hit, history) for hit, history in zip(chosen, histories, strict=True)]
    notes = hits.notes + [note for history in histories for note in history.notes]
    failures = hits.failures + told(gap for history in histories for gap in history.gaps)
    failures += [error for history in histories for error in history.left_out]
    return Found(customers=tuple(people), notes=tuple(notes), failures=tuple(failures))


def _check(query: Query) -> None:
    digits = len(query.text) == 4 and query.text.isascii() and query.text.isdigit()
    if query.by is By.LAST4 and not digits:
        raise UsageError(f"{query.text[:40]!r} is not the last four digits of a card", code="bad_last4")
    if _names_object(query):
        checked(query.text, _kind(query))


def _names_object(query: Query) -> bool:
    """Whether the text is an object's id; an invoice may be named by its number too."""
    if query.by is By.INVOICE:
        return kind_of(query.text) == "invoice"
    return query.by in ACCEPTED


def _kind(query: Query) -> str:
    """The kind of object that a query by id names; its prefix tells. Raises `UsageError`."""
    accepted = ACCEPTED[query.by]
    kind = kind_of(query.text) or accepted[0]
    if kind not in accepted:
        raise UsageError(
            f"{query.text} is a {kind.replace('_', ' ')}: no customer is found by it --by {query.by}",
            code="wrong_kind",
            hint="Leave --by out, and the id's prefix decides.",
        )
    return kind


def _read_beside(client: Client, query: Query, now: datetime, newest: NewestDisputes) -> Job[History] | None:
    """The history of a customer asked for by id, which needs nothing else that must be found first."""
    if query.by is not By.ID or kind_of(query.text) != "customer":
        return None
    customer_id = checked(query.text, "customer")
    return Job(lambda: read_history(client, customer_id, query, now=now, newest=newest))


def _customer(client: Client, hit: tuple[Json, Match], history: History) -> Customer:
    data, match = hit
    return replace(
        mapping.customer(data, client.account.name, live=client.live, match=match),
        charges=history.charges,
        subscriptions=history.subscriptions,
        invoices=history.invoices,
        disputes=history.disputes,
    )


def quoted(text: str) -> str:
    """`text` as a string of Stripe's search language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _by_email(client: Client, query: Query) -> Hits:
    search = {"query": f"email:{quoted(query.text)}"}

    def searched() -> tuple[list[Json], BillctlError | None]:
        try:
            return client.page("/v1/customers/search", search, PAGE)[0], None
        except (NetworkError, Refused, AuthFailed) as error:
            return [], because(
                "other spellings of the address (upper and lower case) were not searched", error
            )

    others_job = Job(searched)
    exact, more = client.page("/v1/customers", {"email": query.text}, PAGE)
    others, failed = others_job.result()
    same = [data for data in others if str(data.get("email") or "").casefold() == query.text.casefold()]
    lasting = failed is not None and not isinstance(
        failed, NetworkError
    )  # no Search here, or not for this key
    notes = [failed.message] if failed and lasting else []
    if more:
        notes.append(f"more than {PAGE} customers have this address; the newest {PAGE} were read")
    if not exact and not failed:
        notes.append(f"{SEARCH_LAG}, if the address is written there in another case")
    failures = [failed] if failed and not lasting else []
    return Hits([(data, Match.EXACT) for data in exact + same], notes, failures)


def _by_name(client: Client, query: Query) -> Hits:
    sign = "~" if len(query.text) >= SHORTEST_PART else ":"
    people, more = client.page(
        "/v1/customers/search", {"query": f"name{sign}{quoted(query.text)}"}, query.limit
    )
    notes = [SEARCH_LAG]
    if sign == ":":
        notes.append(f"a part of a name needs {SHORTEST_PART} characters; only whole names were searched")
    if more:
        notes.append(f"more than {query.limit} customers match this name; the first {query.limit} are shown")
    wanted = query.text.casefold()
    return Hits([(data, _name_match(data, wanted)) for data in people], notes)


def _name_match(data: Json, wanted: str) -> Match:
    return Match.EXACT if str(data.get("name") or "").casefold() == wanted else Match.PARTIAL


def _by_last4(client: Client, query: Query) -> Hits:
    params = {
        "query": f"payment_method_details.card.last4:{quoted(query.text)}",
        "expand": ["data.customer", "data.refunds"],
    }
    charges, more = client.page("/v1/charges/search", params, PAGE)
    hits = _owners(charges)
    hits.notes.append(SEARCH_LAG)
    if more:
        hits.notes.append(
            f"more than {PAGE} charges were made with such a card; customers of the newest are shown"
        )
    return hits


def _by_invoice(client: Client, query: Query) -> Hits:
    if _names_object(query):
        return _by_object(client, query)
    params = {"query": f"number:{quoted(query.text)}", "expand": ["data.customer", "data.payments"]}
    invoices, _ = client.page("/v1/invoices/search", params, PAGE)
    hits = _owners(invoices)
    hits.notes.append(SEARCH_LAG)
    return hits


def _by_object(client: Client, query: Query) -> Hits:
    """The owner of one object."""
    kind = _kind(query)
    try:
        data = retrieve(client, kind, query.text, EXPAND[kind])
    except NotFound:
        return Hits()
    if kind == "customer":
        return _asked_for(data)
    through = THROUGH.get(kind)
    if through is None:
        return _owners([data])
    charge = data.get(through)
    return _owners([charge if isinstance(charge, dict) else data])


EXPAND: dict[str, list[str]] = {
    "customer": [],
    "charge": ["customer", "refunds"],
    "payment_intent": ["customer", "latest_charge.customer"],
    "subscription": ["customer"],
    "invoice": ["customer", "payments"],
    "refund": ["charge.customer"],
    "dispute": ["charge.customer"],
}
"""What makes one answer hold the object and its customer."""

THROUGH = {"payment_intent": "latest_charge", "refund": "charge", "dispute": "charge"}
"""Where the charge is in what has no history of its own here."""

PAYMENTS = ("charge", "payment_intent", "refund", "dispute")
ACCEPTED: dict[By, tuple[str, ...]] = {
    By.ID: tuple(EXPAND),
    By.CHARGE: PAYMENTS,
    By.SUBSCRIPTION: ("subscription",),
    By.INVOICE: ("invoice",),
}
"""The kinds a query of each sort may name; the first is what an id without a known prefix is taken for."""


def _asked_for(data: Json) -> Hits:
    """The customer of this id; a deleted one is none any more."""
    if data.get("deleted"):
        note = f"customer {data['id']} was deleted at Stripe; its payments are found by their own ids"
        return Hits(notes=[note])
    return Hits([(data, Match.EXACT)])


def _owners(objects: Iterable[Json]) -> Hits:
    """The customers of objects read with `customer` expanded, deleted ones too: their history is kept. A
    payment without one is named in a note."""
    hits = Hits(named=list(objects))
    for data in hits.named:
        owner = data.get("customer")
        if isinstance(owner, dict):
            hits.customers.append((owner, Match.EXACT))
            note = f"customer {owner['id']} was deleted at Stripe, which keeps only the history"
            if owner.get("deleted") and note not in hits.notes:
                hits.notes.append(note)
        else:
            hits.notes.append(_guest(data))
    return hits


def _guest(data: Json) -> str:
    try:
        amount = "" if "amount" not in data else f" of {mapping.from_wire(data['amount'], data['currency'])}"
    except Unsupported:
        amount = ""
    return f"{data['id']}{amount} was paid by a guest: it belongs to no customer"


WAYS: dict[By, Callable[[Client, Query], Hits]] = {
    By.EMAIL: _by_email,
    By.NAME: _by_name,
    By.LAST4: _by_last4,
    By.INVOICE: _by_invoice,
    By.ID: _by_object,
    By.CHARGE: _by_object,
    By.SUBSCRIPTION: _by_object,
}
