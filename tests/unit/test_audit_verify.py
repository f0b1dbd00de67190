"""What a verification finds, and what it cannot find."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from billctl.audit import proof
from billctl.audit.chain import EMPTY, digest, seal
from billctl.audit.proof import Fault, Proof
from billctl.audit.purged import uncovered
from billctl.audit.verify import Verdict, verify
from billctl.errors import StoreError
from billctl.store.interface import Head, OperationState, Ranges, RecordFilter
from billctl.store.sqlite import open_store
from tests.benchmarks.make_log import make_log
from tests.unit.test_store_contract import begin, finish, naming, text

RECORDS = 12


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of twelve records: notes, settled operations, one settled in two steps, one open, one unknown."""
    path = tmp_path / "state" / "audit.db"
    store = open_store(path)
    store.append(text(action="log created"))
    begin(store, "op_1", object='an "odd" | \\ name\n')
    begin(store, "op_2", object="b")
    finish(store, "op_1", OperationState.UNKNOWN)
    store.append(text(phase="denied", reason="über\ud800"))
    finish(store, "op_2", OperationState.REFUSED)
    finish(store, "op_1", OperationState.DONE)
    begin(store, "op_3", object="c")
    begin(store, "op_4", object="d")
    finish(store, "op_4", OperationState.UNKNOWN)
    store.append(text(action="auth add"))
    assert store.append(text(action="auth remove")).seq == RECORDS
    store.close()
    return path


def tamper(path: Path, *statements: str) -> None:
    """Change the file as one who may write it can: without the triggers, and putting them back after."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            db.execute(statement)
        for _, sql in triggers:
            db.execute(sql)


def bodies(path: Path) -> list[str]:
    store = open_store(path, readonly=True)
    found = [record.body for record in store.records(RecordFilter())]
    store.close()
    return found


def test_a_log_as_billctl_wrote_it_is_proved_to_its_head(path: Path) -> None:
    store = open_store(path)
    head = store.head()
    assert verify(path, integrity=True) == Verdict(records=RECORDS, head=head)
    assert verify(store._db).ok
    store.append(text())
    assert verify(path).records == RECORDS + 1
    store.close()


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    open_store(tmp_path / "state" / "audit.db").close()
    assert verify(tmp_path / "state" / "audit.db") == Verdict(records=0, head=EMPTY)


@pytest.mark.parametrize(
    ("change", "broken", "why"),
    [
        ("UPDATE record SET body = replace(body, 'auth add', 'auth adt') WHERE seq = 11", 11, "was changed"),
        (
            "UPDATE record SET hash = replace(hash, substr(hash, 1, 4), '0000') WHERE seq = 3",
            3,
            "was changed",
        ),
        ("DELETE FROM record WHERE seq = 5", 5, "missing"),
        ("DELETE FROM record WHERE seq = 1", 1, "missing"),
        ("UPDATE record SET seq = seq + 100 WHERE seq = 12", 12, "missing"),
        (
            "INSERT INTO record (seq, hash, body) SELECT 13, hash, body FROM record WHERE seq = 12",
            13,
            "another hash",
        ),
        ("INSERT INTO record (seq, hash, body) SELECT 0, hash, body FROM record WHERE seq = 1", 0, "before"),
        (
            "INSERT INTO record (seq, hash, body) SELECT -5, hash, body FROM record WHERE seq = 1",
            -5,
            "before",
        ),
    ],
)
def test_a_changed_record_is_named(path: Path, change: str, broken: int, why: str) -> None:
    tamper(path, change)
    verdict = verify(path)
    assert (verdict.ok, verdict.broken) == (False, broken)
    assert why in str(verdict.why)
    assert verdict.records == max(broken - 1, 0)


def test_a_name_that_runs_into_the_fields_behind_it_is_found(path: Path) -> None:
    with closing(open_store(path)) as store:
        entry = text(phase="intent", operation="op_9", key="k", object="x", profile="shop")
        store.begin(entry, operation="op_9", key="k", object="x")
    assert verify(path).ok
    tamper(path, """UPDATE operation SET object = 'x","profile":"shop' WHERE id = 'op_9'""")
    verdict = verify(path)
    assert verdict.broken == RECORDS + 1
    assert "does not agree with record 13 on its object" in str(verdict.why)


def test_two_records_that_changed_places_are_found(path: Path) -> None:
    tamper(
        path,
        "UPDATE record SET seq = 99 WHERE seq = 11",
        "UPDATE record SET seq = 11 WHERE seq = 12",
        "UPDATE record SET seq = 12 WHERE seq = 99",
    )
    assert verify(path).broken == 11


def test_a_record_rewritten_with_a_hash_of_its_own_breaks_the_next_one(path: Path) -> None:
    body = bodies(path)[4].replace("denied", "noted!")
    with_hash = f"UPDATE record SET body = '{body}', hash = '{digest(body)}' WHERE seq = 5"
    tamper(path, with_hash)
    verdict = verify(path)
    assert verdict.broken == 6
    assert "does not follow record 5" in str(verdict.why)


def test_a_record_with_another_number_in_its_text_is_found(path: Path) -> None:
    lines = bodies(path)
    body = lines[11].replace('"seq":12,', '"seq":13,')
    tamper(path, f"UPDATE record SET body = '{body}', hash = '{digest(body)}' WHERE seq = 12")
    verdict = verify(path)
    assert (verdict.broken, verdict.why) == (12, "record 12 carries another number")


def test_a_hash_that_reaches_into_the_next_ones_column_is_found(path: Path) -> None:
    """What looks whole when records are compared together must be whole record by record."""
    tamper(
        path,
        "UPDATE record SET hash = hash || (SELECT substr(hash, 1, 9) FROM record WHERE seq = 12)"
        " WHERE seq = 11",
        "UPDATE record SET hash = substr(hash, 10) WHERE seq = 12",
    )
    assert verify(path).broken == 11


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE operation SET state = 'refused' WHERE id = 'op_1'", 7),
        ("UPDATE operation SET state = 'done' WHERE id = 'op_2'", 6),
        ("UPDATE operation SET state = 'done' WHERE id = 'op_4'", 10),
        ("UPDATE operation SET state = 'open', outcome_seq = NULL WHERE id = 'op_2'", 6),
        ("UPDATE operation SET state = 'unknown', outcome_seq = 4 WHERE id = 'op_1'", 7),
        ("UPDATE operation SET outcome_seq = 12 WHERE id = 'op_2'", 6),
        ("UPDATE operation SET key = 'another' WHERE id = 'op_2'", 3),
        ("UPDATE operation SET object = 'another' WHERE id = 'op_1'", 2),
        ("UPDATE operation SET id = 'op_9' WHERE id = 'op_3'", 8),
        ("UPDATE operation SET intent_seq = 5 WHERE id = 'op_2'", 5),
        ("DELETE FROM operation WHERE id = 'op_3'", 8),
        (
            "INSERT INTO operation (id, key, object, state, intent_seq) VALUES ('op_9', 'k', 'o', 'open', 1)",
            1,
        ),
        (
            "INSERT INTO operation (id, key, object, state, intent_seq) VALUES ('o', 'k', 'o', 'open', 99)",
            None,
        ),
    ],
)
def test_an_operation_that_the_records_do_not_bear_out_is_found(
    path: Path, change: str, broken: int | None
) -> None:
    tamper(path, change)
    verdict = verify(path)
    assert not verdict.ok
    assert verdict.broken == broken
    assert "operation" in str(verdict.why)


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER record_delete",
        "DROP INDEX operation_object",
        "CREATE TRIGGER quiet AFTER INSERT ON record BEGIN SELECT 1; END",
        "CREATE TABLE other (x TEXT)",
    ],
)
def test_a_table_trigger_or_index_that_is_not_as_made_is_found(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(change)
    verdict = verify(path)
    assert not verdict.ok
    assert verdict.broken is None
    assert change.split()[2] in str(verdict.why)
    assert verdict.records == (RECORDS if "TRIGGER" in change else 0)


def test_records_are_proved_where_a_trigger_is_gone_and_what_is_wrong_with_them_is_said_first(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER record_update")
        db.execute("UPDATE record SET body = body || ' ' WHERE seq = 2")
        db.commit()
    assert (verify(path).broken, verify(path).records) == (2, 1)


def test_an_index_that_does_not_show_its_records_is_found_by_the_integrity_check(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_filter'").fetchone()[0]
        other = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'record_object'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[(root - 1) * size : root * size] = content[(other - 1) * size : other * size]
    path.write_bytes(content)
    assert verify(path).ok
    verdict = verify(path, integrity=True)
    assert "SQLite finds the file damaged" in str(verdict.why)


def test_what_a_bare_chain_cannot_show_shows_against_a_head_kept_elsewhere(path: Path) -> None:
    kept = verify(path).head
    tamper(path, "DELETE FROM record WHERE seq > 10")
    cut = verify(path)
    assert cut.ok
    assert cut.head != kept
    assert cut.head.seq == 10


def test_a_log_rewritten_with_new_hashes_passes_and_has_another_head(path: Path) -> None:
    kept = verify(path).head
    head = EMPTY
    changes = []
    for line in bodies(path):
        fields = json.loads(line)
        del fields["prev"], fields["seq"]
        body = seal(head.seq + 1, head.hash, fields | {"profile": "forged"})
        head = Head(seq=head.seq + 1, hash=digest(body))
        quoted = body.replace("'", "''")
        changes.append(f"UPDATE record SET body = '{quoted}', hash = '{head.hash}' WHERE seq = {head.seq}")
    tamper(path, *changes)
    verdict = verify(path)
    assert verdict.ok
    assert verdict.head.seq == kept.seq
    assert verdict.head.hash != kept.hash


def test_what_is_no_log_is_an_error_not_a_verdict(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no audit log"):
        verify(tmp_path / "audit.db")
    (tmp_path / "audit.db").write_bytes(b"garbage " * 1000)
    (tmp_path / "audit.db").chmod(0o600)
    with pytest.raises(StoreError):
        verify(tmp_path / "audit.db")


def test_reading_in_short_runs_finds_the_same(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for run in (1, 2, 5):
        monkeypatch.setattr(proof, "RUN", run)
        assert verify(path).records == RECORDS


@pytest.mark.slow
def test_a_log_proved_by_several_processes_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billctl.audit import verify as module

    monkeypatch.setattr(module, "WORTH_A_PROCESS", 1000)
    path = tmp_path / "state" / "audit.db"
    make_log(path, 4000)
    whole = verify(path)
    assert whole.ok
    assert whole.records == 4000
    for seq in (1999, 2000, 2001, 3500):
        old = f"SELECT body FROM record WHERE seq = {seq}"
        tamper(path, f"UPDATE record SET body = replace(body, 'billing-1', 'billing-2') WHERE seq = {seq}")
        assert verify(path).broken == seq, old
        tamper(path, f"UPDATE record SET body = replace(body, 'billing-2', 'billing-1') WHERE seq = {seq}")
    tamper(path, "UPDATE operation SET key = 'another' WHERE intent_seq = 3001")
    assert verify(path).broken == 3001
    tamper(path, "DELETE FROM record WHERE seq = 2000")
    assert verify(path).broken == 2000


# Private parts.


@pytest.fixture
def parted(tmp_path: Path) -> Path:
    """Ten records with private parts, but for 1 and 6; those of 2, 3 and 7 were purged by record 8."""
    path = tmp_path / "parted" / "audit.db"
    with closing(open_store(path)) as store:
        store.append(text(action="log created"))
        for number in (2, 3, 4, 5):
            line = f'{{"salt":"{number:032x}","reason":"why {number}"}}'
            store.append(naming(line), private=line)
        store.append(text(action="auth add"))
        line = '{"salt":"07","customer":"cus_7"}'
        store.append(naming(line), private=line)
        ranges = ((2, 3), (7, 7))
        entry = naming(line, action="audit purge", result={"ranges": ranges, "count": 3})
        store.purge(entry, private=line, ranges=ranges)
        for _ in range(2):
            store.append(naming(line), private=line)
    return path


def test_a_purged_log_is_whole(parted: Path) -> None:
    assert verify(parted, integrity=True).records == 10


@pytest.mark.parametrize(
    ("change", "broken", "why"),
    [
        ("UPDATE private SET body = replace(body, 'why', 'way') WHERE seq = 4", 4, "of record 4 was changed"),
        ("UPDATE private SET body = body || ' ' WHERE seq = 10", 10, "of record 10 was changed"),
        ("DELETE FROM private WHERE seq = 5", 5, "of record 5 is missing"),
        ("DELETE FROM private WHERE seq > 8", 9, "of record 9 is missing"),
        ("DELETE FROM private", 4, "of record 4 is missing"),
        ("INSERT INTO private (seq, body) VALUES (6, '{}')", 6, "that it does not name"),
        ("INSERT INTO private (seq, body) VALUES (2, '{}')", 2, "of record 2 was changed"),
        (
            """INSERT INTO private (seq, body)
            VALUES (2, '{"salt":"00000000000000000000000000000002","reason":"why 2"}')""",
            2,
            "was purged, and is there",
        ),
        ("INSERT INTO private (seq, body) VALUES (11, '{}')", None, "without its record"),
        ("INSERT INTO private (seq, body) VALUES (0, '{}')", None, "without its record"),
        (
            "UPDATE private SET seq = 99 WHERE seq = 4; UPDATE private SET seq = 4 WHERE seq = 5;"
            " UPDATE private SET seq = 5 WHERE seq = 99",
            4,
            "of record 4 was changed",
        ),
    ],
)
def test_a_private_part_that_is_not_as_recorded_is_named(
    parted: Path, change: str, broken: int | None, why: str
) -> None:
    tamper(parted, *change.split(";"))
    verdict = verify(parted)
    assert (verdict.ok, verdict.broken) == (False, broken)
    assert why in str(verdict.why)


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        ([[8, 8]], "not before it"),
        ([[3, 2]], "not before it"),
        ([[0, 2]], "not before it"),
        ([[2]], "cannot be read"),
        ("all", "cannot be read"),
        ([[2, 2], [7, 7]], "of record 3 is missing"),
    ],
)
def test_a_purge_that_cannot_be_one_is_found(parted: Path, ranges: object, why: str) -> None:
    """Even with new hashes from there on, as one who rewrites the log would make them."""
    with closing(open_store(parted, readonly=True)) as store:
        old = list(store.records(RecordFilter(first=8)))
    prev = json.loads(old[0].body)["prev"]
    changes = []
    for record in old:
        fields = json.loads(record.body)
        del fields["prev"], fields["seq"]
        if "result" in fields:
            fields["result"] = {"ranges": ranges}
        body = seal(record.seq, prev, fields)
        prev = digest(body)
        changes.append(f"UPDATE record SET body = '{body}', hash = '{prev}' WHERE seq = {record.seq}")
    tamper(parted, *changes)
    verdict = verify(parted)
    assert not verdict.ok
    assert why in str(verdict.why)


def test_every_single_flipped_bit_of_a_private_part_is_found(parted: Path) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("ATTACH ? AS log", (str(parted),))
        for table, columns in (("record", "seq, hash, body"), ("private", "seq, body"), ("operation", "*")):
            db.execute(f"CREATE TABLE main.{table} AS SELECT {columns} FROM log.{table}")
        db.execute("DETACH log")
        db.text_factory = bytes
        assert found(db, 10) is None
        for seq, whole in db.execute("SELECT seq, body FROM private").fetchall():
            for bit in range(len(whole) * 8):
                flipped = bytearray(whole)
                flipped[bit // 8] ^= 1 << bit % 8
                db.execute("UPDATE private SET body = CAST(? AS TEXT) WHERE seq = ?", (bytes(flipped), seq))
                assert found(db, 10) == f"the private part of record {seq} was changed"
            db.execute("UPDATE private SET body = CAST(? AS TEXT) WHERE seq = ?", (whole, seq))
        assert found(db, 10) is None


@pytest.mark.slow
def test_what_several_processes_find_missing_is_judged_together(
    parted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billctl.audit import verify as module

    monkeypatch.setattr(module, "WORTH_A_PROCESS", 4)
    assert verify(parted).ok
    tamper(parted, "DELETE FROM private WHERE seq = 9")
    assert verify(parted).broken == 9


@pytest.mark.parametrize(
    ("missing", "purged", "expected"),
    [
        ((), (), None),
        (((1, 4),), ((1, 4),), None),
        (((2, 3), (7, 9)), ((1, 3), (5, 5), (7, 9)), None),
        (((2, 3),), (), 2),
        (((2, 6),), ((1, 4),), 5),
        (((2, 3),), ((3, 9),), 2),
        (((2, 3), (9, 9)), ((1, 8),), 9),
        (((2, 3),), ((5, 6),), 2),
    ],
)
def test_what_is_missing_must_lie_within_what_was_purged(
    missing: Ranges, purged: Ranges, expected: int | None
) -> None:
    assert uncovered(missing, purged) == expected


@pytest.fixture
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """The log's two tables without rules, so that any bytes can stand in them."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("ATTACH ? AS log", (str(path),))
        db.execute("CREATE TABLE main.record (seq INTEGER PRIMARY KEY, hash TEXT, body TEXT)")
        db.execute("INSERT INTO main.record SELECT seq, hash, body FROM log.record")
        db.execute("CREATE TABLE main.operation AS SELECT * FROM log.operation")
        db.execute("CREATE TABLE main.private AS SELECT seq, body FROM log.private")
        db.execute("DETACH log")
        db.text_factory = bytes
        yield db


def found(db: sqlite3.Connection, last: int = RECORDS) -> str | None:
    try:
        Proof(db, EMPTY).run(last)
    except Fault as fault:
        return fault.why
    return None


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("column", ["body", "hash"])
def test_every_single_flipped_bit_is_found(plain: sqlite3.Connection, column: str, step: int) -> None:
    """Every eleventh bit by default: each of a byte's eight in turn."""
    assert found(plain) is None
    flips = 0
    for seq, whole in plain.execute(f"SELECT seq, {column} FROM record").fetchall():
        for bit in range(0, len(whole) * 8, step):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            plain.execute(
                f"UPDATE record SET {column} = CAST(? AS TEXT) WHERE seq = ?", (bytes(flipped), seq)
            )
            assert found(plain) == f"record {seq} was changed: its hash is not that of its text"
            flips += 1
        plain.execute(f"UPDATE record SET {column} = CAST(? AS TEXT) WHERE seq = ?", (whole, seq))
    assert found(plain) is None
    assert flips > 6000 // step


def test_a_text_that_is_gone_is_found(plain: sqlite3.Connection) -> None:
    plain.execute("UPDATE record SET body = NULL WHERE seq = 4")
    assert found(plain) == "record 4 has no text or no hash"


def test_flipped_bits_of_the_file_itself_are_found(path: Path) -> None:
    """Every 97th bit of the records' texts, where they lie in the file."""
    texts = [body.encode() for body in bodies(path)]
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    places = [whole.index(text) for text in texts]
    for place, after in pairwise([*places, None]):
        assert after is None or place != after
    for body, place in zip(texts, places, strict=True):
        for bit in range(0, len(body) * 8, 97):
            flipped = bytearray(whole)
            flipped[place + bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            assert not verify(path).ok
    path.write_bytes(whole)
    assert verify(path).ok
