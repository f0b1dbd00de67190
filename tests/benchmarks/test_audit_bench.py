"""The audit log at a million records: ratios against bare work of the same run.

pytest -m benchmark tests/benchmarks/test_audit_bench.py -s
"""

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from billctl.audit.verify import verify
from billctl.store.interface import RecordFilter
from billctl.store.sqlite import open_store
from tests.benchmarks.make_log import CUSTOMERS, customer, make_log

pytestmark = pytest.mark.benchmark

MILLION = 1_000_000
FEW = 10_000
ROUNDS = 5

PEAK = """
import re, resource, sys
from pathlib import Path
from billctl.audit.verify import verify
if __name__ == "__main__":
    assert verify(Path(sys.argv[1])).ok
    # Not getrusage for this process: Linux counts there what its parent held before it started this one.
    own = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
    print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
"""


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("million") / "state" / "audit.db"
    make_log(path, MILLION)
    return path


def bare_loop(path: Path) -> float:
    """Seconds that as many SHA-256 take over the same bytes, private parts too; reading is not counted."""
    seconds = 0.0
    with closing(sqlite3.connect(path)) as db:
        db.text_factory = bytes
        rows = db.execute("SELECT body FROM record UNION ALL SELECT body FROM private")
        while bodies := [body for (body,) in rows.fetchmany(20_000)]:
            start = perf_counter()
            for body in bodies:
                hashlib.sha256(body).hexdigest()
            seconds += perf_counter() - start
    return seconds


def test_a_million_records_are_proved_in_two_and_a_half_bare_loops(million: Path) -> None:
    proving, bare = [], []
    for _ in range(ROUNDS):
        start = perf_counter()
        verdict = verify(million)
        proving.append(perf_counter() - start)
        assert verdict.ok
        assert verdict.records == MILLION
        bare.append(bare_loop(million))
    ratio = min(proving) / min(bare)
    print(f"verify {min(proving):.2f} s, bare loop {min(bare):.2f} s, ratio {ratio:.2f}")
    assert ratio <= 2.5


def test_the_memory_of_a_proof_does_not_grow_with_the_log(million: Path, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc")
    few = tmp_path / "state" / "audit.db"
    make_log(few, FEW)

    def peak(path: Path) -> int:
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    small, large = peak(few), peak(million)
    print(f"peak {small / 1024:.1f} MiB for {FEW} records, {large / 1024:.1f} MiB for {MILLION}")
    assert large < 40 * 1024
    assert large - small < 12 * 1024  # the modules that start further processes; nothing per record


def test_a_customers_records_among_a_million_cost_less_than_reading_a_thousand(million: Path) -> None:
    store = open_store(million, readonly=True)
    wheres = (
        RecordFilter(customer=customer(77)),
        RecordFilter(customer=customer(77), action="refund", outcome="succeeded"),
        RecordFilter(customer=customer(77), operator="layla", account="stripe"),
    )
    start = perf_counter()
    assert len(list(store.records(RecordFilter(), limit=1000))) == 1000
    thousand = perf_counter() - start
    for where in wheres:
        best = []
        for _ in range(ROUNDS):
            start = perf_counter()
            found = list(store.latest(where))
            best.append(perf_counter() - start)
        print(f"{len(found)} of {MILLION}: {min(best) * 1000:.2f} ms; a thousand: {thousand * 1000:.2f} ms")
        assert len(found) <= MILLION // 2 // CUSTOMERS
        assert min(best) < thousand
    store.close()


def test_a_rare_outcome_among_a_million_is_found_in_half_a_bare_loop(million: Path) -> None:
    store = open_store(million, readonly=True)
    start = perf_counter()
    found = list(store.latest(RecordFilter(outcome="unknown", operator="layla")))
    search = perf_counter() - start
    store.close()
    assert len(found) > 100
    bare = bare_loop(million)
    print(f"{len(found)} of {MILLION} in {search:.2f} s, bare loop {bare:.2f} s")
    assert search < bare / 2
