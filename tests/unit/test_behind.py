"""What a store cannot tell, the gateway behind it may: which of its refunds is the one that was asked for."""

# ruff: noqa: ARG002 - a gateway may answer without looking at what it was given

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from billctl.actions import perform
from billctl.audit.entry import read
from billctl.behind import SKEW, unaccounted
from billctl.errors import NotFound, NotSent, OutcomeUnknown
from billctl.frozen import replace
from billctl.gateway import Behind, Stamp
from billctl.models import Charge, ChargeStatus, Refund, RefundStatus
from billctl.money import Money
from billctl.reconcile import Finding, Reconciled, reconcile
from billctl.request import Request
from billctl.session import Session, open_session, utc_now
from billctl.store.interface import RecordFilter
from billctl.verbs import RefundCharge
from billctl.verbs.plan import Plan
from tests.unit.acme import Acme, installed

ASKED = datetime(2026, 11, 22, 13, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
USD5 = Money(500, "USD")
USD7 = Money(700, "USD")
KEY = "ab" * 16
OWN = "op_" + "1" * 26
OTHER = "op_" + "2" * 26
STAMP = Stamp(key=KEY, operation=OWN, asked=ASKED)


def refund(
    number: int,
    amount: Money = USD5,
    *,
    at: datetime = ASKED + MINUTE,
    status: RefundStatus = RefundStatus.SUCCEEDED,
    operation: str | None = None,
    key: str | None = None,
) -> Refund:
    return Refund(
        account="a", gateway="acme", id=f"R{number}", charge_id="C1", amount=amount, status=status,
        gateway_status="x", created=at, operation=operation, operation_key=key,
    )  # fmt: skip


def charge(*refunds: Refund, currency: str = "USD") -> Charge:
    total = Money(4900, currency)
    counted = [one for one in refunds if one.status is not RefundStatus.FAILED]
    given = sum((one.amount for one in counted), Money.zero(currency))
    return Charge(
        account="a", gateway="acme", id="C1", customer_id=None, amount=total, captured=total, refunded=given,
        refundable=total - given, status=ChargeStatus.PAID, gateway_status="x", created=ASKED - 60 * MINUTE,
        refunds=refunds,
    )  # fmt: skip


def found(store: Charge, paid: Charge) -> Refund | None:
    return unaccounted(store, paid, USD5, stamp=STAMP)


# Which refund it is


def test_the_only_refund_of_that_amount_since_it_was_asked_is_it() -> None:
    assert found(charge(), charge(refund(1))) == refund(1)


def test_a_clock_that_is_a_little_behind_does_not_hide_it() -> None:
    assert found(charge(), charge(refund(1, at=ASKED - SKEW))) is not None


def test_where_nothing_was_refunded_since_it_never_came_there() -> None:
    assert found(charge(), charge()) is None
    assert found(charge(), charge(refund(1, USD7, at=ASKED - SKEW - MINUTE))) is None


@pytest.mark.parametrize("fast", [SKEW + MINUTE, timedelta(hours=14), timedelta(days=400)])
def test_that_it_is_not_there_never_hangs_on_the_clock_of_this_machine(fast: timedelta) -> None:
    with pytest.raises(ValueError, match=r"a:R1 \(5.00 USD\) of 202\d.*, which may be it if this machine's"):
        found(charge(), charge(refund(1, at=ASKED - fast)))


@pytest.mark.parametrize("apart", [-SKEW, SKEW])
def test_an_older_one_that_the_store_was_told_of_at_the_time_is_another(apart: timedelta) -> None:
    at = ASKED - timedelta(days=3)
    told = charge(refund(9, at=at + apart, status=RefundStatus.UNKNOWN))
    assert found(told, charge(refund(1, at=at))) is None


def test_an_older_one_that_only_its_own_record_is_near_may_be_it() -> None:
    at = ASKED - timedelta(hours=1)
    store = charge(refund(9, at=at, operation=OWN, status=RefundStatus.UNKNOWN))
    with pytest.raises(ValueError, match="a:R1"):
        found(store, charge(refund(1, at=at)))


@pytest.mark.parametrize("status", [RefundStatus.SUCCEEDED, RefundStatus.UNKNOWN])
def test_a_refund_of_the_store_explains_one_older_refund_and_not_a_second_one_near_it(
    status: RefundStatus,
) -> None:
    at = ASKED - timedelta(hours=1)
    store = charge(refund(9, at=at, operation=OTHER, status=status))
    with pytest.raises(ValueError, match=r"^a:R2 "):
        found(store, charge(refund(1, at=at), refund(2, at=at + 5 * MINUTE)))


def test_one_that_ended_another_operation_is_not_it() -> None:
    paid = charge(refund(1))
    assert unaccounted(charge(), paid, USD5, stamp=STAMP, known={"a:R1"}) is None


def test_one_that_ended_another_operation_is_no_other_refunds_of_the_store() -> None:
    store = charge(refund(9, at=ASKED + MINUTE, operation=OTHER))
    paid = charge(refund(1), refund(2, at=ASKED + 3 * MINUTE))
    assert unaccounted(store, paid, USD5, stamp=STAMP, known={"a:R1"}) is None


def test_a_refund_that_failed_there_gave_nothing_back() -> None:
    assert found(charge(), charge(refund(1, status=RefundStatus.FAILED))) is None


def test_one_that_another_refund_of_the_store_explains_is_not_it() -> None:
    store = charge(refund(9, operation=OTHER))
    assert found(store, charge(refund(1))) is None
    assert found(store, charge(refund(1), refund(2, at=ASKED + 9 * MINUTE))) == refund(
        2, at=ASKED + 9 * MINUTE
    )


def test_an_older_refund_of_the_store_explains_the_older_one_there() -> None:
    before = ASKED - SKEW - MINUTE
    store = charge(refund(9, at=before - MINUTE, operation=OTHER))
    assert found(store, charge(refund(1, at=before), refund(2))) == refund(2)


def test_a_refund_of_the_store_that_failed_there_later_explains_no_other() -> None:
    store = charge(refund(9, at=ASKED - MINUTE, operation=OTHER))
    paid = charge(refund(1, at=ASKED - MINUTE, status=RefundStatus.FAILED), refund(2))
    assert found(store, paid) == refund(2)


def test_its_own_record_at_the_store_does_not_explain_it_away() -> None:
    store = charge(refund(9, operation=OWN, status=RefundStatus.UNKNOWN))
    assert found(store, charge(refund(1))) == refund(1)


def test_what_billctl_refunded_there_by_itself_is_not_it() -> None:
    assert found(charge(), charge(refund(1, operation=OTHER, key="cd" * 16))) is None


@pytest.mark.parametrize(
    ("store", "paid", "why"),
    [
        pytest.param(charge(), charge(refund(1), refund(2)), "may be it or not", id="two"),
        pytest.param(charge(), charge(refund(1, USD7)), r"R1 \(7.00 USD\)", id="another amount"),
        pytest.param(charge(), charge(refund(1), refund(2, USD7)), "R2", id="one more"),
        pytest.param(
            charge(refund(9, status=RefundStatus.UNKNOWN)), charge(refund(1)), "may be that of a:R9",
            id="the store recorded it by hand",
        ),
        pytest.param(charge(), charge(currency="EUR"), "EUR", id="another currency"),
        pytest.param(
            charge(), replace(charge(), status=ChargeStatus.VOIDED), "released instead", id="it was voided"
        ),
        pytest.param(
            charge(), replace(charge(), refunded=USD5), "not yet every refund", id="a list that lags"
        ),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_told_and_not_decided(store: Charge, paid: Charge, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        found(store, paid)


# In a reconciliation


class Store(Acme):
    """It takes payments through another gateway, and never knows what became of a refund."""

    asks: ClassVar[str] = "bank"
    told: ClassVar[list[tuple[str, bool]]] = []

    def behind(self, charge: Charge) -> Behind | None:
        return Behind(gateway=self.asks, charge_id=f"at-{charge.id}") if self.asks else None

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        raise OutcomeUnknown("no answer", account=self.account.name)

    def settled(self, charge: Charge, *, stamp: Stamp, done: bool) -> None:
        self.told.append((stamp.operation, done))
        raise NotSent("the store cannot be reached")

    def find_refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund | None:
        raise OutcomeUnknown(f"{charge.id} shows no refund, which proves nothing", code="no_trace")


class Bank(Acme):
    """The gateway behind it."""

    there: ClassVar[tuple[Refund, ...]] = ()

    def get_charge(self, charge_id: str) -> Charge:
        if self.says == "other":
            raise NotFound(f"no charge {charge_id}")
        if self.says == "down":
            raise NotSent("the bank cannot be reached")
        return replace(charge(*self.there), account=self.account.name, id=charge_id)


class Yes:
    """Says yes to everything."""

    def check(self, plan: Plan, request: Request) -> None:
        """Nothing stands against it."""

    def ask(self, plan: Plan, request: Request) -> None:
        """Yes."""


Open = Callable[..., Session]


@pytest.fixture
def opened(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    """Opens a session at a store and at banks (`name` or `name:what it says`), five minutes from now."""
    installed(tmp_path_factory, monkeypatch, store=f"{__name__}:Store", bank=f"{__name__}:Bank")
    monkeypatch.setattr(Bank, "there", ())
    monkeypatch.setattr(Store, "told", [])
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    sessions: list[Session] = []

    def open_(*banks: str, later: timedelta = timedelta(minutes=5)) -> Session:
        tables = '[accounts.shop]\ngateway = "store"\n'
        for bank in banks:
            name, _, says = bank.partition(":")
            told = f'says = "{says}"\n' if says else ""
            tables += f'[accounts.{name}]\ngateway = "bank"\n{told}'
        (folder / "shop.toml").write_text(f'mode = "test"\n{tables}')
        session = open_session("shop", env=os.environ)
        session.clock = lambda: utc_now() + later
        sessions.append(session)
        return session

    yield open_
    for session in sessions:
        session.close()


def left_unknown(session: Session) -> str:
    session.clock = utc_now
    request = Request(object_id="C1", reason="charged twice")
    done = perform(session, "shop", RefundCharge("5"), request, Yes())
    assert done.outcome == "unknown"
    return str(done.operation)


def settled(session: Session) -> Reconciled:
    (row,) = reconcile(session)
    return row


def made(monkeypatch: pytest.MonkeyPatch, *refunds: Refund) -> None:
    monkeypatch.setattr(Bank, "there", tuple(replace(one, account="bank") for one in refunds))


def test_the_refund_at_the_gateway_behind_ends_it_and_is_named(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = left_unknown(opened("bank"))
    made(monkeypatch, refund(7, at=utc_now()))
    session = opened("bank")
    row = settled(session)
    assert (row.finding, str(row.note).partition(";")[0]) == (Finding.DONE, "found at acme: bank:R7")
    (last,) = session.store.latest(RecordFilter(operation=operation), limit=1)
    result = read(last).fields["result"]
    assert (result["behind"], result["amount"]["minor"]) == ("bank:R7", 500)
    assert "id" not in result, "it is no refund of the store's, which could not be asked about it"
    assert Store.told == [(operation, True)], "the store may let other hosts on"
    again = f"`billctl audit reconcile --operation {operation}` tries again"
    assert str(row.note).endswith(f"; shop could not be told: the store cannot be reached; {again}")
    (once_more,) = reconcile(session, operation=operation)
    assert once_more.note == f"it was settled before; {str(row.note).partition('; ')[2]}"
    assert len(Store.told) == 2


def test_what_another_profile_settled_is_told_under_that_one(opened: Open, tmp_path: Path) -> None:
    operation = left_unknown(opened("bank"))
    assert settled(opened("bank")).finding is Finding.NOT_DONE
    folder = tmp_path / "config" / "profiles"
    (folder / "other.toml").write_text((folder / "shop.toml").read_text())
    with open_session("other", env=os.environ) as other:
        (row,) = reconcile(other, operation=operation)
    assert row.note == (
        "it was settled before, under profile shop: use -p shop where its account is still to be told"
    )
    assert len(Store.told) == 1


def test_where_the_gateway_behind_has_no_such_refund_it_was_not_done(opened: Open) -> None:
    operation = left_unknown(opened("bank"))
    row = settled(opened("bank"))
    assert (row.finding, Store.told) == (Finding.NOT_DONE, [(operation, False)])
    assert "bank:at-C1, by which it was paid, shows no refund of it; run it again" in str(row.note)


def test_that_it_is_not_there_counts_only_once_nobody_waits_for_it_any_more(opened: Open) -> None:
    left_unknown(opened("bank"))
    row = settled(opened("bank", later=timedelta(seconds=10)))
    assert (row.finding, row.wait > 0, Store.told) == (Finding.UNKNOWN, True, [])


def test_of_several_accounts_there_the_one_that_has_the_charge_tells(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    banks = ("first:other", "bank")
    left_unknown(opened(*banks))
    made(monkeypatch, refund(7, at=utc_now()))
    assert settled(opened(*banks)).finding is Finding.DONE


@pytest.mark.parametrize(
    ("banks", "why"),
    [
        ((), "its payment is at-C1 at bank; profile shop has no account there"),
        (("bank:other",), "bank has no such charge"),
        (("bank:down",), "bank could not be asked: the bank cannot be reached"),
    ],
)
def test_where_nobody_there_can_be_asked_it_stays_unknown_and_says_why(
    opened: Open, banks: tuple[str, ...], why: str
) -> None:
    left_unknown(opened(*banks))
    row = settled(opened(*banks))
    assert row.finding is Finding.UNKNOWN
    assert why in str(row.note)
    assert "C1 shows no refund, which proves nothing" in str(row.note)


def test_two_refunds_that_may_be_it_leave_it_unknown_and_are_named(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_unknown(opened("bank"))
    made(monkeypatch, refund(7, at=utc_now()), refund(8, at=utc_now()))
    row = settled(opened("bank"))
    assert row.finding is Finding.UNKNOWN
    assert "bank:R7 (5.00 USD), bank:R8 (5.00 USD)" in str(row.note)


def test_a_charge_with_nothing_behind_it_stays_as_unknown_as_its_store_says(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Store, "asks", "")
    left_unknown(opened("bank"))
    assert str(settled(opened("bank")).note).startswith("C1 shows no refund, which proves nothing.")
