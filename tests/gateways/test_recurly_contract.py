"""The contract of every gateway, kept by Recurly's adapter against the sandbox."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.gateway import Account, By
from billctl.gateways.recurly import RecurlyGateway
from billctl.sandbox import KEYS
from billctl.testing import GatewayContract, servers
from tests.gateways.recurly_accounts import account
from tests.rehearsal import rehearsed

LIMITED = '{"error": {"type": "rate_limited", "message": "You have made too many API requests"}}'
JSON = {"Content-Type": "application/json"}


class TestRecurly(GatewayContract):
    gateway_class = RecurlyGateway
    sdk_modules = ("recurly", "requests", "urllib3")
    charge_id = "laylatx00001"
    unknown_charge_id = "nobodytx0001"
    customer_id = "laylaac00001"
    refund_id = "laylatx00005"
    subscription_id = "laylasub0001"
    invoice_id = "laylain00001"
    lined_id = "laylatx00001"
    line_id = "laylali00001"
    terminable_id = "laylasub0001"
    ending_id = "laylasub0002"
    credit_id = "laylain00005"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "nobodyac0001",
        "refund": "nobodytx0002",
        "subscription": "nobodysub001",
        "invoice": "nobodyin0001",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", customer_id),
        By.ID: (customer_id, customer_id),
        By.INVOICE: ("1001", customer_id),
        By.CHARGE: (charge_id, customer_id),
        By.SUBSCRIPTION: (subscription_id, customer_id),
    }

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        with rehearsed(tmp_path / "state", ("recurly",)) as sandbox:
            self._url = sandbox.url("recurly")
            yield

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, LIMITED, headers=JSON)

    def base_url(self) -> str:
        return self._url

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        keys = {1: KEYS["recurly"]["api_key"], 2: "nobodyhasthisrecurlykey"}
        return account(base_url, key=keys[key], name=name, read=read_timeout)
