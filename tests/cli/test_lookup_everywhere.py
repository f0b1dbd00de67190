"""One lookup over all gateways: every way of searching, one of them down, one order."""

from collections.abc import Iterator
from typing import Any

import pytest

from billctl.sandbox import faults
from tests.gateway_shops import GATEWAYS, HOUSES, LAYLA
from tests.matrix import often
from tests.rehearsal import rehearsed
from tests.shop import Shop

DOWN = "http://127.0.0.1:1"
NONE_LISTED = {"disputes": {"woocommerce", "recurly"}}
"""Gateways that list no objects of a kind."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The rehearsal gateways under profile `shop`; nothing here changes them."""
    folder = tmp_path_factory.mktemp("everywhere")
    state = folder / "state"
    state.mkdir(mode=0o700)
    with rehearsed(state, GATEWAYS) as sandbox:
        opened = Shop(state, folder / "config", "")
        opened.env = {"BILLCTL_CONFIG_DIR": str(folder / "config"), "BILLCTL_STATE_DIR": str(state)}
        for name, house in HOUSES.items():
            opened.env |= house.variables(name)
        for profile, down in {"shop": "", **{f"no-{name}": name for name in GATEWAYS}}.items():
            write(opened, profile, {name: DOWN if name == down else sandbox.url(name) for name in GATEWAYS})
        yield opened


def write(shop: Shop, profile: str, urls: dict[str, str]) -> None:
    tables = "".join(HOUSES[name].table(name, name, url) for name, url in urls.items())
    shop.profile(profile, f'mode = "test"\n{tables}')


def ask(shop: Shop, *words: str, profile: str = "shop") -> Any:
    return shop.run("-p", profile, "lookup", *words, "-o", "json")


def refs(ran: Any) -> list[str]:
    return [customer["ref"] for customer in ran.data["customers"]]


def statuses(ran: Any) -> dict[str, str]:
    return {part["account"]: part["status"] for part in ran.data["accounts"]}


@pytest.mark.parametrize(
    ("query", "by"),
    [
        pytest.param(LAYLA, "email", marks=pytest.mark.slow),
        ("LAYLA@example.com", "email"),
        pytest.param("Layla Haddad", "name", marks=pytest.mark.slow),
    ],
)
def test_a_customer_of_all_gateways_is_found_in_each(shop: Shop, query: str, by: str) -> None:
    ran = ask(shop, query)
    assert (ran.code, ran.data["by"]) == (0, by)
    cannot = {"recurly": "cannot_search"} if by == "name" else {}
    assert statuses(ran) == dict.fromkeys(GATEWAYS, "found") | cannot
    assert {customer["email"] for customer in ran.data["customers"]} == {LAYLA}
    assert [ref.split(":")[0] for ref in refs(ran)] == [name for name in GATEWAYS if name not in cannot]
    assert refs(ask(shop, query)) == refs(ran)


@pytest.mark.parametrize(
    "email",
    [
        "salma@example.net",
        pytest.param("farida@example.com", marks=pytest.mark.slow),
        pytest.param("kofi@example.net", marks=pytest.mark.slow),
    ],
)
def test_who_is_a_customer_of_some_is_none_at_the_others(shop: Shop, email: str) -> None:
    ran = ask(shop, email)
    assert ran.code == 0
    assert set(statuses(ran).values()) == {"found", "none"}


def test_who_is_nobodys_customer_is_exit_3(shop: Shop) -> None:
    ran = ask(shop, "nobody@example.com")
    assert (ran.code, refs(ran)) == (3, [])
    assert set(statuses(ran).values()) == {"none"}


@pytest.mark.parametrize("name", often(GATEWAYS, "braintree", "woocommerce"))
def test_an_id_tells_by_its_form_whose_and_what_it_is(shop: Shop, name: str) -> None:
    (customer,) = [c for c in ask(shop, LAYLA).data["customers"] if c["account"] == name]
    charge, subscription = customer["charges"][0], customer["subscriptions"][0]
    for record in (charge, subscription):
        ran = ask(shop, record["ref"])
        assert ran.code == 0, ran
        assert [part["account"] for part in ran.data["accounts"]] == [name]
        assert {c["name"] for c in ran.data["customers"]} == {"Layla Haddad"}
    anywhere = ask(shop, charge["id"])
    assert anywhere.code == 0, anywhere
    like_it = {"recurly"} if name == "woocommerce" else set()  # an order's number may be an invoice's there
    assert {ref.split(":")[0] for ref in refs(anywhere)} - like_it == {name}
    assert "failed" not in statuses(anywhere).values()


def test_an_id_of_one_gateway_is_no_news_of_the_others(shop: Shop) -> None:
    ran = shop.run("-p", "shop", "lookup", "ch_SbxLayla0000001")
    assert (ran.code, ran.err) == (0, "")


def test_last_four_digits_are_asked_where_they_can_be(shop: Shop) -> None:
    ran = ask(shop, "1881")
    assert statuses(ran)["paypal"] == "cannot_search"
    assert "braintree" in {ref.split(":")[0] for ref in refs(ran)}
    assert ran.code == 0


@pytest.mark.parametrize(
    "down", ["recurly", *(pytest.param(n, marks=pytest.mark.slow) for n in GATEWAYS if n != "recurly")]
)
def test_one_gateway_down_turns_its_line_to_failed_and_nothing_else(shop: Shop, down: str) -> None:
    whole, ran = ask(shop, LAYLA), ask(shop, LAYLA, profile=f"no-{down}")
    assert ran.code == 7
    assert statuses(ran) == dict.fromkeys(GATEWAYS, "found") | {down: "failed"}
    assert refs(ran) == [ref for ref in refs(whole) if not ref.startswith(f"{down}:")]
    assert [(error["class"], error["account"]) for error in ran.document["errors"]] == [("network", down)]
    assert ask(shop, LAYLA, "--all-or-fail", profile=f"no-{down}").code == 11


@pytest.mark.parametrize(
    "lying",
    ["woocommerce", *(pytest.param(n, marks=pytest.mark.slow) for n in GATEWAYS if n != "woocommerce")],
)
def test_one_gateway_that_answers_nonsense_fails_alone(shop: Shop, lying: str) -> None:
    faults.arm(shop.state_dir, lying, "html", times=50)
    try:
        ran = ask(shop, LAYLA)
    finally:
        faults.clear(shop.state_dir, lying)
    assert ran.code == 7
    assert statuses(ran) == dict.fromkeys(GATEWAYS, "found") | {lying: "failed"}


@pytest.mark.parametrize(
    "kind", ["charges", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("refunds", "disputes"))]
)
def test_a_list_over_all_is_what_each_lists_alone(shop: Shop, kind: str) -> None:
    filters = ("--since", "30d", "--limit", "1000", "-o", "json")
    over_all = shop.run("-p", "shop", kind, *filters)
    alone = [row for name in GATEWAYS for row in shop.run("-p", "shop", name, kind, *filters).data]
    assert {row["ref"].split(":")[0] for row in alone} == set(GATEWAYS) - NONE_LISTED.get(kind, set())
    assert sorted(row["ref"] for row in over_all.data) == sorted(row["ref"] for row in alone)
    created = [row["created"] for row in over_all.data]
    assert created == sorted(created, reverse=True)


def test_a_person_sees_a_block_for_each_gateway_of_one_address_and_what_was_not_searched(shop: Shop) -> None:
    ran = shop.run("-p", "shop", "lookup", LAYLA, "-o", "table")
    heads = [line for line in ran.out.splitlines() if line.startswith("Layla Haddad")]
    assert [head.split()[2].split(":")[0] for head in heads] == list(GATEWAYS)
    assert ["same e-mail" in head for head in heads] == [False, *[True] * (len(GATEWAYS) - 1)]
    assert "void, not refund" in ran.out
    assert ran.out.splitlines()[-1].startswith("paypal")
    assert "was not searched" in ran.out
