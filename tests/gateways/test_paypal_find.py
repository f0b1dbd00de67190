"""Looking customers up at PayPal: what is searched, what is said of it, and that a part that fails hides
nothing else."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billctl.errors import AuthFailed, NetworkError, NotFound, UsageError
from billctl.gateway import By, Found, Query
from billctl.models import ChargeStatus, Match
from billctl.money import Money
from billctl.testing import servers
from billctl.testing.servers import LoopbackServer
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import gateway
from tests.gateways.paypal_routes import Answering, asked, parameters, routes, told

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPORT = "GET /v1/reporting/transactions"
INVOICES = "POST /v2/invoicing/search-invoices"
DISPUTES = "GET /v1/customer/disputes"
CAPTURE = f"GET /v2/payments/captures/{wire.CHARGE}"
ORDER = f"GET /v2/checkout/orders/{wire.ORDER}"
AGREEMENT = f"GET /v1/billing/subscriptions/{wire.SUBSCRIPTION}"
USD = Money(5000, "USD")

GIVEN_BACK = wire.row(
    "T1107", "-10.00", transaction_id=wire.REFUND, paypal_reference_id_type="TXN",
    paypal_reference_id=wire.CHARGE,
)  # fmt: skip


def listing(*invoices: wire.Wire) -> wire.Wire:
    """An answer of invoice search."""
    return {"items": list(invoices), "total_items": len(invoices), "total_pages": 1}


def looked_up(
    table: Mapping[str, Answering],
    text: str = "layla@example.com",
    by: By = By.EMAIL,
    since: datetime | None = None,
) -> tuple[Found, list[str]]:
    """What a lookup finds, and the requests it took."""
    with LoopbackServer(routes(table)) as server:
        paypal = gateway(server.url, now=lambda: NOW)
        paypal._client._sleep = lambda _: None
        found = paypal.find_customers(Query(by=by, text=text, since=since))
        paypal.close()
        return found, asked(server)


def test_a_payer_is_found_by_his_address_in_any_case_with_what_he_did() -> None:
    table = {
        REPORT: wire.report(GIVEN_BACK, wire.row(), wire.row(transaction_id="9" * 17, payer={})),
        INVOICES: listing(wire.invoice()),
        CAPTURE: wire.capture(status="PARTIALLY_REFUNDED"),
    }
    found, _ = looked_up(table, "LAYLA@example.COM")
    (layla,) = found.customers
    assert (layla.id, layla.name, layla.match) == (wire.PAYER, "Layla Haddad", Match.EXACT)
    (charge,) = layla.charges
    assert (charge.status, charge.refundable) == (ChargeStatus.PARTIALLY_REFUNDED, Money(4000, "USD"))
    assert [invoice.customer_id for invoice in layla.invoices] == [wire.PAYER]
    assert found.failures == ()


def test_payments_from_an_earlier_address_belong_to_the_same_payer() -> None:
    earlier = {"account_id": wire.PAYER, "email_address": "old@example.net"}
    rows = [wire.row(), wire.row(transaction_id="8" * 17, payer=earlier)]
    found, _ = looked_up({REPORT: wire.report(*rows), CAPTURE: wire.capture()})
    assert {charge.id for charge in found.customers[0].charges} == {wire.CHARGE, "8" * 17}


def test_an_address_that_only_contains_the_one_looked_for_is_somebody_elses() -> None:
    """PayPal does not say how it compares: what it finds is compared here."""
    other = {"billing_info": {"email_address": "not.layla@example.com"}}
    payer = {"account_id": "7YR5Z8XDVJNXQ", "email_address": "layla@example.com.example"}
    table = {
        REPORT: wire.report(wire.row(payer=payer)),
        INVOICES: listing(wire.invoice(primary_recipients=[other])),
    }
    assert looked_up(table)[0].customers == ()


def test_who_was_only_billed_is_a_customer_by_his_address() -> None:
    found, _ = looked_up({INVOICES: listing(wire.invoice())})
    assert [(person.id, len(person.invoices)) for person in found.customers] == [("layla@example.com", 1)]


def test_by_name_a_part_is_a_near_match_and_the_whole_an_exact_one() -> None:
    table = {REPORT: wire.report(wire.row()), CAPTURE: wire.capture()}
    whole, _ = looked_up(table, "layla haddad", By.NAME)
    part, _ = looked_up(table, "haddad", By.NAME)
    assert [found.customers[0].match for found in (whole, part)] == [Match.EXACT, Match.PARTIAL]


def test_what_was_not_searched_is_always_said() -> None:
    notes = looked_up({})[0].notes
    assert "PayPal history before 2026-08-24 was not searched; --since goes back up to 3 years" in notes
    assert any("last 3 hours may be missing" in note and "2026-11-22T09:00:00Z" in note for note in notes)


def test_more_history_is_searched_where_it_is_asked_for_and_never_beyond_three_years() -> None:
    found, requests = looked_up({}, since=NOW - timedelta(days=20 * 365))
    assert requests.count(REPORT) == 36
    assert any("2023-11-23" in note and "--since" not in note for note in found.notes)


def test_a_lookup_by_address_takes_two_steps() -> None:
    """The searches beside each other, then everything they named beside each other."""
    subscribed = wire.row("T0002", paypal_reference_id_type="SUB", paypal_reference_id=wire.SUBSCRIPTION)
    table = {REPORT: wire.report(subscribed), CAPTURE: wire.capture(), AGREEMENT: wire.subscription()}
    found, requests = looked_up(table)
    assert sorted(set(requests)) == sorted({REPORT, INVOICES, DISPUTES, CAPTURE, AGREEMENT})
    assert [item.id for item in found.customers[0].subscriptions] == [wire.SUBSCRIPTION]


def test_a_refund_newer_than_the_report_is_taken_from_the_order() -> None:
    new = "2026-11-22T11:59:00Z"
    table = {
        REPORT: wire.report(wire.row(), GIVEN_BACK),
        CAPTURE: wire.capture(status="PARTIALLY_REFUNDED", update_time=new),
        ORDER: wire.order(wire.refund(), wire.refund(id="2JU08902781691411", amount=wire.money("5.00"))),
    }
    found, requests = looked_up(table)
    assert found.customers[0].charges[0].refundable == Money(3500, "USD")
    assert ORDER in requests


def test_a_charge_that_only_an_invoice_names_is_read_too() -> None:
    paid = wire.invoice(status="PAID", payments={"transactions": [{"payment_id": wire.CHARGE}]})
    table = {INVOICES: listing(paid), CAPTURE: wire.capture(), ORDER: wire.order()}
    found, _ = looked_up(table)
    assert [(item.id, item.invoice_id) for item in found.customers[0].charges] == [
        (wire.CHARGE, wire.INVOICE)
    ]


def test_a_dispute_is_found_among_all_by_the_merchants_id_of_the_transaction() -> None:
    of_nobody = wire.dispute(dispute_id="PP-D-1", disputed_transactions=[{"seller_transaction_id": "X" * 17}])
    too_much = wire.dispute(dispute_id="PP-D-2", dispute_amount=wire.money("50.01"))
    table = {
        REPORT: wire.report(wire.row()),
        CAPTURE: wire.capture(),
        DISPUTES: {"items": [wire.dispute(), of_nobody, too_much]},
        f"{DISPUTES}/PP-D-27803": wire.dispute(),
        f"{DISPUTES}/PP-D-1": of_nobody,
    }
    found, requests = looked_up(table)
    (layla,) = found.customers
    assert [item.id for item in layla.disputes] == ["PP-D-27803"]
    assert layla.charges[0].status is ChargeStatus.DISPUTED
    assert f"{DISPUTES}/PP-D-2" not in requests, "nobody disputes more than he paid"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (INVOICES, "invoices could not be searched"),
        (DISPUTES, "disputes could not be searched"),
        (CAPTURE, f"the charges of {wire.PAYER} could not be read"),
        (AGREEMENT, f"the subscriptions of {wire.PAYER} could not be read"),
    ],
)
def test_a_part_that_fails_is_named_and_hides_nothing_else(path: str, words: str) -> None:
    subscribed = wire.row("T0002", paypal_reference_id_type="SUB", paypal_reference_id=wire.SUBSCRIPTION)
    table: dict[str, Answering] = {
        REPORT: wire.report(subscribed),
        CAPTURE: wire.capture(),
        AGREEMENT: wire.subscription(),
    }
    found, _ = looked_up(table | {path: told(500, "INTERNAL_SERVER_ERROR")})
    assert [words in failure.message for failure in found.failures] == [True]
    assert [charge.amount for charge in found.customers[0].charges] == [USD]


def test_without_transaction_search_invoices_are_still_found() -> None:
    denied = told(403, "NOT_AUTHORIZED", "PERMISSION_DENIED")
    found, _ = looked_up({REPORT: denied, INVOICES: listing(wire.invoice())})
    assert len(found.customers) == 1
    (failure,) = found.failures
    assert isinstance(failure, AuthFailed)
    assert "payments could not be searched" in failure.message
    assert "Turn Transaction Search on" in failure.hint


def test_a_gateway_that_is_down_is_one_failure_and_not_three() -> None:
    with servers.refusing_url() as url, pytest.raises(NetworkError):
        gateway(url).find_customers(Query(by=By.EMAIL, text="layla@example.com"))


def test_a_payment_in_a_currency_that_is_not_read_is_left_out_and_named() -> None:
    dinar = wire.row(transaction_id="7" * 17, transaction_amount=wire.money("5.000", "KWD"))
    found, _ = looked_up({REPORT: wire.report(wire.row(), dinar), CAPTURE: wire.capture()})
    assert [charge.id for charge in found.customers[0].charges] == [wire.CHARGE]
    assert any("7" * 17 in failure.message and "KWD" in failure.message for failure in found.failures)


# By ids


def test_a_capture_leads_to_its_payer_through_its_order() -> None:
    found, requests = looked_up({CAPTURE: wire.capture(), ORDER: wire.order()}, wire.CHARGE, By.CHARGE)
    assert [(person.id, person.charges[0].id) for person in found.customers] == [(wire.PAYER, wire.CHARGE)]
    assert REPORT not in requests


def test_a_refund_leads_to_the_payment_it_gives_back() -> None:
    table = {
        f"GET /v2/payments/refunds/{wire.REFUND}": wire.refund(),
        CAPTURE: wire.capture(status="PARTIALLY_REFUNDED"),
        ORDER: wire.order(wire.refund()),
    }
    found, _ = looked_up(table, wire.REFUND, By.CHARGE)
    assert found.customers[0].charges[0].refundable == Money(4000, "USD")


def test_a_sale_of_the_old_api_leads_to_its_payer_through_its_payment() -> None:
    sale: wire.Wire = {
        "id": wire.CHARGE, "state": "partially_refunded", "amount": {"currency": "USD", "total": "50.00"},
        "parent_payment": "PAY-1AB23456CD789012EF34GHIJ", "create_time": wire.CREATED,
    }  # fmt: skip
    refund = {
        "id": wire.REFUND, "sale_id": wire.CHARGE, "state": "completed", "create_time": wire.CREATED,
        "amount": {"currency": "USD", "total": "10.00"},
    }  # fmt: skip
    payment = {
        "id": sale["parent_payment"],
        "payer": {
            "payer_info": {"payer_id": wire.PAYER, "email": "layla@example.com", "first_name": "Layla"}
        },
        "transactions": [{"related_resources": [{"sale": sale}, {"refund": refund}]}],
    }
    table = {
        f"GET /v1/payments/sale/{wire.CHARGE}": sale,
        f"GET /v1/payments/payment/{sale['parent_payment']}": payment,
    }
    (layla,) = looked_up(table, wire.CHARGE, By.CHARGE)[0].customers
    assert (layla.name, layla.charges[0].refundable) == ("Layla", Money(4000, "USD"))


def test_a_subscriptions_payment_has_no_order_and_is_told_by_its_row() -> None:
    subscribed = wire.row("T0002", paypal_reference_id_type="SUB", paypal_reference_id=wire.SUBSCRIPTION)
    table = {CAPTURE: wire.capture(supplementary_data={}), REPORT: wire.report(subscribed)}
    found, requests = looked_up(table, wire.CHARGE, By.CHARGE)
    (layla,) = found.customers
    assert (layla.id, layla.charges[0].subscription_id) == (wire.PAYER, wire.SUBSCRIPTION)
    assert requests.count(REPORT) == 1


def test_a_payment_whose_payer_paypal_does_not_tell_is_said_to_be_there() -> None:
    found, _ = looked_up({CAPTURE: wire.capture(supplementary_data={})}, wire.CHARGE, By.CHARGE)
    assert found.customers == ()
    assert found.notes == (f"PayPal does not say whose {wire.CHARGE} is",)


def test_a_subscription_is_one_step_away() -> None:
    payment = {
        "id": wire.CHARGE, "status": "COMPLETED", "time": wire.CREATED,
        "amount_with_breakdown": {"gross_amount": wire.money("12.00")},
    }  # fmt: skip
    table = {AGREEMENT: wire.subscription(), f"{AGREEMENT}/transactions": {"transactions": [payment]}}
    found, requests = looked_up(table, wire.SUBSCRIPTION, By.SUBSCRIPTION)
    assert requests == [AGREEMENT, f"{AGREEMENT}/transactions"]
    assert found.customers[0].charges[0].subscription_id == wire.SUBSCRIPTION


def test_an_invoice_is_found_by_its_number_and_only_by_all_of_it() -> None:
    data = wire.invoice()
    longer = wire.invoice(id="INV2-AAAA-5LLA-Q52L-CPZ5")
    longer["detail"] = data["detail"] | {"invoice_number": "INV-00012"}
    found, _ = looked_up({INVOICES: listing(data, longer)}, "inv-0001", By.INVOICE)
    assert [invoice.id for person in found.customers for invoice in person.invoices] == [wire.INVOICE]


def test_nothing_of_an_id_is_nobody() -> None:
    for by, text in (
        (By.CHARGE, wire.CHARGE),
        (By.CHARGE, "PP-D-1"),
        (By.SUBSCRIPTION, wire.SUBSCRIPTION),
        (By.INVOICE, wire.INVOICE),
        (By.ID, wire.PAYER),
    ):
        assert looked_up({}, text, by)[0].customers == (), text


@pytest.mark.parametrize(
    ("by", "text", "what"),
    [
        (By.CHARGE, wire.SUBSCRIPTION, "a charge"),
        (By.SUBSCRIPTION, "x", "a subscription"),
        (By.ID, "no id", "anything"),
        (By.INVOICE, wire.CHARGE, "an invoice"),
    ],
)
def test_an_id_of_another_kind_is_a_usage_error(by: By, text: str, what: str) -> None:
    with pytest.raises(UsageError, match=f"is no id of {what} at PayPal"):
        looked_up({}, text, by)


def test_a_customer_who_was_just_read_is_not_asked_for_again() -> None:
    with LoopbackServer(routes({CAPTURE: wire.capture(), ORDER: wire.order()})) as server:
        paypal = gateway(server.url, now=lambda: NOW)
        charge = paypal.get_charge(wire.CHARGE)
        before = len(server.requests)
        assert paypal.get_customer(charge.customer_id or "").name == "Layla Haddad"
        assert len(server.requests) == before
        with pytest.raises(NotFound, match="no payment in the last 90 days"):
            paypal.get_customer("7YR5Z8XDVJNXQ")
        paypal.close()


# The local copy


def test_a_copy_answers_for_its_time_and_the_rest_is_asked(tmp_path: Path) -> None:
    old = wire.row(transaction_initiation_date="2026-01-10T10:00:00Z")
    with LoopbackServer(routes({REPORT: wire.report(old), CAPTURE: wire.capture()})) as server:
        paypal = gateway(server.url, state_dir=tmp_path / "paypal", now=lambda: NOW)
        made = paypal.sync(NOW - timedelta(days=365))
        assert (made.records, made.until) == (1, datetime(2026, 11, 22, 9, tzinfo=UTC))
        before = len(server.requests)
        found = paypal.find_customers(Query(by=By.EMAIL, text="layla@example.com"))
        windows = [
            parameters(request) for request in server.requests[before:] if "reporting" in request.target
        ]
        paypal.close()
    assert [charge.id for charge in found.customers[0].charges] == [wire.CHARGE]
    assert [window["start_date"] for window in windows] == ["2026-11-19T09:00:00Z"], (
        "its end and what is newer"
    )
    assert any("2026-11-22T09:00:00Z are from this machine's copy" in note for note in found.notes)
    assert any("history before 2025-11-22 was not searched" in note for note in found.notes)


def test_a_broken_copy_is_named_and_can_be_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "paypal"
    with LoopbackServer(routes({})) as server:
        paypal = gateway(server.url, state_dir=folder, now=lambda: NOW)
        paypal.sync(NOW - timedelta(days=10))
        next(folder.glob("copy-*")).write_bytes(b"no database" * 1000)
        found = paypal.find_customers(Query(by=By.EMAIL, text="layla@example.com"))
        assert any("copy cannot be used" in note and "--forget" in note for note in found.notes)
        assert paypal.forget_copy() is None
        assert list(folder.glob("copy-*")) == []
        paypal.close()
