"""`billctl watch`: quiet when there is nothing, one line a finding when there is."""

import json
import re
from pathlib import Path

from billctl.sandbox import faults
from tests.cli.program import billctl
from tests.gateway_shops import open_street
from tests.shop import PAID, PAST_DUE, WHY, Shop

NOTHING = ("--only", "unknown", "--only", "refunds")
"""Checks that find nothing in a shop where billctl has done nothing."""


def lost(shop: Shop) -> str:
    """A refund whose answer was lost."""
    shop.arm("answer-lost", "POST /v1/refunds", times=10)
    ran = shop.run("stripe", "refund", PAID, "--amount", "12.50", *WHY, "-o", "json")
    faults.clear(shop.state_dir, "stripe")
    assert ran.code == 6
    operation: str = ran.data["operation"]
    return operation


def test_where_there_is_nothing_a_job_says_nothing(shop: Shop) -> None:
    ran = shop.run("watch", *NOTHING)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert shop.typed("", "watch", *NOTHING) == (0, "nothing to look at\r\n")
    ran = shop.run("watch", *NOTHING, "-o", "json")
    assert (ran.code, ran.data) == (0, {"findings": [], "notes": []})


def test_what_there_is_is_one_line_each_and_nothing_is_changed(shop: Shop) -> None:
    operation = lost(shop)
    before = shop.fingerprint()
    ran = shop.run("watch")
    assert (ran.code, shop.fingerprint()) == (14, before)
    lines = [line.split("\t") for line in ran.out.splitlines()]
    assert lines[0][:4] == ["unknown", f"stripe:{PAID}", "12.50", "USD"]
    assert lines[0][5:] == [operation, "nobody knows what became of it: run `billctl audit reconcile`"]
    assert [line[0] for line in lines] == sorted(
        (line[0] for line in lines), key=["unknown", "disputes", "invoices"].index
    )
    assert f"stripe:{PAST_DUE}" in [line[1] for line in lines]
    assert ran.line.startswith("billctl: to look at: 1 unknown outcome, ")
    assert ran.line.endswith(" invoices past due.")


def test_a_person_sees_since_when_and_until_when(shop: Shop) -> None:
    code, shown = shop.typed("", "watch", "--only", "disputes", "--only", "invoices")
    assert code == 14
    assert re.search(r"^disputes due$", plain(shown), re.MULTILINE)
    assert re.search(r"^  stripe:dp_\S+ +[\d.]+ [A-Z]{3}  due in \d+ days ", shown, re.MULTILINE)
    assert re.search(rf"^  stripe:{PAST_DUE} +120.00 USD  past due \d+ days ", shown, re.MULTILINE)


def plain(shown: str) -> str:
    """What is shown, without the colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).replace("\r\n", "\n")


def test_a_document_has_findings_with_their_parts(shop: Shop) -> None:
    ran = shop.run("watch", "--only", "invoices", "--past-due", "15d", "-o", "json")
    assert ran.document["exit"] == {"code": 14, "class": "findings"}
    found = {finding["ref"]: finding for finding in ran.data["findings"]}
    assert found[f"stripe:{PAST_DUE}"]["amount"] == {"amount": "120.00", "minor": 12000, "currency": "USD"}
    assert set(found[f"stripe:{PAST_DUE}"]) == {
        *("type", "check", "account", "ref", "amount", "time", "operation", "note")
    }


def test_an_account_that_cannot_be_asked_ends_with_its_failure_or_with_what_was_found(tmp_path: Path) -> None:
    with open_street(tmp_path) as street:
        dead = "http://127.0.0.1:9"
        street.street(more="[network]\nconnect_timeout = 1.0\n", paypal=dead)
        street.env |= {"BILLCTL_PROFILE": "shop"}
        ran = street.run("watch", "--only", "disputes", "--disputes-within", "0m", "-o", "json")
        assert (ran.code, ran.document["exit"]["class"]) == (7, "partial")
        assert [error["account"] for error in ran.document["errors"]] == ["paypal"]
        ran = street.run("watch", "--only", "invoices", "-o", "json")
        assert ran.code == 14
        assert [error["account"] for error in ran.document["errors"]] == [None, "paypal"]
        street.street(more="[network]\nconnect_timeout = 1.0\n", accounts=("paypal",), paypal=dead)
        assert street.run("watch", "--only", "disputes").code == 11


WRONG = {
    ("--only", "refund"): "--only 'refund' is nothing to look for",
    ("--past-due", "2026-01-31"): "--past-due '2026-01-31' is no age",
    ("--disputes-within", "soon"): "--disputes-within 'soon' is no age",
    ("--follow-up", "-1d"): "--follow-up '-1d' is no age",
    ("--account", "nobody"): "no account called 'nobody'",
    ("--ping-url", "ftp://example.com"): "--ping-url",
}


def test_a_wrong_call_is_refused_before_anything_is_asked() -> None:
    for words, why in WRONG.items():
        ran = billctl("-p", "sandbox", "watch", *words)
        assert ran.returncode == 2
        assert why in ran.stderr
        assert ran.stderr.count("\n") == 1


def test_a_log_file_has_what_was_found_and_how_it_ended(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "watch.ndjson"
    shop.run("watch", *NOTHING, "--log-file", str(log))
    operation = lost(shop)
    shop.run("watch", *NOTHING, "--log-file", str(log))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["type"] for line in lines] == ["start", "end", "start", "finding", "end"]
    assert lines[3]["operation"] == operation
    assert [line["exit"]["code"] for line in lines if line["type"] == "end"] == [0, 14]
    assert log.stat().st_mode & 0o777 == 0o600
