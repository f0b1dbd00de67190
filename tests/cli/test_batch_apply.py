"""`billctl batch apply`: what a plan says, each row once; what it prints, asks and refuses."""

import csv
import json
from pathlib import Path

import pytest

from billctl.batch.running import DEFAULT_MAX_FAILURES, DEFAULT_WORKERS
from billctl.cli.batch_apply_options import rate_of, totals_of
from billctl.cli.times import time_to_come
from billctl.errors import UsageError
from billctl.money import Money
from billctl.sandbox import ACCOUNT_ID, STRIPE_LIVE_KEY
from billctl.session import utc_now
from tests.shop import PAID, PART, SUBSCRIPTION, Json, Ran, Shop

FAST = ("--rate", "none")
TWO = ((PAID, "12.50"), (PART, "5.00"))
TOTAL = ("--expect-total", "17.50 USD")


def planned(shop: Shop, rows: tuple[tuple[str, str], ...] = TWO, name: str = "x.plan") -> Path:
    """A plan of refunds."""
    rows_file = shop.state_dir.parent / "rows.csv"
    rows_file.write_text("ref,amount\n" + "".join(f"stripe:{ref},{amount}\n" for ref, amount in rows))
    plan = shop.state_dir.parent / name
    made = shop.run("batch", "plan", "refund", str(rows_file), "--reason", "outage", "--out", str(plan))
    assert plan.exists(), made.err
    return plan


def applied(shop: Shop, plan: Path, *options: str) -> Ran:
    """What applying it without a terminal does."""
    return shop.run("batch", "apply", str(plan), *FAST, *options)


def results(plan: Path) -> list[Json]:
    """The results file beside the plan."""
    text = plan.with_name(plan.stem + ".results.ndjson").read_text()
    return [json.loads(line) for line in text.splitlines()]


def failures(plan: Path) -> Path:
    """The failures file beside the plan."""
    return plan.with_name(plan.stem + ".failures.csv")


# From cron


def test_it_does_what_the_plan_says_and_says_nothing_and_does_nothing_the_second_time(shop: Shop) -> None:
    plan = planned(shop)
    assert applied(shop, plan, "--yes", *TOTAL) == Ran(0, "", "")
    assert (shop.refunds(PAID), shop.refunds(PART)) == ([1250], [500])
    assert [row["outcome"] for row in results(plan)] == ["succeeded", "succeeded"]
    before = shop.fingerprint()
    assert applied(shop, plan, "--yes", *TOTAL) == Ran(0, "", "")
    assert shop.fingerprint() == before
    assert [row["outcome"] for row in results(plan)] == ["already_done", "already_done"]
    assert not failures(plan).exists()


def test_rows_that_are_not_as_they_were_asked_for_end_in_one_line_and_in_a_file_that_can_be_planned(
    shop: Shop,
) -> None:
    plan = planned(shop)
    assert shop.run("stripe", "refund", PART, "--amount", "1.00", "--reason", "goodwill", "--yes").code == 0
    ran = applied(shop, plan, "--yes")
    assert (ran.code, ran.out) == (7, "")
    assert ran.line == f"billctl: 1 skipped, 1 done. Failed rows: {failures(plan)}"
    (row,) = csv.DictReader(failures(plan).read_text().splitlines())
    assert (row["ref"], row["amount"], row["code"]) == (f"stripe:{PART}", "5.00", "drifted")
    again = planned_again(shop, failures(plan))
    assert applied(shop, again, "--yes") == Ran(0, "", "")
    assert shop.refunds(PART) == [100, 500]


def planned_again(shop: Shop, rows: Path) -> Path:
    plan = shop.state_dir.parent / "again.plan"
    assert shop.run("batch", "plan", "refund", str(rows), "--out", str(plan)).code == 0
    return plan


def test_nobody_there_and_no_yes_is_refused_before_anything_is_read(shop: Shop) -> None:
    ran = shop.run("batch", "apply", "there-is-no-plan.plan")
    assert ran.code == 8
    assert "--yes is not given. Nothing was sent." in ran.line


UNEXPECTED = (
    (("--expect-total", "17.51 USD"), 8, "moves 17.50 USD, and 17.51 USD was expected"),
    (("--expect-total", "17.50 EUR"), 8, "moves 17.50 USD"),
    (("--expect-rows", "3"), 8, "has 2 rows, and 3 were expected"),
    (("--live", "acct_other"), 8, "--live names 'acct_other'"),
    (("--profile", "sandbox"), 12, "the plan was made under profile shop"),
)
"""Options, the exit code, and what is said."""


def test_what_the_plan_was_not_expected_to_be_refuses_all_of_it(shop: Shop) -> None:
    plan = planned(shop)
    before = shop.fingerprint()
    for options, code, said in UNEXPECTED:
        ran = applied(shop, plan, "--yes", *options)
        assert (ran.code, said in ran.line) == (code, True), ran
    assert shop.fingerprint() == before


def test_a_dry_run_shows_what_would_come_of_it_and_sends_nothing(shop: Shop) -> None:
    plan = planned(shop)
    before = shop.fingerprint()
    ran = applied(shop, plan, "--dry-run", "-o", "json")
    assert ran.code == 0
    assert (ran.data["counts"], ran.data["dry_run"]) == ({"ready": 2}, True)
    rows = [json.loads(line) for line in applied(shop, plan, "--dry-run", "-o", "ndjson").out.splitlines()]
    assert sorted((row["ref"], row["outcome"]) for row in rows) == [
        (f"stripe:{PAID}", "ready"),
        (f"stripe:{PART}", "ready"),
    ]
    assert shop.fingerprint() == before


def test_a_dry_run_never_says_that_something_was_done(shop: Shop) -> None:
    plan = planned(shop, ((PAID, "12.50"), ("ch_SbxNobody0000001", "1.00")))
    ran = applied(shop, plan, "--dry-run")
    assert (ran.code, ran.line) == (7, "billctl: 1 skipped, 1 would be done. Nothing was sent.")


def test_while_another_run_applies_it_it_is_busy_at_once(shop: Shop) -> None:
    from billctl.batch.plan_file import open_plan
    from billctl.batch.shelf import lock_name
    from billctl.store.sqlite import open_store

    plan = planned(shop)
    with open_plan(plan) as opened:
        batch = opened.header.id
    store = open_store(shop.state_dir / "audit.sqlite")
    with store.lock_object(lock_name(batch)):
        ran = applied(shop, plan, "--yes")
    store.close()
    assert ran.code == 10
    assert shop.refunds(PAID) == []


# What it prints where that is asked for


def test_json_is_one_document_and_the_other_formats_have_a_record_for_each_row(shop: Shop) -> None:
    plan = planned(shop)
    data = applied(shop, plan, "--yes", "-o", "json").data
    assert (data["counts"], data["not_reached"], data["stop"]) == ({"succeeded": 2}, 0, None)
    assert data["moved"] == [{"amount": "17.50", "minor": 1750, "currency": "USD"}]
    assert (data["plan"], Path(data["results"]).name) == (str(plan), "x.results.ndjson")
    rows = [json.loads(line) for line in applied(shop, plan, "--yes", "-o", "ndjson").out.splitlines()]
    assert [(row["type"], row["ref"], row["outcome"]) for row in rows] == [
        ("row", f"stripe:{PAID}", "already_done"),
        ("row", f"stripe:{PART}", "already_done"),
    ]
    tsv = applied(shop, plan, "--yes", "-o", "tsv", "--fields", "n,outcome,amount")
    assert tsv.out == "1\talready_done\t12.50 USD\n2\talready_done\t5.00 USD\n"


def test_rows_that_were_sent_are_never_said_not_to_be_where_they_cannot_be_shown_as_asked(
    shop: Shop,
) -> None:
    ran = applied(shop, planned(shop), "--yes", "-o", "tsv", "--fields", "nosuch")
    assert ran.code == 1
    assert "billctl: bat_" in ran.line
    assert "was sent, but its answer cannot be shown as asked" in ran.line
    assert "See `billctl batch show bat_" in ran.line
    assert shop.refunds(PAID) == [1250]


def test_an_error_before_the_first_row_is_a_document_too(shop: Shop) -> None:
    ran = applied(shop, planned(shop), "--yes", "--expect-rows", "9", "-o", "json")
    assert ran.document["exit"] == {"code": 8, "class": "policy"}
    assert ran.document["errors"][0]["code"] == "rows_differ"


# At a terminal


def test_a_person_sees_the_whole_and_says_yes(shop: Shop) -> None:
    plan = planned(shop)
    code, shown = shop.typed("y\n", "batch", "apply", str(plan), *FAST)
    assert code == 0
    for line in (
        "test  refund · 2 refunds",
        f"({ACCOUNT_ID})",
        "17.50 USD",
        "outage",
        "cannot be taken back",
    ):
        assert line in shown
    question = shown.index("Apply? [y/N]")
    assert "succeeded" in shown[question:]
    assert "17.50 USD" in shown[question:]
    assert shop.refunds(PAID) == [1250]


def test_a_person_sees_which_rows_are_not_as_they_were_asked_for(shop: Shop) -> None:
    plan = planned(shop, ((PAID, "12.50"), ("ch_SbxNobody0000001", "1.00")))
    code, shown = shop.typed("y\n", "batch", "apply", str(plan), *FAST)
    assert code == 7
    summary = shown[shown.index("Apply?") :]
    assert "stripe:ch_SbxNobody0000001" in summary
    assert str(failures(plan)) in summary.replace("\r\n", "")


def test_any_other_answer_sends_nothing(shop: Shop) -> None:
    plan = planned(shop)
    for typed in ("n\n", "\n", "Yes please\n", "\x04"):
        assert shop.typed(typed, "batch", "apply", str(plan), *FAST)[0] == 8, typed
    assert shop.refunds(PAID) == []


@pytest.mark.parametrize(("answer", "code", "refunds"), [("y", 0, [500]), ("n", 7, [])])
def test_after_the_canary_a_person_looks_and_decides(
    shop: Shop, answer: str, code: int, refunds: list[int]
) -> None:
    plan = planned(shop)
    ended, shown = shop.typed(f"y\n{answer}\n", "batch", "apply", str(plan), *FAST, "--canary", "1")
    assert ended == code
    assert "Go on with 1 more refund?" in shown
    assert shop.refunds(PAID) == [1250]
    assert shop.refunds(PART) == refunds


def test_with_nobody_to_look_the_canary_stops_and_the_plan_goes_on_when_it_is_applied_again(
    shop: Shop,
) -> None:
    plan = planned(shop)
    ran = applied(shop, plan, "--yes", "--canary", "1", "-o", "json")
    assert (ran.code, ran.data["stop"], ran.data["not_reached"]) == (7, "canary", 1)
    assert applied(shop, plan, "--yes") == Ran(0, "", "")
    assert shop.refunds(PART) == [500]


def test_the_next_command_asks_for_the_same_operations_again(shop: Shop) -> None:
    source = shop.state_dir.parent / "subscriptions.csv"
    source.write_text(f"ref\nstripe:{SUBSCRIPTION}\nstripe:sub_SbxNobody00001\n")
    words = (
        "batch",
        "run",
        "cancel",
        str(source),
        "--reason",
        "moving",
        "--now",
        "--again",
        "2",
        "-p",
        "shop",
        *FAST,
    )
    code, shown = shop.typed("y\n", *words)
    assert code == 7
    summary = " ".join(shown.split())
    assert summary.index("ends now") < summary.index("Apply? [y/N]")
    assert "Next: billctl -p shop batch plan cancel" in summary
    assert ".failures.csv --now --again 2" in summary


# Live


@pytest.fixture
def live_plan(shop: Shop) -> Path:
    """A plan of two live refunds, and `allow_unattended`."""
    shop.live(unattended=True)
    return planned(shop)


def test_live_money_is_confirmed_by_typing_the_total(shop: Shop, live_plan: Path) -> None:
    for typed in ("y", "12.50", "17.5000", ""):
        code, shown = shop.typed(f"{typed}\n", "batch", "apply", str(live_plan), *FAST)
        assert code == 8
        assert "LIVE  refund" in shown
    assert shop.refunds(PAID, key=STRIPE_LIVE_KEY) == []
    assert shop.typed("17.50\n", "batch", "apply", str(live_plan), *FAST)[0] == 0
    assert shop.refunds(PAID, key=STRIPE_LIVE_KEY) == [1250]


def test_without_a_terminal_live_money_needs_every_assurance(shop: Shop, live_plan: Path) -> None:
    assert applied(shop, live_plan, "--yes").code == 8
    shop.live(unattended=False)
    assert applied(shop, live_plan, "--yes", "--live", ACCOUNT_ID).code == 8
    assert shop.refunds(PAID, key=STRIPE_LIVE_KEY) == []
    shop.live(unattended=True)
    assert applied(shop, live_plan, "--yes", "--live", ACCOUNT_ID) == Ran(0, "", "")
    assert shop.refunds(PAID, key=STRIPE_LIVE_KEY) == [1250]


def test_at_a_terminal_yes_alone_does_not_confirm_live_money(shop: Shop, live_plan: Path) -> None:
    assert shop.typed("n\n", "batch", "apply", str(live_plan), *FAST, "--yes")[0] == 8
    options = ("--yes", "--live", ACCOUNT_ID)
    code, shown = shop.typed("", "batch", "apply", str(live_plan), *FAST, *options)
    assert code == 0
    assert "Type the total" not in shown


def test_a_live_plan_goes_on_at_a_terminal_where_one_account_is_through(shop: Shop, live_plan: Path) -> None:
    profile = shop.config_dir / "profiles" / "shop.toml"
    more = profile.read_text().partition("[accounts.stripe]")[2]
    profile.write_text(f"{profile.read_text()}\n[accounts.eu]{more}")
    shop.env["BILLCTL_EU_API_KEY"] = STRIPE_LIVE_KEY
    rows = shop.state_dir.parent / "two.csv"
    rows.write_text(f"ref,amount\nstripe:{PAID},12.50\neu:{PART},5.00\n")
    plan = live_plan.with_name("two.plan")
    shop.run("batch", "plan", "refund", str(rows), "--reason", "outage", "--out", str(plan))
    typed = ("batch", "apply", str(plan), *FAST)
    code, _ = shop.typed("17.50\nn\n", *typed, "--canary", "1")
    assert code == 7
    code, shown = shop.typed("17.50\n", *typed)  # what was moved before is not confirmed once more
    assert (code, "1 row, 5.00 USD" in shown) == (8, True)
    code, shown = shop.typed("", *typed, "--yes", "--live", ACCOUNT_ID)
    assert (code, "Type the total" in shown) == (0, False)
    assert shop.refunds(PAID, key=STRIPE_LIVE_KEY) == [1250]
    assert shop.refunds(PART, key=STRIPE_LIVE_KEY) == [500]


# Its options


@pytest.mark.parametrize(
    ("text", "rate"), [(None, None), ("none", float("inf")), ("25", 25), ("0.5", 0.5), ("100.25", 100.25)]
)
def test_a_rate_is_requests_a_second(text: str | None, rate: float | None) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize(
    "text", ["", "0", "0.0", "-1", "1e3", "inf", "nan", "ten", "٣", "1,5", ".5", "9" * 11]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--rate"):
        rate_of(text)


def test_totals_are_amounts_with_their_currencies() -> None:
    assert totals_of(None) is None
    assert totals_of(["12.50 usd", "3.250 KWD"]) == (Money(3250, "KWD"), Money(1250, "USD"))


@pytest.mark.parametrize(
    "texts", [["12.50"], [""], ["12.505 USD"], ["1 USD", "2 USD"], ["1 XXY"], ["-1 USD"]]
)
def test_what_is_no_total_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError):
        totals_of(texts)


def test_not_before_is_an_instant_or_so_long_from_now() -> None:
    now = utc_now()
    instant = time_to_come("70m", "--not-before", now=now)
    assert instant is not None
    assert (instant - now).total_seconds() == 4200
    exact = time_to_come("2026-11-22T20:00:00+03:00", "--not-before", now=now)
    assert exact is not None
    assert exact.isoformat() == "2026-11-22T17:00:00+00:00"
    assert time_to_come(None, "--not-before", now=now) is None


@pytest.mark.parametrize("text", ["", "soon", "70", "-70m", "20:00", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--not-before"):
        time_to_come(text, "--not-before", now=utc_now())


def test_the_help_says_the_defaults_that_there_are(shop: Shop) -> None:
    text = shop.run("batch", "apply", "--help").out
    assert f"Rows at a time, per account: {DEFAULT_WORKERS}." in text
    assert f"Stop after more failed rows than that: {DEFAULT_MAX_FAILURES}." in text
