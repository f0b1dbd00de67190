"""`billctl audit purge`: counts first, asks, records, and leaves a log that verifies."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from billctl.audit.log import Subject
from billctl.store.interface import OperationState as State
from billctl.store.sqlite import SqliteStore, open_store
from tests.shop import Shop
from tests.unit.test_audit_purge import CUSTOMER, SECRET, log, refund
from tests.unit.test_audit_verify import tamper

WHY_SO = ("--reason", "erasure request 17")
THEN = "2024-12-31"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A machine with nothing but a log: no profile, no gateway."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    return Shop(state, tmp_path / "config", url="")


@pytest.fixture
def store(shop: Shop) -> Iterator[SqliteStore]:
    """Its log: an old refund that is done, one that is unknown, and one of today."""
    with closing(open_store(shop.state_dir / "audit.sqlite")) as opened:
        refund(opened, "ch_1", State.DONE)
        refund(opened, "ch_2", State.UNKNOWN)
        refund(opened, "ch_3", State.DONE, now=datetime.now(UTC))
        yield opened


def purges(shop: Shop) -> list[str]:
    """The outcomes of the purges on record, newest first."""
    return [row["outcome"] for row in shop.run("audit", "list", "--action", "audit purge", "-o", "json").data]


def test_a_rehearsal_counts_and_changes_nothing(shop: Shop, store: SqliteStore) -> None:
    head = store.head()
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--dry-run", "-o", "json")
    assert (ran.code, ran.data["dry_run"], ran.data["records"], ran.data["unsettled"]) == (0, True, 3, 2)
    assert (ran.data["retention_months"], ran.data["ranges"], ran.data["audit"]) == (12, [[1, 3]], None)
    assert "2 records of operations that are not settled" in ran.document["warnings"][0]
    assert store.head() == head


def test_what_is_purged_is_gone_and_the_chain_is_whole(shop: Shop, store: SqliteStore) -> None:
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes", "-o", "json")
    assert (ran.code, ran.data["records"], ran.data["audit"]) == (0, 3, 8)
    shown = shop.run("audit", "show", "op_ch_1", "-o", "json").data
    assert [record["purged"] for record in shown] == [True, True]
    assert SECRET not in str(shown)
    assert shown[1]["outcome"] == "succeeded"
    assert shop.run("audit", "verify", "--integrity").code == 0
    listed = shop.run("audit", "list", "--customer", CUSTOMER, "-o", "json").data
    assert [row["operation"] for row in listed] == ["op_ch_3", "op_ch_2"]
    assert purges(shop) == ["succeeded"]


def test_one_customer_by_reference(shop: Shop, store: SqliteStore) -> None:
    for reference, count in ((f"us:{CUSTOMER}", 0), (f"eu:{CUSTOMER}", 2)):
        words = ("--before", THEN, "--customer", reference, *WHY_SO, "--yes")
        ran = shop.run("audit", "purge", *words, "-o", "json")
        assert (ran.code, ran.data["records"]) == (0, count)
    assert store.head().seq == 8


def test_what_is_too_young_is_refused_with_its_date_and_on_record(shop: Shop, store: SqliteStore) -> None:
    young = f"{datetime.now(UTC) - timedelta(days=100):%Y-%m-%d}"
    ran = shop.run("audit", "purge", "--before", young, *WHY_SO, "--customer", CUSTOMER, "--yes")
    assert ran.code == 8
    assert "kept for 12 months" in ran.line
    assert "Nothing was purged." in ran.line
    assert purges(shop) == ["denied"]


def test_a_profile_can_keep_records_longer(shop: Shop, store: SqliteStore) -> None:
    shop.use(url="http://127.0.0.1:1", more="[audit]\nretention_months = 600\n")
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes")
    assert ran.code == 8
    assert "kept for 600 months" in ran.line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--before", THEN), 2, "--reason is missing"),
        (("--before", THEN, "--reason", "x"), 2, "--reason needs"),
        (WHY_SO, 2, "--before is missing"),
        (("--before", "last year", *WHY_SO), 2, "no date"),
        (("--before", "9000-01-01", *WHY_SO), 2, "in the future"),
        (("--before", THEN, *WHY_SO), 8, "--yes is not given"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_purged(
    shop: Shop, store: SqliteStore, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = shop.run("audit", "purge", *words)
    assert ran.code == code
    assert said in ran.line
    assert store.record(2).private  # type: ignore[union-attr]


def test_on_a_terminal_the_number_of_records_is_typed(shop: Shop, store: SqliteStore) -> None:
    words = ("audit", "purge", "--before", THEN, *WHY_SO, "--yes")
    code, shown = shop.typed("y\n", *words)
    assert code == 8
    assert "3 records older than 2024-12-3" in shown
    assert "cannot be undone" in shown
    code, shown = shop.typed("3\n", *words)
    assert code == 0
    assert "3 records purged of what they said of persons" in shown
    assert purges(shop) == ["succeeded", "denied"]


def test_where_nothing_was_recorded_there_is_nothing_to_purge(shop: Shop) -> None:
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes", "-o", "json")
    assert (ran.code, ran.data["records"]) == (0, 0)
    assert not (shop.state_dir / "audit.sqlite").exists()


def test_records_of_an_older_billctl_stay_and_it_is_said(shop: Shop, store: SqliteStore) -> None:
    with mock.patch("billctl.audit.log.split", lambda entry, _: (entry, None)):
        refund(store, "ch_0", State.DONE)
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes", "-o", "json")
    assert (ran.code, ran.data["inseparable"]) == (0, 2)
    assert "2 records written by billctl 0.2 or older" in ran.document["warnings"][1]


def test_an_open_operation_is_waited_for(shop: Shop, store: SqliteStore) -> None:
    subject = Subject(
        action="refund",
        gateway="stripe",
        account="eu",
        object_type="charge",
        object_id="ch_4",
        reason="why",
        object="o",
    )
    log(store, datetime.now(UTC)).intent(subject, operation="op_ch_4", key="ch_4")
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes")
    assert ran.code == 10
    assert "op_ch_4 is open" in ran.line


def test_a_broken_log_is_not_purged(shop: Shop, store: SqliteStore) -> None:
    tamper(store.path, "DELETE FROM private WHERE seq = 2")
    ran = shop.run("audit", "purge", "--before", THEN, *WHY_SO, "--yes")
    assert ran.code == 9
    assert "Nothing was purged." in ran.line
