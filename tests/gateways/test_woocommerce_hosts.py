"""Refunds of one order from several hosts, in states of the store that last for moments only."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from billctl.errors import Busy, OutcomeUnknown, Refused
from billctl.gateways.woocommerce.claims import End
from billctl.sandbox import state
from tests.gateways.woocommerce_orders import PAID, Machine, rehearsing, stamp


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """A machine at a fresh store."""
    with rehearsing(tmp_path) as machine:
        yield machine


def edited(here: Machine, object_id: str, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change an object of the store in its books."""
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        (body,) = database.execute("SELECT body FROM objects WHERE id=?", (object_id,)).fetchone()
        record = json.loads(body)
        edit(record)
        database.execute("UPDATE objects SET body=? WHERE id=?", (json.dumps(record), object_id))


def unended(here: Machine) -> None:
    """Take the ends of all claims away."""
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        database.execute("DELETE FROM objects WHERE kind='note' AND body LIKE '% done]%'")


def without_notes(here: Machine) -> None:
    with state.opened(here.state_dir, "woocommerce") as database, database.transaction(write=True):
        database.execute("DELETE FROM objects WHERE kind='note'")


def test_a_refund_whose_meta_data_is_not_written_yet_is_known_by_its_claim(here: Machine) -> None:
    """Between the payment and the meta data the store sends its e-mails."""
    seen = here.charge()
    made = here.another("there").refund(500, by=stamp(2, key=1))
    edited(here, f"refund/{made.id}", lambda refund: refund.update(meta=[]))
    assert here.refund(500, charge=seen).id == made.id
    assert here.moved() == [500]


def test_a_refund_that_the_same_operation_made_elsewhere_meanwhile_is_its_own(here: Machine) -> None:
    other = stamp(2, key=1)

    def elsewhere(_: float) -> None:
        here.claim(other)
        here.end(other, End.DONE)
        asked = {"amount": "5.00", "reason": f"ref {other.operation}", "api_refund": True}
        here.client.post(f"orders/{PAID}/refunds", asked)

    here.sleep = elsewhere
    assert here.refund(500).operation == other.operation
    assert here.moved() == [500]


def test_a_refund_of_another_host_that_is_under_way_stands_in_the_way(here: Machine) -> None:
    seen = here.charge()
    made = here.another("there").refund(500, by=stamp(2))
    edited(here, f"refund/{made.id}", lambda refund: refund.update(done=False, meta=[]))
    unended(here)
    with pytest.raises(Busy, match=stamp(2).operation):
        here.refund(700, charge=seen)
    assert here.moved() == [500]


def test_an_answer_that_does_not_say_that_money_moved_leaves_it_unknown(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = here.client.post

    def unpaid(path: str, body: dict[str, Any], **more: Any) -> Any:
        if path.endswith("/refunds"):
            return send(path, body | {"api_refund": False}, **more)
        return send(path, body, **more)

    monkeypatch.setattr(here.client, "post", unpaid)
    with pytest.raises(OutcomeUnknown, match="does not say that it was paid"):
        here.refund(500)
    assert (here.moved(), here.ends()) == ([], {stamp().operation: None})


def test_an_operation_that_was_sent_is_never_begun_again_though_its_claim_was_deleted(here: Machine) -> None:
    here.marks.begin(stamp().operation)
    here.marks.sending(stamp().operation)
    with pytest.raises(OutcomeUnknown, match="has begun before"):
        here.refund(500)
    assert (here.moved(), here.claims()) == ([], ())


def test_a_refund_whose_claim_was_deleted_is_known_by_its_meta_data(here: Machine) -> None:
    seen = here.charge()
    made = here.another("there").refund(500, by=stamp(2, key=1))
    without_notes(here)
    assert here.refund(500, charge=seen).id == made.id
    assert here.moved() == [500]


@pytest.mark.parametrize("status", ["on-hold", "cancelled", "shipped", "trash", "pending"])
def test_an_order_that_is_not_paid_for_good_any_more_is_not_refunded(here: Machine, status: str) -> None:
    seen = here.charge()
    edited(here, f"order/{PAID}", lambda order: order.update(status=status))
    with pytest.raises(Refused, match=status):
        here.refund(500, charge=seen)
    assert (here.moved(), here.claims()) == ([], ())


def test_an_order_whose_total_was_changed_is_not_refunded(here: Machine) -> None:
    seen = here.charge()
    edited(here, f"order/{PAID}", lambda order: order.update(total="59.00"))
    with pytest.raises(Refused) as caught:
        here.refund(500, charge=seen)
    assert caught.value.code == "changed_meanwhile"
    assert (here.moved(), here.claims()) == ([], ())
