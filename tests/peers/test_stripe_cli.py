"""The official Stripe CLI works against the sandbox, and both speak as Stripe's description says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.sandbox import KEYS
from billctl.sandbox.server import Sandbox
from tests.openapi import StripeSpec
from tests.peers.programs import StripeCli, stripe_cli, stripe_cli_binary
from tests.recording import RecordingProxy

pytestmark = pytest.mark.peer

KEY = KEYS["stripe"]["api_key"]
CUSTOMER = "cus_SbxLayla000001"
CHARGE = "ch_SbxLayla0000001"
SUBSCRIPTION = "sub_SbxLayla000001"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[RecordingProxy]:
    """What lies between the CLI and the sandbox; at the end everything said through it was right."""
    stripe_cli_binary()
    with (
        Sandbox(tmp_path / "state", gateways=("stripe",)) as sandbox,
        RecordingProxy(sandbox.url("stripe")) as between,
    ):
        yield between
    assert between.problems() == []


@pytest.fixture
def stripe(proxy: RecordingProxy, tmp_path: Path) -> StripeCli:
    return stripe_cli(proxy.url, KEY, tmp_path / "stripe-home")


def test_it_creates_a_customer_and_finds_him_again(stripe: StripeCli) -> None:
    created = stripe(
        "customers", "create", "--email", "new@example.com", "--name", "نورة الحربي", "-d", "metadata[crm]=77"
    )
    assert created["object"] == "customer"
    assert (created["name"], created["metadata"]) == ("نورة الحربي", {"crm": "77"})
    assert stripe("customers", "retrieve", created["id"]) == created
    assert stripe("customers", "list", "--email", "new@example.com")["data"] == [created]


def test_it_updates_and_deletes_a_customer(stripe: StripeCli) -> None:
    created = stripe("customers", "create", "--email", "gone@example.com")
    updated = stripe("customers", "update", created["id"], "--name", "Gone")
    assert updated == created | {"name": "Gone"}
    assert stripe("customers", "delete", created["id"], "--confirm")["deleted"] is True
    assert stripe("customers", "list", "--email", "gone@example.com")["data"] == []


def test_it_lists_charges_page_by_page_newest_first(stripe: StripeCli) -> None:
    whole = stripe("charges", "list", "--limit", "5")["data"]
    first = stripe("charges", "list", "--limit", "2")
    second = stripe("charges", "list", "--limit", "3", "--starting-after", first["data"][-1]["id"])
    assert first["has_more"] is True
    assert first["data"] + second["data"] == whole
    assert [charge["created"] for charge in whole] == sorted((c["created"] for c in whole), reverse=True)


def test_it_expands_what_it_lists(stripe: StripeCli) -> None:
    charges = stripe("charges", "list", "--customer", CUSTOMER, "-e", "data.refunds", "-e", "data.customer")
    assert charges["data"]
    for charge in charges["data"]:
        assert charge["customer"]["id"] == CUSTOMER
        assert charge["refunds"]["object"] == "list"


def test_it_searches(stripe: StripeCli) -> None:
    found = stripe("charges", "search", "--query", f"customer:'{CUSTOMER}'")
    assert found["object"] == "search_result"
    assert CHARGE in {charge["id"] for charge in found["data"]}


def test_it_refunds_in_part_once_for_one_idempotency_key(stripe: StripeCli) -> None:
    before = stripe("charges", "retrieve", CHARGE)
    refund = ("refunds", "create", "--charge", CHARGE, "--amount", "100", "--reason", "duplicate")
    first = stripe(*refund, "-i", "peer-1")
    again = stripe(*refund, "-i", "peer-1")
    other = stripe(*refund, "-i", "peer-2")
    assert (first["object"], first["amount"], first["charge"]) == ("refund", 100, CHARGE)
    assert again == first
    assert other["id"] != first["id"]
    assert stripe("charges", "retrieve", CHARGE)["amount_refunded"] == before["amount_refunded"] + 200
    assert {first["id"], other["id"]} <= {
        r["id"] for r in stripe("refunds", "list", "--charge", CHARGE)["data"]
    }


def test_a_key_used_again_for_another_request_is_refused(stripe: StripeCli) -> None:
    stripe("refunds", "create", "--charge", CHARGE, "--amount", "100", "-i", "peer-1")
    answer = stripe("refunds", "create", "--charge", CHARGE, "--amount", "101", "-i", "peer-1")
    assert answer["error"]["type"] == "idempotency_error"


def test_it_cannot_refund_more_than_is_left(stripe: StripeCli) -> None:
    charge = stripe("charges", "retrieve", CHARGE)
    too_much = charge["amount"] - charge["amount_refunded"] + 1
    answer = stripe("refunds", "create", "--charge", CHARGE, "--amount", str(too_much))
    assert answer["error"]["type"] == "invalid_request_error"
    assert stripe("charges", "retrieve", CHARGE) == charge


def test_it_cancels_at_the_end_of_the_period_and_then_now(stripe: StripeCli) -> None:
    running = stripe("subscriptions", "retrieve", SUBSCRIPTION)
    assert running["status"] == "active"
    later = stripe("subscriptions", "update", SUBSCRIPTION, "--cancel-at-period-end=true")
    assert (later["status"], later["cancel_at_period_end"]) == ("active", True)
    ended = stripe("subscriptions", "cancel", SUBSCRIPTION, "--confirm")
    assert ended["status"] == "canceled"
    assert ended["canceled_at"] is not None
    canceled = stripe("subscriptions", "list", "--customer", CUSTOMER, "--status", "canceled")
    assert SUBSCRIPTION in {subscription["id"] for subscription in canceled["data"]}


def test_an_object_that_is_not_there_is_named(stripe: StripeCli) -> None:
    error = stripe("charges", "retrieve", "ch_nothing")["error"]
    assert error["code"] == "resource_missing"
    assert "ch_nothing" in error["message"]


def test_a_parameter_that_does_not_exist_is_refused(proxy: RecordingProxy, stripe: StripeCli) -> None:
    error = stripe("refunds", "create", "--charge", CHARGE, "-d", "because=x")["error"]
    assert (error["code"], error["param"]) == ("parameter_unknown", "because")
    wrong = proxy.exchanges.pop()
    assert wrong.status == 400
    assert wrong.problems(StripeSpec.load()) == ["POST /v1/refunds: body: unknown property 'because'"]
    stripe("charges", "retrieve", CHARGE)


def test_a_wrong_key_opens_nothing(proxy: RecordingProxy, stripe: StripeCli, tmp_path: Path) -> None:
    stranger = stripe_cli(proxy.url, "sk_test_0000000000000000", tmp_path / "stranger-home")
    done = stranger.run("charges", "list")
    assert done.returncode == 1
    assert proxy.exchanges[-1].status == 401
