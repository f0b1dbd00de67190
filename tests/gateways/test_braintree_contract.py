"""The contract of every gateway, kept by Braintree's adapter against the sandbox."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.gateway import Account, By
from billctl.gateways.braintree import BraintreeGateway
from billctl.sandbox import KEYS
from billctl.testing import GatewayContract, servers
from billctl.testing.servers import Request
from tests.gateways.braintree_accounts import account
from tests.rehearsal import rehearsed

API_REQUEST_KEY = re.compile(rb"<api_request_key>([^<]+)</api_request_key>")


class TestBraintree(GatewayContract):
    gateway_class = BraintreeGateway
    sdk_modules = ("braintree", "requests", "urllib3")
    charge_id = "layla002"
    unknown_charge_id = "nobody01"
    customer_id = "layla"
    refund_id = "layla003"
    subscription_id = "sublay"
    voidable_id = "layla005"
    dispute_id = "layladispute0001"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "nobody",
        "refund": "nobody02",
        "subscription": "nobody",
        "dispute": "nobodydispute001",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", customer_id),
        By.ID: (customer_id, customer_id),
        By.NAME: ("Layla Haddad", customer_id),
        By.LAST4: ("1881", customer_id),
        By.CHARGE: (charge_id, customer_id),
        By.SUBSCRIPTION: (subscription_id, customer_id),
    }
    harmless: ClassVar[tuple[str, ...]] = ("POST */advanced_search", "POST */advanced_search_ids")

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        with rehearsed(tmp_path / "state", ("braintree",)) as sandbox:
            self._url = sandbox.url("braintree")
            yield

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, "")

    def key_of(self, request: Request) -> str | None:
        found = API_REQUEST_KEY.search(request.body)
        return found[1].decode() if found else None

    def base_url(self) -> str:
        return self._url

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        keys = {1: KEYS["braintree"]["private_key"], 2: "nobodyHasThisKey"}
        return account(base_url, key=keys[key], name=name, read=read_timeout)
