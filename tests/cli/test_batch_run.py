"""`billctl batch run`: plan and apply in one; what a cron job of it does, prints and leaves behind."""

import io
import json
import sys
from pathlib import Path
from unittest import mock

import pytest

from billctl.session import STORE
from billctl.store.sqlite import open_store
from tests.shop import PAID, PAID_INVOICE, PART, PAST_DUE, Json, Ran, Shop

CRON = ("--reason", "overdue", "--yes", "--rate", "none")
RESEND = ("batch", "run", "resend", "-", *CRON)


def piped(shop: Shop, text: str, *arguments: str) -> Ran:
    """One command line with `text` on standard input."""
    stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    with mock.patch.multiple(sys, stdin=stdin):
        return shop.run(*arguments)


def lines(path: Path) -> list[Json]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_what_a_list_finds_is_resent_in_silence_and_the_second_time_nothing_is(shop: Shop) -> None:
    found = shop.run("invoices", "--status", "past_due", "-o", "csv").out
    assert piped(shop, found, *RESEND) == Ran(0, "", "")
    assert shop.sent_invoices() == 1
    before = shop.fingerprint()
    assert piped(shop, found, *RESEND) == Ran(0, "", "")
    assert shop.fingerprint() == before


@pytest.mark.parametrize("text", ["", "ref\n"])
def test_no_rows_are_nothing_to_do(shop: Shop, text: str) -> None:
    assert piped(shop, text, *RESEND) == Ran(0, "", "")
    assert piped(shop, text, *RESEND, "-o", "json").data["rows"] == 0
    assert shop.run("batch", "list", "-o", "json").data == []


@pytest.mark.parametrize("expected", [("--expect-rows", "120"), ("--expect-total", "10.00 USD")])
def test_no_rows_where_some_were_expected_are_not_passed_over(shop: Shop, expected: tuple[str, str]) -> None:
    ran = piped(shop, "", "batch", "run", "refund", "-", "--full", *CRON, *expected)
    assert ran.code == 8
    assert "there are no rows, and 1" in ran.line
    assert piped(shop, "", *RESEND, "--expect-rows", "0") == Ran(0, "", "")


def test_a_file_with_a_fault_is_refused_whole(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    options = ("--log-file", str(log), "-o", "json")
    ran = piped(shop, f"ref,tiket\nstripe:{PAST_DUE},zendesk:1\n", *RESEND, *options)
    assert [(line["type"], line.get("line")) for line in lines(log)] == [
        ("start", None),
        ("fault", 1),
        ("end", None),
    ]
    assert ran.code == 2
    assert ran.data["faults"][0]["line"] == 1
    assert shop.sent_invoices() == 0
    assert shop.operations() == []


def test_rows_that_are_left_out_end_in_one_line_and_the_rest_is_done(shop: Shop) -> None:
    text = f"ref\nstripe:{PAST_DUE}\nstripe:in_SbxNobody000001\n"
    ran = piped(shop, text, *RESEND)
    assert (ran.code, ran.out) == (7, "")
    assert ran.line.startswith("billctl: 1 skipped, 1 done. Failed rows: ")
    assert shop.sent_invoices() == 1


def test_nobody_there_and_no_yes_is_refused_before_the_rows_are_read(shop: Shop) -> None:
    class Untouched(io.RawIOBase):
        def readable(self) -> bool:
            raise AssertionError("standard input was read")

    with mock.patch.multiple(sys, stdin=mock.Mock(buffer=Untouched(), isatty=lambda: False)):
        ran = shop.run("batch", "run", "resend", "-", "--reason", "overdue")
    assert ran.code == 8


def test_two_jobs_of_one_verb_do_not_overlap(shop: Shop) -> None:
    store = open_store(shop.state_dir / STORE)
    with store.lock_object("batch run|shop|resend"):
        busy = piped(shop, f"ref\nstripe:{PAST_DUE}\n", *RESEND)
        other = piped(shop, f"ref,amount\nstripe:{PAID},1.00\n", "batch", "run", "refund", "-", *CRON)
    store.close()
    assert busy.code == 10
    assert (
        busy.line
        == "billctl: another `batch run resend` of profile shop goes on right now. Nothing was sent."
    )
    assert other.code == 0
    assert shop.sent_invoices() == 0


def test_a_dry_run_leaves_nothing_behind(shop: Shop) -> None:
    before = shop.fingerprint()
    ran = piped(shop, f"ref\nstripe:{PAST_DUE}\n", *RESEND, "--dry-run", "-o", "json")
    assert (ran.code, ran.data["counts"]) == (0, {"ready": 1})
    assert shop.fingerprint() == before
    assert shop.run("batch", "list", "-o", "json").data == []
    assert shop.operations() == []


def test_the_log_file_tells_the_run_and_each_row_that_failed(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    text = f"ref,amount\nstripe:{PAID},1.00\nstripe:ch_SbxNobody0000001,1.00\n"
    arguments = ("batch", "run", "refund", "-", *CRON, "--log-file", str(log))
    assert piped(shop, text, *arguments).code == 7
    start, plan, row, end = lines(log)
    assert (start["type"], start["command"]) == ("start", "batch run")
    assert (plan["type"], plan["rows"], plan["ready"]) == ("plan", 2, 1)
    assert (row["ref"], row["outcome"]) == ("stripe:ch_SbxNobody0000001", "skipped")
    assert (end["exit"]["code"], end["counts"]) == (7, {"skipped": 1, "succeeded": 1})
    assert piped(shop, f"ref,amount\nstripe:{PART},1.00\n", *arguments, "-v").code == 0
    assert [line["type"] for line in lines(log)[4:]] == ["start", "plan", "row", "end"]


def test_a_person_is_told_how_many_invoices_go_elsewhere(shop: Shop, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text(f"ref,to\nstripe:{PAST_DUE},\nstripe:{PAID_INVOICE},books@example.com\n")
    code, shown = shop.typed("n\n", "batch", "run", "resend", str(source), "--reason", "asked for")
    assert code == 8
    assert "1 invoice to an address that the rows name" in shown


@pytest.mark.slow
def test_a_pause_that_a_gateway_asked_for_is_in_the_log(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    shop.arm("429", "POST /v1/invoices/*/send", retry_after=1)
    assert piped(shop, f"ref\nstripe:{PAST_DUE}\n", *RESEND, "--log-file", str(log)) == Ran(0, "", "")
    (pause,) = [line for line in lines(log) if line["type"] == "pause"]
    assert pause["account"] == "stripe"
    assert 0 < pause["seconds"] <= 1
    assert shop.sent_invoices() == 1


def test_the_address_of_the_monitor_is_kept_nowhere(shop: Shop, tmp_path: Path) -> None:
    secret = "4b1c-capability"
    log = tmp_path / "run.log"
    options = ("--log-file", str(log), f"--ping-url=http://127.0.0.1:9/{secret}")
    ran = piped(shop, f"ref\nstripe:{PAST_DUE}\n", *RESEND, *options)
    assert ran == Ran(0, "", "billctl: the --ping-url gave no usable answer (ConnectionError)\n")
    kept = [path for path in (log, *shop.state_dir.rglob("*")) if path.is_file()]
    assert not [path for path in kept if secret.encode() in path.read_bytes()]
    assert any(b"--ping-url" in path.read_bytes() for path in kept)
