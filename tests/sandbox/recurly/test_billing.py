"""Subscriptions at Recurly: how they end, with and without money back, and the way back from it."""

from datetime import UTC, datetime, timedelta

import pytest

from billctl.sandbox.server import Sandbox
from tests.sandbox.recurly.wire import CANCELED, SUBSCRIPTION, Json, Wire

BILL = "laylain00004"
"""The invoice of the subscription's present month."""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def only(wire: Wire, code: str, state: str) -> Json:
    """An account's one subscription in this state."""
    found = wire.all(f"/accounts/code-{code}/subscriptions")
    (one,) = (each for each in found if each["state"] == state)
    return one


def test_a_canceled_subscription_goes_on_to_its_end_and_can_come_back(wire: Wire) -> None:
    canceled = wire.put(f"/subscriptions/{SUBSCRIPTION}/cancel", {"timeframe": "bill_date"})
    assert (canceled["state"], canceled["auto_renew"]) == ("canceled", False)
    assert canceled["expires_at"] == canceled["current_period_ends_at"]
    assert canceled["canceled_at"] is not None
    again = wire.ask(f"PUT /subscriptions/{SUBSCRIPTION}/cancel")
    assert (again.status, again.error["message"]) == (
        422,
        "Only active and future subscriptions can be canceled.",
    )
    back = wire.put(f"/subscriptions/{SUBSCRIPTION}/reactivate")
    assert (back["state"], back["canceled_at"], back["expires_at"]) == ("active", None, None)
    refused = wire.ask(f"PUT /subscriptions/{SUBSCRIPTION}/reactivate")
    assert refused.error["message"] == "Only canceled subscriptions can be reactivated."


def test_the_term_may_end_long_after_the_next_bill(wire: Wire) -> None:
    """Sophia is in the third month of twelve."""
    found = only(wire, "sophia", "active")
    assert (found["total_billing_cycles"], found["remaining_billing_cycles"]) == (12, 9)
    by_term = wire.put(f"/subscriptions/{found['id']}/cancel")
    assert by_term["expires_at"] == by_term["current_term_ends_at"]
    wire.put(f"/subscriptions/{found['id']}/reactivate")
    by_bill = wire.put(f"/subscriptions/{found['id']}/cancel", {"timeframe": "bill_date"})
    assert at(by_term["expires_at"]) - at(by_bill["expires_at"]) > timedelta(days=250)


def test_a_subscription_that_has_not_begun_fails_when_it_is_canceled(wire: Wire) -> None:
    found = only(wire, "hamad", "future")
    assert wire.put(f"/subscriptions/{found['id']}/cancel")["state"] == "failed"
    assert wire.ask(f"PUT /subscriptions/{found['id']}/reactivate").said == (422, "validation")


def test_time_ends_what_was_canceled(wire: Wire) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=40)
    with Sandbox(wire.state_dir, gateways=("recurly",), clock=lambda: tomorrow) as later:
        wire.host = later.url("recurly").removeprefix("http://")
        ended = wire.get(f"/subscriptions/{CANCELED}")
        assert (ended["state"], ended["expiration_reason"]) == ("expired", "canceled")
        assert wire.get(f"/subscriptions/{SUBSCRIPTION}")["state"] == "active"


@pytest.mark.parametrize(("refund", "returned"), [("none", 0), ("full", 49), (None, 0)])
def test_ending_at_once_gives_back_what_it_is_told_to(wire: Wire, refund: str | None, returned: int) -> None:
    query = "" if refund is None else f"?refund={refund}&charge=true"
    ended = wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}{query}").json
    assert ended["state"] == "expired"
    assert at(ended["expires_at"]) <= datetime.now(UTC)
    credits = wire.all(f"/invoices/{BILL}/related_invoices")
    assert [(one["origin"], one["total"], one["state"]) for one in credits] == (
        [("termination", -49.0, "closed")] if returned else []
    )
    assert wire.get(f"/invoices/{BILL}")["refundable_amount"] == 49 - returned


def test_the_unused_part_of_a_month_is_less_than_the_month(wire: Wire) -> None:
    wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}?refund=partial")
    (credit,) = wire.all(f"/invoices/{BILL}/related_invoices")
    assert -30.0 < credit["total"] < -26.0
    assert credit["subscription_ids"] == [SUBSCRIPTION]
    assert sum(one["amount"] for one in credit["transactions"]) == -credit["total"]
    assert credit in wire.all(f"/subscriptions/{SUBSCRIPTION}/invoices")


def test_no_more_goes_back_than_is_left(wire: Wire) -> None:
    wire.refunded(BILL, 45.0)
    wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}?refund=full")
    totals = [one["total"] for one in wire.all(f"/invoices/{BILL}/related_invoices")]
    assert sorted(totals) == [-45.0, -4.0]


def test_what_has_ended_cannot_end_again(wire: Wire) -> None:
    wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}?refund=full")
    reply = wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}?refund=full")
    assert (reply.status, reply.error["message"]) == (422, "Cannot expire an inactive subscription.")
    assert len(wire.all(f"/invoices/{BILL}/related_invoices")) == 1
    assert wire.ask(f"PUT /subscriptions/{SUBSCRIPTION}/reactivate").status == 422


def test_a_refund_of_a_kind_there_is_not_is_422(wire: Wire) -> None:
    reply = wire.ask(f"DELETE /subscriptions/{SUBSCRIPTION}?refund=some", wrong=True)
    assert reply.error["message"] == "Please provide valid values for these parameters: refund."
    assert wire.get(f"/subscriptions/{SUBSCRIPTION}")["state"] == "active"


def test_a_pause_begins_with_the_next_period_and_can_be_ended(wire: Wire) -> None:
    asked = wire.put(f"/subscriptions/{SUBSCRIPTION}/pause", {"remaining_pause_cycles": 2})
    assert (asked["state"], asked["remaining_pause_cycles"]) == ("active", 2)
    assert asked["paused_at"] == asked["current_period_ends_at"]
    assert wire.ask(f"PUT /subscriptions/{SUBSCRIPTION}/resume").status == 422
    paused = only(wire, "sunil", "paused")
    assert wire.put(f"/subscriptions/{paused['id']}/resume")["state"] == "active"
    assert wire.ask(f"PUT /subscriptions/{CANCELED}/pause", {"remaining_pause_cycles": 1}).status == 422
    undone = wire.put(f"/subscriptions/{SUBSCRIPTION}/pause", {"remaining_pause_cycles": 0})
    assert undone["paused_at"] is None


def test_the_present_periods_invoice_is_named(wire: Wire) -> None:
    found = wire.get(f"/subscriptions/{SUBSCRIPTION}")
    assert (found["active_invoice_id"], found["unit_amount"], found["currency"]) == (BILL, 49.0, "USD")
    assert at(found["current_period_started_at"]) < datetime.now(UTC) < at(found["current_period_ends_at"])
