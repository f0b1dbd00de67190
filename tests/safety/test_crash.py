"""A process killed anywhere: no effect without its intent on disk, and exactly once after reconcile.

strace kills the real program at its Nth call of one kind. What is on disk is looked at as it was at
the instant of death, before any of billctl's code runs again. By default a call of each kind and those
around the intent are taken; every single call, full disks and more moments are in the slow run.
"""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.shop import PAID, SECONDS, SUBSCRIPTION, WHY, Shop

REFUND = ("stripe", "refund", PAID, "--amount", "12.50", *WHY)
CANCEL = ("stripe", "cancel", SUBSCRIPTION, *WHY)
CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "connect", "sendto", "recvfrom")
"""The calls that change a disk or talk to the gateway."""

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(shop: Shop, folder: Path, *words: str, inject: str | None = None) -> tuple[int, list[str]]:
    """Run the program under strace; its exit code, and the traced calls in the order of their end."""
    log = folder / "trace"
    spoil = ["-e", f"inject={inject}"] if inject else []
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-s",
            "9999",
            "-o",
            str(log),
            "-e",
            f"trace={','.join(CALLS)}",
            *spoil,
            *shop.command(*words),
        ],
        check=False,
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    return done.returncode, log.read_text(errors="replace").splitlines()


def intents(shop: Shop) -> list[dict[str, Any]]:
    """The intents on disk, read from a copy: opening the log itself would repair it."""
    copy = shop.state_dir.parent / "at-death"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in shop.state_dir.glob("audit.sqlite*"):
        shutil.copy(path, copy)
    if not (copy / "audit.sqlite").exists():
        return []
    with closing(sqlite3.connect(copy / "audit.sqlite")) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone():
            return []
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM record ORDER BY seq")]
    return [body for body in bodies if body["phase"] == "intent"]


def check_death(shop: Shop) -> None:
    """Nothing happened at the gateway that is not announced on disk; afterwards it happens exactly once."""
    effects = shop.refunds()
    announced = intents(shop)
    assert len(effects) <= len(announced) <= 1
    for intent in announced:
        assert (intent["reason"], intent["amount"]["minor"]) == ("charged twice", 1250)
        assert re.fullmatch(r"[0-9a-f]{32}", intent["key"])
    first = shop.run(*REFUND)
    if announced and first.code != 0:
        assert first.code == 6
        assert shop.refunds() == effects
        shop.settle()
        assert shop.run("audit", "reconcile").code == 0
        assert shop.refunds() == effects
    again = shop.run(*REFUND, "-o", "json")
    assert again.code == 0
    assert again.data["outcome"] in {"succeeded", "already_done"}
    assert shop.refunds() == [1250]
    assert shop.run("audit", "verify").code == 0
    assert shop.run("audit", "reconcile", "-o", "json").data == []


@needs_strace
def test_the_intent_is_durable_before_the_change_leaves(shop: Shop, tmp_path: Path) -> None:
    for words, request in ((REFUND, "POST /v1/refunds"), (CANCEL, f"POST /v1/subscriptions/{SUBSCRIPTION}")):
        code, lines = traced(shop, tmp_path, *words)
        assert code == 0
        sent = next(i for i, line in enumerate(lines) if "sendto(" in line and request in line)
        written = [i for i, line in enumerate(lines) if "pwrite64(" in line and "intent" in line]
        synced = [i for i, line in enumerate(lines) if re.search(r"fdatasync.* = 0$", line)]
        assert written, "no write of an intent was traced"
        assert any(written[0] < i < sent for i in synced)
        assert not [
            i for i, line in enumerate(lines) if "sendto(" in line and "POST" in line and i < written[0]
        ]


def points(shop: Shop, folder: Path) -> list[tuple[str, int]]:
    """Every call of one whole refund: its kind and its number, which strace counts within each thread."""
    _, lines = traced(shop, folder, *REFUND)
    counts: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int], None] = {}
    for line in lines:
        made = re.match(r"(\d+) +(\w+)\(", line)
        if made:
            counts[made[1], made[2]] = counts.get((made[1], made[2]), 0) + 1
            found[made[2], counts[made[1], made[2]]] = None
    return list(found)


def kill_at(shop: Shop, folder: Path, call: str, number: int) -> bool:
    """Kill it there and check what it left; whether that call was made at all."""
    code, _ = traced(shop, folder, *REFUND, inject=f"{call}:signal=KILL:when={number}")
    assert code in {-signal.SIGKILL, 0}
    check_death(shop)
    return code != 0


@needs_strace
@pytest.mark.parametrize(
    ("call", "number"),
    [
        *(("pwrite64", n) for n in (1, 45, 66)),
        *(("fdatasync", n) for n in (7, 9, 11)),
        *(("sendto", n) for n in (1, 2)),
        ("connect", 2),
        ("recvfrom", 1),
    ],
)
def test_a_kill_at_a_call_loses_nothing_and_repeats_nothing(
    shop: Shop, tmp_path: Path, call: str, number: int
) -> None:
    assert kill_at(shop, tmp_path, call, number)


@needs_strace
@pytest.mark.slow
def test_a_kill_at_every_single_call_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    from tests.shop import open_shop

    def fresh(number: int) -> Path:
        folder = tmp_path / str(number)
        folder.mkdir()
        return folder

    with open_shop(fresh(0)) as shop:
        os.environ["BILLCTL_STATE_DIR"] = str(shop.state_dir)
        os.environ["BILLCTL_CONFIG_DIR"] = str(shop.config_dir)
        every = points(shop, tmp_path)
    assert len(every) > 30
    for position, (call, number) in enumerate(every, start=1):
        with open_shop(fresh(position)) as shop:
            os.environ["BILLCTL_STATE_DIR"] = str(shop.state_dir)
            os.environ["BILLCTL_CONFIG_DIR"] = str(shop.config_dir)
            kill_at(shop, tmp_path, call, number)


@needs_strace
@pytest.mark.parametrize("fault", ["error=EIO", pytest.param("error=ENOSPC", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("call", "when"), [("fdatasync", "1+"), ("pwrite64", "1+"), ("pwrite64", "6+")])
def test_a_failing_disk_sends_nothing_or_tells_what_it_could_not_record(
    shop: Shop, tmp_path: Path, call: str, when: str, fault: str
) -> None:
    code, _ = traced(shop, tmp_path, *REFUND, inject=f"{call}:{fault}:when={when}")
    effects = shop.refunds()
    assert code in {0, 9}
    assert len(effects) <= len(intents(shop))
    if code == 9 and not effects:
        shop.settle()
        assert shop.run("audit", "reconcile").code == 0
    check_death(shop)


@pytest.mark.parametrize(
    "delay", [0.2, 0.5, *(pytest.param(seconds, marks=pytest.mark.slow) for seconds in (0.05, 0.35, 0.65))]
)
def test_a_kill_at_any_moment_loses_nothing_and_repeats_nothing(shop: Shop, delay: float) -> None:
    """The same without strace: a slow gateway widens the time in which the change is under way."""
    shop.arm("slow", "POST /v1/refunds", seconds=0.4)
    with subprocess.Popen(
        shop.command(*REFUND),
        env=shop.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + SECONDS
        while not (shop.state_dir / "audit.sqlite").exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(delay)
        process.kill()
    check_death(shop)


def test_a_kill_after_the_gateway_acted_and_before_the_answer_is_found_by_reconcile(shop: Shop) -> None:
    shop.arm("hang-after", "POST /v1/refunds", seconds=30)
    with subprocess.Popen(
        shop.command(*REFUND), env=shop.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + SECONDS
        while not shop.refunds():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    assert len(intents(shop)) == 1
    assert shop.operations() == [("refund", "open")]
    (row,) = shop.run("audit", "reconcile", "-o", "json").data
    assert row["finding"] == "done"
    check_death(shop)
