"""The contract of every gateway, kept by WooCommerce's adapter against the sandbox."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.gateway import Account, By
from billctl.gateways.woocommerce import WoocommerceGateway
from billctl.testing import GatewayContract, servers
from tests.gateways.woocommerce_accounts import account, sandbox_keys
from tests.rehearsal import rehearsed

NOBODY = ("ck_nobodyhasthiskey", "cs_nobodyhasthissecret")


class TestWoocommerce(GatewayContract):
    """The notes of a refund's claim move no money: they are held to promises of their own."""

    gateway_class = WoocommerceGateway
    sdk_modules = ("requests", "urllib3")
    charge_id = "1042"
    unknown_charge_id = "999999"
    customer_id = "21"
    refund_id = "1045"
    subscription_id = "1050"
    invoice_id = "1044"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "999999",
        "refund": "999999",
        "subscription": "999999",
        "invoice": "999999",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", customer_id),
        By.ID: (customer_id, customer_id),
        By.NAME: ("Layla Haddad", customer_id),
        By.CHARGE: (charge_id, customer_id),
        By.INVOICE: (charge_id, customer_id),
        By.SUBSCRIPTION: (subscription_id, customer_id),
    }
    harmless: ClassVar[tuple[str, ...]] = ("POST */orders/*/notes",)

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        self._state = tmp_path / "kept"
        with rehearsed(tmp_path / "state", ("woocommerce",)) as sandbox:
            self._url = sandbox.url("woocommerce")
            yield

    def rate_limited(self) -> servers.Behaviour:
        """A firewall in front of the store: WooCommerce itself never says so."""
        html = {"Content-Type": "text/html"}
        return servers.answer(429, "<html><h1>Too many requests</h1></html>", headers=html)

    def base_url(self) -> str:
        return self._url

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        keys = {1: sandbox_keys(), 2: NOBODY}
        return account(base_url, keys=keys[key], name=name, read=read_timeout, state_dir=self._state)
