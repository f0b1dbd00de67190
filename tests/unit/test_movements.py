"""Which refunds a gateway lists are explained by the log, where the log holds no result to know them by."""

from datetime import UTC, datetime
from pathlib import Path

from billctl.audit.actor import Actor, Origin
from billctl.audit.log import AuditLog, Subject
from billctl.listing import Listing
from billctl.models import Refund, RefundStatus
from billctl.money import Money
from billctl.movements import _refunds
from billctl.store.interface import OperationState
from billctl.store.sqlite import open_store

NOW = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
AMOUNT = Money(2_000, "USD")
AMINA = Actor(uid=1000, login="amina", host="till", origin=Origin.TERMINAL)
SUBJECT = Subject(
    action="refund", gateway="paypal", account="paypal", account_id="c1", object_type="charge",
    object_id="S1", object="paypal|c1|S1", amount=AMOUNT, reason="charged twice",
)  # fmt: skip


def listed(refund_id: str) -> Refund:
    return Refund(
        account="paypal", gateway="paypal", id=refund_id, charge_id="S1", amount=AMOUNT, created=NOW,
        status=RefundStatus.SUCCEEDED, gateway_status="completed",
    )  # fmt: skip


def test_what_a_person_said_was_done_explains_one_refund_and_no_other_of_its_amount(tmp_path: Path) -> None:
    store = open_store(tmp_path / "audit.sqlite")
    log = AuditLog(store, actor=AMINA, profile="p", mode="test", clock=lambda: NOW, source="cli", argv=())
    log.intent(SUBJECT, operation="op_1", key="k1")
    log.outcome(
        SUBJECT,
        operation="op_1",
        state=OperationState.DONE,
        outcome="succeeded",
        resolution={"as": "done", "reason": "seen in PayPal"},
    )
    # The same refund may be listed by two accounts of one identity.
    records = (listed("R1"), listed("R1"), listed("R2"))
    listing = Listing(kind="refunds", records=records, more=False, parts=())
    found = list(_refunds(store, listing, {"paypal": "c1"}))
    store.close()
    assert [movement.ref for movement in found] == ["paypal:R2"]
