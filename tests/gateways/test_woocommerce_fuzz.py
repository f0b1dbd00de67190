"""Whatever a store's answers hold, the adapter reads them or says in billctl's words that it cannot."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import BillctlError, OutcomeUnknown, UsageError
from billctl.gateway import By, Found, Query, Selection, When
from billctl.gateways.woocommerce import WoocommerceGateway, mapping, recurring
from billctl.gateways.woocommerce.errors import Answer
from billctl.money import Money
from tests.gateways import woocommerce_wire as wire
from tests.gateways.spoiling import ANYTHING, outcome, spoilt
from tests.gateways.woocommerce_accounts import STAMP, account

CLAIM = f"[billctl:{STAMP.operation} claim] refund 10.00 USD key {STAMP.key}"
NOTE = {"id": 9, "note": CLAIM, "date_created_gmt": "2026-11-20T08:00:00"}
METHOD = {"id": "stripe", "method_title": "Stripe", "method_supports": ["refunds"]}
OBJECTS = {
    "order": wire.order(refunds=wire.named(wire.refund())),
    "refund": wire.refund(meta_data=wire.meta(_billctl_op=STAMP.operation)),
    "customer": wire.customer(),
    "subscription": wire.subscription(),
    "note": NOTE,
    "method": METHOD,
    "index": {"routes": {}, "_links": {"up": [{"href": "https://shop.example/wp-json/"}]}},
}
ANSWERS = st.one_of(spoilt(OBJECTS), spoilt(OBJECTS).map(lambda one: [one]), ANYTHING)
HEADS = st.sampled_from([{"X-WP-Total": "1", "X-WP-TotalPages": "1"}, {"X-WP-Total": "x"}, {}])

CHARGE = mapping.charge(wire.order(), [], "shop")
INVOICE = mapping.invoice(wire.order(status="pending"), "shop")
SUBSCRIPTION = recurring.subscription(wire.subscription(), "shop")
TEN = Money(1000, "USD")


class Store(WoocommerceGateway):
    """A store whose every answer is the same; `changed`: it was asked for a change other than a note."""

    def __init__(self, body: object, status: int, heads: dict[str, str]) -> None:
        super().__init__(account("http://127.0.0.1:9"))
        self.changed = False
        self._answer = Answer(status, heads, json.dumps(body).encode())
        self._client._send = self._say  # type: ignore[assignment, method-assign]
        self._client._sleep = lambda _: None

    def _say(self, method: str, url: str, _headers: object, _data: bytes | None, _read: float) -> Answer:
        self.changed |= method == "POST" and not url.endswith("/notes")
        return self._answer

    def reads(self) -> list[Any]:
        """Every read, not begun."""
        lists = (
            self.list_customers,
            self.list_charges,
            self.list_refunds,
            self.list_invoices,
            self.list_subscriptions,
        )
        queries = (
            *((by, "1042") for by in (By.ID, By.INVOICE, By.CHARGE, By.SUBSCRIPTION)),
            (By.EMAIL, "layla@example.com"),
            (By.NAME, "layla"),
        )
        return [
            self.check,
            lambda: self.get_customer("21"),
            lambda: self.get_customer("layla@example.com"),
            lambda: self.get_charge("1042"),
            lambda: self.get_refund("1045"),
            lambda: self.get_subscription("1050"),
            lambda: self.get_invoice("1042"),
            lambda: self.preview_refund(CHARGE, TEN),
            lambda: self.preview_cancel(SUBSCRIPTION, when=When.NOW),
            lambda: self.preview_resend(INVOICE, to=None),
            lambda: self.find_refund(CHARGE, TEN, stamp=STAMP),
            lambda: self.find_cancellation(SUBSCRIPTION, when=When.NOW, stamp=STAMP),
            lambda: self.find_resend(INVOICE, to=None, stamp=STAMP),
            *(lambda one=one: list(one(Selection(limit=3))) for one in lists),
            *(lambda one=one: list(one(Selection(limit=3, customer_id="21"))) for one in lists),
            *(lambda by=by, text=text: self.find_customers(Query(by=by, text=text)) for by, text in queries),
        ]

    def changes(self) -> list[Any]:
        """Every change, not begun."""
        return [
            lambda: self.refund(CHARGE, TEN, stamp=STAMP),
            *(
                lambda when=when: self.cancel_subscription(SUBSCRIPTION, when=when, stamp=STAMP)
                for when in When
            ),
            lambda: self.resend_invoice(INVOICE, to=None, stamp=STAMP),
        ]


@given(body=ANSWERS, status=st.sampled_from([200, 200, 200, 201, 301, 400, 404, 429, 500]), heads=HEADS)
def test_every_read_ends_in_records_or_in_an_error_of_billctls(
    body: object, status: int, heads: dict[str, str]
) -> None:
    for read in Store(body, status, heads).reads():
        found = outcome(read)
        if isinstance(found, BillctlError):
            assert found.account == "shop" or isinstance(found, UsageError), repr(found)
            assert "\n" not in found.line()
        else:
            assert status in {200, 201} or isinstance(found, Found), found


@given(body=ANSWERS, status=st.sampled_from([200, 201, 301, 500, 503]), heads=HEADS)
def test_what_was_sent_is_never_said_not_to_have_been(
    body: object, status: int, heads: dict[str, str]
) -> None:
    store = Store(body, status, heads)
    for change in store.changes():
        store.changed = False
        made = outcome(change)
        if store.changed and isinstance(made, BillctlError):
            assert isinstance(made, OutcomeUnknown), repr(made)


def test_the_answers_here_are_read_where_nothing_is_spoilt() -> None:
    """Else the tests above would show nothing."""
    assert Store(wire.customer(), 200, {}).get_customer("21").name == "Layla Haddad"
    listed = Store([wire.subscription()], 200, {"X-WP-Total": "1", "X-WP-TotalPages": "1"})
    assert [one.id for one in listed.list_subscriptions(Selection())] == ["1050"]
    ended = Store(wire.subscription(status="active"), 200, {})
    assert isinstance(outcome(ended.changes()[1]), OutcomeUnknown)
    assert ended.changed
