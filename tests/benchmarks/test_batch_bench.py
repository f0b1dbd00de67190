"""What a batch reaches and costs, against figures of the same run.

The gateway is a sandbox in a process of its own, which is not counted; billctl runs as the program. Rates are
read in the audit log, from the first intent to the last outcome: what starting costs is measured elsewhere
(test_startup_bench.py), and a batch is long.

pytest -m benchmark tests/benchmarks/test_batch_bench.py -s
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from billctl.sandbox import STRIPE_KEY
from billctl.store.interface import RecordFilter
from billctl.store.sqlite import open_store
from tests.benchmarks.test_startup_bench import cpu_seconds
from tests.rehearsal import furnish
from tests.safety.batch_goods import GOODS, stock

pytestmark = pytest.mark.benchmark

ROOT = Path(__file__).resolve().parents[2]

PUBLISHED = 25
"""Requests a second that Stripe takes at an endpoint, in test mode in all: docs.stripe.com/rate-limits."""
UNPACED = ("--rate", "none")
SECONDS = 600

LOOP = """
import json, sys, time
import stripe
stripe.enable_telemetry = False
address, key, *charges = sys.argv[1:]
session = stripe.RequestsClient(timeout=30)
client = stripe.StripeClient(key, base_addresses={"api": address}, max_network_retries=0, http_client=session)
def row(charge):
    found = client.v1.charges.retrieve(charge, {"expand": ["refunds"]})
    client.v1.refunds.create({"charge": charge, "amount": found.amount}, {"idempotency_key": charge})
row(charges[0])
wall, cpu = time.monotonic(), time.process_time()
for charge in charges[1:]:
    row(charge)
rows = len(charges) - 1
print(json.dumps({"wall": (time.monotonic() - wall) / rows, "cpu": (time.process_time() - cpu) / rows}))
"""
"""The same calls of Stripe's SDK as a script would make them, one after the other: seconds a row."""


@dataclass(frozen=True)
class Bench:
    """A shop whose Stripe has many charges, and a profile `shop` that leads to it."""

    folder: Path
    url: str

    @property
    def env(self) -> dict[str, str]:
        return dict(os.environ) | {
            "BILLCTL_STATE_DIR": str(self.folder / "state"),
            "BILLCTL_CONFIG_DIR": str(self.folder / "config"),
            "BILLCTL_PROFILE": "shop",
            "BILLCTL_STRIPE_API_KEY": STRIPE_KEY,
        }

    def billctl(self, *words: str) -> float:
        """Run it well; the seconds of CPU that it took."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "billctl", *words]
        subprocess.run(
            command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=SECONDS,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def plan(self, first: int, last: int, *options: str) -> Path:
        """A plan to refund these charges in full."""
        rows = self.folder / f"{first}.csv"
        rows.write_text("ref,full\n" + "".join(f"stripe:{charge(n)},yes\n" for n in range(first, last + 1)))
        plan = rows.with_suffix(".plan")
        why = ("--reason", "charged twice")
        self.billctl("batch", "plan", "refund", str(rows), *why, "--out", str(plan), *options)
        return plan

    def apply(self, plan: Path, *options: str) -> float:
        """Apply a plan; the seconds of CPU that it took."""
        return self.billctl("batch", "apply", str(plan), "--yes", *options)

    def loop(self, first: int, last: int) -> dict[str, float]:
        """What the loop takes for these charges."""
        charges = [charge(n) for n in range(first, last + 1)]
        command = [sys.executable, "-c", LOOP, self.url, STRIPE_KEY, *charges]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS)
        measured: dict[str, float] = json.loads(done.stdout)
        return measured

    def seconds(self) -> float:
        """From the first intent of the log to its last outcome."""
        store = open_store(self.folder / "state" / "audit.sqlite", readonly=True)
        try:
            records = [json.loads(r.body) for r in store.records(RecordFilter(action="refund"))]
        finally:
            store.close()
        first, last = (datetime.fromisoformat(records[place]["time"]) for place in (0, -1))
        return (last - first).total_seconds()

    def turned_away(self) -> bool:
        """Whether any request met a 429, by what the runs tell each other about it."""
        states = [json.loads(path.read_text()) for path in (self.folder / "state" / "pace").iterdir()]
        assert states, "the requests were paced"
        return any(state["held_from"] for state in states)


def charge(number: int) -> str:
    return GOODS["refund"]["stripe"].id_of(number)


Open = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Open]:
    """Opens a shop with so many charges, whose sandbox is told `options`."""
    with ExitStack() as stack:

        def open_shop(charges: int, *options: str) -> Bench:
            gateway = tmp_path / "gateway"
            furnish(gateway)
            stock(gateway, "refund", {"stripe": charges})
            url = stack.enter_context(serving(gateway, options))
            profiles = tmp_path / "config" / "profiles"
            profiles.mkdir(parents=True, mode=0o700)
            (profiles / "shop.toml").write_text(
                f'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\nbase_url = "{url}"\n'
            )
            return Bench(tmp_path, url)

        yield open_shop


@contextmanager
def serving(state: Path, options: tuple[str, ...]) -> Iterator[str]:
    """The address of a sandbox in another process."""
    command = [sys.executable, "-m", "billctl", "-q", "-o", "json", "sandbox", "serve", "--port", "0"]
    with subprocess.Popen(
        [*command, "--gateway", "stripe", *options],
        env=dict(os.environ) | {"BILLCTL_STATE_DIR": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["data"]["gateways"][0]["base_url"]
        finally:
            process.terminate()


def test_a_published_rate_is_held_and_nothing_is_turned_away(bench: Open) -> None:
    """At Stripe's test limits: two requests a row, one bucket for all of them."""
    rows = 200
    shop = bench(rows, "--limit", f"stripe={PUBLISHED},{PUBLISHED}")
    shop.apply(shop.plan(1, rows), "--workers", "32")
    reached = (rows - 1) * 2 / shop.seconds()
    print(f"\nin all     {reached:5.2f} of {PUBLISHED} requests a second")
    assert reached >= 0.97 * PUBLISHED
    assert not shop.turned_away(), "not one of 400 requests"


def test_a_published_rate_of_each_endpoint_is_held_and_nothing_is_turned_away(bench: Open) -> None:
    """At Stripe's live limits: so many rows a second as an endpoint takes requests, by the workers that this
    needs where an answer takes a second."""
    rows = 400
    shop = bench(rows, "--limit", f"stripe={PUBLISHED},{4 * PUBLISHED}")
    plan = shop.plan(1, rows)
    shop.apply(plan, "--rate", str(PUBLISHED), "--workers", "32")
    reached = (rows - 1) / shop.seconds()
    print(f"\nan endpoint {reached:5.2f} of {PUBLISHED} requests a second")
    assert reached >= 0.97 * PUBLISHED
    assert not shop.turned_away(), "not one of 800 requests"


def test_eight_workers_are_seven_times_a_loop_over_the_same_calls(bench: Open) -> None:
    rows = 160
    shop = bench(rows + 9, "--latency", "0.2")
    plan = shop.plan(1, rows, *UNPACED)
    loop = shop.loop(rows + 1, rows + 9)["wall"]
    shop.apply(plan, *UNPACED, "--workers", "8")
    row = shop.seconds() / rows
    print(
        f"\na row      {row * 1000:5.1f} ms, the loop's {loop * 1000:.0f} ms: {loop / row:.2f} times as fast"
    )
    assert loop / row >= 7


def test_a_row_costs_at_most_a_third_of_a_bare_interpreter(bench: Open) -> None:
    """Reading, two records and the change. 4 ms, where `python -c pass` takes 12, as on the machine on which
    the limit was set; beside it what the SDK's own two calls take."""
    rows = 600
    shop = bench(rows + 200)
    few, many = shop.plan(1, 20, *UNPACED), shop.plan(21, rows, *UNPACED)
    loop, bare = shop.loop(rows + 1, rows + 100)["cpu"], interpreters()
    start = shop.apply(few, *UNPACED)
    bare += interpreters()
    row = (shop.apply(many, *UNPACED) - start) / (rows - 40)
    bare += interpreters()
    loop = (loop + shop.loop(rows + 101, rows + 200)["cpu"]) / 2
    ratio = row / statistics.median(bare)
    print(f"\na row    {ratio:6.3f} of a bare interpreter ({row * 1000:.2f} ms; the SDK: {loop * 1000:.2f})")
    assert ratio <= 1 / 3


def interpreters() -> list[float]:
    """What `python -c pass` takes, run after run, in seconds of CPU."""
    return [cpu_seconds([sys.executable, "-c", "pass"], dict(os.environ)) for _ in range(12)]


PLAN = """
import io, os, re, sys
from pathlib import Path
from billctl.batch.planning import BatchRequest, make_plan
from billctl.batch.reading import Chosen
from billctl.batch.rows import RowDefaults, read_rows
from billctl.batch.shelf import Shelf
from billctl.session import open_session

class Rows(io.RawIOBase):
    def __init__(self, count):
        self.left, self.ready = iter(range(count)), b"ref,amount\\n"
    def readable(self):
        return True
    def readinto(self, buffer):
        while len(self.ready) < len(buffer) and (number := next(self.left, None)) is not None:
            self.ready += b"a:C%08d,12.50\\n" % number
        part, self.ready = self.ready[:len(buffer)], self.ready[len(buffer):]
        buffer[:len(part)] = part
        return len(part)

count, reason = int(sys.argv[1]), "charged twice"
with open_session("shop", env=os.environ) as session:
    source, kind_of = io.BufferedReader(Rows(count)), session.gateway("a").kind_of
    defaults, folder = RowDefaults(reason=reason), Shelf(session.state_dir).folder()
    with read_rows(
        source, source="-", verb="refund", accounts={"a": kind_of}, defaults=defaults, folder=folder
    ) as rows:
        made = make_plan(session, rows, BatchRequest(chosen=Chosen(verb="refund"), source="-", reason=reason))
    assert made.plan.header.ready == count
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
"""Plans so many rows at a gateway in the same process; its own peak in KiB. ru_maxrss would count what its
parent held when it was started (getrusage(2), Linux)."""


def planned(folder: Path, rows: int) -> float:
    """The peak of planning so many rows, in MiB."""
    profiles = folder / "config" / "profiles"
    profiles.mkdir(parents=True, mode=0o700)
    (profiles / "shop.toml").write_text('mode = "test"\n[accounts.a]\ngateway = "acme"\n')
    about = folder / "site" / "acme-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[billctl.gateways]\nacme = tests.unit.acme:Acme\n")
    env = dict(os.environ) | {
        "BILLCTL_STATE_DIR": str(folder / "state"),
        "BILLCTL_CONFIG_DIR": str(folder / "config"),
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", PLAN, str(rows)], env=env, capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_million_rows_are_planned_in_the_memory_of_a_thousand(tmp_path: Path) -> None:
    """`BILLCTL_BENCH_ROWS` plans fewer: the million takes ten minutes and more."""
    rows = int(os.environ.get("BILLCTL_BENCH_ROWS", "1000000"))
    few, many = planned(tmp_path / "few", 1_000), planned(tmp_path / "many", rows)
    print(f"\nmemory   {many - few:6.1f} MiB more for {rows:,} rows than for 1,000 ({few:.1f} MiB)")
    assert many - few <= 8
