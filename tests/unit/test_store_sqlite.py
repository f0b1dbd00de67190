"""The SQLite file: how it is made, what protects it, and what is said when it cannot be used."""

import contextlib
import itertools
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from billctl.audit.chain import digest, seal
from billctl.audit.entry import read
from billctl.audit.tail import check_tail
from billctl.audit.verify import verify
from billctl.errors import Busy, StoreError
from billctl.store import connection, files, schema
from billctl.store.interface import GENESIS, OperationState, RecordFilter
from billctl.store.queries import acted_on, query
from billctl.store.schema import instant
from billctl.store.sqlite import SqliteStore, open_store
from tests.unit.test_store_contract import NOON, begin, finish, naming, text

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.db"


def raw(path: Path) -> closing[sqlite3.Connection]:
    """The file as another program sees it."""
    return closing(sqlite3.connect(path, isolation_level=None))


@contextlib.contextmanager
def without_rights() -> Iterator[None]:
    """As a user whom file modes bind; root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directory_and_files_are_made_for_their_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        store = open_store(path)
        store.append(text())
    finally:
        os.umask(old)
    assert mode(path.parent) == 0o700
    names = ("audit.db", "audit.db-wal", "audit.db-shm", "audit.db.locks")
    assert {file.name: mode(file) for file in path.parent.iterdir()} == dict.fromkeys(names, 0o600)
    store.close()


def test_the_log_is_durable_by_its_own_word(path: Path) -> None:
    store = open_store(path)
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_a_store_that_does_not_answer_as_it_should_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PRAGMAS", (("synchronous", "NORMAL", 2),))
    with pytest.raises(StoreError, match="synchronous is 1"):
        open_store(path)


def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    store = open_store(path)
    record = store.append(text(reason="charged twice"))
    store.close()
    store = open_store(path)
    assert store.record(1) == record
    store.close()


def test_a_reader_changes_nothing_and_cannot_write(path: Path) -> None:
    writer = open_store(path)
    record = writer.append(text())
    reader = open_store(path, readonly=True)
    assert list(reader.records(RecordFilter())) == [record]
    with pytest.raises(StoreError, match="reading only"):
        reader.append(text())
    with pytest.raises(StoreError, match="reading only"):
        reader.lock_object("o")
    reader.close()
    writer.close()


def test_reading_where_there_is_no_log_says_so_and_creates_nothing(path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(path, readonly=True)
    assert caught.value.code == "store_missing"
    assert not path.parent.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET body = body",
        "UPDATE OR REPLACE record SET hash = hash WHERE seq = 1",
        "DELETE FROM record WHERE seq = 2",
        "REPLACE INTO record (seq, hash, body) SELECT seq, hash, body FROM record WHERE seq = 1",
        "INSERT OR IGNORE INTO record (seq, hash, body) SELECT seq + 5, hash, body FROM record",
        "INSERT INTO record (seq, hash, body) SELECT 3, hash, replace(body, '\"seq\":2', '\"seq\":3')"
        " FROM record WHERE seq = 2",
        "INSERT INTO record (seq, hash, body) VALUES (3, hex(randomblob(32)), 'no JSON')",
        "DELETE FROM operation",
        "UPDATE operation SET key = 'another'",
        "UPDATE operation SET state = 'done' WHERE id = 'op_1'",
        "UPDATE operation SET state = 'open', outcome_seq = NULL",
        "REPLACE INTO operation (id, key, object, state, intent_seq) VALUES ('op_1', 'k', 'o', 'open', 9)",
        "REPLACE INTO operation (id, key, object, state, intent_seq) VALUES ('op_9', 'k', 'o', 'open', 1)",
    ],
)
def test_the_file_itself_refuses_every_change_but_appending(path: Path, statement: str) -> None:
    store = open_store(path)
    begin(store, "op_1")
    finish(store, "op_1", OperationState.REFUSED)
    store.close()
    with raw(path) as db:
        before = list(db.iterdump())
        with pytest.raises(sqlite3.Error):
            db.execute(statement)
        assert list(db.iterdump()) == before


@pytest.mark.parametrize(("column", "value"), [("object", "o"), ("key", "k")])
def test_the_file_itself_keeps_one_operation_per_object_and_key(path: Path, column: str, value: str) -> None:
    store = open_store(path)
    begin(store, "op_1", **{column: value})
    store.close()
    fields = {"object": "other object", "key": "other key"} | {column: value}
    insert = """INSERT OR REPLACE INTO operation (id, key, object, state, intent_seq)
        VALUES ('op_2', :key, :object, 'open', 7)"""
    with raw(path) as db, pytest.raises(sqlite3.IntegrityError):
        db.execute(insert, fields)


def test_a_filter_column_cannot_be_set_apart_from_the_text(path: Path) -> None:
    open_store(path).close()
    with raw(path) as db, pytest.raises(sqlite3.Error, match="generated column"):
        db.execute("INSERT INTO record (seq, hash, body, customer) VALUES (1, 'h', '{}', 'cus_1')")


def test_every_filter_reads_an_index(path: Path) -> None:
    open_store(path).close()
    plans: list[str] = []
    with raw(path) as raw_db:
        for where in (
            RecordFilter(customer="c", action="refund"),
            RecordFilter(object_id="o"),
            RecordFilter(operation="op"),
            RecordFilter(operator="o", outcome="unknown"),
            RecordFilter(account="a"),
            RecordFilter(first=3, last=9),
        ):
            sql, values = query(where, private=True, newest_first=True)
            plans += [row[3] for row in raw_db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    reading = [plan for plan in plans if plan.startswith(("SEARCH", "SCAN"))]
    assert [plan for plan in reading if "INDEX" not in plan and "INTEGER PRIMARY KEY" not in plan] == []
    assert [plan for plan in plans if "SCAN" in plan or "TEMP B-TREE" in plan] == []


def test_what_was_acted_on_is_told_without_reading_a_records_text(path: Path) -> None:
    open_store(path).close()
    statements: list[str] = []
    with raw(path) as db:
        db.set_trace_callback(statements.append)
        list(acted_on(db, "resend", NOON))
        db.set_trace_callback(None)
        steps = [str(step) for sql in statements for step in db.execute(f"EXPLAIN {sql}")]
    assert len(steps) > 10
    assert [step for step in steps if "json_extract" in step] == []


# Migrations.


def test_a_newer_schema_is_refused_before_anything_is_written(path: Path) -> None:
    open_store(path).close()
    with raw(path) as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        db.execute("PRAGMA journal_mode = DELETE")
    before = path.read_bytes()
    for readonly in (False, True):
        with pytest.raises(StoreError, match="newer billctl") as caught:
            open_store(path, readonly=readonly)
        assert caught.value.code == "store_newer"
    assert path.read_bytes() == before


def test_an_older_schema_is_brought_up_to_date_once_and_keeps_its_records(path: Path) -> None:
    store = open_store(path)
    record = store.append(text())
    store.close()
    added = (*schema.MIGRATIONS, ("CREATE TABLE anchor (seq INTEGER PRIMARY KEY) STRICT",))
    with contextlib.closing(connection.connect(path, readonly=False)) as db:
        connection.migrate(db, added)
        connection.migrate(db, added)
        assert db.execute("PRAGMA user_version").fetchone() == (len(added),)
        assert db.execute("SELECT body FROM record").fetchall() == [(record.body,)]


@pytest.fixture
def first(path: Path) -> Path:
    """A store as billctl 0.2 left it, with an operation that is done and one that is open."""
    files.prepare(path)
    with closing(connection.connect(path, readonly=False)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        connection.migrate(db, schema.MIGRATIONS[:1])
        prev = GENESIS
        for seq, fields in enumerate(FORMAT_1, start=1):
            body = seal(seq, prev, {"time": instant(NOON), "format": 1} | fields)
            prev = digest(body)
            db.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", (seq, prev, body))
        db.execute(
            "INSERT INTO operation (id, key, object, state, intent_seq) VALUES ('op_1', 'k', 'o', 'open', 2)"
        )
    return path


FORMAT_1: tuple[dict[str, str], ...] = (
    {"phase": "created", "log_id": "00"},
    {
        **{"phase": "intent", "operation": "op_1", "key": "k", "object": "o"},
        **{"customer": "cus_1", "reason": "charged twice"},
    },
)


def test_a_log_of_an_older_billctl_is_read_as_it_is(first: Path) -> None:
    """Found, shown and proved before anything has brought it up to date, and nothing is changed by that."""
    with raw(first) as db:
        before = list(db.iterdump())
    with closing(open_store(first, readonly=True)) as store:
        (record,) = store.records(RecordFilter(customer="cus_1"))
        assert store.record(2) == record
        assert [record.seq for record in store.latest(RecordFilter())] == [2, 1]
    assert (read(record).reason, read(record).purged, record.private) == ("charged twice", False, None)
    assert verify(first, integrity=True).records == 2
    with raw(first) as db:
        assert list(db.iterdump()) == before


def test_a_reader_sees_private_parts_from_the_moment_another_process_brought_them(first: Path) -> None:
    line = '{"salt":"00","customer":"cus_1"}'
    with closing(open_store(first, readonly=True)) as reader:
        assert len(list(reader.records(RecordFilter()))) == 2
        with closing(open_store(first)) as store:
            store.append(naming(line), private=line)
        assert [record.private for record in reader.records(RecordFilter())] == [None, None, line]


def test_a_log_of_an_older_billctl_goes_on_with_private_parts(first: Path) -> None:
    line = '{"salt":"00","customer":"cus_1"}'
    with closing(open_store(first)) as store:
        entry = naming(line, phase="outcome", operation="op_1", object="o", state="done")
        store.finish(entry, operation="op_1", state=OperationState.DONE, private=line)
        assert [record.seq for record in store.records(RecordFilter(customer="cus_1"))] == [2, 3]
        assert verify(first, integrity=True).records == 3
        check_tail(store)
        found = store.purgeable(before=NOON + timedelta(days=1))
        assert (found.ranges, found.inseparable) == (((3, 3),), 2)


def test_an_older_billctl_that_still_has_it_open_can_go_on_writing(first: Path) -> None:
    with closing(connection.connect(first, readonly=False)) as older:
        older.execute("SELECT count(*) FROM record").fetchone()
        with closing(open_store(first)) as store:
            head = store.head()
            body = seal(3, head.hash, {"phase": "note", "time": instant(NOON), "customer": "cus_1"})
            older.execute("INSERT INTO record (seq, hash, body) VALUES (?, ?, ?)", (3, digest(body), body))
            assert store.append(text()).seq == 4
            assert verify(first).ok


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE private SET body = body",
        "DELETE FROM private WHERE seq = 1",
        "DELETE FROM private",
        "REPLACE INTO private (seq, body) SELECT seq, body FROM private WHERE seq = 2",
        "INSERT OR REPLACE INTO private (seq, body) VALUES (1, '{}')",
        "INSERT INTO private (seq, body) VALUES (3, '{}')",
        "INSERT INTO private (seq, body) VALUES (9, '{}')",
    ],
)
def test_the_file_itself_refuses_every_change_of_a_private_part(path: Path, statement: str) -> None:
    line = '{"salt":"00"}'
    with closing(open_store(path)) as store:
        store.append(naming(line), private=line)
        store.append(naming(line), private=line)
        store.append(text())
    with raw(path) as db:
        before = list(db.iterdump())
        with pytest.raises(sqlite3.Error):
            db.execute(statement)
        assert list(db.iterdump()) == before


def test_a_migration_that_fails_leaves_nothing_of_itself(path: Path) -> None:
    open_store(path).close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE half (x TEXT)", "CREATE TABLE record (x TEXT)"))
    with contextlib.closing(connection.connect(path, readonly=False)) as db:
        before = list(db.iterdump())
        with pytest.raises(sqlite3.OperationalError):
            connection.migrate(db, broken)
        assert list(db.iterdump()) == before
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)


KILLED = """
import os, signal, sys
from pathlib import Path
from billctl.store import connection, files
path, when = Path(sys.argv[1]), int(sys.argv[2])
files.prepare(path)
db = connection.connect(path, readonly=False)
db.execute("PRAGMA journal_mode = WAL")
seen = 0
def count(statement):
    global seen
    seen += 1
    if seen == when:
        os.kill(os.getpid(), signal.SIGKILL)
db.set_trace_callback(count)
connection.migrate(db)
"""


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_a_store_whose_migration_was_killed_anywhere_opens_whole(tmp_path: Path, step: int) -> None:
    """Killed before each SQL statement on request, before every fifth otherwise."""
    kills = 0
    for when in itertools.count(1, step):
        path = tmp_path / str(when) / "audit.db"
        done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(when)], check=False)
        assert done.returncode in (-9, 0)
        store = open_store(path)
        assert store.append(text()).seq == 1
        store.close()
        if not done.returncode:
            break
        kills += 1
    assert kills >= sum(map(len, schema.MIGRATIONS)) // step


# What cannot be used, and what is said then.


@pytest.mark.parametrize("content", [b"this is no database " * 100, b"\x00" * 5000, os.urandom(4096)])
def test_a_file_that_is_no_database_is_refused_and_kept(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(content)
    path.chmod(0o600)
    for readonly in (False, True):
        with pytest.raises(StoreError) as caught:
            open_store(path, readonly=readonly)
        assert str(path) in caught.value.line()
        assert "\n" not in caught.value.line()
        assert caught.value.hint
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with raw(path) as db:
        db.execute("CREATE TABLE record (x TEXT)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        open_store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("read_first", range(4))
def test_a_store_that_another_process_makes_meanwhile_is_not_another_programs(
    path: Path, read_first: int
) -> None:
    """The first commands of a new machine may begin in the same instant: what each reads is of one moment."""
    files.prepare(path)
    maker = threading.Thread(target=lambda: open_store(path).close())
    statements = itertools.count()

    def between(_statement: str) -> None:
        if next(statements) == read_first:
            maker.start()
            maker.join(0.2)  # it may have to wait for the reader

    with closing(connection.connect(path, readonly=False)) as db:
        db.set_trace_callback(between)
        connection.check_version(db, path)
        db.set_trace_callback(None)
    maker.join()
    open_store(path).close()


def test_a_directory_in_the_files_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True, mode=0o700)
    with pytest.raises(StoreError, match="is a directory"):
        open_store(path)


def test_a_file_in_the_directorys_place_is_refused(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(StoreError, match="cannot create") as caught:
        open_store(path)
    assert "$BILLCTL_STATE_DIR" in caught.value.hint


@pytest.mark.parametrize("wide", [0o602, 0o620, 0o604])
def test_a_file_open_to_others_is_refused(path: Path, wide: int) -> None:
    open_store(path).close()
    path.chmod(wide)
    with pytest.raises(StoreError, match="open to others") as caught:
        open_store(path)
    assert f"chmod 0600 {path}" in caught.value.hint


@pytest.mark.parametrize("wide", [0o777, 0o770, 0o1777])
def test_a_directory_that_others_may_write_is_refused(path: Path, wide: int) -> None:
    path.parent.mkdir()
    path.parent.chmod(wide)
    with pytest.raises(StoreError, match="others may write"):
        open_store(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's file")
def test_another_users_log_is_not_written(path: Path) -> None:
    open_store(path).close()
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(StoreError, match="belongs to another user"):
        open_store(path)


def test_a_directory_without_the_right_to_write_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(0o555)
    with without_rights(), pytest.raises(StoreError) as caught:
        open_store(folder / "state" / "audit.db")
    assert "Permission denied" in caught.value.message
    assert caught.value.line().count("Nothing was sent.") == 1


def test_a_store_that_another_process_keeps_locked_is_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    store = open_store(path)
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match="locked"):
            store.append(text())
        other.execute("ROLLBACK")
    assert store.append(text()).seq == 1
    store.close()


def test_a_file_system_is_known_by_its_device_number(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "90 22 0:52 / /home rw,relatime shared:9 master:2 - nfs4 server:/home rw\n"
    )
    assert files.filesystem(os.makedev(0, 52), mounts) == "nfs4"
    assert files.filesystem(os.makedev(8, 1), mounts) == "ext4"
    assert files.filesystem(os.makedev(9, 9), mounts) is None


def test_a_network_file_system_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "filesystem", lambda _: "nfs4")
    with pytest.raises(StoreError, match=r"network file system \(nfs4\)"):
        open_store(path)


def test_this_machines_own_file_system_is_known(tmp_path: Path) -> None:
    if not Path("/proc/self/mountinfo").exists():
        pytest.skip("there is no /proc here")
    assert files.filesystem(Path("/proc").stat().st_dev) == "proc"


LIMITED = """
import resource, sys
from pathlib import Path
from billctl.errors import StoreError
from billctl.store.sqlite import SqliteStore, open_store
from tests.unit.test_store_contract import text
store = open_store(Path(sys.argv[1]))
store.append(text())
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
done = 1
try:
    while True:
        store.append(text(reason="x" * 500))
        done += 1
except StoreError as error:
    print(done, error.line())
"""


def test_a_size_limit_ends_in_one_line_and_loses_nothing_acknowledged(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True
    )
    acknowledged, _, line = done.stdout.partition(" ")
    assert done.stderr == ""
    assert "size limit" in line
    assert "Nothing was sent." in line
    store = open_store(path)
    assert store.head().seq == int(acknowledged) > 1
    store.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k,mode=0700", "none", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_ends_in_one_line_and_loses_nothing_acknowledged(tiny_disk: Path) -> None:
    path = tiny_disk / "audit.db"
    store = open_store(path)
    with pytest.raises(StoreError, match="the disk is full") as caught:
        fill(store)
    assert "Make room" in caught.value.line()
    assert len(list(store.records(RecordFilter()))) == store.head().seq > 1
    store.close()


def fill(store: SqliteStore) -> None:
    """Append until there is no more room; what was acknowledged must be the head at any time."""
    while True:
        acknowledged = store.append(text(reason="x" * 500)).seq
        assert store.head().seq == acknowledged


def test_no_descriptor_is_left_open(path: Path) -> None:
    before = set(Path("/dev/fd").iterdir())
    store = open_store(path)
    store.append(text())
    with store.lock_object("o"):
        pass
    list(store.records(RecordFilter()))
    store.close()
    assert set(Path("/dev/fd").iterdir()) == before
