"""PayPal's customers. It keeps no customers of a merchant: one is whoever is seen paying.

A customer's id is his PayPal account (`payer_id`, 13 characters); where only an invoice or a guest's
payment names him, it is his e-mail address.
"""

from collections.abc import Iterable

from billctl.frozen import frozen_value
from billctl.gateways.paypal.amounts import Wire
from billctl.gateways.paypal.bills import recipient
from billctl.gateways.paypal.mapping import GATEWAY, name_of
from billctl.gateways.paypal.rows import Row
from billctl.models import Customer, Match


@frozen_value
class Person:
    """Whoever paid or was billed. `id` is the payer id or, without one, the e-mail address."""

    id: str
    email: str | None = None
    name: str | None = None


def payer(data: Wire | None) -> Person | None:
    """The payer of an order (`payer`) or of a subscription (`subscriber`)."""
    found = data or {}
    return _person(found.get("payer_id"), found.get("email_address"), name_of(found.get("name")))


def old_payer(payment: Wire) -> Person | None:
    """The payer of a payment of the old v1 API."""
    found = (payment.get("payer") or {}).get("payer_info") or {}
    parts = [found[part] for part in ("first_name", "last_name") if found.get(part)]
    return _person(found.get("payer_id"), found.get("email"), " ".join(map(str, parts)) or None)


def billed(invoice: Wire) -> Person | None:
    """The first recipient of an invoice."""
    email, name = recipient(invoice)
    return _person(None, email, name)


def seen(rows: Iterable[Row], person_id: str) -> Person:
    """Whom rows, newest first, show under one id: with the newest e-mail and name they give."""
    own = [row for row in rows if row.person == person_id]
    return Person(
        person_id,
        next((row.email for row in own if row.email), None),
        next((row.name for row in own if row.name), None),
    )


def _person(payer_id: object, email: object, name: str | None) -> Person | None:
    known = payer_id or email
    return Person(str(known), str(email) if email else None, name) if known else None


def same(one: str | None, other: str | None) -> bool:
    """Whether two e-mails or names are the same, whatever the case of their letters."""
    return one is not None and other is not None and one.casefold() == other.casefold()


def name_match(name: str | None, wanted: str) -> Match | None:
    """How a name answers a query: whole, in part, or (None) not at all."""
    if name is None:
        return None
    if same(" ".join(name.split()), " ".join(wanted.split())):
        return Match.EXACT
    return Match.PARTIAL if wanted.casefold() in name.casefold() else None


def customer(person: Person, account: str, *, live: bool, match: Match = Match.EXACT) -> Customer:
    """A person as a customer, without history. PayPal does not say since when."""
    return Customer(
        account=account,
        gateway=GATEWAY,
        id=person.id,
        email=person.email,
        name=person.name,
        created=None,
        live=live,
        match=match,
    )
