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


def listed(refund_id: str, key: str | None = None, status: RefundStatus = RefundStatus.SUCCEEDED) -> Refund:
    return Refund(
        account="paypal", gateway="paypal", id=refund_id, charge_id="S1", amount=AMOUNT, created=NOW,
        status=status, gateway_status="completed", operation_key=key,
    )  # fmt: skip


def unexplained(
    tmp_path: Path, *refunds: Refund, result: dict[str, str] | None = None
) -> list[tuple[str, str]]:
    """What is left of these refunds after an operation with the key `k1`, and what is said of it."""
    store = open_store(tmp_path / "audit.sqlite")
    log = AuditLog(store, actor=AMINA, profile="p", mode="test", clock=lambda: NOW, source="cli", argv=())
    log.intent(SUBJECT, operation="op_1", key="k1")
    if result is not None:
        done = OperationState.DONE
        log.outcome(SUBJECT, operation="op_1", state=done, outcome="succeeded", result=result)
    listing = Listing(kind="refunds", records=refunds, more=False, parts=())
    found = list(_refunds(store, listing, {"paypal": "c1"}))
    store.close()
    return [(movement.ref, movement.note) for movement in found]


def test_a_key_explains_one_refund_and_not_a_second_one_that_another_host_made_with_it(
    tmp_path: Path,
) -> None:
    """A gateway that honours no key may have made both."""
    refunds = (listed("R2", "k1"), listed("R1", "k1"), listed("R1", "k1"))
    assert unexplained(tmp_path, *refunds, result={"type": "refund", "id": "R1"}) == [
        ("paypal:R2", "carries the key of op_1, which is recorded as succeeded")
    ]


def test_a_key_whose_refund_nobody_saw_explains_the_first_one(tmp_path: Path) -> None:
    left = unexplained(tmp_path, listed("R1", "k1"), listed("R2", "k1"))
    assert [ref for ref, _ in left] == ["paypal:R2"]


def test_a_refund_that_failed_takes_no_key_from_the_one_that_did_not(tmp_path: Path) -> None:
    failed = listed("R1", "k1", RefundStatus.FAILED)
    assert unexplained(tmp_path, failed, listed("R2", "k1")) == []


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
