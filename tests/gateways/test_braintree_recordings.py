"""Exchanges recorded with Braintree's own sandbox, answered once more to the real SDK and this adapter.

They are not part of the project: `tests.openapi.specs_folder` says where they are looked for.
"""

import gzip
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from billctl.errors import NotFound
from billctl.frozen import replace
from billctl.gateway import By, Query
from billctl.gateways.braintree import BraintreeGateway
from billctl.models import Charge, ChargeStatus, RefundStatus
from billctl.money import Money
from billctl.testing.servers import LoopbackServer, answer
from tests.gateways.braintree_accounts import STAMP, gateway
from tests.openapi import specs_folder


@dataclass(frozen=True)
class Recording:
    """One exchange: the request line's parts, what was sent, and what Braintree answered."""

    method: str
    path: str
    sent: str
    status: int
    content_type: str
    answered: str

    def serve(self) -> LoopbackServer:
        """A server that answers as recorded, compressed as Braintree did."""
        headers = {"Content-Type": self.content_type, "Content-Encoding": "gzip"}
        return LoopbackServer(answer(self.status, gzip.compress(self.answered.encode()), headers=headers))


def recording(name: str) -> Recording:
    """The recording of this name; skips the test where there is none."""
    path = specs_folder() / "braintree" / f"{name}.txt"
    if not path.exists():
        pytest.skip(f"no {path.name} in {path.parent}: set BILLCTL_SPECS")
    head, _, answered = path.read_text().partition("\nHTTP ")
    lines = head.splitlines()
    method, url = lines[1].split(" ")
    sent = "\n".join(line for line in lines[2:] if not line.startswith(">"))
    status = re.search(r"'code': (\d+)", answered)
    kind = re.search(r"< Content-Type: \['([^']+)'\]", answered)
    assert status
    assert kind
    body = answered.partition("<?xml")
    return Recording(
        method=method,
        path=urlsplit(url).path,
        sent=sent.strip(),
        status=int(status[1]),
        content_type=kind[1],
        answered="".join(body[1:]),
    )


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def a_charge(charge_id: str, amount: Money) -> Charge:
    """A settled charge as it would have been read before a change."""
    nothing = Money.zero(amount.currency)
    return Charge(
        account="braintree",
        gateway="braintree",
        id=charge_id,
        customer_id=None,
        amount=amount,
        captured=amount,
        refunded=nothing,
        refundable=amount,
        status=ChargeStatus.PAID,
        gateway_status="settled",
        created=datetime(2019, 9, 13, tzinfo=UTC),
    )


def id_in(path: str) -> str:
    found = re.search(r"/transactions/([^/]+)", path)
    assert found
    return found[1]


@pytest.mark.parametrize("name", ["get_transactions-_200_1", "get_transactions-_200_3"])
def test_a_sale_that_is_only_authorized_holds_money_and_can_be_voided(name: str) -> None:
    recorded = recording(name)
    with recorded.serve() as server:
        charge = gateway(server.url).get_charge(id_in(recorded.path))
        assert urlsplit(server.requests[0].target).path.endswith(recorded.path.split("MERCHANT")[1])
    assert charge.amount.currency == "USD"
    assert charge.created.tzinfo is UTC
    assert charge.payment_method is not None
    if charge.gateway_status == "authorized":
        assert (charge.status, charge.refundable) == (ChargeStatus.AUTHORIZED, usd(0))


def test_a_transaction_that_is_not_there_is_not_found() -> None:
    with recording("get_transactions-fake_transaction_id_404_1").serve() as server:
        with pytest.raises(NotFound):
            gateway(server.url).get_charge("faketransaction")
        found = gateway(server.url).find_customers(Query(by=By.CHARGE, text="faketransaction"))
        assert (found.customers, found.failures) == ((), ())


@pytest.mark.parametrize("name", ["post_transactions-_201_1", "post_transactions-_201_2"])
def test_a_refund_is_sent_as_recorded_and_its_answer_is_read(name: str) -> None:
    recorded = recording(name)
    wanted = re.search(r"<amount>([\d.]+)</amount>", recorded.sent or recorded.answered)
    assert wanted
    amount = usd(int(wanted[1].replace(".", "")))
    charge = a_charge(id_in(recorded.path), amount)
    with recorded.serve() as server:
        made = gateway(server.url).refund(charge, amount, stamp=STAMP)
        request = server.requests[0]
    assert (request.method, request.target.split("/", 3)[3]) == (
        recorded.method,
        recorded.path.split("/", 3)[3],
    )
    body = request.body.decode()
    assert f"<amount>{wanted[1]}</amount>" in body
    assert f"<order_id>billctl-{STAMP.key}</order_id>" in body
    assert f"<api_request_key>{STAMP.key}</api_request_key>" in body
    assert (made.amount, made.charge_id, made.status) == (amount, charge.id, RefundStatus.PENDING)


@pytest.mark.parametrize("name", ["put_transactions-void_200_1", "put_transactions-void_200_2"])
def test_a_void_is_sent_as_recorded_and_its_answer_is_read(name: str) -> None:
    recorded = recording(name)
    charge = replace(a_charge(id_in(recorded.path), usd(4000)), status=ChargeStatus.AUTHORIZED)
    with recorded.serve() as server:
        voided = gateway(server.url).void_charge(charge, stamp=STAMP)
        request = server.requests[0]
    assert request.method == recorded.method
    assert request.target.endswith(f"/transactions/{charge.id}/void")
    assert f"<api_request_key>{STAMP.key}</api_request_key>" in request.body.decode()
    assert (voided.id, voided.status) == (charge.id, ChargeStatus.VOIDED)


def test_a_customer_is_read_whole() -> None:
    recorded = recording("post_customers_201_1")
    with recorded.serve() as server:
        customer = gateway(server.url).get_customer("203066074")
    assert (customer.id, customer.email, customer.name) == ("203066074", None, None)
    assert customer.created == datetime(2019, 9, 13, 14, 22, 38, tzinfo=UTC)


def test_a_payment_method_of_every_kind_names_its_customer() -> None:
    from billctl.gateways.braintree.objects import retrieve

    with recording("get_payment_methods-any-_200_1").serve() as server:
        braintree: BraintreeGateway = gateway(server.url)
        method = retrieve(braintree._client, "payment method", "6d2wwnr")
    assert method.customer_id == "108694138"


@pytest.mark.parametrize(
    "name",
    ["put_transactions-_200_1", "put_transactions-submit_for_settlement_200_1", "post_transactions_201_1"],
)
def test_a_sale_on_its_way_to_settlement_is_read(name: str) -> None:
    recorded = recording(name)
    named = re.search(r"<id>([^<]+)</id>", recorded.answered)
    assert named
    with recorded.serve() as server:
        charge = gateway(server.url).get_charge(named[1])
    assert charge.status is not ChargeStatus.UNKNOWN
    assert charge.status is not ChargeStatus.FAILED
    assert charge.refundable in {usd(0), charge.captured}
