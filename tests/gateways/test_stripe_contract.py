"""The contract of every gateway, kept by Stripe's adapter against the sandbox."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.gateway import Account, By, Secret, Timeouts
from billctl.gateways.stripe import StripeGateway
from billctl.sandbox import KEYS
from billctl.testing import GatewayContract, servers
from tests.rehearsal import rehearsed

LIMITED = (
    '{"error": {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}}'
)


class TestStripe(GatewayContract):
    gateway_class = StripeGateway
    sdk_modules = ("stripe", "requests", "urllib3")
    charge_id = "ch_SbxLayla0000001"
    unknown_charge_id = "ch_SbxNobody000001"
    customer_id = "cus_SbxLayla000001"
    refund_id = "re_SbxSophiaR00001"
    subscription_id = "sub_SbxLayla000001"
    invoice_id = "in_SbxLayla000001"
    voidable_id = "ch_SbxVictor000001"
    dispute_id = "dp_SbxLayla0000001"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "cus_SbxNobody000001",
        "refund": "re_SbxNobody000001",
        "subscription": "sub_SbxNobody00001",
        "invoice": "in_SbxNobody0000001",
        "dispute": "dp_SbxNobody0000001",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", customer_id),
        By.ID: (customer_id, customer_id),
        By.NAME: ("Layla Haddad", customer_id),
        By.LAST4: ("0005", "cus_SbxHana0000001"),
        By.INVOICE: (invoice_id, customer_id),
        By.CHARGE: (charge_id, customer_id),
        By.SUBSCRIPTION: (subscription_id, customer_id),
    }
    sdk_settings: ClassVar[Mapping[str, object]] = {"stripe.enable_telemetry": False}

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        with rehearsed(tmp_path / "state", ("stripe",)) as sandbox:
            self._url = sandbox.url("stripe")
            yield

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, LIMITED)

    def base_url(self) -> str:
        return self._url

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        keys = {1: KEYS["stripe"]["api_key"], 2: "sk_test_nobodyHasThisKey"}
        return Account(
            name=name,
            gateway="stripe",
            live=False,
            secrets={"api_key": Secret(keys[key])},
            base_url=base_url,
            timeouts=Timeouts(connect=1.0, read=read_timeout),
        )
