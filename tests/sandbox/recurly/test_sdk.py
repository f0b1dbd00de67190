"""Recurly's own SDK reads the sandbox, in its strict mode: what it does not know is an error there."""

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import recurly

from billctl.sandbox import RECURLY_KEY
from tests.sandbox.recurly.wire import BILL, CHARGE, CREDIT, SUBSCRIPTION, Wire

pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")


@pytest.fixture
def client(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The SDK's client; it has no option for an address."""
    monkeypatch.setattr(recurly, "STRICT_MODE", True)
    opened = recurly.Client(RECURLY_KEY, timeout=10)
    connection = http.client.HTTPConnection(wire.host, timeout=10)
    opened._BaseClient__conn = connection
    yield opened
    connection.close()


READS: dict[str, Callable[[Any], object]] = {
    "sites": lambda client: list(client.list_sites().items()),
    "accounts": lambda client: list(client.list_accounts().items()),
    "balance": lambda client: client.get_account_balance("code-layla"),
    "billing info": lambda client: client.get_billing_info("code-liam"),
    "notes": lambda client: list(client.list_account_notes("code-amina").items()),
    "invoices": lambda client: list(client.list_invoices(params={"limit": 100}).items()),
    "transactions": lambda client: list(client.list_transactions(params={"limit": 100}).items()),
    "lines": lambda client: list(client.list_invoice_line_items(BILL).items()),
    "subscriptions": lambda client: list(client.list_subscriptions().items()),
    "credit payments": lambda client: list(client.list_credit_payments().items()),
    "plans": lambda client: list(client.list_plans().items()),
}


@pytest.mark.parametrize("what", READS)
def test_the_sdk_knows_all_that_it_is_told(client: Any, what: str) -> None:
    assert READS[what](client)


def test_the_sdk_counts_and_pages(client: Any) -> None:
    found = client.list_account_invoices("code-jonas", params={"limit": 30})
    assert found.count() == 64
    assert [len(page) for page in found.pages()] == [30, 30, 4]


def test_the_sdk_changes_what_it_is_told_to(client: Any) -> None:
    body = {"type": "amount", "amount": 20.5, "refund_method": "all_transaction"}
    credit = client.refund_invoice("number-1001", body, headers={"Idempotency-Key": "k"})
    assert (credit.total, credit.transactions[0].original_transaction_id) == (-20.5, CHARGE)
    assert client.refund_invoice("number-1001", body, headers={"Idempotency-Key": "k"}).id == credit.id
    assert client.void_invoice(CREDIT).state == "voided"
    assert client.cancel_subscription(SUBSCRIPTION, body={"timeframe": "bill_date"}).state == "canceled"
    assert client.reactivate_subscription(SUBSCRIPTION).state == "active"
    ended = client.terminate_subscription(SUBSCRIPTION, params={"refund": "partial", "charge": True})
    assert ended.state == "expired"
    assert client.get_invoice_pdf(BILL).data.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda client: client.get_invoice("number-9"), recurly.errors.NotFoundError),
        (lambda client: client.refund_invoice(CREDIT, {"type": "amount"}), recurly.errors.ValidationError),
        (
            lambda client: next(client.list_accounts(params={"limit": 500}).pages()),
            recurly.errors.BadRequestError,
        ),
    ],
)
def test_the_sdk_has_a_class_for_each_refusal(
    client: Any, ask: Callable[[Any], object], error: type[Any]
) -> None:
    with pytest.raises(error) as caught:
        ask(client)
    assert caught.value.error.message


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("409", recurly.errors.SimultaneousRequestError),
        ("429", recurly.errors.RateLimitedError),
        ("401", recurly.errors.UnauthorizedError),
        ("403", recurly.errors.InvalidPermissionsError),
        ("refuse", recurly.errors.TransactionError),
        ("500-before", recurly.errors.InternalServerError),
    ],
)
def test_the_sdk_has_a_class_for_each_fault(
    wire: Wire, client: Any, kind: str, error: type[Exception]
) -> None:
    wire.arm(kind, f"POST /invoices/{BILL}/refund")
    with pytest.raises(error):
        client.refund_invoice(BILL, {"type": "amount"})
