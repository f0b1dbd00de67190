"""Whatever Recurly's answers hold, the adapter reads them or says in billctl's words that it cannot."""

import json
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billctl.errors import BillctlError, NoAnswer, OutcomeUnknown, Refused, UsageError
from billctl.gateway import By, Found, Gateway, Payback, Query, RefundLine, Selection, When
from billctl.gateways.recurly import RecurlyGateway, mapping
from billctl.gateways.recurly.client import Client
from billctl.gateways.recurly.errors import Exchange
from billctl.gateways.recurly.refunding import NO_MONEY_BACK
from billctl.money import Money
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import STAMP, account
from tests.gateways.spoiling import ANYTHING, outcome, spoilt

OBJECTS = {
    "transaction": wire.transaction(refunded=True, voided_by_invoice={"id": "credit000001"}),
    "refund": wire.refund(),
    "invoice": wire.invoice(transactions=[wire.transaction()]),
    "credit": wire.credit(),
    "subscription": wire.subscription(trial_started_at=wire.MADE, trial_ends_at=wire.MADE),
    "account": wire.account(),
    "site": wire.site(),
}


def in_lists(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """It alone, or on a page of a list."""
    return st.sampled_from([body, wire.page(body), wire.page(body, body)])


SPOILT = spoilt(OBJECTS).flatmap(in_lists)
ANSWERS = st.one_of(SPOILT, SPOILT, ANYTHING, st.builds(lambda inner: {"error": inner}, ANYTHING))


class Saying:
    """A wire whose every answer is the same."""

    def __init__(self, body: object, status: int) -> None:
        from requests.structures import CaseInsensitiveDict

        headers = CaseInsensitiveDict({"Content-Type": "application/json"})
        self._answer = SimpleNamespace(status_code=status, headers=headers, content=json.dumps(body).encode())
        self.changed = False

    def send(self, verb: str, _path: str, _headers: object, _body: object, told: Any) -> Any:
        self.changed |= verb != "GET"
        told(Exchange(status=self._answer.status_code))
        return self._answer


CHARGE = mapping.charge(wire.as_sdk(wire.transaction()), "recurly")
SUBSCRIPTION = mapping.subscription(wire.as_sdk(wire.subscription()), "recurly", now=STAMP.asked)
INVOICE = mapping.invoice(wire.as_sdk(wire.invoice()), "recurly")
CREDIT = mapping.invoice(wire.as_sdk(wire.credit(state="open")), "recurly")
TEN = Money(1000, "USD")
LINES = (RefundLine(id="line00000001"),)


def reads(gateway: Gateway) -> list[Any]:
    """Every read, not begun."""
    lists = (gateway.list_charges, gateway.list_refunds, gateway.list_invoices, gateway.list_subscriptions)
    return [
        gateway.check,
        lambda: gateway.get_customer("accountlayla"),
        lambda: gateway.get_charge("payment00001"),
        lambda: gateway.get_refund("refund000001"),
        lambda: gateway.get_subscription("subscription"),
        lambda: gateway.get_invoice("invoice00001"),
        lambda: gateway.invoice_pdf(INVOICE),
        lambda: gateway.invoice_link(INVOICE),
        lambda: gateway.preview_refund(CHARGE, TEN),
        lambda: gateway.price_lines(CHARGE, LINES),
        lambda: gateway.price_payback(SUBSCRIPTION, Payback.PRORATE),
        lambda: gateway.find_refund(CHARGE, TEN, stamp=STAMP),
        lambda: gateway.find_cancellation(SUBSCRIPTION, when=When.NOW, stamp=STAMP),
        lambda: gateway.find_termination(SUBSCRIPTION, payback=Payback.FULL, stamp=STAMP),
        lambda: gateway.find_reactivation(SUBSCRIPTION, stamp=STAMP),
        lambda: gateway.find_voided_credit(CREDIT, stamp=STAMP),
        lambda: list(gateway.list_customers(Selection(limit=3))),
        *(lambda one=one: list(one(Selection(limit=3))) for one in lists),
        lambda: gateway.find_customers(Query(by=By.EMAIL, text="layla@example.com")),
        lambda: gateway.find_customers(Query(by=By.ID, text="payment00001")),
        lambda: gateway.find_customers(Query(by=By.INVOICE, text="1001")),
    ]


def changes(gateway: Gateway) -> list[Any]:
    """Every change, not begun."""
    return [
        lambda: gateway.refund(CHARGE, TEN, stamp=STAMP),
        lambda: gateway.refund_lines(CHARGE, LINES, TEN, stamp=STAMP),
        *(
            lambda when=when: gateway.cancel_subscription(SUBSCRIPTION, when=when, stamp=STAMP)
            for when in When
        ),
        lambda: gateway.terminate_subscription(SUBSCRIPTION, payback=Payback.FULL, stamp=STAMP),
        lambda: gateway.reactivate_subscription(SUBSCRIPTION, stamp=STAMP),
        lambda: gateway.void_credit(CREDIT, stamp=STAMP),
    ]


@given(body=ANSWERS, status=st.sampled_from([200, 200, 200, 201, 302, 400, 404, 422, 429, 500]))
def test_every_read_ends_in_records_or_in_an_error_of_billctls(body: object, status: int) -> None:
    gateway = RecurlyGateway(account("http://127.0.0.1:9"))
    gateway._client._wire = Saying(body, status)  # type: ignore[assignment]
    for read in reads(gateway):
        found = outcome(read)
        if isinstance(found, BillctlError):
            assert found.account == "recurly" or isinstance(found, UsageError), repr(found)
            assert "\n" not in found.line()
        else:
            assert 200 <= status < 300 or isinstance(found, Found) or found is None, found


@given(body=ANSWERS, status=st.sampled_from([200, 201, 204, 302, 500, 503]))
def test_a_change_ends_in_an_object_or_is_of_unknown_outcome(body: object, status: int) -> None:
    client = Client(account("http://127.0.0.1:9"))
    client._wire = Saying(body, status)  # type: ignore[assignment]
    ask = {"type": "amount", "amount": 1.0}
    made = outcome(lambda: client.change(lambda sdk: sdk.refund_invoice("invoice00001", ask)))
    answered = isinstance(getattr(made, "object", None), str)
    assert isinstance(made, OutcomeUnknown) is not (answered and 200 <= status < 300), made


@given(body=ANSWERS, status=st.sampled_from([200, 200, 201, 302, 500]))
def test_what_was_sent_is_never_said_not_to_have_been(body: object, status: int) -> None:
    """A refund that was sent may be known to have given nothing; what else is no success is unknown."""
    gateway = RecurlyGateway(account("http://127.0.0.1:9"))
    for change in changes(gateway):
        said = Saying(body, status)
        gateway._client._wire = said  # type: ignore[assignment]
        made = outcome(change)
        declined = isinstance(made, Refused) and made.sent == NO_MONEY_BACK
        if said.changed and isinstance(made, BillctlError):
            assert isinstance(made, OutcomeUnknown) or declined, repr(made)


def test_the_answers_here_are_read_where_nothing_is_spoilt() -> None:
    """Else the tests above would show nothing."""
    gateway = RecurlyGateway(account("http://127.0.0.1:9"))
    gateway._client._wire = Saying(wire.transaction(invoice=None), 200)  # type: ignore[assignment]
    assert gateway.get_charge("payment00001").id == "payment00001"
    gateway._client._wire = Saying(wire.page(wire.subscription()), 200)  # type: ignore[assignment]
    assert [one.id for one in gateway.list_subscriptions(Selection())] == ["subscription"]
    assert isinstance(outcome(gateway.check), NoAnswer)
