"""`billctl stripe void`: held money is released once, and only held money."""

import pytest

from tests.shop import DISPUTED, HELD, HELD_ALONE, PAID, PART, WHY, Shop, changes, recorded


@pytest.mark.parametrize("charge", [HELD, HELD_ALONE])
def test_a_held_charge_is_released_whole(shop: Shop, charge: str) -> None:
    held = shop.run("stripe", "show", charge, "-o", "json").data
    ran = shop.run("stripe", "void", charge, *WHY, "-o", "json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["command"] == "stripe void"
    data = ran.data
    assert (data["action"], data["ref"], data["outcome"]) == ("void", f"stripe:{charge}", "succeeded")
    assert data["amount"] == held["amount"]
    assert (data["result"]["id"], data["result"]["status"]) == (charge, "voided")
    assert data["audit"]["outcome"] == data["audit"]["intent"] + 1
    assert shop.is_released(charge)
    assert shop.run("stripe", "show", charge, "-o", "json").data["status"] == "voided"


def test_the_same_void_again_is_already_done_and_sends_nothing(shop: Shop) -> None:
    first = shop.run("stripe", "void", HELD, *WHY, "-o", "json").data
    with recorded(shop) as proxy:
        again = shop.run("stripe", "void", HELD, *WHY, "-o", "json")
    assert (again.code, again.data["outcome"]) == (0, "already_done")
    assert again.data["operation"] == first["operation"]
    assert changes(proxy) == []


def test_what_somebody_else_released_is_refused(shop: Shop) -> None:
    shop.run("stripe", "void", HELD, *WHY)
    for path in shop.state_dir.glob("audit.sqlite*"):
        path.unlink()
    ran = shop.run("stripe", "void", HELD, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "charge_already_voided")


def test_a_dry_run_says_what_would_be_released_and_changes_nothing(shop: Shop) -> None:
    before = shop.fingerprint()
    ran = shop.run("stripe", "void", HELD, "--reason", "ordered twice", "--dry-run", "-o", "json")
    assert ran.code == 0
    assert ran.data["plan"]["void"].startswith("all of ")
    assert ran.data["plan"]["undo"].startswith("no")
    assert shop.fingerprint() == before
    assert shop.audit() == []


@pytest.mark.parametrize("charge", [PAID, PART])
def test_a_settled_charge_is_refused_with_the_refund_to_run(shop: Shop, charge: str) -> None:
    ran = shop.run("stripe", "void", charge, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "charge_settled")
    assert f"`billctl stripe refund stripe:{charge} --full --reason" in ran.line
    assert not shop.is_released(charge)


def test_a_disputed_charge_is_refused(shop: Shop) -> None:
    ran = shop.run("stripe", "void", DISPUTED, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "charge_not_voidable")


@pytest.mark.parametrize("amount", [("--full",), ("--amount", "1")])
def test_a_refund_of_held_money_names_the_void_to_run(shop: Shop, amount: tuple[str, ...]) -> None:
    ran = shop.run("stripe", "refund", HELD, *amount, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (5, "charge_not_settled")
    assert f"`billctl stripe void stripe:{HELD} --reason" in ran.line
    command = ran.line.split("`")[1].removesuffix(" --reason …").split()[1:]
    assert shop.run(*command, *WHY).code == 0
    assert shop.is_released(HELD)


def test_a_void_needs_a_reason_and_a_yes(shop: Shop) -> None:
    assert shop.run("stripe", "void", HELD, "--yes").code == 2
    assert shop.run("stripe", "void", HELD, "--reason", "ordered twice").code == 8
    assert not shop.is_released(HELD)


def test_in_live_mode_a_void_must_name_the_account(shop: Shop) -> None:
    shop.live(unattended=True)
    ran = shop.run("stripe", "void", HELD, *WHY, "-o", "json")
    assert (ran.code, ran.document["exit"]["class"]) == (8, "policy")


def test_a_pipe_gets_one_row(shop: Shop) -> None:
    row = shop.run("stripe", "void", HELD, *WHY).out.rstrip("\n").split("\t")
    assert row[1:4] == ["void", f"stripe:{HELD}", "succeeded"]
    assert row[6] == HELD
