"""The contract of every gateway, kept by PayPal's adapter against the sandbox."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.gateway import Account, By, Secret, Timeouts
from billctl.gateways.paypal import PaypalGateway, ids
from billctl.sandbox import PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET
from billctl.testing import GatewayContract, servers
from tests.rehearsal import rehearsed

LIMITED = '{"name": "RATE_LIMIT_REACHED", "message": "Too many requests.", "debug_id": "b1d1f06c7246c"}'


class TestPaypal(GatewayContract):
    gateway_class = PaypalGateway
    sdk_modules = ("paypalrestsdk", "requests", "urllib3")
    charge_id = "SBXLAYLA000000002"
    unknown_charge_id = "SBXNOBODY00000001"
    customer_id = "SBXLAYLA22222"
    refund_id = "SBXLAYLAR00000001"
    subscription_id = "I-SBXLAYLA0001"
    invoice_id = "INV2-SBXL-AYLA-0000-0001"
    dispute_id = "PP-D-90001"
    voidable_id = "SBXLAYLAA00000001"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "SBXNBDY222222",
        "refund": "SBXNOBODYR0000001",
        "subscription": "I-SBXNOBODY001",
        "invoice": "INV2-SBXN-OBDY-0000-0001",
        "dispute": "PP-D-80001",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", customer_id),
        By.ID: (customer_id, customer_id),
        By.NAME: ("Layla Haddad", customer_id),
        By.INVOICE: ("INV2-SBXL-AYLA-0000-0002", customer_id),
        By.CHARGE: (charge_id, customer_id),
        By.SUBSCRIPTION: (subscription_id, customer_id),
    }
    harmless = ("POST /v1/oauth2/token", "POST /v2/invoicing/search-invoices")

    @pytest.fixture(autouse=True)
    def _sandbox(self, tmp_path: Path) -> Iterator[None]:
        self._folder = tmp_path / "state" / "gateways" / "paypal"
        with rehearsed(tmp_path / "state", ("paypal",)) as sandbox:
            self._url = sandbox.url("paypal")
            yield

    def test_the_kind_an_id_tells_by_its_form_is_the_kind_it_is_an_example_of(self) -> None:
        """As for every gateway, but that a refund's id looks like a charge's: lookups follow both."""
        kinds = {kind: ids.kind_of(example) for kind, example in PaypalGateway.id_examples.items()}
        assert kinds == {kind: kind for kind in kinds} | {"refund": "charge"}
        assert ids.kind_of(self.refund_id) == "charge"

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, LIMITED)

    def key_of(self, request: servers.Request) -> str | None:
        return request.headers.get("paypal-request-id")

    def base_url(self) -> str:
        return self._url

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        secrets = {1: PAYPAL_CLIENT_SECRET, 2: "nobodyHasThisSecret"}
        return Account(
            name=name,
            gateway="paypal",
            live=False,
            settings={"client_id": PAYPAL_CLIENT_ID},
            secrets={"client_secret": Secret(secrets[key])},
            base_url=base_url,
            timeouts=Timeouts(connect=1.0, read=read_timeout),
            state_dir=self._folder,
        )
