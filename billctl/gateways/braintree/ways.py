"""One way of looking for customers for each kind of query: the searches that come first, and their traces."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from billctl.errors import NotFound, UsageError
from billctl.frozen import field, frozen_value
from billctl.gateway import By, Query
from billctl.gateways.braintree import mapping, values
from billctl.gateways.braintree.client import Client, Hits
from billctl.gateways.braintree.errors import reading_answer
from billctl.gateways.braintree.ids import checked, may_be
from billctl.gateways.braintree.objects import owner_of, parents_of, retrieve
from billctl.gateways.braintree.search import created, fit, newest_sales
from billctl.models import Match
from billctl.parallel import Job, gather

Grade = Callable[[Any, bool], Match | None]
"""How a customer of the SDK answers the query, given whether one of his payments does; None: not at all."""


@frozen_value
class Trace:
    """What led to customers besides their own records: payments, and ids of customers. `unread` are the ids
    of older payments that may lead to more."""

    payments: list[Any] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def _exact(_customer: Any, _paid: bool) -> Match | None:
    return Match.EXACT


@frozen_value
class Leads:
    """Where to look: ids of customers that are known at once, and traces that are still to be read.

    `partly` is what is said of a customer who answers the query in part, after his id.
    """

    ids: list[str] = field(default_factory=list)
    traces: list[Callable[[], Trace]] = field(default_factory=list)
    grade: Grade = _exact
    partly: str | None = None
    notes: list[str] = field(default_factory=list)


def _by_email(client: Client, query: Query) -> Leads:
    """Customers of the vault with the address, and payments made with it, in the letters typed and in lower
    case: whether Braintree tells them apart is not documented."""
    wanted = query.text.casefold()
    forms = list(dict.fromkeys([fit(query.text), query.text.lower()]))
    people_job = Job(lambda: gather([partial(_customers, client, "email", "is", form) for form in forms]))
    payments = gather([partial(_payments, client, "customer_email", "is", form, query) for form in forms])
    people = people_job.result()

    def made_with_it(data: Any) -> bool:
        return (mapping.payer_email(data) or "").casefold() == wanted

    def grade(customer: Any, paid: bool) -> Match | None:
        if (values.text(customer, "email") or "").casefold() == wanted:
            return Match.EXACT
        return Match.PARTIAL if paid else None  # he paid with it and has another address now

    return Leads(
        ids=_ids(people),
        traces=[partial(_paid, hits, query, made_with_it) for hits in payments],
        grade=grade,
        partly="paid with this address, and has another one now",
    )


def _by_last4(client: Client, query: Query) -> Leads:
    if not (len(query.text) == 4 and query.text.isascii() and query.text.isdigit()):
        raise UsageError(f"{query.text[:40]!r} is not the last four digits of a card", code="bad_last4")
    people_job = Job(lambda: _customers(client, "credit_card_number", "ends_with", query.text))
    payments = _payments(client, "credit_card_number", "ends_with", query.text, query)

    def by_such_a_card(data: Any) -> bool:
        method = mapping.payment_method(data)
        return method is not None and method.last4 == query.text

    def grade(customer: Any, paid: bool) -> Match | None:
        cards = (values.text(card, "last_4") for card in values.listed(customer, "payment_methods"))
        return Match.EXACT if paid or query.text in cards else None

    return Leads(
        ids=_ids([people_job.result()]),
        traces=[partial(_paid, payments, query, by_such_a_card)],
        grade=grade,
    )


MOST_WORDS = 6
"""Of a name that is split into a first and a last one in every way."""


def _by_name(client: Client, query: Query) -> Leads:
    """Braintree keeps first and last name apart: the words are divided in every way, and looked for whole as
    either name, as the company and on cards."""
    words = fit(query.text).split()
    whole = " ".join(words)
    if len(words) > MOST_WORDS:
        raise UsageError(f"a name of more than {MOST_WORDS} words is not searched", code="bad_query")
    fields = ("first_name", "last_name", "company", "cardholder_name")
    ways: list[Callable[[], Hits]] = [partial(_customers, client, name, "contains", whole) for name in fields]
    ways += [
        partial(_named, client, " ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, len(words))
    ]
    wanted = whole.casefold()

    def grade(customer: Any, _paid: bool) -> Match | None:
        names = (mapping.name_of(customer), values.text(customer, "company"))
        exact = any(" ".join(name.split()).casefold() == wanted for name in names if name)
        return Match.EXACT if exact else Match.PARTIAL

    return Leads(
        ids=_ids(gather(ways)),
        grade=grade,
        notes=["guests are not searched by name: use their e-mail address"],
    )


def _by_id(client: Client, query: Query) -> Leads:
    """An id's form does not tell its kind at Braintree: all that it may be are asked at once."""
    if not may_be(query.text, "customer"):
        raise UsageError(f"{query.text[:40]!r} is no Braintree id", code="bad_id")
    probes = {"charge": _of_transaction, "subscription": _of_subscription, "dispute": _of_dispute}
    return Leads(
        ids=[query.text],
        traces=[
            partial(_if_there, probe, client, query.text)
            for kind, probe in probes.items()
            if may_be(query.text, kind)
        ],
    )


def _by_charge(client: Client, query: Query) -> Leads:
    checked(query.text, "charge")
    probes = (_of_transaction, _of_dispute)
    return Leads(traces=[partial(_if_there, probe, client, query.text) for probe in probes])


def _by_subscription(client: Client, query: Query) -> Leads:
    checked(query.text, "subscription")
    return Leads(traces=[partial(_if_there, _of_subscription, client, query.text)])


def _if_there(probe: Callable[[Client, str], Trace], client: Client, object_id: str) -> Trace:
    try:
        with reading_answer(client.account.name, change=False):
            return probe(client, object_id)
    except NotFound:
        return Trace()


def _of_transaction(client: Client, transaction_id: str) -> Trace:
    """The transaction; with a refund of nobody's the charge that it gives back, which may say whose it is."""
    data = retrieve(client, "charge", transaction_id)
    if mapping.is_sale(data) or mapping.owner_id(data) is not None:
        return Trace([data])
    return Trace([data, *parents_of(client, [data])])


def _of_dispute(client: Client, dispute_id: str) -> Trace:
    data = retrieve(client, "dispute", dispute_id)
    return _of_transaction(client, values.needed(data.transaction_details, "id"))


def _of_subscription(client: Client, subscription_id: str) -> Trace:
    owner = owner_of(client, retrieve(client, "subscription", subscription_id))
    return Trace(owners=[owner] if owner else [])


def _term(name: str, operator: str, text: str, fields: Any) -> Any:
    builder = getattr(fields, name)
    return builder == text if operator == "is" else getattr(builder, operator)(text)


def _customers(client: Client, name: str, operator: str, text: str) -> Hits:
    return client.search("customer", lambda sdk: [_term(name, operator, text, sdk.CustomerSearch)])


def _named(client: Client, first: str, last: str) -> Hits:
    return client.search(
        "customer",
        lambda sdk: [
            sdk.CustomerSearch.first_name.contains(first),
            sdk.CustomerSearch.last_name.contains(last),
        ],
    )


def _payments(client: Client, name: str, operator: str, text: str, query: Query) -> Hits:
    def criteria(sdk: Any) -> list[Any]:
        terms = [_term(name, operator, text, sdk.TransactionSearch)]
        if query.since:
            terms.append(created(sdk.TransactionSearch.created_at, query.since, None))
        return terms

    return client.search("transaction", criteria)


def _paid(hits: Hits, query: Query, fits: Callable[[Any], bool]) -> Trace:
    found, _ = newest_sales(hits, query.limit, {})
    return Trace([data for data in found if fits(data)], unread=hits.ids[len(found) :])


def _ids(found: Sequence[Hits]) -> list[str]:
    return list(dict.fromkeys(customer_id for hits in found for customer_id in hits.ids))


WAYS: dict[By, Callable[[Client, Query], Leads]] = {
    By.EMAIL: _by_email,
    By.NAME: _by_name,
    By.LAST4: _by_last4,
    By.ID: _by_id,
    By.CHARGE: _by_charge,
    By.SUBSCRIPTION: _by_subscription,
}
