"""The contract notices a gateway that breaks it: for every promise, one that breaks it and no more."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from billctl.gateway import Account, By, Secret, Timeouts
from billctl.testing import GatewayContract, servers
from tests.gateways.conftest import DEAR
from tests.plugin import broken, broken_changes, full
from tests.plugin.acme import KEY, AcmeGateway, Shop

LIMITED = '{"error": {"code": "too_many_requests", "message": "Wait a little."}}'


class AcmeContract(GatewayContract):
    """The contract on the example plugin's gateway, or on one that breaks it."""

    gateway_class = AcmeGateway
    sdk_modules = ("requests", "urllib3")
    charge_id = "P1001"
    unknown_charge_id = "P9999"
    customer_id = "C1001"
    subscription_id = "S1001"
    invoice_id = "I1001"
    voidable_id = "P1002"
    lined_id = "P1005"
    line_id = "L1"
    terminable_id = "S1002"
    ending_id = "S1003"
    credit_id = "I1002"
    unknown_ids: ClassVar[Mapping[str, str]] = {
        "customer": "C9999",
        "subscription": "S9999",
        "invoice": "I9999",
    }
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {
        By.EMAIL: ("layla@example.com", "C1001"),
        By.ID: ("C1001", "C1001"),
        By.CHARGE: ("P1001", "C1001"),
    }
    url = ""

    def base_url(self) -> str:
        return self.url

    def rate_limited(self) -> servers.Behaviour:
        return servers.answer(429, LIMITED)

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        return Account(
            name=name,
            gateway="acme",
            live=False,
            settings={"shop": "1"},
            secrets={"api_key": Secret({1: KEY, 2: "acme_test_nobodysKeyAtAll"}[key])},
            base_url=base_url,
            timeouts=Timeouts(connect=1.0, read=read_timeout),
        )


BREAKING: Mapping[str, type[AcmeGateway] | Mapping[str, Any]] = {
    # Declaration
    "the_interface_it_was_written_for_is_this_one": broken.OtherInterface,
    "its_declaration_is_of_the_right_form": broken.BadSetting,
    "every_declared_capability_is_implemented_and_nothing_is_implemented_undeclared": broken.VoidsUndeclared,
    "every_promise_has_an_example": {"voidable_id": None},
    "every_secret_it_needs_is_declared_as_one": broken.OpenSecret,
    "settings_that_work_are_not_called_faulty": broken.NeverContent,
    "importing_it_imports_no_sdk": {"sdk_modules": ("billctl.gateway",)},
    "building_it_sends_nothing": broken.Eager,
    "a_way_of_searching_it_does_not_declare_is_unsupported_and_sends_nothing": broken.SearchesAnyhow,
    "an_end_of_a_subscription_it_does_not_declare_is_unsupported_and_changes_nothing": broken.EndsUndeclared,
    "another_address_for_an_invoice_is_refused_where_that_is_not_declared": broken.SendsAnywhere,
    "the_kind_an_id_tells_by_its_form_is_the_kind_it_is_an_example_of": broken.WrongExample,
    "the_step_of_an_amount_is_a_whole_number_of_minor_units": broken.NoStep,
    # Reads
    "check_says_whom_the_credentials_open": broken.Nobody,
    "an_object_is_read_by_its_id_and_carries_its_account": broken.OtherGateway,
    "every_instant_read_is_aware_utc_and_every_record_is_of_its_account": broken.NaiveTimes,
    "a_charge_adds_up": broken.TooGenerous,
    "an_absent_object_is_not_found": broken.AbsentIsNoAnswer,
    "a_malformed_id_is_a_usage_error_and_sends_nothing": broken.AnyId,
    "wrong_credentials_are_an_auth_error_to_every_read": broken.BadKeyIsAbsent,
    "every_declared_way_of_searching_finds_its_customer": broken.FindsNobody,
    "a_search_for_nobody_finds_nobody": broken.FindsAnybody,
    "a_searchs_limit_bounds_each_kind_of_history": broken.Boundless,
    "a_list_is_newest_first_and_names_nothing_twice": broken.OldestFirst,
    "a_list_honours_its_limit": broken.IgnoresLimit,
    "a_list_honours_since_and_until": broken.IgnoresTime,
    "a_list_honours_a_status": broken.IgnoresStatus,
    "a_list_of_one_customer_is_his_alone": broken.IgnoresCustomer,
    "one_account_used_by_many_threads_answers_each_as_it_would_answer_one": broken.OneAtATime,
    "two_accounts_in_the_same_threads_each_name_their_own_records": broken.LastAccount,
    "an_error_names_its_account": broken.Anonymous,
    # Changes
    "a_refund_that_is_refused_says_so_in_the_gateways_code_and_words": broken_changes.Wordless,
    "a_refund_answers_what_was_asked_and_is_found_by_its_stamp": broken_changes.LosesRefunds,
    "a_refund_of_another_operation_is_not_taken_for_its_own": broken_changes.AnyRefund,
    "the_same_operation_sent_twice_refunds_once": broken_changes.KeyOfTheMoment,
    "two_operations_of_the_same_amount_refund_twice": broken_changes.OneKeyForAll,
    "the_amount_of_a_refund_is_the_gateways_and_no_echo": broken_changes.Echo,
    "a_voided_charge_is_recognised_as_voided": broken_changes.LosesVoids,
    "a_charge_that_was_voided_cannot_be_voided_again": broken_changes.VoidsAgain,
    "a_subscription_ended_at_once_is_recognised_as_ended": broken_changes.LosesCancellations,
    "a_subscription_that_will_end_with_its_period_is_recognised": broken_changes.LosesCancellations,
    "a_preview_of_a_cancellation_changes_nothing": broken_changes.PreviewEnds,
    "a_preview_of_a_resend_changes_nothing_and_says_what_is_sent": broken_changes.PreviewSends,
    "an_invoice_that_was_not_sent_again_is_not_taken_for_sent": broken_changes.AlwaysSent,
    # Lines, ends with money back, what goes on, credits
    "refunded_lines_give_back_their_price_and_are_found_by_their_stamp": full.ForgetsLines,
    "lines_that_cannot_be_refunded_are_a_usage_error_before_anything_changes": full.TakesAnyLine,
    "lines_whose_answer_was_lost_are_found_and_were_refunded_once": full.ForgetsLines,
    "what_an_end_gives_back_is_told_without_changing_anything": full.EndsToPrice,
    "an_end_with_all_money_back_gives_back_what_was_told": full.TellsTooMuch,
    "an_end_with_a_part_back_gives_back_no_more_than_was_told": full.TellsTooMuch,
    "an_end_with_money_back_whose_answer_was_lost_is_found_with_it": full.LosesRefundOfEnd,
    "a_subscription_that_goes_on_again_is_recognised": full.LosesReactivations,
    "a_reactivation_whose_answer_was_lost_is_found": full.LosesReactivations,
    "a_voided_credit_is_recognised_and_cannot_be_voided_again": full.VoidsCreditsAgain,
    "an_invoice_that_is_no_credit_is_not_voided_and_that_is_known_before": full.KnowsNoCredits,
    "a_voided_credit_whose_answer_was_lost_is_found": full.LosesVoidedCredits,
    # Documents
    "the_pdf_of_an_invoice_is_a_pdf_file_and_making_it_changes_nothing": full.TextForPdf,
    "the_link_to_an_invoice_is_an_address_that_no_record_holds": full.LinkInRecord,
    "a_pdf_without_a_usable_answer_is_no_answer": full.AnyAnswer,
    "a_link_without_a_usable_answer_is_no_answer": full.AnyAnswer,
    # What goes wrong on the way
    "a_gateway_where_nobody_listens_got_nothing": broken.UnsentIsUnknown,
    "a_gateway_whose_name_is_not_known_got_nothing": broken.UnsentIsUnknown,
    "a_gateway_that_cannot_prove_who_it_is_got_nothing": broken.UnsentIsUnknown,
    "a_request_turned_away_unread_was_not_sent": broken.UnsentIsUnknown,
    "a_request_turned_away_unread_says_so_by_its_code": broken.LimitByItsOwnName,
    "wrong_credentials_are_an_auth_error_to_every_change": broken.BadKeyIsAbsent,
    "a_change_without_a_usable_answer_is_of_unknown_outcome": broken.UnknownIsUnsent,
    "a_read_without_a_usable_answer_is_no_answer": broken.UnknownIsUnsent,
    "silence_ends_every_call_within_its_timeouts": broken_changes.Patient,
    "a_trickling_answer_ends_every_call_within_its_timeouts": broken_changes.Patient,
    "closing_it_twice_is_harmless": broken_changes.ClosedOnce,
    "closing_it_ends_a_call_that_waits": broken_changes.StillWaiting,
    "no_change_is_repeated_but_under_its_own_key": broken_changes.Insisting,
    "a_refund_whose_answer_was_lost_is_found_and_was_made_once": broken_changes.LosesRefunds,
    "a_void_whose_answer_was_lost_is_found": broken_changes.LosesVoids,
    "an_end_at_once_whose_answer_was_lost_is_found": broken_changes.LosesCancellations,
    "an_end_of_the_period_whose_answer_was_lost_is_found": broken_changes.LosesCancellations,
    "a_resend_whose_answer_was_lost_is_found_or_said_to_be_unknown": broken_changes.NeverSent,
    # A copy on this machine
    "a_copy_is_there_after_it_was_fetched_and_gone_after_it_was_forgotten": broken_changes.NeverForgets,
    "a_copy_is_open_to_its_user_alone_and_holds_no_secret": broken_changes.OpenCopy,
    "fetching_again_asks_no_more_than_at_first_and_loses_nothing": broken_changes.GrowingCopy,
    "a_copy_survives_a_gateway_that_is_down": broken_changes.FragileCopy,
    # Secrets and globals
    "nothing_printed_of_it_shows_a_secret": broken_changes.Talkative,
    "no_error_shows_a_secret_nor_does_what_lies_behind_it": broken_changes.Telling,
    "no_error_about_wrong_credentials_shows_them": broken_changes.Telling,
    "nothing_it_logs_or_prints_shows_a_secret": broken_changes.Logging,
    "two_accounts_never_meet": broken_changes.OneClient,
    "nothing_is_set_in_the_sdk_for_everybody": broken_changes.SetsGlobals,
}
"""Promise → a gateway that breaks it, or what is wrong with the test class."""

FULL = [name for name, breaking in BREAKING.items() if getattr(breaking, "__module__", "") == full.__name__]
COPIES = [name for name, breaking in BREAKING.items() if getattr(breaking, "mode", None) is not None]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with full.FullShop() as running:
        yield running


def contract(shop: Shop, breaking: type[AcmeGateway] | Mapping[str, Any]) -> AcmeContract:
    """The contract on a gateway; waits are short, which no promise depends on."""
    members = {"gateway_class": breaking} if isinstance(breaking, type) else dict(breaking)
    waits = {"url": shop.url, "short": 0.1, "closing": 0.2}
    made: AcmeContract = type("Contract", (AcmeContract,), members | waits)()
    return made


def promises() -> list[str]:
    return [name.removeprefix("test_") for name in dir(GatewayContract) if name.startswith("test_")]


def test_every_promise_has_a_gateway_that_breaks_it() -> None:
    assert sorted(BREAKING) == sorted(promises())


@pytest.mark.parametrize("promise", BREAKING)
def test_a_gateway_that_breaks_a_promise_fails_it(
    shop: Shop, promise: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests.adapters

    for shared in (broken_changes.OneClient.shared, broken.LastAccount.last):
        shared.clear()
    monkeypatch.setattr(requests.adapters, "DEFAULT_RETRIES", requests.adapters.DEFAULT_RETRIES)
    with pytest.raises(AssertionError):
        getattr(contract(shop, BREAKING[promise]), f"test_{promise}")()


@pytest.mark.parametrize("promise", COPIES)
def test_a_gateway_that_copies_as_it_should_keeps_the_promises_of_a_copy(shop: Shop, promise: str) -> None:
    getattr(contract(shop, broken_changes.Copying), f"test_{promise}")()


@pytest.mark.parametrize(
    "promise",
    [*FULL, "every_promise_has_an_example", "a_change_without_a_usable_answer_is_of_unknown_outcome"],
)
def test_a_gateway_that_can_do_everything_keeps_its_promises(shop: Shop, promise: str) -> None:
    getattr(contract(shop, full.Full), f"test_{promise}")()


def test_a_dear_promise_is_one_of_the_contract_and_two_gateways_keep_it_in_every_run() -> None:
    assert {name.removeprefix("test_") for name in DEAR} <= set(promises())
    kept = {"TestStripe", "TestPaypal", "TestBraintree", "TestWoocommerce", "TestRecurly"}
    assert all(len(classes) >= 2 and classes <= kept for classes in DEAR.values())
