"""A batch over the rehearsal gateways: made, carried out, killed, looked at after each death and at the end.

Every check raises `AssertionError`. What was done is read in the gateways' own books, what is recorded in a
copy of the log.
"""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from billctl.sandbox import faults
from tests.gateway_shops import Street, open_street
from tests.safety import batch_programs
from tests.safety.aftermath import later
from tests.safety.batch_goods import GOODS, effects, progress, stock
from tests.safety.batch_log import FollowedLog
from tests.safety.served import open_served_street, serving, settle, settle_all
from tests.shop import SECONDS, Json, Ran, Shop

ROOT = Path(__file__).resolve().parents[2]
WHY = ("--reason", "charged twice in October")
FAST = ("--rate", "none", "--workers", "16")
WHOLE = 4900
"""Minor units of which every charge of a batch consists, all of them refundable."""
HELD = {"stripe": 1380, "paypal": 6000, "braintree": 3000}
"""Minor units that are held, and set free by a void."""
DONE = {"succeeded", "pending", "already_done"}
SETTLING = 2.0
"""Seconds for which an answer is waited for; a request that nobody waits for is under way no longer."""


@dataclass
class Batch:
    """A plan for every object of `wanted`: reference → the minor units that it moves.

    `books` is the state of the gateways. `options` are those of every apply; `settle` waits until what the
    dead sent was acted upon; `log` is followed from look to look.
    """

    shop: Street
    verb: str
    wanted: Mapping[str, int]
    plan: Path
    log: FollowedLog
    books: Path
    settle: Callable[[], None]
    options: Sequence[str] = FAST
    name: str = batch_programs.RIGHT
    piped: bytes | None = None
    lives: list[Ran] = field(default_factory=list)

    @property
    def accounts(self) -> list[str]:
        """The accounts it is about."""
        return sorted({ref.partition(":")[0] for ref in self.wanted})

    @property
    def applying(self) -> tuple[str, ...]:
        """The words of an apply."""
        if self.piped is not None:
            return ("batch", "run", self.verb, "-", *WHY, "--yes", *self.options)
        return ("batch", "apply", str(self.plan), "--yes", *self.options)

    @property
    def results(self) -> list[Json]:
        """The lines of the results file."""
        path = self.plan.with_suffix(".results.ndjson")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    @property
    def failures(self) -> Path:
        """Where the failures file would be."""
        return self.plan.with_suffix(".failures.csv")

    def effects(self) -> dict[str, list[tuple[str, int]]]:
        """What the gateways show: reference → key and minor units of each time that it was done."""
        return {
            f"{account}:{object_id}": made
            for account in self.accounts
            for object_id, made in effects(self.books, self.verb, account).items()
        }

    def progress(self) -> int:
        """Grows by one with every row that is done."""
        return progress(self.books, self.verb, self.accounts)

    def apply(self, *more: str) -> Ran:
        """Carry it out, to the end."""
        with self.started(*more) as process:
            return ended(process)

    @contextmanager
    def started(self, *more: str) -> Iterator["subprocess.Popen[str]"]:
        """An apply as a process of its own, killed where the block leaves it."""
        with program(self.shop, *self.applying, *more, name=self.name, typed=self.piped) as process:
            yield process


@contextmanager
def program(
    shop: Shop, *words: str, name: str = batch_programs.RIGHT, typed: bytes | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """billctl, or a wrong variant of it, as a process that is killed where the block leaves it.

    `typed` comes to it through a pipe.
    """
    own = ["-m", "billctl"] if name == batch_programs.RIGHT else ["-m", "tests.safety.batch_programs", name]
    with subprocess.Popen(
        [sys.executable, *own, *words],
        env=shop.environment({"PYTHONPATH": str(ROOT)}),
        stdin=subprocess.DEVNULL if typed is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            if process.stdin:
                process.stdin.write((typed or b"").decode())
                process.stdin.close()
                process.stdin = None
            yield process
        finally:
            process.kill()


def ended(process: "subprocess.Popen[str]", seconds: float = 20 * SECONDS) -> Ran:
    """What a process did."""
    out, err = process.communicate(timeout=seconds)
    return Ran(process.returncode, out, err)


# Making one


def rows_of(verb: str, counts: Mapping[str, int]) -> dict[str, int]:
    """What is wanted of so many objects of each gateway, which take turns: the reference → the minor units.

    Every fifth refund is of all that is left.
    """
    numbered = sorted(
        (number, gateway) for gateway, count in counts.items() for number in range(1, count + 1)
    )
    return {
        f"{gateway}:{GOODS[verb][gateway].id_of(number)}": _minor(verb, gateway, number)
        for number, gateway in numbered
    }


def _minor(verb: str, gateway: str, number: int) -> int:
    if verb == "refund":
        return 100 + number % 1000 if number % 5 else WHOLE
    return HELD[gateway] if verb == "void" else 0


def write_rows(path: Path, verb: str, wanted: Mapping[str, int]) -> None:
    """The input file of a batch, as a spreadsheet would save it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        if verb != "refund":
            out.writerow(["ref"])
            out.writerows([ref] for ref in wanted)
            return
        out.writerow(["ref", "amount", "full"])
        for ref, minor in wanted.items():
            out.writerow(
                [ref, "", "yes"] if minor == WHOLE else [ref, f"{minor // 100}.{minor % 100:02}", ""]
            )


PLANNING = 20.0
"""Seconds that an answer may take while a batch is planned, on a busy machine too: nothing fails there."""


@contextmanager
def open_batch(
    folder: Path, verb: str, counts: Mapping[str, int], *, apart: bool = False, planned: bool = True
) -> Iterator[Batch]:
    """A planned batch of so many objects below `folder`; `apart`: each gateway is a process of its own."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with _street(folder, apart=apart) as (shop, settling):
        shop.street(more=f"[network]\nread_timeout = {PLANNING}\n")
        stock(shop.state_dir, verb, counts)
        batch = Batch(
            shop,
            verb,
            rows_of(verb, counts),
            folder / "b.plan",
            FollowedLog(shop.state_dir),
            shop.state_dir,
            settling,
        )
        write_rows(folder / "rows.csv", verb, batch.wanted)
        if planned:
            plan(batch)
        shop.street(more=f"[network]\nread_timeout = {SETTLING}\n")
        yield batch


def plan(batch: Batch) -> None:
    """Plan it in this process."""
    ran = batch.shop.run(*planning(batch))
    assert ran.code == 0, ran


def planning(batch: Batch) -> tuple[str, ...]:
    """The words that plan it."""
    now = ("--now",) if batch.verb == "cancel" else ()
    rows = batch.plan.with_name("rows.csv")
    fast = ("--rate", "none")
    return ("batch", "plan", batch.verb, str(rows), "--out", str(batch.plan), *now, *WHY, *fast)


@contextmanager
def _street(folder: Path, *, apart: bool) -> Iterator[tuple[Street, Callable[[], None]]]:
    if apart:
        with open_served_street(folder) as (shop, served):
            _environ(shop)
            yield shop, lambda: settle_all(served.values())
    else:
        with open_street(folder) as shop:
            listeners = serving()
            yield shop, lambda: settle(shop.urls, listeners)


def _environ(shop: Street) -> None:
    shop.env |= {
        "BILLCTL_CONFIG_DIR": str(shop.config_dir),
        "BILLCTL_STATE_DIR": str(shop.state_dir),
        "BILLCTL_PROFILE": "shop",
    }


# Looking at it


def check_instant(batch: Batch) -> int:
    """What a death left: how many rows are done at the gateways, none twice, none without its intent on disk.

    An operation that the log calls done was done, one that it calls not sent was not.
    """
    batch.log.follow()
    batch.settle()
    made = batch.effects()
    log = batch.log
    by_ref: dict[str, list[str]] = {ref: [] for ref in batch.wanted}
    for operation, intent in log.intents.items():
        assert intent.ref in by_ref, f"an intent on what is no row: {intent}"
        assert (intent.action, intent.minor) == (batch.verb, batch.wanted[intent.ref]), intent
        assert (intent.reason, bool(intent.login)) == (WHY[1], True), intent
        assert intent.batch, intent
        assert intent.plan_hash, intent
        by_ref[intent.ref].append(operation)
    if batch.piped is None:
        assert len({(intent.batch, intent.plan_hash) for intent in log.intents.values()}) <= 1
    for ref, times in made.items():
        _check_row(batch, ref, times, by_ref[ref])
    for ref in by_ref.keys() - made.keys():
        done = [operation for operation in by_ref[ref] if log.states.get(operation) == "done"]
        assert not done, f"{ref} was not done, and the log says that {done} did it"
    return len(made)


def _check_row(batch: Batch, ref: str, times: Sequence[tuple[str, int]], operations: Sequence[str]) -> None:
    assert len(times) == 1, f"{ref} was done {len(times)} times"
    assert operations, f"{ref} was done, and no intent is on disk"
    ((key, minor),) = times
    assert minor in {0, batch.wanted[ref]}, f"{ref}: {minor} were moved"
    keys = {batch.log.intents[operation].key for operation in operations}
    assert key in {"", *keys}, f"{ref} was done under a key that no intent names"
    states = [batch.log.states.get(operation, "open") for operation in operations]
    assert {"done", "open", "unknown"} & set(states), f"{ref} was done, and its operations are {states}"


def check_whole(batch: Batch) -> None:
    """Everything was done exactly once, the log says so, and so does the results file."""
    found = check_instant(batch)
    assert found == len(batch.wanted), f"{found} of {len(batch.wanted)} rows were done"
    done = [operation for operation, state in batch.log.states.items() if state == "done"]
    assert len(done) == len(batch.wanted), f"the log calls {len(done)} rows done"
    assert batch.log.states.keys() == batch.log.intents.keys(), "an operation is left open"
    assert set(batch.log.states.values()) <= {"done", "not_sent"}
    _check_results(batch, set(done))
    assert not batch.failures.exists()
    left = [path.name for path in batch.plan.parent.iterdir() if path.name.startswith(".")]
    assert not left, f"drafts were left: {left[:3]}"
    verified = batch.shop.run("audit", "verify")
    assert verified.code == 0, verified


def _check_results(batch: Batch, done: set[str]) -> None:
    results = batch.results
    assert sorted(result["n"] for result in results) == list(range(1, len(batch.wanted) + 1))
    assert {result["ref"] for result in results} == batch.wanted.keys()
    assert {result["outcome"] for result in results} <= DONE
    assert {result["operation"] for result in results} == done
    for result in results:
        intent = batch.log.intents[result["operation"]]
        assert intent.ref == result["ref"]
        moved = (result.get("amount") or {"minor": 0})["minor"]
        assert moved == batch.wanted[result["ref"]]


def check_nothing_left(batch: Batch) -> None:
    """One more apply does nothing, and says so by its exit code alone."""
    before, records = batch.effects(), len(batch.log.intents)
    again = batch.apply()
    assert (again.code, again.out, again.err) == (0, "", "")
    batch.log.follow()
    assert (batch.effects(), len(batch.log.intents)) == (before, records)
    assert {result["outcome"] for result in batch.results} == {"already_done"}


# Killing it


def silence(batch: Batch, kind: str) -> None:
    """Let the next change at each gateway never be answered (`hang-before`, `hang-after`)."""
    for account in batch.accounts:
        request = GOODS[batch.verb][account].request
        faults.arm(batch.books, account, kind, match=request, seconds=SECONDS)


def die_waiting(batch: Batch, kind: str) -> None:
    """Kill it when at each gateway the answer to a change is waited for, and look at what that left."""
    silence(batch, kind)
    deadline = time.monotonic() + SECONDS
    with batch.started() as process:
        while any(faults.armed(batch.books, account) for account in batch.accounts):
            assert time.monotonic() < deadline
            assert process.poll() is None, ended(process)
            time.sleep(0.01)
        process.kill()
        assert ended(process).code == -signal.SIGKILL
    check_instant(batch)


LOOK = 0.03
"""Seconds between two looks at how far a run is."""
STARTING = 0.8
"""Seconds after which a run has certainly begun to send, on a machine that has nothing else to do."""


def kill_once(batch: Batch, chance: random.Random, rows: int) -> bool:
    """Kill an apply at a moment drawn by `chance`, when about `rows` more are done; whether it died."""
    with batch.started() as process:
        if chance.random() < 0.1:
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, STARTING))
        else:
            enough = batch.progress() + chance.randint(1, max(1, rows * 3 // 2))
            while process.poll() is None and batch.progress() < enough:
                time.sleep(LOOK)
            time.sleep(chance.uniform(0, LOOK))
        process.kill()
        ran = ended(process)
    batch.lives.append(ran)
    assert "Traceback" not in ran.err, ran.err
    return ran.code == -signal.SIGKILL


def kill_many(batch: Batch, kills: int, seed: str) -> int:
    """Kill it so often, at random moments spread over all its rows, looking at what each death left."""
    chance = random.Random(seed)
    deaths = done = tries = 0
    while deaths < kills and tries < 3 * kills:
        tries += 1
        left = len(batch.wanted) - done
        deaths += kill_once(batch, chance, left // (kills - deaths + 1))
        done = check_instant(batch)
        tell_what_a_person_knows(batch)
    return deaths


def finish(batch: Batch, runs: int = 5) -> Ran:
    """Apply it until it is done, with time for what was under way at the last death to be settled."""
    for _ in range(runs):
        ran = batch.apply()
        check_instant(batch)
        if ran.code == 0:
            return ran
        assert ran.code in {6, 7}, ran
        time.sleep(SETTLING)
        tell_what_a_person_knows(batch)
    raise AssertionError(f"it does not end: {ran}")


UNTOLD = {("resend", "paypal"): {"done", "not-done"}, ("refund", "woocommerce"): {"not-done"}}
"""What no question ends: PayPal keeps no trace of a reminder, and WooCommerce none of a refund that was not
made, for it deletes the record of one that failed."""


def tell_what_a_person_knows(batch: Batch) -> int:
    """Say what became of what was on its way and of which no gateway can tell; of how many operations."""
    batch.log.follow()
    states = batch.log.states
    waiting = {
        operation: intent.ref
        for operation, intent in batch.log.intents.items()
        if (batch.verb, intent.account) in UNTOLD and states.get(operation) not in {"done", "not_sent"}
    }
    if not waiting:
        return 0
    made = batch.effects()
    with later():
        assert batch.shop.run("audit", "reconcile").code in {0, 6}
    batch.log.follow()
    told = 0
    for operation, ref in waiting.items():
        if states.get(operation) not in {"done", "not_sent"}:
            truth = "done" if ref in made else "not-done"
            account = ref.partition(":")[0]
            assert truth in UNTOLD[batch.verb, account], f"{account} did not tell that {ref} was {truth}"
            words = ("--as", truth, "--reason", "asked him", "--yes")
            resolved = batch.shop.run("audit", "resolve", operation, *words)
            assert resolved.code == 0, resolved
            told += 1
    return told
