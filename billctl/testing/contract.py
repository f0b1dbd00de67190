"""The contract of a gateway, as tests: the promises at the top of `billctl.gateway`.

Subclass `GatewayContract` in a test module, name the class, and say how to build it:

    class TestMine(GatewayContract):
        gateway_class = MineGateway
        sdk_modules = ("minesdk",)
        charge_id = "…"                       # a charge of make_gateway() with money left on it

        def make_account(self, base_url, *, name="one", read_timeout=30.0, key=1): ...
        def base_url(self): ...               # of a sandbox that knows the objects named here

Before the import, `pytest.register_assert_rewrite("billctl.testing.contract")` makes failures show values.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Thread
from typing import ClassVar

from billctl.errors import (
    AuthFailed,
    BillctlError,
    NetworkError,
    NoAnswer,
    NotFound,
    NotSent,
    OutcomeUnknown,
    Refused,
    Unsupported,
    UsageError,
)
from billctl.frozen import replace
from billctl.gateway import API, Account, By, Capability, Gateway, Query, Stamp, When
from billctl.models import Charge
from billctl.money import Money
from billctl.testing import servers

METHODS: dict[Capability, tuple[str, ...]] = {
    **{by.capability: ("find_customers",) for by in By},
    Capability.LIST_CUSTOMERS: ("list_customers",),
    Capability.LIST_CHARGES: ("list_charges",),
    Capability.LIST_REFUNDS: ("list_refunds",),
    Capability.LIST_SUBSCRIPTIONS: ("list_subscriptions",),
    Capability.LIST_INVOICES: ("list_invoices",),
    Capability.LIST_DISPUTES: ("list_disputes",),
    Capability.REFUND: ("refund", "find_refund", "get_charge"),
    Capability.PARTIAL_REFUND: ("refund", "find_refund", "get_charge"),
    Capability.VOID: ("void_charge", "find_void", "get_charge"),
    Capability.CANCEL_NOW: ("cancel_subscription", "find_cancellation", "get_subscription"),
    Capability.CANCEL_AT_PERIOD_END: ("cancel_subscription", "find_cancellation", "get_subscription"),
    Capability.RESEND_INVOICE: ("resend_invoice", "preview_resend", "find_resend", "get_invoice"),
    Capability.SYNC: ("sync", "local_copy", "forget_copy"),
}
"""What a capability needs overridden. Of these methods, what no declared capability needs must not be."""

SHARED = frozenset({"get_charge", "get_subscription", "get_invoice"})
"""Reads that may be overridden without any of the capabilities that need them."""

NEEDS = {
    Capability.PARTIAL_REFUND: Capability.REFUND,
    Capability.IDEMPOTENCY: Capability.REFUND,
    Capability.RESEND_TO: Capability.RESEND_INVOICE,
}

BAD_IDS = ("", " ", "..", "a/b", "../v1/x", "a?x=1", "a#b", "a b", "a\nb", "%2e%2e", "x" * 300)

SHORT = 1.0
"""Read timeout, in seconds, against servers that do not answer."""


def stamp(number: int = 1) -> Stamp:
    """A stamp as billctl makes them; another number, another operation."""
    return Stamp(
        key=f"{number:032x}", operation=f"op_{number:026d}", asked=datetime.now(UTC), reason_code="goodwill"
    )


def failure(call: Callable[[], object]) -> BillctlError:
    """What `call` raises; that it raises an error of billctl's family is part of the contract."""
    try:
        result = call()
    except BillctlError as error:
        return error
    raise AssertionError(f"nothing was raised; {result!r} came back")


class GatewayContract:
    """Test methods for one gateway. The names are the promises."""

    gateway_class: ClassVar[type[Gateway]]
    sdk_modules: ClassVar[tuple[str, ...]]
    """Modules that importing the gateway must not import."""
    charge_id: ClassVar[str]
    """A charge on which at least two steps of its currency can be refunded."""
    unknown_charge_id: ClassVar[str]
    """Well-formed, and no charge of the account."""
    subscription_id: ClassVar[str | None] = None
    """A subscription that is not canceled, where the gateway has any."""

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        """An account at `base_url`. `key` 1: good credentials; 2: well-formed ones that are refused."""
        raise NotImplementedError

    def base_url(self) -> str:
        """Where a sandbox of the gateway answers; each test gets one whose objects are fresh."""
        raise NotImplementedError

    def _gateway(
        self, base_url: str | None = None, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Gateway:
        url = self.base_url() if base_url is None else base_url
        return self.gateway_class(self.make_account(url, name=name, read_timeout=read_timeout, key=key))

    def _cannot(self, capability: Capability) -> bool:
        return capability not in self.gateway_class.capabilities

    def _charge(self) -> Charge:
        return self._gateway().get_charge(self.charge_id)

    def _step(self, charge: Charge, times: int = 1) -> Money:
        currency = charge.amount.currency
        return Money(self._gateway("http://127.0.0.1:9").amount_step(currency) * times, currency)

    # Declaration

    def test_the_interface_it_was_written_for_is_this_one(self) -> None:
        assert self.gateway_class.api == API

    def test_every_declared_capability_is_implemented_and_nothing_is_implemented_undeclared(self) -> None:
        def overridden(method: str) -> bool:
            return getattr(self.gateway_class, method) is not getattr(Gateway, method)

        declared = self.gateway_class.capabilities
        needed = {method for capability in declared for method in METHODS.get(capability, ())}
        missing = {method for method in needed if not overridden(method)}
        assert not missing, f"declared, but not overridden: {sorted(missing)}"
        known = {method for methods in METHODS.values() for method in methods} - SHARED
        hidden = {method for method in known - needed if overridden(method)}
        assert not hidden, f"overridden, but no declared capability needs it: {sorted(hidden)}"
        alone = {str(part) for part, whole in NEEDS.items() if part in declared and whole not in declared}
        assert not alone, f"declared without what they need: {sorted(alone)}"

    def test_every_secret_it_needs_is_declared_as_one(self) -> None:
        account = self.make_account("http://127.0.0.1:9")
        declared = {setting.name: setting.secret for setting in self.gateway_class.settings}
        assert set(account.secrets) <= {name for name, secret in declared.items() if secret}
        assert set(account.settings) <= {name for name, secret in declared.items() if not secret}

    def test_importing_it_imports_no_sdk(self) -> None:
        module = self.gateway_class.__module__
        program = (
            f"import {module}, sys; print(*[name for name in {self.sdk_modules!r} if name in sys.modules])"
        )
        done = subprocess.run(  # noqa: S603 - this interpreter, on a program made of this class's own names
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.split() == []

    def test_a_way_of_searching_it_does_not_declare_is_unsupported_and_sends_nothing(self) -> None:
        with servers.LoopbackServer(servers.dropping) as server:
            gateway = self._gateway(server.url)
            for by in By:
                if self._cannot(by.capability):
                    error = failure(lambda by=by: gateway.find_customers(Query(by=by, text="x")))  # type: ignore[misc]
                    assert isinstance(error, Unsupported), by
            assert server.requests == []

    # Secrets and accounts

    def test_nothing_printed_of_it_shows_a_secret(self) -> None:
        gateway = self._gateway("http://127.0.0.1:9")
        shown = repr(gateway) + repr(gateway.account) + repr(vars(gateway))
        assert not any(str(secret) in shown for secret in gateway.account.secrets.values())

    def test_no_error_shows_a_secret(self) -> None:
        for behaviour in (servers.dropping, servers.garbage, servers.cutting):
            with servers.LoopbackServer(behaviour) as server:
                gateway = self._gateway(server.url, read_timeout=SHORT)
                error = failure(lambda gateway=gateway: gateway.get_charge(self.charge_id))  # type: ignore[misc]
                shown = error.line() + repr(error)
                assert not any(str(secret) in shown for secret in gateway.account.secrets.values())

    def test_two_accounts_never_meet(self) -> None:
        with servers.LoopbackServer(servers.dropping) as one, servers.LoopbackServer(servers.dropping) as two:
            gateways = [
                self._gateway(one.url, name="one", read_timeout=SHORT, key=1),
                self._gateway(two.url, name="two", read_timeout=SHORT, key=2),
            ]
            errors: list[BillctlError] = []
            threads = [
                Thread(
                    target=lambda gateway=gateway: errors.append(
                        failure(lambda: gateway.get_charge(self.charge_id))
                    )
                )
                for gateway in gateways * 4
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {error.account for error in errors} == {"one", "two"}
            seen = [
                {request.headers.get("authorization") for request in server.requests} for server in (one, two)
            ]
            assert seen[0]
            assert seen[1]
            assert not seen[0] & seen[1]

    # What is wrong is said in the right class

    def test_a_malformed_id_is_a_usage_error_and_sends_nothing(self) -> None:
        with servers.LoopbackServer(servers.dropping) as server:
            gateway = self._gateway(server.url, read_timeout=SHORT)
            for bad in BAD_IDS:
                error = failure(lambda bad=bad: gateway.get_charge(bad))  # type: ignore[misc]
                assert isinstance(error, UsageError), bad
            assert server.requests == []

    def test_an_unknown_charge_is_not_found(self) -> None:
        assert isinstance(failure(lambda: self._gateway().get_charge(self.unknown_charge_id)), NotFound)

    def test_wrong_credentials_are_an_auth_error(self) -> None:
        gateway = self._gateway(key=2)
        assert isinstance(failure(lambda: gateway.get_charge(self.charge_id)), AuthFailed)

    def test_a_refund_of_more_than_was_paid_is_refused_by_the_gateway(self) -> None:
        if self._cannot(Capability.REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        too_much = charge.captured + self._step(charge)
        assert isinstance(failure(lambda: gateway.refund(charge, too_much, stamp=stamp())), Refused)

    # The network

    def test_an_unreachable_gateway_got_nothing(self) -> None:
        charge = self._charge()
        with servers.refusing_url() as url:
            gateway = self._gateway(url)
            assert isinstance(failure(lambda: gateway.get_charge(self.charge_id)), NotSent)
            if not self._cannot(Capability.REFUND):
                error = failure(lambda: gateway.refund(charge, self._step(charge), stamp=stamp()))
                assert isinstance(error, NotSent)

    def test_a_silent_gateway_ends_a_read_within_its_timeout(self) -> None:
        with servers.LoopbackServer(servers.silent) as server:
            gateway = self._gateway(server.url, read_timeout=SHORT)
            started = time.monotonic()
            assert isinstance(failure(lambda: gateway.get_charge(self.charge_id)), NoAnswer)
            assert time.monotonic() - started < 10 * SHORT

    def test_a_gateway_that_trickles_its_answer_ends_a_read_within_its_timeouts(self) -> None:
        with servers.LoopbackServer(servers.trickling) as server:
            account = self.make_account(server.url, read_timeout=SHORT)
            gateway = self.gateway_class(account)
            started = time.monotonic()
            assert isinstance(failure(lambda: gateway.get_charge(self.charge_id)), NoAnswer)
            assert time.monotonic() - started < account.timeouts.connect + 10 * SHORT

    def test_a_broken_answer_to_a_read_is_no_answer(self) -> None:
        for behaviour in (
            servers.dropping,
            servers.garbage,
            servers.cutting,
            servers.answer(500, "<p>sorry"),
        ):
            with servers.LoopbackServer(behaviour) as server:
                gateway = self._gateway(server.url, read_timeout=SHORT)
                error = failure(lambda gateway=gateway: gateway.get_charge(self.charge_id))  # type: ignore[misc]
                assert isinstance(error, NetworkError), error
                assert not isinstance(error, NotSent), error

    def test_a_refund_without_a_usable_answer_is_of_unknown_outcome(self) -> None:
        if self._cannot(Capability.REFUND):
            return
        charge = self._charge()
        broken = (
            servers.silent,
            servers.dropping,
            servers.garbage,
            servers.cutting,
            servers.answer(200, "<p>hi"),
        )
        for behaviour in (*broken, servers.answer(200, "{}"), servers.answer(500, "{}")):
            with servers.LoopbackServer(behaviour) as server:
                gateway = self._gateway(server.url, read_timeout=SHORT)
                call = gateway.refund
                error = failure(lambda call=call: call(charge, self._step(charge), stamp=stamp()))  # type: ignore[misc]
                assert isinstance(error, OutcomeUnknown), error

    def test_a_cancellation_without_a_usable_answer_is_of_unknown_outcome(self) -> None:
        ways = {When.NOW: Capability.CANCEL_NOW, When.PERIOD_END: Capability.CANCEL_AT_PERIOD_END}
        if self.subscription_id is None:
            return
        subscription = self._gateway().get_subscription(self.subscription_id)
        for when in (when for when, capability in ways.items() if not self._cannot(capability)):
            with servers.LoopbackServer(servers.dropping) as server:
                call = self._gateway(server.url, read_timeout=SHORT).cancel_subscription
                error = failure(lambda call=call, when=when: call(subscription, when=when, stamp=stamp()))  # type: ignore[misc]
                assert isinstance(error, OutcomeUnknown), error

    # Changes

    def test_a_refund_answers_what_was_asked_and_is_found_by_its_stamp(self) -> None:
        if self._cannot(Capability.PARTIAL_REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        made = gateway.refund(charge, amount, stamp=stamp())
        assert made.amount == amount
        assert made.charge_id == charge.id
        found = gateway.find_refund(charge, amount, stamp=stamp())
        assert found is not None
        assert found.id == made.id
        assert gateway.find_refund(charge, amount, stamp=stamp(2)) is None
        after = gateway.get_charge(charge.id)
        assert after.refunded == charge.refunded + amount
        assert after.refundable == charge.refundable - amount

    def test_the_same_operation_sent_twice_refunds_once(self) -> None:
        if self._cannot(Capability.IDEMPOTENCY):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        retried = replace(
            stamp(), operation=stamp(2).operation
        )  # another run's try: only the key is the same
        made = [gateway.refund(charge, amount, stamp=by) for by in (stamp(), retried)]
        assert made[0].id == made[1].id
        assert gateway.get_charge(charge.id).refunded == charge.refunded + amount

    def test_two_operations_of_the_same_amount_refund_twice(self) -> None:
        if self._cannot(Capability.PARTIAL_REFUND):
            return
        gateway, charge = self._gateway(), self._charge()
        amount = self._step(charge)
        made = [gateway.refund(charge, amount, stamp=stamp(number)) for number in (1, 2)]
        assert made[0].id != made[1].id
        assert gateway.get_charge(charge.id).refunded == charge.refunded + amount + amount

    def test_a_canceled_subscription_is_recognised_as_canceled(self) -> None:
        if self.subscription_id is None or self._cannot(Capability.CANCEL_NOW):
            return
        gateway = self._gateway()
        subscription = gateway.get_subscription(self.subscription_id)
        assert gateway.find_cancellation(subscription, when=When.NOW, stamp=stamp()) is None
        gateway.cancel_subscription(subscription, when=When.NOW, stamp=stamp())
        assert gateway.find_cancellation(subscription, when=When.NOW, stamp=stamp()) is not None
