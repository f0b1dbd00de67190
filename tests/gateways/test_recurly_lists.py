"""Lists at Recurly: narrowed there where that is exact, filtered here, complete, honest about the rest."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from billctl.errors import NoAnswer, NotFound, UsageError
from billctl.gateway import Selection
from billctl.gateways.recurly.stamps import stamped
from billctl.models import Record
from billctl.money import Money
from billctl.testing.servers import LoopbackServer
from tests.gateways import recurly_wire as wire
from tests.gateways.recurly_accounts import gateway
from tests.gateways.recurly_wire import Fields, asked, credit, invoice, page, refund, transaction

KEY = "0123456789abcdef0123456789abcdef"
LAYLA = "accountlayla"


def listed(kind: str, routes: Mapping[str, Any], **selection: Any) -> tuple[list[Any], list[str]]:
    """What a list of `kind` holds, and what it asked for."""
    with LoopbackServer(wire.serving(routes)) as server:
        records = list(getattr(gateway(server.url), f"list_{kind}")(Selection(**selection)))
        return records, [request.target for request in server.requests]


def ids(records: list[Record]) -> list[str]:
    return [record.id for record in records]


def params(target: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


def by_ids(*invoices: Fields) -> Any:
    """The list of invoices, asked for by ids alone."""

    def found(given: Mapping[str, str]) -> Fields:
        assert set(given) == {"ids"}
        wanted = given["ids"].split(",")
        return page(*(one for one in invoices if one["id"] in wanted))

    return asked(found)


# Charges and refunds


def test_charges_come_with_their_refunds_and_with_what_their_invoices_have_left() -> None:
    routes = {
        "/transactions": [
            refund(),
            transaction(id="payment00002", invoice={"id": "invoice00002", "object": "invoice"}),
            transaction(id="try000000001", type="verify"),
            transaction(refunded=True),
        ],
        "/invoices": by_ids(
            invoice(refundable_amount=40.0), invoice(id="invoice00002", refundable_amount=60.0)
        ),
        "/invoices/invoice00001/related_invoices": [
            credit(customer_notes=stamped(KEY)),
            invoice(id="another00001"),
        ],
    }
    charges, targets = listed("charges", routes)
    assert [(charge.id, charge.refundable.minor) for charge in charges] == [
        ("payment00002", 5000),
        ("payment00001", 4000),
    ]
    assert [given.operation_key for given in charges[1].refunds] == [KEY]
    assert len(targets) == 3


def test_refunds_are_asked_for_where_less_is_left_on_the_invoice_than_was_paid() -> None:
    """The payment itself does not say yet that something was given back."""
    routes = {
        "/transactions": [transaction(refunded=False), transaction(id="lost00000001", status="declined")],
        "/invoices": by_ids(invoice(refundable_amount=40.0)),
        "/invoices/invoice00001/related_invoices": [credit()],
    }
    charges, targets = listed("charges", routes)
    assert [charge.refunded.minor for charge in charges] == [1000, 0]
    assert len(targets) == 3


def test_a_voided_payment_is_listed_with_the_credit_invoice_it_was_voided_for() -> None:
    voided = transaction(status="void", voided_by_invoice={"id": "credit000001", "object": "invoice"})
    routes = {
        "/transactions": [voided],
        "/invoices": by_ids(invoice(refundable_amount=0.0)),
        "/invoices/invoice00001/related_invoices": [credit(transactions=[], customer_notes=stamped(KEY))],
    }
    (charge,), _ = listed("charges", routes)
    assert [given.operation_key for given in charge.refunds] == [KEY]


def test_the_pages_of_a_list_are_fetched_as_they_are_needed() -> None:
    pages: dict[str | None, Fields] = {
        None: page(
            transaction(id="payment00003"), transaction(id="payment00002"), following="/transactions?cursor=2"
        ),
        "2": page(transaction(), following="/transactions?cursor=3"),
    }
    routes = {
        "/transactions": asked(lambda given: pages[given.get("cursor")]),
        "/invoices": by_ids(invoice()),
    }
    with LoopbackServer(wire.serving(routes)) as server:
        charges = gateway(server.url).list_charges(Selection(limit=3))
        next(charges)
        assert len(server.requests) == 2
        assert ids(list(charges)) == ["payment00002", "payment00001"]
        assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("status", "asked_for"),
    [(None, None), ("paid", "payment"), ("refunded", "payment"), ("authorized", None), ("failed", None)],
)
def test_payments_alone_are_asked_for_where_no_authorization_can_be_meant(
    status: str | None, asked_for: str | None
) -> None:
    held = transaction(id="held00000001", type="authorization")
    lost = transaction(id="lost00000001", status="declined")
    routes = {"/transactions": [held, lost, transaction()], "/invoices": by_ids(invoice())}
    charges, targets = listed("charges", routes, status=status)
    assert params(targets[0]).get("type") == asked_for
    wanted = {
        "paid": ["payment00001"],
        "authorized": ["held00000001"],
        "failed": ["lost00000001"],
        "refunded": [],
    }
    assert ids(charges) == wanted.get(status or "", ["held00000001", "lost00000001", "payment00001"])


def test_refunds_name_the_operation_that_their_credit_invoice_names() -> None:
    other = refund(id="refund000002", invoice=None)
    routes = {"/transactions": [refund(), other], "/invoices": by_ids(credit(customer_notes=stamped(KEY)))}
    refunds, targets = listed("refunds", routes)
    assert [(one.id, one.operation_key) for one in refunds] == [("refund000001", KEY), ("refund000002", None)]
    assert params(targets[0])["type"] == "refund"


# Every list


FILTERED = {
    "customers": ("/accounts", [wire.account()]),
    "subscriptions": ("/subscriptions", [wire.subscription()]),
    "invoices": ("/invoices", [invoice()]),
}


@pytest.mark.parametrize("kind", FILTERED)
def test_what_recurly_filters_is_filtered_again(kind: str) -> None:
    """A filter that is ignored shows too much, and one that counts in days too little or too much."""
    path, items = FILTERED[kind]
    edges = [("2026-02-03T04:05:06Z", 1), ("2026-02-03T04:05:07Z", 0), ("2026-02-03T04:05:05Z", 1)]
    for edge, found in edges:
        moment = datetime.fromisoformat(edge)
        assert len(listed(kind, {path: items}, since=moment)[0]) == found
    for edge, found in (("2026-02-03T04:05:06Z", 0), ("2026-02-03T04:05:07Z", 1)):
        assert len(listed(kind, {path: items}, until=datetime.fromisoformat(edge))[0]) == found


def test_a_list_asks_for_its_times_newest_first_and_for_no_more_than_it_holds() -> None:
    moment = datetime(2026, 2, 1, tzinfo=UTC)
    _, (target,) = listed("invoices", {"/invoices": []}, since=moment, until=moment, limit=7)
    assert params(target) == {
        "limit": "7", "order": "desc", "sort": "created_at",
        "begin_time": "2026-02-01T00:00:00Z", "end_time": "2026-02-01T00:00:01Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "state"),
    [
        ("subscriptions", "expired", "expired"),
        ("subscriptions", "incomplete", "future"),
        ("subscriptions", "active", None),
        ("subscriptions", "canceled", None),
        ("invoices", "past_due", "past_due"),
        ("invoices", "uncollectible", "failed"),
        ("invoices", "paid", None),
        ("invoices", "open", None),
    ],
)
def test_a_status_is_asked_for_where_recurly_means_the_same(
    kind: str, status: str, state: str | None
) -> None:
    _, (target,) = listed(kind, {f"/{kind}": []}, status=status)
    assert (params(target).get("state"), params(target)["limit"]) == (state, "200")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("charges", f"/accounts/{LAYLA}/transactions"),
        ("refunds", f"/accounts/{LAYLA}/transactions"),
        ("subscriptions", f"/accounts/{LAYLA}/subscriptions"),
        ("invoices", f"/accounts/{LAYLA}/invoices"),
    ],
)
def test_a_list_of_one_customer_is_asked_of_his_account(kind: str, path: str) -> None:
    records, (target,) = listed(kind, {path: []}, customer_id=LAYLA)
    assert (records, urlsplit(target).path) == ([], path)
    with (
        LoopbackServer(wire.NOT_FOUND) as server,
        pytest.raises(UsageError, match="is not a Recurly customer id"),
    ):
        list(getattr(gateway(server.url), f"list_{kind}")(Selection(customer_id="code-layla")))
    assert server.requests == []


@pytest.mark.parametrize("wrong", [{"status": "active"}, {"customer_id": LAYLA}])
def test_customers_are_filtered_by_time_only(wrong: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        listed("customers", {}, **wrong)
    assert caught.value.code == "bad_filter"


@pytest.mark.parametrize("kind", ["charges", "customers", "invoices", "refunds", "subscriptions"])
def test_a_list_that_every_site_has_and_is_not_there_is_not_empty(kind: str) -> None:
    with pytest.raises(NoAnswer, match="has no such list"):
        listed(kind, {})


def test_the_list_of_an_account_that_is_not_there_says_so() -> None:
    with pytest.raises(NotFound):
        listed("invoices", {}, customer_id=LAYLA)


def test_a_list_of_none_asks_for_nothing() -> None:
    assert listed("invoices", {}, limit=0) == ([], [])


def test_what_cannot_be_read_is_named_at_the_end_of_what_can() -> None:
    broken = invoice(id="broken000001", total=10.5, currency="JPY")
    with LoopbackServer(wire.serving({"/invoices": [broken, invoice()]})) as server:
        invoices = gateway(server.url).list_invoices(Selection())
        assert next(invoices).total == Money(5000, "USD")
        with pytest.raises(NoAnswer, match=r"left out of the list: broken000001 \(.*more decimals") as caught:
            next(invoices)
    assert caught.value.code == "left_out"


def test_a_list_that_breaks_off_says_so_after_what_it_had() -> None:
    pages = asked(lambda given: {} if "cursor" in given else page(invoice(), following="/invoices?cursor=2"))
    with LoopbackServer(wire.serving({"/invoices": pages})) as server:
        invoices = gateway(server.url).list_invoices(Selection())
        assert next(invoices).id == "invoice00001"
        with pytest.raises(NoAnswer):
            next(invoices)


def test_what_lists_do_not_show_is_said() -> None:
    said = {
        kind: gateway("http://127.0.0.1:9").list_notes(kind, Selection())
        for kind in ("charges", "refunds", "invoices")
    }
    assert "tries of a card" in said["charges"][0]
    assert "voided" in said["refunds"][0]
    assert said["invoices"] == ()
