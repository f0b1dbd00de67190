"""`billctl audit report`: counts and totals per currency what to look at, and its own record."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.audit.report import GROUPS
from billctl.cli.audit_report import BY
from billctl.money import Money
from billctl.session import STORE
from tests.sample_log import SampleLog, refund, sample_log
from tests.shop import Shop


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SampleLog]:
    """A log with two refunds in two currencies and a denied attempt."""
    with sample_log(tmp_path / "state" / STORE) as log:
        log.done(refund(1))
        log.done(refund(2, Money(4000, "EUR")), login="amir")
        log.denied(refund(3), login="amir")
        yield log


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Command lines without a gateway or a profile."""
    return Shop(tmp_path / "state", tmp_path / "config", url="")


@pytest.mark.usefixtures("log")
def test_a_report_counts_by_every_group_unless_told_which(shop: Shop) -> None:
    assert tuple(GROUPS) == BY
    ran = shop.run("audit", "report", "-o", "json")
    assert (ran.code, ran.data["by"], ran.data["found"]) == (0, list(BY), {})
    assert {total["by"] for total in ran.data["totals"]} == set(BY)
    chosen = shop.run("audit", "report", "--by", "month", "--by", "operator", "--by", "month", "-o", "json")
    assert chosen.data["by"] == ["month", "operator"]
    assert {total["by"] for total in chosen.data["totals"]} == {"month", "operator"}


@pytest.mark.usefixtures("log")
def test_in_a_pipe_each_total_is_a_row(shop: Shop) -> None:
    rows = shop.run("audit", "report", "--by", "operator").out.splitlines()
    assert [row.split("\t")[:9] for row in rows] == [
        ["total", "operator", "amir", "live", "refund", "denied", "1", "12.50", "USD"],
        ["total", "operator", "amir", "live", "refund", "succeeded", "1", "40.00", "EUR"],
        ["total", "operator", "layla", "live", "refund", "succeeded", "1", "12.50", "USD"],
    ]
    table = list(csv.DictReader(io.StringIO(shop.run("audit", "report", "-o", "csv").out)))
    assert [(row["group"], row["count"], row["amount.amount"]) for row in table if row["by"] == "action"] == [
        ("refund", "1", "12.50"),
        ("refund", "1", "40.00"),
        ("refund", "1", "12.50"),
    ]


def test_what_is_to_be_looked_at_is_listed_and_ends_with_14(log: SampleLog, shop: Shop) -> None:
    unknown = log.done(refund(4), "unknown")
    failed = log.done(refund(5))
    log.followed(refund(5), failed, "failed")
    ran = shop.run("audit", "report", "-o", "json")
    assert ran.code == ran.document["exit"]["code"] == 14
    assert ran.data["found"] == {"failed_later": 1, "unknown": 1}
    assert [(f["finding"], f["operation"], f["ref"]) for f in ran.data["findings"]] == [
        ("failed_later", failed, "stripe:ch_5"),
        ("unknown", unknown, "stripe:ch_4"),
    ]
    assert ran.line.startswith(
        "billctl: 2 operations need a look: 1 failed later, 1 unknown. `billctl audit rec"
    )


def test_a_report_is_itself_a_record_and_counts_for_nothing(log: SampleLog, shop: Shop) -> None:
    before = shop.run("audit", "report", "--since", "2026-11-01T00:00:00Z", "--by", "month").out
    record = log.store.record(log.store.head().seq)
    assert record is not None
    assert '"action":"audit report"' in record.body
    assert '"result":{"by":["month"],"since":"2026-11-01T00:00:00Z"}' in record.body
    assert shop.run("audit", "report", "--since", "2026-11-01T00:00:00Z", "--by", "month").out == before


def test_a_log_that_takes_no_record_gives_no_report(log: SampleLog, shop: Shop) -> None:
    log.store.path.chmod(0o606)
    ran = shop.run("audit", "report")
    assert (ran.code, ran.out) == (9, "")


def test_a_time_in_which_nothing_was_asked_for_says_so(shop: Shop) -> None:
    ran = shop.run("audit", "report", "--since", "1h", "-o", "table")
    assert (ran.code, ran.out, ran.err) == (0, "nothing was asked for in that time\n", "")


def test_a_group_that_does_not_exist_is_a_usage_error(shop: Shop) -> None:
    ran = shop.run("audit", "report", "--by", "customer")
    assert (ran.code, ran.out) == (2, "")
    assert "operator, reason, gateway, month, action" in ran.line
    assert not (shop.state_dir / STORE).exists()
