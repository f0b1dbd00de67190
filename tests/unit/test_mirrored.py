"""One refund at a store and at the gateway behind it is one movement; what only looks like it is another."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.audit.log import Subject
from billctl.errors import NoAnswer
from billctl.frozen import replace
from billctl.gateway import Behind
from billctl.mirrored import APART, mirrored
from billctl.models import Charge, Refund, RefundStatus
from billctl.money import Money
from billctl.session import Session, open_session
from billctl.store.interface import OperationState
from tests.unit.acme import Acme, installed

WHEN = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
SOON = WHEN + timedelta(seconds=20)
USD5 = Money(500, "USD")


class Store(Acme):
    """Every order's payment is at the bank, under the order's id behind `at-`."""

    asked: ClassVar[list[str]] = []

    def get_charge(self, charge_id: str) -> Charge:
        self.asked.append(charge_id)
        if charge_id == "gone":
            raise NoAnswer("the store does not answer")
        return super().get_charge(charge_id)

    def behind(self, charge: Charge) -> Behind | None:
        return Behind(gateway="bank", charge_id=f"at-{charge.id}")


class Bank(Acme):
    """The gateway behind it."""


@pytest.fixture
def session(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Session]:
    """At a store and at the bank."""
    installed(tmp_path_factory, monkeypatch, store=f"{__name__}:Store", bank=f"{__name__}:Bank")
    monkeypatch.setattr(Store, "asked", [])
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    accounts = "".join(f'[accounts.{name}]\ngateway = "{name}"\n' for name in ("store", "bank"))
    (folder / "shop.toml").write_text(f'mode = "test"\n{accounts}')
    with open_session("shop", env=os.environ) as session:
        yield session


def refund(gateway: str, number: int, charge: str = "", *, at: datetime = WHEN) -> Refund:
    charge = charge or ("C1", "at-C1")[gateway == "bank"]
    return Refund(
        account=gateway, gateway=gateway, id=f"R{number}", charge_id=charge,
        amount=USD5, status=RefundStatus.SUCCEEDED, gateway_status="x", created=at,
    )  # fmt: skip


def refs(session: Session, *refunds: Refund) -> set[str]:
    return set(mirrored(session, refunds, since=WHEN))


def test_the_refund_of_the_payment_behind_is_the_stores_own(session: Session) -> None:
    assert refs(session, refund("store", 1), refund("bank", 7, at=SOON)) == {"bank:R7"}


def test_the_nearest_in_time_is_it_and_only_one(session: Session) -> None:
    far, near = refund("bank", 7, at=WHEN + 3 * (SOON - WHEN)), refund("bank", 8, at=SOON)
    assert refs(session, refund("store", 1), far, near) == {"bank:R8"}
    assert refs(session, refund("store", 1), refund("store", 2), far, near) == {"bank:R7", "bank:R8"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda one: replace(one, charge_id="at-C2"), id="another payment"),
        pytest.param(lambda one: replace(one, amount=Money(600, "USD")), id="another amount"),
        pytest.param(lambda one: replace(one, created=WHEN + APART + timedelta(seconds=1)), id="much later"),
        pytest.param(lambda one: replace(one, operation_key="k"), id="made by billctl itself"),
        pytest.param(lambda one: replace(one, gateway="acme"), id="at another gateway"),
    ],
)
def test_another_refund_is_not_it(session: Session, other: Callable[[Refund], Refund]) -> None:
    assert refs(session, refund("store", 1), other(refund("bank", 7))) == set()


def test_an_order_is_asked_for_once_and_one_that_cannot_be_read_hides_nothing(session: Session) -> None:
    found = refs(
        session, refund("store", 1), refund("store", 2), refund("store", 3, "gone"), refund("bank", 7)
    )
    assert (found, Store.asked) == ({"bank:R7"}, ["C1", "gone"])


def test_what_a_look_behind_the_store_settled_is_explained_by_it(session: Session) -> None:
    subject = Subject(
        action="refund", gateway="store", account="store", account_id="s", object_type="charge",
        object_id="C1", object="store|s|C1", amount=USD5, reason="charged twice",
    )  # fmt: skip
    session.clock = lambda: SOON
    session.log.intent(subject, operation="op_1", key="k1")
    session.log.outcome(
        subject,
        operation="op_1",
        state=OperationState.DONE,
        outcome="succeeded",
        result={"behind": "bank:R7"},
    )
    assert refs(session, refund("bank", 7), refund("bank", 8)) == {"bank:R7"}
