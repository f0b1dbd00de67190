"""The contract of every gateway, kept by Stripe's adapter against the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.gateway import Account, Secret, Timeouts
from billctl.gateways.stripe import StripeGateway
from billctl.sandbox import KEYS
from billctl.sandbox.server import Sandbox
from billctl.testing import GatewayContract


class TestStripe(GatewayContract):
    gateway_class = StripeGateway
    sdk_modules = ("stripe", "requests", "urllib3")
    charge_id = "ch_SbxLayla0000001"
    unknown_charge_id = "ch_SbxNobody000001"
    subscription_id = "sub_SbxLayla000001"

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        with Sandbox(tmp_path / "state") as sandbox:
            self._url = sandbox.url("stripe")
            yield

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
            timeouts=Timeouts(connect=2.0, read=read_timeout),
        )
