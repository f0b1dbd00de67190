"""`billctl audit`: who did what and why, found by every filter, shown whole, proved, reconciled."""

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.shop import CUSTOMER, DISPUTED, PAID, PAST_DUE, SUBSCRIPTION, WHY, Shop, open_shop


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the state of a busy shop is kept for the tests after the first."""
    return tmp_path_factory.mktemp("busy") / "state"


@pytest.fixture
def busy(tmp_path: Path, kept: Path) -> Iterator[Shop]:
    """A shop after one of everything: done, refused, denied, unknown."""
    if not kept.exists():
        with open_shop(tmp_path) as shop:
            _one_of_everything(shop)
        shutil.move(shop.state_dir, kept)
    shutil.copytree(kept, tmp_path / "state")
    with open_shop(tmp_path) as shop:
        shop.env["BILLCTL_OPERATOR"] = "layla"
        yield shop


def _one_of_everything(shop: Shop) -> None:
    shop.env["BILLCTL_OPERATOR"] = "amina"
    shop.run("stripe", "refund", PAID, "--amount", "5", *WHY, "--ticket", "zendesk:35436")
    shop.env["BILLCTL_OPERATOR"] = "layla"
    shop.run("stripe", "cancel", SUBSCRIPTION, "--reason", "moving away", "--yes")
    shop.run("stripe", "refund", DISPUTED, "--amount", "10.00", *WHY)
    shop.run("stripe", "refund", PAID, "--amount", "6", "--reason", "not confirmed")
    shop.arm("answer-lost", "POST /v1/invoices/*", times=5)
    shop.run("stripe", "resend", PAST_DUE, *WHY)


def words(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["action"], row["outcome"]) for row in rows if row["phase"] != "created"]


def test_the_list_is_every_operation_and_every_denied_attempt_newest_first(busy: Shop) -> None:
    assert words(busy.audit()) == [
        ("resend", "unknown"),
        ("refund", "denied"),
        ("refund", "refused"),
        ("cancel", "succeeded"),
        ("refund", "succeeded"),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--action", "cancel"), [("cancel", "succeeded")]),
        (("--outcome", "unknown"), [("resend", "unknown")]),
        (("--outcome", "denied"), [("refund", "denied")]),
        (("--operator", "amina"), [("refund", "succeeded")]),
        (("--object", SUBSCRIPTION), [("cancel", "succeeded")]),
        (("--charge", PAID), [("refund", "denied"), ("refund", "succeeded")]),
        (("--charge", DISPUTED), [("refund", "refused")]),
        (("--customer", CUSTOMER, "--action", "resend"), [("resend", "unknown")]),
        (("--customer", "cus_SbxNobody"), []),
        (("--account", "paypal"), []),
        (("--since", "1h", "--limit", "1"), [("resend", "unknown")]),
        (("--until", "1h"), []),
        (("--outcome", "open"), []),
        (("--charge", f"stripe:{PAID}"), [("refund", "denied"), ("refund", "succeeded")]),
        (("--customer", f"stripe:{CUSTOMER}", "--action", "resend"), [("resend", "unknown")]),
        (("--object", f"stripe:{SUBSCRIPTION}", "--account", "stripe"), [("cancel", "succeeded")]),
        (("--charge", f"paypal:{PAID}"), []),
    ],
)
def test_a_filter_finds_what_it_names(
    busy: Shop, filters: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert words(busy.audit(*filters)) == expected


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (("--outcome", "nosuch"), "'nosuch' is no outcome"),
        (("--since", "1d", "--until", "3d"), "--since is later than --until"),
        (("--charge", f"paypal:{PAID}", "--account", "stripe"), "the options name different accounts"),
    ],
)
def test_a_filter_that_can_find_nothing_is_a_usage_error(
    shop: Shop, filters: tuple[str, ...], why: str
) -> None:
    ran = shop.run("audit", "list", *filters)
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.line


def test_the_outcomes_that_exist_are_told(shop: Shop) -> None:
    line = shop.run("audit", "list", "--outcome", "nosuch").line
    assert all(word in line for word in ("succeeded", "refused", "unknown", "denied", "open"))


def test_a_row_says_who_what_why_and_what_became_of_it(busy: Shop) -> None:
    (row,) = busy.audit("--operator", "amina", "--action", "refund")
    assert row["type"] == "audit"
    assert (row["ref"], row["customer"], row["account"]) == (f"stripe:{PAID}", CUSTOMER, "stripe")
    assert row["amount"] == {"amount": "5.00", "minor": 500, "currency": "USD"}
    assert (row["reason"], row["ticket"]) == ("charged twice", "zendesk:35436")
    assert (row["operator"], row["profile"], row["mode"]) == ("amina", "shop", "test")
    assert row["login"]
    assert row["operation"].startswith("op_")
    assert row["error"] is None


def test_a_failure_keeps_its_class_code_and_words(busy: Shop) -> None:
    (row,) = busy.audit("--outcome", "refused")
    assert (row["error"]["class"], row["error"]["code"]) == ("refused", "charge_disputed")
    (row,) = busy.audit("--outcome", "denied")
    assert (row["error"]["class"], row["error"]["code"]) == ("policy", "not_confirmed")


def test_one_operation_is_shown_with_intent_and_outcome(busy: Shop) -> None:
    (row,) = busy.audit("--operator", "amina", "--action", "refund")
    records = busy.run("audit", "show", row["operation"], "-o", "json").data
    assert [r["phase"] for r in records] == ["intent", "outcome"]
    intent, outcome = records
    assert intent["before"]["refundable_minor"] == 4900
    assert outcome["result"]["amount"]["minor"] == 500
    assert {r["actor"]["claimed"] for r in records} == {"amina"}
    assert all(r["actor"]["uid"] is not None and r["actor"]["host"] for r in records)
    assert len(intent["argv"]) == len(outcome["argv"])
    table = busy.run("audit", "show", row["operation"], "-o", "table").out
    assert "charged twice" in table
    assert "zendesk:35436" in table
    assert [line.split() for line in table.splitlines() if line.startswith("  live ")] == [["live", "no"]] * 2


def test_a_record_is_shown_by_its_number(busy: Shop) -> None:
    (record,) = busy.run("audit", "show", "1", "-o", "json").data
    assert (record["seq"], record["phase"]) == (1, "created")


def test_reading_needs_no_profile_and_makes_no_log(shop: Shop) -> None:
    del shop.env["BILLCTL_PROFILE"]
    for arguments in (("list",), ("verify",)):
        ran = shop.run("audit", *arguments, "-o", "json")
        assert (ran.code, ran.err) == (0, "")
    assert not (shop.state_dir / "audit.sqlite").exists()
    assert shop.run("audit", "list", "-o", "table").out == "nothing recorded that matches\n"
    assert shop.run("audit", "verify", "-o", "table").out == "nothing recorded yet\n"


def test_a_whole_log_is_proved_with_its_head(busy: Shop) -> None:
    data = busy.run("audit", "verify", "-o", "json").data
    assert data["whole"] is True
    assert data["records"] == data["head"]["seq"]
    shown = busy.run("audit", "verify", "-o", "table").out
    head = data["head"]["hash"]
    assert shown == f"{data['records']} records, chain whole, head {head[:8]}…{head[-4:]}\n"
    assert busy.run("audit", "verify", "--integrity").code == 0
    assert busy.run("audit", "verify", "-q", "-o", "table").out == ""


def falsify(shop: Shop) -> None:
    """Change one recorded word behind the log's back."""
    with closing(sqlite3.connect(shop.state_dir / "audit.sqlite")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(
            "UPDATE private SET body = replace(body, 'charged twice', 'charged thrice') WHERE seq = 3"
        )
        database.commit()


def test_a_changed_record_breaks_the_proof_and_says_where(busy: Shop) -> None:
    falsify(busy)
    ran = busy.run("audit", "verify", "-o", "json")
    assert ran.code == 9
    assert (ran.document["exit"]["class"], ran.data["whole"]) == ("store", False)
    assert ran.document["errors"][0]["code"] == "chain_broken"
    assert "the audit log is broken at record 3: " in ran.line
    assert "The chain is whole for 9 records." in ran.line


def test_a_broken_log_is_broken_in_every_form(busy: Shop) -> None:
    falsify(busy)
    data = busy.run("audit", "verify", "-o", "json").data
    expected = [
        str(data["records"]),
        "false",
        data["head"]["hash"] or "",
        str(data["broken"] or ""),
        data["why"],
    ]
    assert busy.run("audit", "verify", "-o", "tsv").out == "\t".join(expected) + "\n"
    heading, row = csv.reader(io.StringIO(busy.run("audit", "verify", "-o", "csv").out))
    assert heading == ["records", "whole", "head.hash", "broken", "why"]
    assert row == expected
    verdict = json.loads(busy.run("audit", "verify", "-o", "ndjson").out.splitlines()[0])
    assert verdict == {"type": "verdict"} | data
    assert busy.run("audit", "verify", "-o", "table").out == ""


@pytest.mark.parametrize("form", ["tsv", "csv"])
def test_a_record_without_an_outcome_has_an_empty_cell(busy: Shop, form: str) -> None:
    (row,) = busy.audit("--operator", "amina", "--action", "refund")
    intent, outcome = busy.run("audit", "show", row["operation"], "-o", "json").data
    ran = busy.run("audit", "show", str(intent["seq"]), "-o", form)
    assert (ran.code, ran.err) == (0, "")
    separator = "\t" if form == "tsv" else ","
    assert ran.out.splitlines()[-1].split(separator)[2:5] == ["intent", "refund", ""]
    assert "outcome,refund,succeeded" in busy.run("audit", "show", str(outcome["seq"]), "-o", "csv").out
    asked = busy.run("audit", "show", str(intent["seq"]), "--fields", "outcome", "-o", form)
    assert asked.code == 2
    assert "there is no field 'outcome'" in asked.line


def test_reconcile_settles_what_is_unknown_and_says_what_it_found(busy: Shop) -> None:
    from billctl.sandbox import faults

    faults.clear(busy.state_dir, "stripe")
    ran = busy.run("audit", "reconcile", "-o", "json")
    assert ran.code == 0
    (row,) = ran.data
    assert (row["type"], row["action"], row["ref"], row["finding"]) == (
        "reconciled", "resend", f"stripe:{PAST_DUE}", "done",
    )  # fmt: skip
    assert words(busy.audit("--action", "resend")) == [("resend", "succeeded")]
    assert busy.run("audit", "reconcile", "-o", "json").data == []
    assert busy.run("audit", "reconcile", "-o", "table").out == "nothing is open\n"
    assert busy.run("audit", "reconcile", "-q", "-o", "table").out == ""


def test_what_another_profile_left_open_is_named_with_its_profile(busy: Shop) -> None:
    busy.profile("other", f'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\nbase_url = "{busy.url}"\n')
    ran = busy.run("-p", "other", "audit", "reconcile", "-o", "json")
    assert ran.code == 6
    assert [(r["finding"], r["note"]) for r in ran.data] == [
        ("elsewhere", "recorded under profile shop: use -p shop")
    ]


@pytest.mark.parametrize("form", ["table", "json", "ndjson", "csv", "tsv"])
def test_no_form_shows_a_secret_or_drives_a_terminal(shop: Shop, form: str) -> None:
    shop.run("stripe", "refund", PAID, "--amount", "5", "--reason", "so \x1b[31mred\u202e", "--yes")
    ran = shop.run("audit", "list", "-o", form)
    assert "\x1b" not in ran.out
    assert "\u202e" not in ran.out
    assert shop.env["BILLCTL_STRIPE_API_KEY"] not in ran.out


def test_the_command_line_is_kept_without_what_is_secret_in_it(shop: Shop) -> None:
    key = "sk_test_CANARYcanaryCANARY4f2a"
    ran = shop.program("stripe", "cancel", key, *WHY)
    assert (ran.code, key in ran.err) == (2, False)
    assert "the id is an API key" in ran.line
    for path in shop.state_dir.glob("audit.sqlite*"):
        assert key.encode() not in path.read_bytes()
    done = shop.program("stripe", "refund", PAID, "--amount", "5", *WHY, "-o", "json")
    (intent,) = shop.run("audit", "show", str(done.data["audit"]["intent"]), "-o", "json").data
    assert intent["argv"][:5] == ["stripe", "refund", PAID, "--amount", "5"]
