"""Refunds of a payment without an order: seen by the machine that made them, never guessed by another."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billctl.errors import NoAnswer
from billctl.frozen import replace
from billctl.gateway import By, Query, Selection
from billctl.gateways.paypal import PaypalGateway
from billctl.gateways.paypal.own_refunds import KEPT, LARGE, OwnRefunds
from billctl.models import ChargeStatus
from billctl.money import Money
from billctl.sandbox import PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET
from billctl.sandbox.server import Sandbox
from tests.gateways.paypal_accounts import STAMP, account

CHARGE, OTHER = "SBXLAYLA000000001", "SBXLAYLA000000002"
"""49.00 USD, a subscription's payment; and another charge."""
TEN = Money(1000, "USD")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with Sandbox(tmp_path / "rehearsal", gateways=("paypal",)) as sandbox:
        yield sandbox.url("paypal")


def machine(url: str, folder: Path | None) -> PaypalGateway:
    opened = account(url, client_id=PAYPAL_CLIENT_ID, secret=PAYPAL_CLIENT_SECRET, state_dir=folder)
    return PaypalGateway(opened)


def test_a_refund_is_seen_at_once_although_paypals_report_lacks_it(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    made = machine(url, folder).refund(machine(url, folder).get_charge(CHARGE), TEN, stamp=STAMP)
    after = machine(url, folder).get_charge(CHARGE)
    assert (after.refunded, after.refundable.minor) == (TEN, 4900 - 1000)
    assert [refund.id for refund in after.refunds] == [made.id]
    assert after.refunds[0].operation_key == STAMP.key
    found = machine(url, folder).find_customers(Query(by=By.EMAIL, text="layla@example.com"))
    (shown,) = [charge for charge in found.customers[0].charges if charge.id == CHARGE]
    assert (shown.refunded, shown.refunds[0].id) == (TEN, made.id)
    assert not any("than PayPal shows yet" in note for note in found.notes)


def test_a_list_counts_it_although_the_report_it_is_made_of_does_not(url: str, tmp_path: Path) -> None:
    paypal = machine(url, tmp_path / "kept")
    made = paypal.refund(paypal.get_charge(CHARGE), TEN, stamp=STAMP)
    listed = {charge.id: charge for charge in paypal.list_charges(Selection(limit=1000))}
    assert (listed[CHARGE].refunded, listed[CHARGE].refundable.minor) == (TEN, 3900)
    assert [refund.id for refund in listed[CHARGE].refunds] == [made.id]


def test_a_second_refund_counts_both(url: str, tmp_path: Path) -> None:
    paypal = machine(url, tmp_path / "kept")
    for number in (1, 2):
        paypal.refund(paypal.get_charge(CHARGE), TEN, stamp=replace(STAMP, key=f"{number:032x}"))
    assert paypal.get_charge(CHARGE).refundable.minor == 4900 - 2000


def test_another_machine_is_told_that_paypal_does_not_show_it_yet(url: str, tmp_path: Path) -> None:
    paypal, other = machine(url, tmp_path / "kept"), machine(url, tmp_path / "elsewhere")
    paypal.refund(paypal.get_charge(CHARGE), TEN, stamp=STAMP)
    with pytest.raises(NoAnswer) as unseen:
        other.get_charge(CHARGE)
    assert unseen.value.code == "refunds_not_visible"
    found = other.find_customers(Query(by=By.EMAIL, text="layla@example.com"))
    assert f"more of {CHARGE} was given back than PayPal shows yet: it takes up to 3 hours" in found.notes
    (shown,) = [charge for charge in found.customers[0].charges if charge.id == CHARGE]
    assert (shown.status, shown.refundable.minor) == (ChargeStatus.PARTIALLY_REFUNDED, 0)


def test_a_machine_that_knows_one_of_two_refunds_is_told_so_too(url: str, tmp_path: Path) -> None:
    paypal, other = machine(url, tmp_path / "kept"), machine(url, tmp_path / "elsewhere")
    charge = paypal.get_charge(CHARGE)
    other.refund(charge, TEN, stamp=replace(STAMP, key="1" * 32))
    paypal.refund(charge, TEN, stamp=STAMP)
    with pytest.raises(NoAnswer, match="does not show how much yet"):
        paypal.get_charge(CHARGE)


def test_what_was_refunded_whole_is_known_everywhere(url: str, tmp_path: Path) -> None:
    paypal = machine(url, tmp_path / "kept")
    charge = paypal.get_charge(CHARGE)
    paypal.refund(charge, charge.refundable, stamp=STAMP)
    elsewhere = machine(url, None).get_charge(CHARGE)
    assert (elsewhere.status, elsewhere.refundable.minor) == (ChargeStatus.REFUNDED, 0)


# The file


def kept(folder: Path, *, now: float = NOON) -> OwnRefunds:
    return OwnRefunds(folder, endpoint="https://a", client_id="b", now=lambda: now)


def test_it_holds_ids_and_times_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "gateways" / "paypal"
    kept(folder).add(CHARGE, "R1")
    (path,) = folder.iterdir()
    assert json.loads(path.read_text()) == {"at": int(NOON), "charge": CHARGE, "refund": "R1"}
    assert (path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_each_client_at_each_address_has_its_own(tmp_path: Path) -> None:
    kept(tmp_path).add(CHARGE, "R1")
    for endpoint, client in (("https://z", "b"), ("https://a", "z")):
        other = OwnRefunds(tmp_path, endpoint=endpoint, client_id=client, now=lambda: NOON)
        assert other.of(CHARGE) == []
    assert kept(tmp_path).of(CHARGE) == ["R1"]
    assert kept(tmp_path).of(OTHER) == []


def test_an_id_is_forgotten_when_paypal_has_long_shown_it(tmp_path: Path) -> None:
    kept(tmp_path).add(CHARGE, "R1")
    assert kept(tmp_path, now=NOON + KEPT - 1).of(CHARGE) == ["R1"]
    assert kept(tmp_path, now=NOON + KEPT).of(CHARGE) == []


def test_a_long_file_loses_its_old_ids_with_the_next(tmp_path: Path) -> None:
    own = kept(tmp_path)
    own.add(CHARGE, "R1")
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text() * (LARGE // 40))
    kept(tmp_path, now=NOON + KEPT).add(OTHER, "R2")
    assert path.stat().st_size < 200
    assert kept(tmp_path, now=NOON + KEPT).of(OTHER) == ["R2"]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["", "not json\n", '{"at": 1}\n', '["x"]\n', "\xff\n", "null\n"])
def test_a_damaged_line_is_none_and_hides_no_other(tmp_path: Path, damage: str) -> None:
    kept(tmp_path).add(CHARGE, "R1")
    (path,) = tmp_path.iterdir()
    path.write_text(damage + path.read_text(), encoding="utf-8")
    assert kept(tmp_path).of(CHARGE) == ["R1"]


def test_what_cannot_be_kept_is_no_failure(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    kept(in_the_way / "below").add(CHARGE, "R1")
    assert kept(in_the_way / "below").of(CHARGE) == []
    nowhere = OwnRefunds(None, endpoint="https://a", client_id="b")
    nowhere.add(CHARGE, "R1")
    assert nowhere.of(CHARGE) == []
