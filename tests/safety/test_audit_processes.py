"""Several processes on one log, and processes that die: what was acknowledged is there, whole."""

import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from billctl.audit.verify import verify
from billctl.errors import Busy
from billctl.store.interface import OperationState, RecordFilter
from billctl.store.sqlite import open_store

PROCESSES = 8
EACH = 25

START = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from billctl.audit.actor import current_actor
from billctl.audit.log import AuditLog, Subject, new_operation_id
from billctl.errors import Busy
from billctl.store.interface import OperationState
from billctl.store.sqlite import open_store
clock = lambda: datetime.now(UTC)
store = open_store(Path(sys.argv[1]))
log = AuditLog(store, actor=current_actor(os.environ), profile="p", mode="test", clock=clock,
               source="cli", argv=[])
def subject(name):
    return Subject(action="refund", gateway="stripe", account="a", object_type="charge",
                   object_id=name, object=f"stripe|acct|{name}", reason="charged twice")
def say(*words):
    print(*words, flush=True)
"""

APPEND = (
    START
    + f"""
for number in range({EACH}):
    log.note("auth add", account=str(number))
store.close()
"""
)

RACE = (
    START
    + """
sys.stdin.readline()
operation = new_operation_id(clock, os.urandom)
try:
    log.intent(subject("ch_1"), operation=operation, key="k")
    say("won", operation)
except Busy as busy:
    say("busy", busy.code)
store.close()
"""
)

WRITE_FOR_EVER = (
    START
    + """
number = 0
while True:
    number += 1
    operation = new_operation_id(clock, os.urandom)
    seq = log.intent(subject(f"ch_{os.getpid()}_{number}"), operation=operation, key=operation)
    say(seq)
    seq = log.outcome(subject(f"ch_{os.getpid()}_{number}"), operation=operation,
                      state=OperationState.DONE, outcome="succeeded")
    say(seq)
"""
)

HOLD = (
    START
    + """
with store.lock_object("o"):
    say("held")
    sys.stdin.readline()
store.close()
say("left")
sys.stdin.readline()
"""
)

TRY = (
    START
    + """
try:
    with store.lock_object("o"):
        say("taken")
except Busy as busy:
    say(busy.code)
store.close()
"""
)

COUNTED = (
    START
    + """
log.note("first")
for number in range(int(sys.argv[2])):
    log.note("counted")
os._exit(0)
"""
)

ONE_ACTION = (
    START
    + """
operation = new_operation_id(clock, os.urandom)
log.intent(subject("ch_1"), operation=operation, key="k")
say("intent")
log.outcome(subject("ch_1"), operation=operation, state=OperationState.DONE, outcome="succeeded")
say("outcome")
store.close()
"""
)


TOGETHER = (
    START
    + """
import threading
def write(name):
    for number in range(int(sys.argv[2])):
        operation = new_operation_id(clock, os.urandom)
        seq = log.intent(subject(f"{name}-{number}"), operation=operation, key=operation)
        os.write(1, f"{seq}\\n".encode())
log.note("log in")
threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
store.close()
"""
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.db"


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace")
    if not found:
        pytest.skip("strace is not installed")
    if subprocess.run([found, "-o", "/dev/null", "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    return found


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> list[str]:
    """The rest of what a process says, once it has ended well."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return said.splitlines()


def test_eight_processes_append_at_once_into_one_whole_chain(path: Path) -> None:
    for process in [start(APPEND, path) for _ in range(PROCESSES)]:
        end(process)
    verdict = verify(path, integrity=True)
    assert verdict.ok, verdict.why
    assert verdict.records == PROCESSES * EACH + 1
    store = open_store(path, readonly=True)
    assert [r.seq for r in store.records(RecordFilter(action="log created"))] == [1]
    store.close()


@pytest.mark.slow
def test_of_eight_operators_who_ask_for_one_refund_at_once_one_gets_it(path: Path) -> None:
    processes = [start(RACE, path) for _ in range(PROCESSES)]
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [end(process)[0].split() for process in processes]
    won = [words[1] for words in said if words[0] == "won"]
    assert len(won) == 1
    assert [words for words in said if words[0] == "busy"] == [["busy", "operation_open"]] * (PROCESSES - 1)
    store = open_store(path)
    assert [operation.id for operation in store.unsettled()] == won
    store.close()
    assert verify(path).records == 2


def test_what_a_killed_writer_had_acknowledged_is_there(path: Path) -> None:
    rng = random.Random(20261121)
    acknowledged = 0
    for _ in range(6):
        process = start(WRITE_FOR_EVER, path)
        assert process.stdout
        process.stdout.readline()
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        said = process.communicate(timeout=60)[0].split()
        acknowledged = max([acknowledged, *map(int, said)])
        verdict = verify(path)
        assert verdict.ok, verdict.why
        assert verdict.records >= acknowledged > 0
    store = open_store(path)
    assert all(operation.state is OperationState.OPEN for operation in store.unsettled())
    assert len(store.unsettled()) <= 6
    store.close()


def test_a_lock_is_seen_by_other_processes_and_ends_with_its_block(path: Path) -> None:
    store = open_store(path)
    process = start(HOLD, path)
    assert process.stdout
    assert process.stdin
    assert process.stdout.readline() == "held\n"
    with pytest.raises(Busy, match="another run"), store.lock_object("o"):
        pytest.fail("two processes hold one object")
    with store.lock_object("another"):
        pass
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "left\n"
    with store.lock_object("o"):
        pass
    end(process)
    store.close()


def test_a_lock_dies_with_its_process(path: Path) -> None:
    store = open_store(path)
    process = start(HOLD, path)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with store.lock_object("o"):
        pass
    assert sorted(file.name for file in path.parent.iterdir() if "lock" in file.name) == ["audit.db.locks"]
    store.close()


def test_closing_another_store_of_the_same_process_does_not_drop_a_lock(path: Path) -> None:
    store = open_store(path)
    with store.lock_object("o"):
        open_store(path).close()
        assert end(start(TRY, path)) == ["object_locked"]
    assert end(start(TRY, path)) == ["taken"]
    store.close()


def test_a_durable_record_in_an_open_process_is_one_fdatasync(
    path: Path, strace: str, tmp_path: Path
) -> None:
    def syncs(records: int) -> int:
        trace = tmp_path / f"trace-{records}"
        subprocess.run(
            [
                *(strace, "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync,sync_file_range,msync"),
                *(sys.executable, "-c", COUNTED, str(path), str(records)),
            ],
            check=True,
        )
        return len(re.findall(r"^\d+ +(?:fsync|fdatasync|sync_file_range|msync)\(", trace.read_text(), re.M))

    syncs(1)  # creates the file
    few, many = syncs(5), syncs(25)
    assert many - few == 20


def _together(strace: str, path: Path, fault: str, trace: Path) -> tuple[list[int], int]:
    """Eight threads that each write twelve records; the numbers they were told, and the exit code."""
    done = subprocess.run(
        [
            *(strace, "-f", "-o", str(trace), "-P", f"{path}-wal"),
            *("-e", "trace=pwrite64,fdatasync", "-e", f"inject={fault}"),
            *(sys.executable, "-c", TOGETHER, str(path), "12"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return [int(word) for word in done.stdout.split()], done.returncode


SLOW_DISK = "fdatasync:delay_enter=3000"


def test_threads_that_write_at_once_share_the_syncs_of_a_slow_disk(
    path: Path, strace: str, tmp_path: Path
) -> None:
    path.parent.mkdir(mode=0o700)
    told, code = _together(strace, path, SLOW_DISK, tmp_path / "trace")
    assert (sorted(told), code) == (list(range(3, 99)), 0)
    syncs = (tmp_path / "trace").read_text().count("fdatasync(")
    assert syncs < 96 / 2, "more than two write together"
    assert verify(path, integrity=True).ok


@pytest.mark.slow
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
def test_whatever_a_killed_group_had_acknowledged_is_there(
    path: Path, strace: str, tmp_path: Path, call: str
) -> None:
    path.parent.mkdir(mode=0o700)
    killed = 0
    for when in (1, 2, 3, 4, 5, 8, 11, 14, 17, 20):  # counted within each thread
        target = path.with_name(f"{when}.db")
        told, code = _together(strace, target, f"{call}:signal=KILL:when={when}", tmp_path / "trace")
        killed += code != 0
        open_store(target).close()  # whatever is there, the next run can use it
        verdict = verify(target, integrity=True)
        assert verdict.ok, (when, verdict.why)
        assert verdict.records >= max(told, default=0), when
        assert len(set(told)) == len(told)
    assert killed >= 3


def _faults(strace: str, path: Path, fault: str, upto: int) -> Iterator[tuple[int, list[str], int]]:
    """One action in a process whose n-th disk call meets `fault`, for n from 1 until none does."""
    for when in range(1, upto):
        target = path.with_name(f"{when}.db")
        done = subprocess.run(
            [
                *(strace, "-f", "-o", "/dev/null", "-P", str(target), "-P", f"{target}-wal"),
                *("-e", f"inject=pwrite64,fdatasync,fsync,ftruncate:{fault}:when={when}"),
                *(sys.executable, "-c", ONE_ACTION, str(target)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        yield when, done.stdout.split(), done.returncode
        if done.returncode == 0 and done.stdout.split() == ["intent", "outcome"] and when > upto // 2:
            return


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["signal=KILL", "error=EIO", "error=ENOSPC"])
def test_whichever_disk_call_fails_what_was_acknowledged_is_there(
    path: Path, strace: str, fault: str
) -> None:
    path.parent.mkdir(mode=0o700)
    failed = 0
    for when, said, code in _faults(strace, path, fault, 120):
        target = path.with_name(f"{when}.db")
        failed += code != 0
        if not said:
            open_store(target).close()  # whatever is there, the next run can use it
        verdict = verify(target)
        assert verdict.ok, (when, verdict.why)
        assert verdict.records >= {0: 0, 1: 2, 2: 3}[len(said)], when
    assert failed > 10
