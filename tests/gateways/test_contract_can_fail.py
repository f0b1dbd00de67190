"""The contract notices gateways that break it."""

from collections.abc import Iterator
from typing import ClassVar

import pytest

from billctl.errors import NotFound
from billctl.gateway import Account, Capability, Gateway, Secret, Selection, Setting, Timeouts
from billctl.models import Charge
from billctl.testing import GatewayContract


class Careless(Gateway):
    """Declares what it cannot do, does what it does not declare, and calls every failure not found."""

    capabilities: ClassVar[frozenset[Capability]] = frozenset({Capability.VOID, Capability.RESEND_TO})
    settings: ClassVar[tuple[Setting, ...]] = (Setting(name="api_key", help="A key."),)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.key = str(account.secrets["api_key"])

    def get_charge(self, charge_id: str) -> Charge:
        raise NotFound(f"no {charge_id} with {self.key}")

    def list_charges(self, selection: Selection) -> Iterator[Charge]:
        yield from (self.get_charge(str(number)) for number in range(selection.limit))


class CarelessContract(GatewayContract):
    gateway_class = Careless
    sdk_modules = ("billctl.gateway",)
    charge_id = "1"
    unknown_charge_id = "2"

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        return Account(
            name=name,
            gateway="careless",
            live=False,
            secrets={"api_key": Secret(f"secret{key}")},
            base_url=base_url,
            timeouts=Timeouts(read=read_timeout),
        )

    def base_url(self) -> str:
        return "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "promise",
    [
        "test_every_declared_capability_is_implemented_and_nothing_is_implemented_undeclared",
        "test_every_secret_it_needs_is_declared_as_one",
        "test_importing_it_imports_no_sdk",
        "test_nothing_printed_of_it_shows_a_secret",
        "test_no_error_about_wrong_credentials_shows_them",
        "test_two_accounts_never_meet",
        "test_a_malformed_id_is_a_usage_error_and_sends_nothing",
        "test_wrong_credentials_are_an_auth_error_to_every_read",
        "test_silence_ends_every_call_within_its_timeouts",
        "test_a_read_without_a_usable_answer_is_no_answer",
    ],
)
def test_a_careless_gateway_fails(promise: str) -> None:
    with pytest.raises(AssertionError):
        getattr(CarelessContract(), promise)()


def test_what_a_careless_gateway_keeps_it_passes() -> None:
    CarelessContract().test_the_interface_it_was_written_for_is_this_one()
    CarelessContract().test_an_absent_object_is_not_found()
