"""Acme's adapter keeps the contract of every gateway, and what is Acme's alone."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest
from billctl_acme import AcmeGateway
from billctl_acme.shop import KEY, Shop

from billctl.errors import Refused
from billctl.gateway import Account, By, Secret, Timeouts
from billctl.money import Money
from billctl.testing import GatewayContract, servers

LIMITED = '{"error": {"code": "too_many_requests", "message": "Wait a little."}}'


def account(base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: str = KEY) -> Account:
    return Account(
        name=name,
        gateway="acme",
        live=False,
        settings={"shop": "1"},
        secrets={"api_key": Secret(key)},
        base_url=base_url,
        timeouts=Timeouts(connect=1.0, read=read_timeout),
    )


class TestContract(GatewayContract):
    gateway_class = AcmeGateway
    sdk_modules = ("requests", "urllib3")
    charge_id = "P1001"
    unknown_charge_id = "P9999"
    customer_id = "C1001"
    subscription_id = "S1001"
    invoice_id = "I1001"
    voidable_id = "P1002"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "C9999",
        "subscription": "S9999",
        "invoice": "I9999",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("Layla@Example.com", "C1001"),
        By.ID: ("C1001", "C1001"),
        By.CHARGE: ("P1001", "C1001"),
    }

    @pytest.fixture(autouse=True)
    def _shop(self) -> Iterator[None]:
        with Shop() as shop:
            self._url = shop.url
            yield

    def base_url(self) -> str:
        return self._url

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, LIMITED)

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        keys = {1: KEY, 2: "acme_test_nobodysKeyAtAll"}
        return account(base_url, name=name, read_timeout=read_timeout, key=keys[key])


def test_a_currency_without_decimals_is_counted_in_its_own_units() -> None:
    with Shop() as shop:
        charge = AcmeGateway(account(shop.url)).get_charge("P1003")
    assert charge.amount == Money(500, "JPY")


def test_a_reminder_of_a_paid_invoice_is_refused() -> None:
    with Shop() as shop:
        shop.ledger.objects["I1001"]["status"] = "paid"
        gateway = AcmeGateway(account(shop.url))
        contract = TestContract()
        contract._url = shop.url
        with pytest.raises(Refused, match="Only an open invoice"):
            contract._resending(gateway).send(gateway)


@pytest.mark.parametrize(("shop", "faults"), [("12", {}), ("twelve", {"shop": "is not a number"})])
def test_a_shops_number_has_digits_only(shop: str, faults: Mapping[str, str]) -> None:
    assert AcmeGateway.settings_faults({"shop": shop}, live=False) == faults
