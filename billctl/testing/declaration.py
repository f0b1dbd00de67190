"""Promises about what a gateway says of itself, before anything is sent."""

import subprocess
import sys
from functools import partial

from billctl.declaration import declaration_fault
from billctl.errors import Refused, Unsupported, UsageError
from billctl.frozen import replace
from billctl.gateway import API, By, Capability, Query
from billctl.testing import servers
from billctl.testing.harness import ENDINGS, GETTERS, NOWHERE, Harness, failure, stamp

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
    Capability.REFUND_LINES: ("refund_lines", "price_lines", "find_refund", "get_charge"),
    Capability.CANCEL_REFUND: (
        "terminate_subscription",
        "price_payback",
        "find_termination",
        "get_subscription",
    ),
    Capability.REACTIVATE: ("reactivate_subscription", "find_reactivation", "get_subscription"),
    Capability.VOID_CREDIT: ("void_credit", "preview_void_credit", "find_voided_credit", "get_invoice"),
    Capability.INVOICE_PDF: ("invoice_pdf", "get_invoice"),
    Capability.INVOICE_LINK: ("invoice_link", "get_invoice"),
    Capability.SYNC: ("sync", "local_copy", "forget_copy"),
}
"""What a capability needs overridden. Of these methods, what no declared capability needs must not be."""

SHARED = frozenset({"get_charge", "get_subscription", "get_invoice"})
"""Reads that may be overridden without any of the capabilities that need them."""

NEEDS = {
    Capability.PARTIAL_REFUND: Capability.REFUND,
    Capability.IDEMPOTENCY: Capability.REFUND,
    Capability.RESEND_TO: Capability.RESEND_INVOICE,
    Capability.REFUND_LINES: Capability.REFUND,
    Capability.CANCEL_REFUND: Capability.CANCEL_NOW,
}

EXAMPLES = {
    Capability.VOID: ("voidable_id",),
    Capability.CANCEL_NOW: ("subscription_id",),
    Capability.CANCEL_AT_PERIOD_END: ("subscription_id",),
    Capability.RESEND_INVOICE: ("invoice_id",),
    Capability.REFUND_LINES: ("lined_id", "line_id"),
    Capability.CANCEL_REFUND: ("terminable_id",),
    Capability.REACTIVATE: ("ending_id",),
    Capability.VOID_CREDIT: ("credit_id",),
    Capability.INVOICE_PDF: ("invoice_id",),
    Capability.INVOICE_LINK: ("invoice_id",),
}
"""What a capability needs to be tested with."""

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "SAR")


class DeclarationPromises(Harness):
    """What is declared is there, what is there is declared, and an example of each is at hand."""

    def test_the_interface_it_was_written_for_is_this_one(self) -> None:
        assert self.gateway_class.api == API

    def test_its_declaration_is_of_the_right_form(self) -> None:
        assert declaration_fault(self.gateway_class) is None

    def test_every_declared_capability_is_implemented_and_nothing_is_implemented_undeclared(self) -> None:
        declared = self.gateway_class.capabilities
        needed = {method for capability in declared for method in METHODS.get(capability, ())}
        missing = {method for method in needed if not self._overrides(method)}
        assert not missing, f"declared, but not overridden: {sorted(missing)}"
        known = {method for methods in METHODS.values() for method in methods} - SHARED
        hidden = {method for method in known - needed if self._overrides(method)}
        assert not hidden, f"overridden, but no declared capability needs it: {sorted(hidden)}"
        alone = {str(part) for part, whole in NEEDS.items() if part in declared and whole not in declared}
        assert not alone, f"declared without what they need: {sorted(alone)}"

    def test_every_promise_has_an_example(self) -> None:
        needed = {name for one, names in EXAMPLES.items() if self._can(one) for name in names}
        needed |= {f"{kind}_id" for kind in self._getters()}
        missing = {name for name in needed if getattr(self, name) is None}
        unknown = {"charge": self.unknown_charge_id, **self.unknown_ids}
        missing |= {f"unknown_ids[{kind!r}]" for kind in self._getters() if kind not in unknown}
        missing |= {f"searches[By.{by.name}]" for by in self._searches() if by not in self.searches}
        assert not missing, f"the test class does not say: {sorted(missing)}"

    def test_every_secret_it_needs_is_declared_as_one(self) -> None:
        account = self.make_account(NOWHERE)
        declared = {setting.name: setting.secret for setting in self.gateway_class.settings}
        assert set(account.secrets) <= {name for name, secret in declared.items() if secret}
        assert set(account.settings) <= {name for name, secret in declared.items() if not secret}

    def test_settings_that_work_are_not_called_faulty(self) -> None:
        account = self.make_account(NOWHERE)
        assert dict(self.gateway_class.settings_faults(account.settings, live=account.live)) == {}
        self._gateway(NOWHERE).check_secrets()
        for name, secret in account.secrets.items():  # each can be kept without the others
            self.gateway_class(replace(account, secrets={name: secret})).check_secrets()

    def test_importing_it_imports_no_sdk(self) -> None:
        module = self.gateway_class.__module__
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; import {module}; "
            f"print(*[name for name in {self.sdk_modules!r} if name in sys.modules])"
        )
        done = subprocess.run(  # noqa: S603 - this interpreter, on a program made of this class's own names
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.split() == []

    def test_building_it_sends_nothing(self) -> None:
        with servers.LoopbackServer(servers.dropping) as server:
            self._gateway(server.url)
            assert server.requests == []

    def test_a_way_of_searching_it_does_not_declare_is_unsupported_and_sends_nothing(self) -> None:
        with servers.LoopbackServer(servers.dropping) as server:
            gateway = self._gateway(server.url)
            for by in set(By) - set(self._searches()):
                error = failure(partial(gateway.find_customers, Query(by=by, text="x")))
                assert isinstance(error, Unsupported), by
            assert server.requests == []

    def test_an_end_of_a_subscription_it_does_not_declare_is_unsupported_and_changes_nothing(self) -> None:
        if not self._overrides("cancel_subscription"):
            return
        subscription = self._gateway().get_subscription(self._example("subscription"))
        with self._spoiling(servers.dropping) as between:
            gateway = self._gateway(between.url)
            for when in (when for when, capability in ENDINGS.items() if not self._can(capability)):
                error = failure(partial(gateway.cancel_subscription, subscription, when=when, stamp=stamp()))
                assert isinstance(error, Unsupported), when
            assert self._changes_seen(between) == []

    def test_another_address_for_an_invoice_is_refused_where_that_is_not_declared(self) -> None:
        if not self._can(Capability.RESEND_INVOICE) or self._can(Capability.RESEND_TO):
            return
        invoice = self._gateway().get_invoice(self._example("invoice"))
        with self._spoiling(servers.dropping) as between:
            gateway = self._gateway(between.url)
            for call in (
                lambda: gateway.preview_resend(invoice, to="somebody.else@example.com"),
                lambda: gateway.resend_invoice(invoice, to="somebody.else@example.com", stamp=stamp()),
            ):
                error = failure(call)
                assert isinstance(error, Refused | UsageError), error
            assert self._changes_seen(between) == []

    def test_the_kind_an_id_tells_by_its_form_is_the_kind_it_is_an_example_of(self) -> None:
        gateway = self._gateway(NOWHERE)
        examples = [(kind, getattr(self, f"{kind}_id")) for kind in GETTERS if getattr(self, f"{kind}_id")]
        for kind, example in [*self.gateway_class.id_examples.items(), *examples]:
            assert gateway.kind_of(example) in {kind, None}, example

    def test_the_step_of_an_amount_is_a_whole_number_of_minor_units(self) -> None:
        gateway = self._gateway(NOWHERE)
        steps: list[object] = [gateway.amount_step(self._charge().amount.currency)]
        for currency in CURRENCIES:
            try:
                steps.append(gateway.amount_step(currency))
            except Unsupported:
                continue
        assert all(type(step) is int and step > 0 for step in steps), steps
