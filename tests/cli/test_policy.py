"""A policy as an operator meets it: refused above a limit, recorded, rehearsed, shown; nothing sent."""

import os
from pathlib import Path

import pytest

from billctl.profiles import central
from billctl.sandbox import ACCOUNT_ID
from tests.shop import HELD, PAID, PAST_DUE, SUBSCRIPTION, WHY, Ran, Shop


def under(shop: Shop, *rules: str) -> None:
    """Let profile `shop` have a policy."""
    shop.use(more="[policy]\n" + "".join(f"{rule}\n" for rule in rules))


def refund(shop: Shop, *options: str, charge: str = PAID, amount: str = "12.50") -> Ran:
    return shop.run("stripe", "refund", charge, "--amount", amount, *WHY, *options, "-o", "json")


TEN = 'max_refund = { USD = "10.00" }'


def test_a_refund_above_the_limit_sends_nothing_says_so_in_one_line_and_is_recorded(shop: Shop) -> None:
    under(shop, TEN)
    ran = refund(shop)
    assert (ran.code, ran.document["exit"]["class"]) == (8, "policy")
    assert ran.line == (
        "billctl: 12.50 USD is above your limit of 10.00 USD for one refund (policy shop). "
        "Nothing was sent. Ask for approval with --request-approval."
    )
    assert shop.refunds() == []
    (row,) = [row for row in shop.audit() if row["phase"] == "denied"]
    assert (row["outcome"], row["error"]["code"], row["amount"]["minor"]) == ("denied", "max_refund", 1250)
    assert refund(shop, amount="10.00").code == 0
    assert shop.refunds() == [1000]


def test_all_that_is_left_is_judged_by_its_amount(shop: Shop) -> None:
    under(shop, TEN)
    ran = shop.run("stripe", "refund", PAID, "--full", *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (8, "max_refund")


REFUSED = {
    "currencies": ('currencies = ["EUR"]', ("stripe", "refund", PAID, "--amount", "1")),
    "require_ticket": ("require_ticket = 'zendesk:.+'", ("stripe", "resend", PAST_DUE)),
    "reason_codes": ('reason_codes = ["duplicate"]', ("stripe", "cancel", SUBSCRIPTION)),
    "unattended": ('unattended = ["resend"]', ("stripe", "cancel", SUBSCRIPTION)),
    "max_void": ('max_void = { EUR = "20.00" }', ("stripe", "void", HELD)),
    "max_charge_age_days": ("max_charge_age_days = 1", ("stripe", "refund", PAID, "--amount", "1")),
    "daily_actions": ("daily_actions = { cancel = 0 }", ("stripe", "cancel", SUBSCRIPTION)),
    "daily_refund_total": (
        'daily_refund_total = { USD = "0.99" }',
        ("stripe", "refund", PAID, "--amount", "1"),
    ),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_every_rule_refuses_its_case_with_its_name(shop: Shop, rule: str) -> None:
    """But `deny_when_disputed`: Stripe itself refuses to refund what is disputed, and is said to first."""
    text, words = REFUSED[rule]
    under(shop, text)
    before = shop.fingerprint()
    ran = shop.run(*words, *WHY, "-o", "json")
    assert (ran.code, ran.document["errors"][0]["code"]) == (8, rule), ran.err
    assert shop.fingerprint() == before
    says_what_next = not ran.line.endswith("Nothing was sent.")
    assert says_what_next or rule == "currencies", ran.line


def test_what_the_policy_demands_lets_it_through(shop: Shop) -> None:
    under(
        shop, "require_ticket = '^zendesk:[0-9]+$'", 'reason_codes = ["duplicate"]', 'unattended = ["refund"]'
    )
    assert refund(shop, "--ticket", "zendesk:1", "--reason-code", "duplicate").code == 0
    assert shop.refunds() == [1250]


def test_what_is_done_already_is_not_judged_again(shop: Shop) -> None:
    assert refund(shop).code == 0
    under(shop, TEN)
    assert refund(shop).data["outcome"] == "already_done"


# Rehearsal


@pytest.mark.parametrize(
    ("rule", "options", "code", "verdict"),
    [
        ('max_refund = { USD = "20.00" }', (), 0, "allowed"),
        (TEN, (), 8, "denied"),
        (TEN, ("--request-approval",), 15, "needs_approval"),
        ('approve_above = { USD = "10.00" }', (), 15, "needs_approval"),
    ],
)
def test_a_dry_run_shows_the_verdict_and_ends_as_the_run_would(
    shop: Shop, rule: str, options: tuple[str, ...], code: int, verdict: str
) -> None:
    under(shop, rule)
    ran = refund(shop, "--dry-run", *options)
    assert ran.code == code
    assert ran.data["policy"]["verdict"] == verdict
    assert [found["rule"] for found in ran.data["policy"]["rules"]] == (
        [rule.split(maxsplit=1)[0]] if code else []
    )
    assert shop.operations() == []
    assert not list(shop.state_dir.glob("approvals/*"))


def test_a_dry_run_shows_a_person_what_stands_against_it(shop: Shop) -> None:
    under(shop, TEN)
    ran = shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY, "--dry-run", "-o", "table")
    assert "policy      denied: 12.50 USD is above your limit of 10.00 USD for one refund" in ran.out


# Approval


@pytest.mark.parametrize(
    ("rule", "options"), [(TEN, ("--request-approval",)), ('approve_above = { USD = "10.00" }', ())]
)
def test_what_needs_a_second_person_becomes_a_request_and_sends_nothing(
    shop: Shop, rule: str, options: tuple[str, ...]
) -> None:
    under(shop, rule)
    ran = refund(shop, *options)
    assert (ran.code, ran.document["exit"]["class"], ran.data["outcome"]) == (
        15,
        "approval",
        "approval_required",
    )
    assert ran.data["approval"]["id"].startswith("apr_")
    assert shop.refunds() == []
    (row,) = [row for row in shop.audit() if row["phase"] == "denied"]
    assert (row["seq"], row["outcome"]) == (ran.data["audit"]["outcome"], "approval_required")


def test_what_nobody_can_approve_files_no_request(shop: Shop) -> None:
    under(shop, TEN, "require_ticket = 'zendesk:.+'")
    ran = refund(shop, "--request-approval")
    assert (ran.code, ran.document["errors"][0]["code"]) == (8, "require_ticket")
    assert not list(shop.state_dir.glob("approvals/*"))


# A day


def test_a_day_ends_at_its_total_and_another_operator_name_begins_no_other(shop: Shop) -> None:
    under(shop, 'daily_refund_total = { USD = "25.00" }')
    assert refund(shop).code == 0
    shop.env["BILLCTL_OPERATOR"] = "somebody-else"
    assert refund(shop, "--again", "2").code == 0
    denied = refund(shop, amount="0.01")
    assert (denied.code, denied.document["errors"][0]["code"]) == (8, "daily_refund_total")
    assert shop.refunds() == [1250, 1250]


# The central policy


@pytest.fixture
def signed_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A central policy that forbids more than 5.00 USD."""
    path = tmp_path / "etc" / "policy.toml"
    path.parent.mkdir(mode=0o755)
    path.write_text('[policy]\nmax_refund = { USD = "5.00" }\n')
    path.chmod(0o644)
    monkeypatch.setattr(central, "PATH", path)
    monkeypatch.setattr(central, "ROOT", os.geteuid())
    return path


def test_a_profile_cannot_loosen_the_central_policy_but_tighten_it(shop: Shop, signed_off: Path) -> None:
    under(shop, 'max_refund = { USD = "1000.00" }')
    ran = refund(shop)
    assert (ran.code, ran.line) == (
        8,
        f"billctl: 12.50 USD is above your limit of 5.00 USD for one refund ({signed_off}). "
        "Nothing was sent. Ask for approval with --request-approval.",
    )
    under(shop, 'max_refund = { USD = "1.00" }')
    assert "your limit of 1.00 USD" in refund(shop, amount="2").line
    assert shop.refunds() == []


def test_a_central_policy_that_others_can_write_stops_changes_and_no_lookup(
    shop: Shop, signed_off: Path
) -> None:
    signed_off.chmod(0o666)
    ran = refund(shop)
    assert (ran.code, ran.document["errors"][0]["code"]) == (12, "central_policy")
    assert f"chmod go-w {signed_off}" in ran.line
    assert shop.refunds() == []
    assert shop.run("stripe", "show", PAID).code == 0
    assert shop.run("audit", "list").code == 0


def test_nothing_in_the_environment_moves_it(shop: Shop, signed_off: Path) -> None:
    shop.env |= {"BILLCTL_POLICY": "/dev/null", "BILLCTL_CENTRAL_POLICY": "/dev/null", "HOME": "/nonexistent"}
    assert refund(shop).code == 8
    del signed_off


def test_without_a_terminal_live_it_may_forbid_what_the_profile_allows(shop: Shop, signed_off: Path) -> None:
    signed_off.write_text("allow_unattended = false\n")
    shop.live(unattended=True)
    ran = refund(shop, "--live", ACCOUNT_ID)
    assert (ran.code, ran.document["errors"][0]["code"]) == (8, "unattended")


# Shown


def test_profile_show_names_the_rules_in_force_and_where_they_stand(shop: Shop, signed_off: Path) -> None:
    under(shop, TEN, "deny_when_disputed = true")
    rows = {(v["name"], v["value"]): v for v in shop.run("profile", "show", "-o", "json").data["values"]}
    assert rows["policy.max_refund", "10.00 USD"]["where"] == "shop.toml line 3"
    assert rows["policy.deny_when_disputed", "true"]["where"] == "shop.toml line 4"
    central_row = rows["policy.max_refund", "5.00 USD"]
    assert (central_row["source"], central_row["where"]) == ("central", str(signed_off))


def test_profile_show_says_what_is_wrong_with_the_central_policy(shop: Shop, signed_off: Path) -> None:
    signed_off.chmod(0o666)
    ran = shop.run("profile", "show", "-o", "json")
    assert ran.code == 0
    assert any("the central policy cannot be trusted" in warning for warning in ran.document["warnings"])
