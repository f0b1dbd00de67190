"""Searches in two steps, through the real SDK; and customers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billctl.sandbox import state
from tests.sandbox.braintree.conftest import Wire, braintree, codes

CUSTOMER, PAYMENT = braintree.CustomerSearch, braintree.TransactionSearch
PLAN, DISPUTE = braintree.SubscriptionSearch, braintree.DisputeSearch

DISPUTES = ("layladispute0001", "miadispute000001", "ninadispute00001", "jackdispute00001")


def ids(found: Any) -> list[str]:
    return [one.id for one in found.items]


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (CUSTOMER.email == "layla@example.com", {"layla"}),
        (CUSTOMER.email == "LAYLA@example.com", {"layla"}),
        (CUSTOMER.email.starts_with("layla@"), {"layla"}),
        (CUSTOMER.email.ends_with("yla@example.com"), {"layla"}),
        (CUSTOMER.email.contains("layla"), {"layla"}),
        (CUSTOMER.email == "nobody@example.com", set()),
        (CUSTOMER.id == "layla", {"layla"}),
        (CUSTOMER.last_name == "Haddad", {"layla"}),
        (CUSTOMER.first_name == "أمينة", {"amina"}),
        (CUSTOMER.cardholder_name == "Layla Haddad", {"layla"}),
        (CUSTOMER.phone == "5550100000", {"layla"}),
        (CUSTOMER.credit_card_number.ends_with("1881"), {"layla"}),
        (CUSTOMER.payment_method_token == "layla1", {"layla"}),
        (CUSTOMER.ids.in_list(["layla", "amina", "nothere"]), {"layla", "amina"}),
    ],
)
def test_customers_are_found_by(reader: Any, criterion: Any, expected: set[str]) -> None:
    assert set(ids(reader.customer.search(criterion))) == expected


def test_an_email_may_belong_to_two(reader: Any) -> None:
    found = list(reader.customer.search(CUSTOMER.email == "shared@example.com").items)
    assert {one.first_name for one in found} == {"Olivia", "Noah"}


@pytest.mark.parametrize(
    ("criteria", "expected"),
    [
        ([PAYMENT.id == "layla001"], {"layla001"}),
        ([PAYMENT.type == "credit", PAYMENT.refund == True], {"layla003"}),  # noqa: E712 a criterion
        ([PAYMENT.status.in_list(["authorized", "submitted_for_settlement"])], {"layla004", "layla005"}),
        ([PAYMENT.currency == "EUR"], {"layla004"}),
        ([PAYMENT.merchant_account_id == "shop_eur"], {"layla004"}),
        ([PAYMENT.amount >= "100.00"], {"layla006"}),
        ([PAYMENT.amount.between("15.00", "20.00")], {"layla003", "layla004"}),
        ([PAYMENT.source == "recurring"], {"layla007", "layla008", "layla009"}),
        ([PAYMENT.voided_at >= datetime(2000, 1, 1, tzinfo=UTC)], set()),
    ],
)
def test_a_customers_transactions_are_found_by(reader: Any, criteria: list[Any], expected: set[str]) -> None:
    assert set(ids(reader.transaction.search([PAYMENT.customer_id == "layla", *criteria]))) == expected


def test_a_guest_is_found_by_email_alone(reader: Any) -> None:
    (sale,) = reader.transaction.search(PAYMENT.customer_email == "guest1@example.com").items
    assert (sale.customer_details.id, sale.customer_details.email) == (None, "guest1@example.com")
    for criterion in (
        PAYMENT.customer_email == "GUEST1@example.com",
        PAYMENT.customer_email.contains("guest1@"),
    ):
        assert ids(reader.transaction.search(criterion)) == [sale.id]
    both = list(reader.transaction.search(PAYMENT.customer_email == "mia@example.org").items)
    assert None in {one.customer_details.id for one in both}
    assert len({one.customer_details.id for one in both}) == 2


def test_a_sale_is_found_by_order_and_card(reader: Any) -> None:
    assert ids(reader.transaction.search(PAYMENT.order_id == "jonas-1")) == ["jonas001"]
    found = reader.transaction.search(
        PAYMENT.credit_card_number.ends_with("1881"), PAYMENT.customer_id == "layla"
    )
    assert len(ids(found)) == 9


def test_times_take_in_the_whole_last_minute(reader: Any) -> None:
    made = reader.transaction.find("layla001").created_at.replace(tzinfo=UTC, second=0)

    def between(low: datetime, high: datetime) -> list[str]:
        return ids(reader.transaction.search(PAYMENT.id == "layla001", PAYMENT.created_at.between(low, high)))

    assert between(made, made) == ["layla001"]
    minute = timedelta(minutes=1)
    assert between(made + minute, made + minute) == between(made - minute, made - minute) == []


def test_more_than_fifty_come_in_pages_newest_first(reader: Any) -> None:
    found = reader.transaction.search(PAYMENT.customer_email == "jonas@example.org")
    assert found.maximum_size == 55
    created = [one.created_at for one in found.items]
    assert len(created) == 55
    assert created == sorted(created, reverse=True)


def test_everybody_is_found_without_a_criterion(reader: Any) -> None:
    assert reader.customer.all().maximum_size > 15


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (PLAN.status == "Past Due", {"subkof"}),
        (PLAN.status.in_list(["Canceled", "Expired"]), {"suboli", "subjon"}),
        (PLAN.days_past_due.between(2, 10), {"subkof"}),
        (PLAN.billing_cycles_remaining == "0", {"subsal", "subjon"}),
        (PLAN.in_trial_period == "true", {"subvic"}),
        (PLAN.plan_id.starts_with("tryout"), {"subvic"}),
        (PLAN.transaction_id == "layla007", {"sublay"}),
        (PLAN.price >= "5000", {"subyuk"}),
    ],
)
def test_subscriptions_are_found_by(reader: Any, criterion: Any, expected: set[str]) -> None:
    assert set(ids(reader.subscription.search(criterion))) == expected


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        (DISPUTE.customer_id == "layla", {"layladispute0001"}),
        (DISPUTE.transaction_id == "layla006", {"layladispute0001"}),
        (DISPUTE.status == "won", {"miadispute000001"}),
        (DISPUTE.status.in_list(["lost", "disputed"]), {"ninadispute00001", "jackdispute00001"}),
        (DISPUTE.received_date <= "2000-01-01", set()),
        (DISPUTE.kind == "chargeback", set(DISPUTES)),
    ],
)
def test_disputes_are_found_by(reader: Any, criterion: Any, expected: set[str]) -> None:
    assert {one.id for one in reader.dispute.search(criterion).disputes.items} == expected


def test_what_cannot_be_searched_is_no_search(reader: Any) -> None:
    with pytest.raises(braintree.exceptions.RequestTimeoutError):  # what the SDK makes of any 422 here
        reader.transaction.search(PAYMENT.paypal_payer_email == "layla@example.com")
    with pytest.raises(braintree.exceptions.UnexpectedError):
        reader.customer.search(CUSTOMER.credit_card_number.contains("88"))


def test_a_new_object_is_found_after_the_lag(wire: Wire, sdk: Any) -> None:
    state.configure(wire.state_dir, "braintree", search_lag=60)
    made = sdk.customer.create({"first_name": "New", "email": "new@example.com"}).customer
    assert ids(sdk.customer.search(CUSTOMER.id == made.id)) == []
    state.configure(wire.state_dir, "braintree", search_lag=0)
    assert ids(sdk.customer.search(CUSTOMER.id == made.id)) == [made.id]


def test_a_customer_is_made_with_a_card_and_changed(sdk: Any) -> None:
    made = sdk.customer.create(
        {"first_name": "New", "email": "new@example.com", "payment_method_nonce": "fake-valid-nonce"}
    ).customer
    assert (len(made.id), made.id.isdecimal(), made.payment_methods[0].last_4) == (9, True, "1881")
    assert sdk.payment_method.find(made.payment_methods[0].token).customer_id == made.id
    changed = sdk.customer.update(made.id, {"email": "newer@example.com", "company": "Shop & <Co>"}).customer
    assert (changed.email, changed.company, changed.first_name) == (
        "newer@example.com",
        "Shop & <Co>",
        "New",
    )
    assert sdk.transaction.sale({"amount": "1.00", "customer_id": made.id}).transaction.customer_details.email


def test_a_merchants_own_id_keeps_its_case(sdk: Any) -> None:
    sdk.customer.create({"id": "MyShop-1", "payment_method_nonce": "fake-valid-nonce"})
    sale = sdk.transaction.sale({"amount": "1.00", "customer_id": "MyShop-1"}).transaction
    assert ids(sdk.transaction.search(PAYMENT.customer_id == "MyShop-1")) == [sale.id]
    assert ids(sdk.customer.search(CUSTOMER.id == "MyShop-1")) == ["MyShop-1"]


@pytest.mark.parametrize(
    ("params", "code"),
    [({"id": "layla"}, "91609"), ({"id": "not plain"}, "91610"), ({"email": "nowhere"}, "81604")],
)
def test_a_customer_that_makes_no_sense_has_its_code(sdk: Any, params: dict[str, str], code: str) -> None:
    assert codes(sdk.customer.create(params)) == [code]


def test_what_is_not_there_is_not_found(reader: Any) -> None:
    for act in (reader.customer.find, reader.payment_method.find, reader.subscription.find):
        with pytest.raises(braintree.exceptions.NotFoundError):
            act("nothere")
