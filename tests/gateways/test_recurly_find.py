"""Looking a customer up at Recurly: by whatever names him, with what he did, however much of it fails."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from billctl.errors import AuthFailed, NoAnswer, UsageError
from billctl.gateway import By, Found, Query
from billctl.gateways.recurly.queries import newest_first
from billctl.gateways.recurly.stamps import stamped
from billctl.models import Charge, ChargeStatus
from billctl.money import Money
from billctl.testing.servers import LoopbackServer, dropping
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import gateway
from tests.gateways.recurly_wire import (
    Fields,
    account,
    asked,
    credit,
    error,
    invoice,
    page,
    refund,
    told,
    transaction,
)

LAYLA = "accountlayla"
KEY = "0123456789abcdef0123456789abcdef"
LISTS = ("transactions", "invoices", "subscriptions")


def shop(**changed: Any) -> dict[str, Any]:
    """A site with Layla's account and all that she did; `changed` are parts of her history."""
    history: dict[str, Any] = {
        "transactions": [refund(), transaction(refunded=True)],
        "invoices": [credit(customer_notes=stamped(KEY)), invoice(refundable_amount=40.0)],
        "subscriptions": [wire.subscription()],
    } | changed
    return {
        "/accounts": [account()],
        f"/accounts/{LAYLA}": account(),
        "/accounts/code-layla": account(),
        "/transactions/payment00001": transaction(refunded=True),
        "/transactions/refund000001": refund(),
        f"/transactions/uuid-{'3' * 32}": transaction(refunded=True),
        "/subscriptions/subscription": wire.subscription(),
        f"/subscriptions/uuid-{'5' * 32}": wire.subscription(),
        "/invoices/number-1001": invoice(),
        "/invoices/invoice00001": invoice(),
        "/invoices/invoice00001/related_invoices": [credit(customer_notes=stamped(KEY))],
        **{f"/accounts/{LAYLA}/{what}": history[what] for what in LISTS},
    }


def looked_up(
    routes: Mapping[str, Any], text: str = "layla@example.com", by: By = By.EMAIL, **more: Any
) -> tuple[Found, list[str]]:
    """What a lookup finds in `routes`, and what it asked for."""
    with LoopbackServer(wire.serving(routes)) as server:
        found = gateway(server.url).find_customers(Query(by=by, text=text, **more))
        return found, [request.target for request in server.requests]


def paths(targets: list[str]) -> list[str]:
    return [urlsplit(target).path for target in targets]


# By what


def test_a_lookup_by_address_costs_one_request_and_three_for_each_customer() -> None:
    found, targets = looked_up(shop())
    assert sorted(paths(targets)) == ["/accounts", *(f"/accounts/{LAYLA}/{what}" for what in sorted(LISTS))]
    assert (found.notes, found.failures) == ((), ())
    (layla,) = found.customers
    assert (layla.id, layla.email, layla.name, layla.live) == (
        LAYLA,
        "layla@example.com",
        "Layla Haddad",
        False,
    )
    (charge,) = layla.charges
    assert (charge.refunded, charge.refundable) == (Money(1000, "USD"), Money(4000, "USD"))
    assert [(given.id, given.operation_key) for given in charge.refunds] == [("refund000001", KEY)]
    assert [bill.number for bill in layla.invoices] == ["1002", "1001"]
    assert [one.plan for one in layla.subscriptions] == ["gold"]


@pytest.mark.parametrize(
    ("text", "asked_for"),
    [
        ("Layla@Example.com", {"Layla@Example.com", "layla@example.com"}),
        ("layla@example.com", {"layla@example.com"}),
    ],
)
def test_an_address_is_asked_for_as_typed_and_in_small_letters(text: str, asked_for: set[str]) -> None:
    found, targets = looked_up(shop(), text)
    sent = [parse_qs(urlsplit(target).query)["email"][0] for target in targets if "email" in target]
    assert (len(sent), set(sent)) == (len(asked_for), asked_for)
    assert [customer.id for customer in found.customers] == [LAYLA]


def test_an_address_with_signs_of_a_url_in_it_is_sent_as_it_is() -> None:
    text = "läyla+shop&email=x%40@example.com"
    _, targets = looked_up({"/accounts": []}, text)
    assert parse_qs(urlsplit(targets[0]).query)["email"] == [text]


def test_a_site_without_a_list_of_accounts_is_no_site_without_the_customer() -> None:
    with pytest.raises(NoAnswer, match="has no such list"):
        looked_up({"/accounts": wire.NOT_FOUND})


def test_an_address_is_compared_here_whatever_the_list_holds() -> None:
    """A filter that is ignored would show everybody."""
    others = [
        account(id=f"another0000{n}", email=email) for n, email in enumerate(("noah@example.com", None, ""))
    ]
    found, _ = looked_up(shop() | {"/accounts": [*others, account(email="LAYLA@example.com")]})
    assert [customer.id for customer in found.customers] == [LAYLA]


def test_all_who_share_an_address_are_found_a_closed_account_among_them() -> None:
    twin = account(id="accountother", state="inactive")
    routes = shop() | {"/accounts": [account(), twin]}
    routes |= {f"/accounts/accountother/{what}": [] for what in LISTS}
    found, _ = looked_up(routes)
    assert [customer.id for customer in found.customers] == [LAYLA, "accountother"]
    assert found.notes == ("account accountother is closed",)
    first, _ = looked_up(routes, limit=1)
    assert [customer.id for customer in first.customers] == [LAYLA]
    assert "2 customers match; the first 1 are shown" in first.notes


def test_nobody_is_found_by_an_address_that_nobody_has_and_capitals_are_mentioned() -> None:
    found, _ = looked_up({"/accounts": []})
    assert (found.customers, found.failures) == ((), ())
    assert "capital letters" in found.notes[0]


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.ID, LAYLA),
        (By.ID, "layla"),
        (By.ID, "payment00001"),
        (By.ID, "subscription"),
        (By.ID, "invoice00001"),
        (By.ID, "3" * 32),
        (By.CHARGE, "payment00001"),
        (By.CHARGE, "refund000001"),
        (By.CHARGE, "3" * 32),
        (By.SUBSCRIPTION, "subscription"),
        (By.SUBSCRIPTION, "5" * 32),
        (By.INVOICE, "1001"),
        (By.INVOICE, "invoice00001"),
    ],
)
def test_whatever_names_an_object_finds_its_customer_with_that_object_once(by: By, text: str) -> None:
    found, _ = looked_up(shop(), text, by)
    (layla,) = found.customers
    assert [charge.id for charge in layla.charges] == ["payment00001"]
    assert [bill.id for bill in layla.invoices] == ["credit000001", "invoice00001"]
    assert [one.id for one in layla.subscriptions] == ["subscription"]
    assert found.failures == ()


@pytest.mark.parametrize(
    ("by", "text", "asked_for"),
    [
        (By.ID, "nobody000001", 5),
        (By.ID, "nobody@code.example", 1),
        (By.ID, "9" * 32, 3),
        (By.CHARGE, "nobody000001", 1),
        (By.SUBSCRIPTION, "nobody000001", 1),
        (By.INVOICE, "9999", 1),
        (By.INVOICE, "TEST-FR9999", 1),
    ],
)
def test_what_is_not_there_finds_nobody(by: By, text: str, asked_for: int) -> None:
    found, targets = looked_up({}, text, by)
    assert (found.customers, found.failures) == ((), ())
    assert len(targets) == asked_for


@pytest.mark.parametrize(
    ("by", "text"),
    [
        (By.EMAIL, " "),
        (By.EMAIL, "x" * 255),
        (By.ID, "two words"),
        (By.ID, "x" * 51),
        (By.CHARGE, "../accounts"),
        (By.CHARGE, "ABCDEFGHIJKL"),
        (By.SUBSCRIPTION, "a/b"),
        (By.INVOICE, "10 01"),
        (By.INVOICE, "1001/../x"),
    ],
)
def test_a_text_that_names_nothing_of_recurlys_is_refused_before_anything_is_asked(by: By, text: str) -> None:
    with LoopbackServer(dropping) as server:
        with pytest.raises(UsageError):
            gateway(server.url).find_customers(Query(by=by, text=text))
        assert server.requests == []


def test_an_old_object_that_led_to_its_customer_is_shown_beside_the_newest() -> None:
    newer = [transaction(id=f"payment1000{n}", created_at=f"2026-03-0{n}T00:00:00Z") for n in (3, 2, 1)]
    routes = shop(transactions=newer) | {"/invoices": asked(lambda _: page(invoice()))}
    found, _ = looked_up(routes, "refund000001", By.CHARGE, limit=2)
    assert [charge.id for charge in found.customers[0].charges] == [
        "payment10003",
        "payment10002",
        "payment00001",
    ]
    assert f"{LAYLA} has more charges than the 2 newest shown" in found.notes


# Charges


def charges_of(**changed: Any) -> tuple[tuple[Charge, ...], list[str]]:
    extra = {name: changed.pop(name) for name in list(changed) if name.startswith("/")}
    found, targets = looked_up(shop(**changed) | extra)
    assert found.failures == ()
    return found.customers[0].charges, paths(targets)


def test_tries_of_a_card_are_no_charges_and_do_not_fill_the_limit() -> None:
    tries = [transaction(id=f"try00000000{n}", type="verify", amount=1.0, status="void") for n in range(5)]
    found, _ = looked_up(shop(transactions=[*tries, transaction()]), limit=1)
    assert [charge.id for charge in found.customers[0].charges] == ["payment00001"]
    assert found.notes == (f"{LAYLA} has more invoices than the 1 newest shown",)


def test_a_list_goes_on_until_enough_charges_are_read() -> None:
    pages: dict[str | None, Fields] = {
        None: page(
            transaction(id="try000000001", type="verify"),
            following=f"/accounts/{LAYLA}/transactions?cursor=2",
        ),
        "2": page(transaction(), following=f"/accounts/{LAYLA}/transactions?cursor=3"),
        "3": page(transaction(id="payment00002"), following=f"/accounts/{LAYLA}/transactions?cursor=4"),
    }
    routes = shop(transactions=asked(lambda params: pages[params.get("cursor")]))
    found, _ = looked_up(routes, limit=1)
    assert [charge.id for charge in found.customers[0].charges] == ["payment00001"]
    assert found.failures == ()


def test_invoices_that_are_not_among_the_newest_are_asked_for_together() -> None:
    paid = [
        transaction(id=f"payment0000{n}", invoice={"id": f"invoice0000{n}", "object": "invoice"})
        for n in (1, 2)
    ]
    given: list[str] = []

    def bills(params: Mapping[str, str]) -> Fields:
        given.append(params["ids"])
        return page(*(invoice(id=one, refundable_amount=7.0) for one in params["ids"].split(",")))

    charges, _ = charges_of(transactions=paid, invoices=[], **{"/invoices": asked(bills)})
    assert [charge.refundable for charge in charges] == [Money(700, "USD")] * 2
    assert len(given) == 1


def test_refunds_that_the_newest_invoices_do_not_cover_are_asked_for() -> None:
    """The credit invoice is younger than the payment, and older than the oldest invoice that was read."""
    newest = [
        invoice(id=f"invoice1000{n}", number=f"20{n}", created_at=f"2026-05-0{n}T00:00:00Z")
        for n in (4, 3, 2)
    ]
    related = {"/invoices/invoice00001/related_invoices": [credit(customer_notes=stamped(KEY))]}
    routes = shop(invoices=newest) | related | {"/invoices": [invoice(refundable_amount=40.0)]}
    found, targets = looked_up(routes, limit=2)
    (charge,) = found.customers[0].charges
    assert (charge.refunded, charge.refunds[0].operation_key) == (Money(1000, "USD"), KEY)
    assert "/invoices/invoice00001/related_invoices" in paths(targets)


def test_refunds_of_a_payment_older_than_since_are_asked_for_where_its_id_led_here() -> None:
    """Its credit invoice may be older than `since`, too, and so not among those that were read."""
    related = {"/invoices/invoice00001/related_invoices": [credit(customer_notes=stamped(KEY))]}
    routes = shop(invoices=[], transactions=[]) | related | {"/invoices": [invoice(refundable_amount=40.0)]}
    since = datetime(2026, 5, 1, tzinfo=UTC)
    found, _ = looked_up(routes, "payment00001", By.CHARGE, since=since)
    assert [given.operation_key for given in found.customers[0].charges[0].refunds] == [KEY]


def test_a_payment_of_which_nothing_was_given_back_costs_no_request_for_its_refunds() -> None:
    newest = [
        invoice(id=f"invoice1000{n}", number=f"20{n}", created_at=f"2026-05-0{n}T00:00:00Z")
        for n in (4, 3, 2)
    ]
    routes = shop(invoices=newest, transactions=[transaction()]) | {"/invoices": [invoice()]}
    found, targets = looked_up(routes, limit=2)
    assert found.customers[0].charges[0].refunds == ()
    assert not [path for path in paths(targets) if "related" in path]


def test_a_payment_voided_for_a_credit_invoice_shows_it_as_its_refund() -> None:
    voided = transaction(status="void", voided_by_invoice={"id": "credit000001", "object": "invoice"})
    stands = credit(transactions=[], total=-50.0, customer_notes=stamped(KEY))
    (charge,), _ = charges_of(transactions=[voided], invoices=[stands, invoice(refundable_amount=0.0)])
    assert (charge.status, charge.refunded) == (ChargeStatus.VOIDED, Money(5000, "USD"))
    assert [(given.id, given.operation_key) for given in charge.refunds] == [("credit000001", KEY)]


# What cannot be read


@pytest.mark.parametrize("part", LISTS)
def test_one_part_of_a_history_that_cannot_be_read_hides_no_other(part: str) -> None:
    found, _ = looked_up(
        shop(**{part: told(error("internal_server_error"), 500)})
        | {"/invoices": [invoice()], "/invoices/invoice00001/related_invoices": []}
    )
    (layla,) = found.customers
    word = "charges" if part == "transactions" else part
    assert [failure.message.split(":")[0] for failure in found.failures] == [
        f"the {word} of {LAYLA} could not be read"
    ]
    assert all(isinstance(failure, NoAnswer) for failure in found.failures)
    shown = {"charges": layla.charges, "invoices": layla.invoices, "subscriptions": layla.subscriptions}
    assert [name for name, records in shown.items() if not records] == [word]


def test_one_object_that_cannot_be_read_hides_no_other() -> None:
    broken = [transaction(id="payment00009", amount=10.005), transaction()]
    found, _ = looked_up(shop(transactions=broken, subscriptions=[wire.subscription(created_at=None)]))
    (layla,) = found.customers
    assert [charge.id for charge in layla.charges] == ["payment00001"]
    told_of = sorted(failure.message for failure in found.failures)
    assert "payment00009 is left out" in told_of[0]
    assert "subscription is left out" in told_of[1]


def test_refunds_that_cannot_be_read_are_a_gap_and_their_payment_is_shown() -> None:
    related = {"/invoices/invoice00001/related_invoices": told(error("internal_server_error"), 500)}
    newest = [
        invoice(id=f"invoice1000{n}", number=f"20{n}", created_at=f"2026-05-0{n}T00:00:00Z")
        for n in (4, 3, 2)
    ]
    routes = shop(invoices=newest) | related | {"/invoices": [invoice(refundable_amount=40.0)]}
    found, _ = looked_up(routes, limit=2)
    assert found.customers[0].charges[0].refundable == Money(4000, "USD")
    assert "the refunds of accountlayla could not be read" in found.failures[0].message


def test_a_key_that_is_refused_is_no_empty_answer() -> None:
    with pytest.raises(AuthFailed):
        looked_up(shop() | {"/accounts": told(error("unauthorized"), 401)})


def test_a_probe_that_fails_is_not_taken_for_an_object_that_is_not_there() -> None:
    with pytest.raises(NoAnswer):
        looked_up(
            shop() | {"/accounts/code-layla": told(error("internal_server_error"), 500)}, "layla", By.ID
        )


@pytest.mark.parametrize(
    ("text", "missing"),
    [("invoice00001", "/accounts/accountlayla"), ("refund000001", "/transactions/payment00001")],
)
def test_an_object_whose_customer_or_payment_is_missing_is_not_said_to_be_nobodys(
    text: str, missing: str
) -> None:
    with pytest.raises(NoAnswer, match="and does not have it"):
        looked_up(shop() | {missing: wire.NOT_FOUND}, text, By.ID)


# The parameters of lists


def test_since_leaves_out_older_payments_and_invoices_but_no_subscription() -> None:
    since = datetime(2026, 2, 1, 12, 30, 15, 500_000, tzinfo=UTC)
    _, targets = looked_up(shop(), since=since)
    begun = {urlsplit(t).path.split("/")[-1]: parse_qs(urlsplit(t).query).get("begin_time") for t in targets}
    moment = ["2026-02-01T12:30:15Z"]
    assert begun == {"accounts": None, "transactions": moment, "invoices": moment, "subscriptions": None}


def test_times_are_widened_to_seconds_and_pages_kept_within_what_recurly_allows() -> None:
    moment = datetime(2026, 2, 1, 0, 0, 0, 1, tzinfo=UTC)
    params = newest_first(1000, since=moment, until=moment)
    assert params == {
        "limit": 200, "order": "desc", "sort": "created_at",
        "begin_time": "2026-02-01T00:00:00Z", "end_time": "2026-02-01T00:00:01Z",
    }  # fmt: skip
    assert newest_first(0)["limit"] == 1
