"""WooCommerce honours no key: eight hosts at one instant, lost answers, deaths; and still one refund.

Each host is a process with a state directory of its own. What moved is counted in the books of the store's
payment gateway, not in the store's records. The long form, fifty rounds of each:
`pytest -m full tests/safety/test_woocommerce_claims.py`.
"""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from billctl.gateways.woocommerce.claims import Claim, End, Note, read_claims
from billctl.sandbox import faults, state
from billctl.sandbox.woocommerce.gateway import moved
from tests.gateway_shops import WOO_ORDER, GatewayShop, Street, open_gateway_shop
from tests.matrix import often
from tests.recording import RecordingProxy
from tests.rehearsal import rehearsed
from tests.safety import programs
from tests.safety.aftermath import ROOT, later
from tests.safety.crowd import Crowd, One, gathered
from tests.shop import PAID, WHY, Json, Ran, Shop

HOSTS = 8
PART = ("--amount", "4")
FULL = ("--full",)
WINDOW = {"woo_window_ms": 200, "woo_gateway_ms": 500}
"""What the store takes between reading what is left and writing its record, and its payment gateway after
that: in the first a full refund doubles, in both a partial one."""
WIDE = {"woo_window_ms": 3000, "woo_gateway_ms": 3000}
"""Wide enough for two hosts to be in it together on the busiest machine."""
REFUNDS = "POST */orders/*/refunds"
GIVEN = ("has already been refunded in full", "nothing is left to refund of")
"""What a host says that reads the order while another's refund of the whole is under way: the store has its
record by then, and not yet its key; before that, not yet that it was paid."""


@contextmanager
def opened(folder: Path) -> Iterator[GatewayShop]:
    with open_gateway_shop(folder, "woocommerce") as shop:
        yield shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[GatewayShop]:
    """A fresh store."""
    with opened(tmp_path) as shop:
        yield shop


# Hosts at one instant


def hosts(shop: Shop, order: str, *how: str) -> list[One]:
    """The same refund on each host."""
    words = ("woocommerce", "refund", order, *how, *WHY, "-o", "json")
    places = [shop.state_dir.parent / f"host-{number}" for number in range(HOSTS)]
    elsewhere = {"BILLCTL_CONFIG_DIR": str(shop.config_dir)}
    return [One(words, elsewhere | {"BILLCTL_STATE_DIR": str(place)}) for place in places]


def whole_orders(shop: GatewayShop) -> list[Json]:
    """Orders that are paid and can be refunded by themselves, nothing of them given back."""
    given = {record["charge"] for record in shop.books("refund")}
    return [
        order
        for order in shop.books("order")
        if order["method"] == "woocommerce_payments"
        and order["status"] in {"processing", "completed"}
        and order["id"].partition("/")[2] not in given
        and int(order["total"].partition(".")[0]) >= HOSTS * int(PART[1])
    ]


def given_back(shop: Shop, order: str) -> list[Fraction]:
    """What the store's payment gateway gave back, in major units: some of the orders are in yen."""
    with state.opened(shop.state_dir, "woocommerce") as database:
        return moved(database, order)


def claims(shop: GatewayShop, order: str) -> tuple[Claim, ...]:
    """The claims in an order's notes, as the store keeps them."""
    return claimed(note for note in shop.books("note") if note["charge"] == order)


def claimed(notes: Iterable[Json]) -> tuple[Claim, ...]:
    return read_claims(Note(id=int(note["id"].partition("/")[2]), text=note["text"]) for note in notes)


def check_round(shop: GatewayShop, crowd: Crowd, order: Json, how: tuple[str, ...]) -> list[Ran]:
    """One of the hosts refunds, the others hear of it or give way, and every claim is closed."""
    number = order["id"].partition("/")[2]
    ended = crowd.together(hosts(shop, number, *how))
    assert given_back(shop, number) == [Fraction(order["total"] if how == FULL else PART[1])]
    for ran in ended:
        assert "Traceback" not in ran.err
        assert ran.code in {0, 10} or (ran.code == 5 and any(said in ran.err for said in GIVEN)), ran
    outcomes = Counter(ran.data["outcome"] for ran in ended if not ran.code)
    assert outcomes["succeeded"] >= 1, ended
    ends = Counter(claim.end for claim in claims(shop, number))
    assert ends[End.DONE] == 1, ends
    assert set(ends) <= {End.DONE, End.ABANDONED}, ends
    return ended


def check_rounds(folder: Path, rounds: int, how: tuple[str, ...]) -> None:
    with opened(folder) as shop, gathered(shop) as crowd:
        state.configure(shop.state_dir, "woocommerce", **WINDOW)
        orders = whole_orders(shop)[:rounds]
        assert len(orders) == rounds, "the store has not so many orders"
        for order in orders:
            check_round(shop, crowd, order, how)


@pytest.mark.parametrize(
    "how", [pytest.param(PART, id="part"), pytest.param(FULL, id="full", marks=pytest.mark.slow)]
)
def test_eight_hosts_at_one_instant_refund_once(how: tuple[str, ...], tmp_path: Path) -> None:
    check_rounds(tmp_path, 1, how)


@pytest.mark.slow
@pytest.mark.parametrize("how", [PART, FULL], ids=["part", "full"])
def test_eight_hosts_at_one_instant_refund_once_in_five_rounds(how: tuple[str, ...], tmp_path: Path) -> None:
    check_rounds(tmp_path, 5, how)


@pytest.mark.full
@pytest.mark.parametrize("how", [PART, FULL], ids=["part", "full"])
def test_eight_hosts_at_one_instant_refund_once_in_fifty_rounds(how: tuple[str, ...], tmp_path: Path) -> None:
    check_rounds(tmp_path, 50, how)


@pytest.mark.slow
def test_eight_hosts_with_amounts_of_their_own_refund_what_they_say_and_no_more(tmp_path: Path) -> None:
    with opened(tmp_path) as shop, gathered(shop) as crowd:
        state.configure(shop.state_dir, "woocommerce", **WINDOW)
        (order, *_) = whole_orders(shop)
        number = order["id"].partition("/")[2]
        runs = [hosts(shop, number, "--amount", str(one))[one - 1] for one in range(1, HOSTS + 1)]
        ended = crowd.together(runs)
        said = [Fraction(ran.data["amount"]["amount"]) for ran in ended if ran.code == 0]
        assert said
        assert {ran.code for ran in ended} <= {0, 5, 10}, ended
        assert sorted(given_back(shop, number)) == sorted(said)
        for run in runs:
            assert crowd.together([run])[0].code == 0
        assert sorted(given_back(shop, number)) == [Fraction(one) for one in range(1, HOSTS + 1)]
        assert None not in {claim.end for claim in claims(shop, number)}


@pytest.mark.slow
@pytest.mark.parametrize("how", [PART, FULL], ids=["part", "full"])
def test_without_the_claim_they_refund_more_than_once_and_it_is_seen(
    how: tuple[str, ...], tmp_path: Path
) -> None:
    wrong = "refunds without a claim"
    assert wrong in programs.WRONG
    with opened(tmp_path) as shop, gathered(shop, name=wrong) as crowd:
        state.configure(shop.state_dir, "woocommerce", **WIDE)
        (order, *_) = whole_orders(shop)
        with pytest.raises(AssertionError):
            check_round(shop, crowd, order, how)
        assert len(given_back(shop, order["id"].partition("/")[2])) > 1


# Deaths


def killed(shop: Shop, stage: str, *words: str) -> None:
    """Run the words and die at the stage."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.safety.killed", stage, *words],
        check=False,
        env=shop.environment({"PYTHONPATH": str(ROOT)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


REFUND = ("woocommerce", "refund", WOO_ORDER, *PART, *WHY, "-o", "json")
SPENT = [400]
FOUND = {"marked": "not_done", "claimed": "not_done", "refunded": "done", "told": "done"}
"""What a reconciliation finds after a death at each stage where the store, or this machine, can tell."""


def reconciled(shop: Shop) -> tuple[int, str, str]:
    """The exit code of a reconciliation, what it found, and its note."""
    with later():
        ran = shop.run("audit", "reconcile", "--follow-up", "0d", "-o", "json")
    (row,) = ran.data
    return ran.code, row["finding"], row["note"] or ""


@pytest.mark.parametrize(
    "stage",
    often(("claimed", "refunded", "marked", "told"), "refunded"),
)
def test_whoever_dies_is_found_out_and_the_same_command_ends_with_one_refund(
    shop: GatewayShop, stage: str
) -> None:
    killed(shop, stage, *REFUND)
    assert shop.run(*REFUND).code == 6, "it asks for a reconciliation and sends nothing"
    before = shop.refunds()
    assert reconciled(shop)[:2] == (0, FOUND[stage])
    assert shop.refunds() == before
    again = shop.run(*REFUND)
    assert (again.code, again.data["outcome"]) == (0, "already_done" if before else "succeeded")
    assert shop.refunds() == SPENT
    assert None not in {claim.end for claim in claims(shop, WOO_ORDER)}


@pytest.mark.slow
def test_a_death_right_before_the_refund_stays_unknown_until_a_person_says_that_it_was_not_done(
    shop: GatewayShop,
) -> None:
    killed(shop, "about to send", *REFUND)
    code, finding, note = reconciled(shop)
    assert (code, finding) == (6, "unknown")
    assert "shows no refund of it, which proves nothing at WooCommerce" in note
    assert shop.run(*REFUND).code == 6
    assert resolved(shop).code == 0
    assert [claim.end for claim in claims(shop, WOO_ORDER)] == [End.REFUSED], "other hosts may go on"
    assert shop.run(*REFUND).data["outcome"] == "succeeded"
    assert shop.refunds() == SPENT


def resolved(shop: GatewayShop) -> Ran:
    """A person says of the only claim that nothing was done."""
    (claim,) = claims(shop, WOO_ORDER)
    why = ("--reason", "looked there", "--yes")
    with later():
        return shop.run("audit", "resolve", claim.operation, "--as", "not-done", *why)


@pytest.mark.slow
def test_a_store_that_cannot_be_told_is_told_by_a_reconciliation_later(shop: GatewayShop) -> None:
    killed(shop, "about to send", *REFUND)
    reconciled(shop)
    (claim,) = claims(shop, WOO_ORDER)
    shop.arm("401", times=9)
    said = resolved(shop)
    assert said.code == 0
    assert "could not be told: WooCommerce says: Sorry, you cannot" in said.err
    assert f"`billctl audit reconcile --operation {claim.operation}` tries again" in said.err
    shop.disarm()
    assert shop.run("audit", "reconcile", "--operation", claim.operation).code == 0
    assert [one.end for one in claims(shop, WOO_ORDER)] == [End.REFUSED]


@pytest.mark.slow
def test_another_host_is_told_whose_claim_blocks_it_and_goes_on_once_the_note_is_gone(
    shop: GatewayShop, tmp_path: Path
) -> None:
    killed(shop, "about to send", *REFUND)
    (claim,) = claims(shop, WOO_ORDER)
    shop.env |= {"BILLCTL_STATE_DIR": str(tmp_path / "other"), "BILLCTL_CONFIG_DIR": str(shop.config_dir)}
    blocked = shop.run(*REFUND)
    assert blocked.code == 10
    assert (
        f"{claim.operation} claims order {WOO_ORDER} for a refund of 4.00 USD (note {claim.note})"
        in blocked.line
    )
    assert "Nothing was sent." in blocked.line
    assert shop.refunds() == []
    delete(shop, f"note/{claim.note}")
    assert shop.run(*REFUND).data["outcome"] == "succeeded"
    assert shop.refunds() == SPENT


# The gateway behind the store


ORDER = "1043"
"""Layla's, paid through the store's Stripe gateway by the charge `PAID`."""
BY_STRIPE = ("woocommerce", "refund", ORDER, *PART, *WHY, "-o", "json")


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """The store, and Stripe behind it, in one profile."""
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o700, exist_ok=True)
    both = ("stripe", "woocommerce")
    with rehearsed(state_dir, both) as sandbox:
        urls = {name: sandbox.url(name) for name in both}
        street = Street(state_dir, tmp_path / "config", urls["stripe"], urls=urls)
        street.env |= {"BILLCTL_PROFILE": "shop"}
        street.street(accounts=both)
        yield street


def ends(shop: Shop) -> list[End | None]:
    """How the claims on the order ended, oldest first."""
    with state.opened(shop.state_dir, "woocommerce") as database:
        rows = database.execute("SELECT body FROM objects WHERE kind='note' AND charge=?", (ORDER,))
        return [claim.end for claim in claimed(json.loads(body) for (body,) in rows)]


def refuse(shop: Shop, code: str) -> None:
    """Let the store's payment gateway fail so, once."""
    faults.arm(shop.state_dir, "woocommerce", "refuse", match=REFUNDS, code=code)


@pytest.mark.parametrize("code", ["gateway_error_after", "gateway_fatal_after"])
def test_money_that_moved_before_the_store_failed_is_found_at_stripe(street: Street, code: str) -> None:
    refuse(street, code)
    assert street.run(*BY_STRIPE).code == 6
    assert street.refunds(PAID) == SPENT
    ended, finding, note = reconciled(street)
    assert (ended, finding) == (0, "done")
    assert note.startswith("found at stripe: stripe:re_")
    assert ends(street) == [End.DONE]
    assert street.run(*BY_STRIPE).data["outcome"] == "already_done"
    assert street.refunds(PAID) == SPENT


@pytest.mark.parametrize("code", ["gateway_error", "gateway_fatal"])
def test_money_that_never_moved_is_not_at_stripe_and_the_same_command_goes_through(
    street: Street, code: str
) -> None:
    refuse(street, code)
    assert street.run(*BY_STRIPE).code == 6
    ended, finding, note = reconciled(street)
    assert (ended, finding) == (0, "not_done")
    assert f"stripe:{PAID}, by which it was paid, shows no refund of it" in note
    assert ends(street) == [End.REFUSED]
    assert street.run(*BY_STRIPE).data["outcome"] == "succeeded"
    assert street.refunds(PAID) == SPENT


def test_the_refund_at_stripe_that_ended_one_operation_ends_no_other(street: Street) -> None:
    refuse(street, "gateway_error_after")
    assert street.run(*BY_STRIPE).code == 6
    assert reconciled(street)[1] == "done"
    refuse(street, "gateway_error")
    assert street.run(*BY_STRIPE, "--again", "2").code == 6
    assert street.refunds(PAID) == SPENT
    assert reconciled(street)[:2] == (0, "not_done")
    assert street.run(*BY_STRIPE, "--again", "2").data["outcome"] == "succeeded"
    assert street.refunds(PAID) == SPENT * 2


def test_on_a_machine_whose_clock_is_fast_money_that_moved_is_not_taken_for_never_moved(
    street: Street,
) -> None:
    refuse(street, "gateway_error_after")
    with later(timedelta(hours=1)):
        assert street.run(*BY_STRIPE).code == 6
    with later(timedelta(hours=2)):
        ran = street.run("audit", "reconcile", "--follow-up", "0d", "-o", "json")
        (row,) = ran.data
        assert (ran.code, row["finding"]) == (6, "unknown")
        assert "which may be it if this machine's clock is fast" in row["note"]
        assert street.run(*BY_STRIPE).code == 6
    assert street.refunds(PAID) == SPENT


def test_a_record_that_the_store_keeps_of_money_that_never_moved_is_not_told_as_given_back(
    street: Street,
) -> None:
    whole = ("woocommerce", "refund", ORDER, *FULL, *WHY, "-o", "json")
    refuse(street, "gateway_fatal")
    assert street.run(*whole).code == 6
    ended, finding, note = reconciled(street)
    assert (ended, finding, street.refunds(PAID)) == (0, "not_done", [])
    (record,) = street.run("woocommerce", "show", ORDER, "-o", "json").data["refunds"]
    assert f"; delete the record of it, refund {record['id']}, at woocommerce; run it again" in note
    ran = street.run(*whole)
    assert ran.code == 5
    assert f"does not say that the money of refund {record['id']} of 49.00 USD came back" in ran.err
    delete(street, f"refund/{record['id']}")
    assert street.run(*whole).data["outcome"] == "succeeded"
    assert street.refunds(PAID) == [4900]


def delete(shop: Shop, object_id: str) -> None:
    """Let a shop manager delete an object of the store."""
    with state.opened(shop.state_dir, "woocommerce") as database, database.transaction(write=True):
        database.execute("DELETE FROM objects WHERE id=?", (object_id,))


def test_without_an_account_at_stripe_it_stays_unknown_and_says_where_to_look(street: Street) -> None:
    refuse(street, "gateway_error_after")
    street.street(accounts=("woocommerce",))
    assert street.run(*BY_STRIPE).code == 6
    ended, finding, note = reconciled(street)
    assert (ended, finding) == (6, "unknown")
    assert f"its payment is {PAID} at stripe; profile shop has no account there" in note


# What is never sent


def test_neither_the_operators_reason_nor_the_ticket_is_in_any_request(shop: GatewayShop) -> None:
    why = ("--reason", "chatty-customer", "--ticket", "zendesk:35436", "--yes")
    with RecordingProxy(shop.url) as proxy:
        shop.use(url=proxy.url)
        for words in (
            ("refund", WOO_ORDER, *PART),
            ("cancel", "1050", "--at-period-end"),
            ("resend", "1044"),
        ):
            assert shop.run("woocommerce", *words, *why).code == 0
    said = [repr((one.path, one.query, one.headers, one.body)) for one in proxy.exchanges]
    assert [text for text in said if "chatty" in text or "35436" in text] == []
    assert len([one for one in proxy.exchanges if one.method == "POST"]) == 5
