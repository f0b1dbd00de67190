"""An object named as lookups print it, and what `--verbose` says of what was opened."""

import os
from pathlib import Path

import pytest

from tests.cli.program import billctl, document

CHARGE = "ch_SbxLayla0000001"


@pytest.fixture(autouse=True)
def _sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCTL_PROFILE", "sandbox")


def test_a_reference_as_a_lookup_prints_it_is_taken_for_an_id() -> None:
    assert document("stripe", "show", f"stripe:{CHARGE}")["data"]["id"] == CHARGE
    plan = document("stripe", "refund", f"stripe:{CHARGE}", "--full", "--reason", "duplicate", "--dry-run")
    assert plan["data"]["ref"] == f"stripe:{CHARGE}"


def test_one_operation_is_one_whether_named_by_id_or_by_reference() -> None:
    first = document("stripe", "refund", CHARGE, "--amount", "1.00", "--reason", "duplicate", "--yes")
    ref = f"stripe:{CHARGE}"
    second = document("stripe", "refund", ref, "--amount", "1.00", "--reason", "duplicate", "--yes")
    assert first["data"]["operation"] == second["data"]["operation"]
    assert second["data"]["outcome"] == "already_done"


def test_a_reference_to_another_account_than_the_option_names_is_no_id() -> None:
    answer = billctl("stripe", "show", f"stripe:{CHARGE}", "--account", "other")
    assert answer.returncode == 2
    assert "no stripe account called 'other'" in answer.stderr


def test_a_reference_and_an_option_that_contradict_each_other_are_refused() -> None:
    path = Path(os.environ["BILLCTL_CONFIG_DIR"]) / "profiles" / "twice.toml"
    path.parent.mkdir(parents=True, mode=0o700)
    account = '[accounts.{}]\ngateway = "stripe"\n'
    path.write_text('mode = "test"\nsandbox = true\n' + account.format("one") + account.format("two"))
    answer = billctl("-p", "twice", "stripe", "show", f"one:{CHARGE}", "--account", "two")
    assert answer.returncode == 2
    assert answer.stderr == (
        f"billctl: one:{CHARGE} is of account one, not of two. Nothing was sent. "
        "Leave --account out, or take an id of that account.\n"
    )


def test_a_word_before_a_colon_that_is_no_account_stays_part_of_the_id() -> None:
    answer = billctl("stripe", "show", f"shop:{CHARGE}")
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


def test_verbose_says_which_profile_was_read_and_who_answered() -> None:
    answer = billctl("stripe", "show", CHARGE, "-v")
    assert "profile sandbox (test), read from " in answer.stderr
    assert "stripe answers as billctl sandbox shop (acct_" in answer.stderr
    assert billctl("stripe", "show", CHARGE).stderr == ""
