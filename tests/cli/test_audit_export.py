"""`billctl audit export`: whole or not there, one moment of the log, itself a record."""

import csv
import io
import json
import os
import shutil
import subprocess
from contextlib import redirect_stderr
from pathlib import Path
from unittest import mock

import pytest

from billctl.audit.lines import verify_lines
from billctl.audit.sheet import COLUMNS
from billctl.cli.app import run
from billctl.errors import Terminated
from billctl.session import STORE
from billctl.store.interface import RecordFilter, StoredRecord
from billctl.store.sqlite import open_store
from tests.sample_log import NOON, refund, sample_log, twenty_records
from tests.shop import Shop
from tests.unit.test_audit_verify import tamper

RECORDS = 21
"""Twenty, and the one that says that the log is exported."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a log of 20 records."""
    state = tmp_path_factory.mktemp("kept") / "state"
    twenty_records(state / STORE)
    return state


@pytest.fixture
def shop(tmp_path: Path, kept: Path) -> Shop:
    """Command lines without a gateway or a profile, and a log of 20 records."""
    shutil.copytree(kept, tmp_path / "state")
    return Shop(tmp_path / "state", tmp_path / "config", url="")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "out" / "audit.ndjson"


@pytest.fixture(autouse=True)
def _folder(file: Path) -> None:
    file.parent.mkdir()


def last_record(shop: Shop) -> StoredRecord:
    store = open_store(shop.state_dir / STORE, readonly=True)
    found = next(store.records(RecordFilter(), newest_first=True, limit=1))
    store.close()
    return found


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def to_stdout(shop: Shop, *options: str) -> tuple[int, bytes, str]:
    """`audit export -` in this process: its code, its bytes, what it said."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    with mock.patch("sys.stdout", out), redirect_stderr(err), mock.patch.dict(os.environ, shop.env):
        code = run(["audit", "export", "-", *options])
    buffer = out.detach()
    assert isinstance(buffer, io.BytesIO)
    return code, buffer.getvalue(), err.getvalue()


# What it holds


def test_the_file_holds_the_stored_bytes_with_the_record_of_the_export(shop: Shop, file: Path) -> None:
    ran = shop.run("audit", "export", str(file), "-o", "json")
    lines = file.read_bytes().splitlines(keepends=True)
    verdict = verify_lines(lines)
    assert (ran.code, verdict.ok, verdict.records) == (0, True, RECORDS)
    assert ran.data == {
        "file": str(file),
        "format": "ndjson",
        "records": RECORDS,
        "first": 1,
        "last": RECORDS,
        "private": verdict.private,
        "private_absent": 0,
        "head": {"seq": RECORDS, "hash": verdict.head.hash},
    }
    assert verdict.private == RECORDS
    assert shop.run("audit", "verify", "-o", "json").data["head"] == ran.data["head"]
    note = json.loads(lines[-2])
    assert (note["action"], note["outcome"], note["actor"]["origin"]) == ("audit export", "succeeded", "pipe")
    assert note["result"] == {"file": str(file), "format": "ndjson", "with_private": True}
    assert file.stat().st_mode & 0o777 == 0o600
    assert left_in(file.parent) == [file.name]


def test_without_private_parts_nothing_personal_is_left_and_the_chain_is_proved(
    shop: Shop, file: Path
) -> None:
    ran = shop.run("audit", "export", str(file), "--without-private", "-o", "json")
    data = file.read_bytes()
    verdict = verify_lines(data.splitlines(keepends=True))
    assert (verdict.ok, verdict.records, verdict.private) == (True, RECORDS, 0)
    assert (ran.data["private"], ran.data["private_absent"]) == (0, RECORDS)
    assert not [word for word in (b"charged twice", b"cus_1", b"salt") if word in data]
    shop.run("audit", "export", str(file), "--without-private", "--format", "csv", "--force")
    assert b"charged twice" not in file.read_bytes()


def test_what_was_purged_is_absent_and_the_chain_is_proved(tmp_path: Path, file: Path) -> None:
    with sample_log(tmp_path / "state" / STORE) as log:
        log.now = NOON.replace(year=2024)
        log.done(refund(1))
    shop = Shop(tmp_path / "state", tmp_path / "config", url="")
    assert shop.run("audit", "purge", "--before", "2025-01-01", "--reason", "old enough", "--yes").code == 0
    ran = shop.run("audit", "export", str(file), "-o", "json")
    verdict = verify_lines(file.read_bytes().splitlines(keepends=True))
    assert (verdict.ok, verdict.records, verdict.absent) == (True, 5, 3)
    assert ran.data["private_absent"] == 3
    assert b"charged twice" not in file.read_bytes()


def test_a_range_is_contiguous_and_proved_from_its_first_line(shop: Shop, file: Path) -> None:
    options = ("--since", "2026-11-21T14:00:00Z", "--until", "2026-11-21T16:00:00Z", "-o", "json")
    ran = shop.run("audit", "export", str(file), *options)
    verdict = verify_lines(file.read_bytes().splitlines(keepends=True), after=None)
    assert (ran.data["first"], ran.data["last"], ran.data["records"]) == (6, 9, 4)
    assert (verdict.ok, verdict.first, verdict.head.seq, verdict.private) == (True, 6, 9, 4)
    note = json.loads(last_record(shop).body)
    assert note["result"]["since"] == "2026-11-21T14:00:00Z"
    assert note["result"]["until"] == "2026-11-21T16:00:00Z"


def test_a_clock_that_goes_back_leaves_no_gap(tmp_path: Path, file: Path) -> None:
    with sample_log(tmp_path / "state" / STORE) as log:
        for hours in (0, 5, -3, 1):
            log.later(hours=hours)
            log.done(refund(log.operations))
    shop = Shop(tmp_path / "state", tmp_path / "config", url="")
    until = (NOON.replace(hour=16)).isoformat()
    ran = shop.run("audit", "export", str(file), "--until", until, "-o", "json")
    assert (ran.data["first"], ran.data["last"]) == (1, 9)
    assert verify_lines(file.read_bytes().splitlines(keepends=True)).ok


def test_a_time_without_records_is_an_empty_file(shop: Shop, file: Path) -> None:
    ran = shop.run("audit", "export", str(file), "--until", "2026-01-01", "-o", "json")
    assert (ran.code, ran.data["records"], ran.data["first"], ran.data["head"]) == (0, 0, None, None)
    assert file.read_bytes() == b""


def test_the_first_export_of_all_holds_its_own_record(tmp_path: Path, file: Path) -> None:
    shop = Shop(tmp_path / "state", tmp_path / "config", url="")
    assert shop.run("audit", "export", str(file), "-o", "json").data["records"] == 2


def test_csv_is_rows_for_a_spreadsheet_that_runs_none_of_them(tmp_path: Path, file: Path) -> None:
    with sample_log(tmp_path / "state" / STORE) as log:
        log.done(refund(1, reason_code="=1+1"))
    shop = Shop(tmp_path / "state", tmp_path / "config", url="")
    assert shop.run("audit", "export", str(file), "--format", "csv").code == 0
    data = file.read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 5
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert list(rows[0]) == [*COLUMNS, "hash"]
    intent, outcome = rows[1:3]
    assert (intent["phase"], outcome["outcome"], outcome["operator"]) == ("intent", "succeeded", "layla")
    assert (intent["amount"], intent["currency"], intent["ref"]) == ("12.50", "USD", "stripe:ch_1")
    assert (intent["reason_code"], intent["reason"]) == ("'=1+1", "charged twice, says Laylā")
    assert (intent["host"], intent["origin"], intent["mode"]) == ("billing-1", "terminal", "live")


# Standard output


def test_to_standard_output_go_the_bytes_alone_and_to_standard_error_what_they_are(shop: Shop) -> None:
    shop.env["BILLCTL_OUTPUT"] = "json"
    code, data, said = to_stdout(shop)
    verdict = verify_lines(data.splitlines(keepends=True))
    assert (code, verdict.ok, verdict.records) == (0, True, RECORDS)
    digest = verdict.head.hash
    assert said == f"billctl: 21 records (1 to 21), chain whole, head {digest[:8]}…{digest[-4:]}\n"
    assert to_stdout(shop, "--quiet", "--format", "csv")[2] == ""


@pytest.mark.parametrize("option", [("-o", "json"), ("--fields", "seq"), ("--jq", ".")])
def test_standard_output_is_not_asked_for_twice(shop: Shop, option: tuple[str, str]) -> None:
    ran = shop.run("audit", "export", "-", *option)
    assert ran.code == 2
    assert "the export itself is the output" in ran.err


def test_a_reader_that_leaves_is_no_error(shop: Shop) -> None:
    """More than a pipe holds: the export is still written when its reader has gone."""
    with sample_log(shop.state_dir / STORE) as log:
        log.by("layla").note("auth add", reason="x" * 300_000)
    with subprocess.Popen(
        shop.command("audit", "export", "-"),
        env=shop.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# Whole or not there


def test_a_file_that_is_there_stays_unless_forced(shop: Shop, file: Path) -> None:
    file.write_text("mine")
    ran = shop.run("audit", "export", str(file))
    assert (ran.code, file.read_text(), left_in(file.parent)) == (2, "mine", [file.name])
    assert ran.line == f"billctl: {file} is there already. Nothing was sent. --force replaces it."
    assert shop.run("audit", "export", str(file), "--force").code == 0
    assert verify_lines(file.read_bytes().splitlines(keepends=True)).records == RECORDS
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_appears_meanwhile_stays(shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync

    def appearing(handle: int) -> None:
        if not file.exists() and ".part" in "".join(left_in(file.parent)):
            file.write_text("mine")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", appearing)
    assert shop.run("audit", "export", str(file)).code == 2
    assert (file.read_text(), left_in(file.parent)) == ("mine", [file.name])


@pytest.mark.parametrize(
    ("name", "why"),
    [("nosuch/x", "there is no folder"), (".", "is a folder"), ("/dev/null", "is no regular file")],
)
def test_what_cannot_become_a_file_is_a_usage_error_and_no_record(
    shop: Shop, file: Path, name: str, why: str
) -> None:
    ran = shop.run("audit", "export", str(file.parent / name), "--force")
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.line
    assert last_record(shop).seq == RECORDS - 1


def test_an_export_never_replaces_the_log_nor_a_link(shop: Shop, file: Path) -> None:
    for name in (STORE, f"{STORE}-wal"):
        ran = shop.run("audit", "export", str(shop.state_dir / "." / name), "--force")
        assert (ran.code, "belongs to the audit log" in ran.line) == (2, True)
    file.symlink_to(shop.state_dir / STORE)
    ran = shop.run("audit", "export", str(file), "--force")
    assert (ran.code, "is a link" in ran.line, file.is_symlink()) == (2, True, True)
    assert last_record(shop).seq == RECORDS - 1


def test_a_log_that_is_broken_is_named_at_its_record_and_leaves_no_file(shop: Shop, file: Path) -> None:
    tamper(shop.state_dir / STORE, "UPDATE record SET body = replace(body, 'ch_4', 'ch_5') WHERE seq = 8")
    ran = shop.run("audit", "export", str(file))
    assert (ran.code, left_in(file.parent)) == (9, [])
    assert "the audit log is broken at record 8: " in ran.line
    assert to_stdout(shop)[0] == 9


def test_a_private_part_that_was_changed_leaves_no_file(shop: Shop, file: Path) -> None:
    tamper(shop.state_dir / STORE, "UPDATE private SET body = replace(body, 'twice', 'thrice') WHERE seq = 8")
    ran = shop.run("audit", "export", str(file))
    assert (ran.code, left_in(file.parent)) == (9, [])
    assert "record 8" in ran.line


@pytest.mark.parametrize("call", ["fsync", "link", "write"])
def test_a_disk_that_fails_leaves_no_file(
    shop: Shop, file: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if call == "write":
        monkeypatch.setattr("billctl.audit.export.FORMS", {"ndjson": mock.Mock(heading=b"", record=full)})
    else:
        monkeypatch.setattr(os, call, full)
    ran = shop.run("audit", "export", str(file))
    assert (ran.code, left_in(file.parent)) == (9, [])
    assert "No space left on device. No file was left." in ran.line


@pytest.mark.parametrize(("stopped", "code"), [(KeyboardInterrupt(), 130), (Terminated(15), 143)])
def test_an_export_that_is_stopped_leaves_no_file(
    shop: Shop, file: Path, stopped: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = mock.Mock(heading=b"", record=mock.Mock(side_effect=[b"{}\n", stopped]))
    monkeypatch.setattr("billctl.audit.export.FORMS", {"ndjson": form})
    assert shop.run("audit", "export", str(file)).code == code
    assert left_in(file.parent) == []


def test_a_disk_without_hard_links_gets_its_file_all_the_same(
    shop: Shop, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unknown)
    assert shop.run("audit", "export", str(file)).code == 0
    assert left_in(file.parent) == [file.name]


def test_an_export_is_one_moment_of_a_log_that_others_write(shop: Shop, file: Path) -> None:
    """Another writer appends after every record that is exported: none of his is in it, and all is whole."""
    from billctl.audit import export as exporting

    with sample_log(shop.state_dir / STORE) as other:
        form = exporting.FORMS["ndjson"]

        def while_others_write(record: object) -> bytes:
            other.denied(refund(99))
            return form.record(record)  # type: ignore[arg-type]  # as the form's own

        slow = exporting.Form(form.heading, while_others_write)
        with mock.patch.object(exporting, "FORMS", {"ndjson": slow}):
            assert shop.run("audit", "export", str(file)).code == 0
        assert other.store.head().seq == 2 * RECORDS
    assert verify_lines(file.read_bytes().splitlines(keepends=True)).records == RECORDS
