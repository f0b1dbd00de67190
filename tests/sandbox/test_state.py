"""The state on disk: made once, shared by processes, whole after any end, reset on demand."""

import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from billctl.errors import StoreError
from billctl.sandbox import KEYS, STRIPE_KEY, STRIPE_LIVE_KEY, faults, state
from billctl.sandbox.server import Sandbox
from tests.sandbox.conftest import Json, Wire

CHARGE = "ch_SbxLayla0000001"
REFUNDER = """
import http.client, sys
from pathlib import Path
from urllib.parse import urlencode
from billctl.sandbox.server import Sandbox

state, amount, times, name = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
with Sandbox(state, gateways=("stripe",)) as sandbox:
    connection = http.client.HTTPConnection(sandbox.url("stripe").removeprefix("http://"))
    for number in range(times):
        head = {"Authorization": "Bearer KEY", "Idempotency-Key": name.replace("#", str(number))}
        while True:
            connection.request("POST", "/v1/refunds", urlencode({"charge": "CHARGE", "amount": amount}), head)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 409:
                break
        print(answer.status, flush=True)
    connection.close()
""".replace("KEY", STRIPE_KEY).replace("CHARGE", CHARGE)
"""A process with a sandbox of its own on shared state, refunding."""


def refunder(state_dir: Path, amount: int, times: int, key: str) -> subprocess.Popen[str]:
    arguments = [str(state_dir), str(amount), str(times), key]
    return subprocess.Popen([sys.executable, "-c", REFUNDER, *arguments], stdout=subprocess.PIPE, text=True)


def statuses(process: subprocess.Popen[str]) -> list[str]:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.split()


@contextmanager
def opened(state_dir: Path) -> Iterator[Wire]:
    with Sandbox(state_dir, gateways=("stripe",)) as sandbox:
        yield Wire(sandbox.url("stripe").removeprefix("http://"), state_dir)


@pytest.mark.parametrize("number", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_many_processes_with_one_key_make_one_refund(state_dir: Path, number: int) -> None:
    processes = [refunder(state_dir, 100, 1, "one-key") for _ in range(number)]
    assert [statuses(process) for process in processes] == [["200"]] * number
    with opened(state_dir) as wire:
        assert len(wire.get("/v1/refunds", {"charge": CHARGE})["data"]) == 1
        assert wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"] == 100


@pytest.mark.slow
def test_processes_with_keys_of_their_own_never_refund_more_than_was_taken(state_dir: Path) -> None:
    processes = [refunder(state_dir, 450, 4, f"p{number}-#") for number in range(4)]
    answers = [status for process in processes for status in statuses(process)]
    assert sorted(answers) == ["200"] * 10 + ["400"] * 6
    with opened(state_dir) as wire:
        amounts = [
            one["amount"] for one in wire.get("/v1/refunds", {"charge": CHARGE, "limit": "100"})["data"]
        ]
        assert (len(amounts), sum(amounts)) == (10, 4500)
        assert wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"] == 4500


@pytest.mark.slow
def test_a_killed_process_leaves_whole_acts_only(state_dir: Path) -> None:
    with opened(state_dir) as wire:
        before = len(wire.events("charge.refunded"))
    for pause in (0.0, 0.05, 0.15):
        process = refunder(state_dir, 1, 1000, f"{pause}-#")
        assert process.stdout is not None
        assert process.stdout.readline() == "200\n"
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
    with opened(state_dir) as wire:
        charge = wire.get(f"/v1/charges/{CHARGE}")
        refunds: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            page = wire.get("/v1/refunds", {"charge": CHARGE, "limit": "100"} | cursor)
            refunds += page["data"]
            if not page["has_more"]:
                break
            cursor = {"starting_after": refunds[-1]["id"]}
        assert charge["amount_refunded"] == sum(one["amount"] for one in refunds) >= 3
        assert len(wire.events("charge.refunded")) >= min(before + 3, 100)
        assert wire.post(
            "/v1/refunds", {"charge": CHARGE, "amount": "1"}, headers={"Idempotency-Key": "0.0-0"}
        )


def test_a_process_killed_while_its_request_ran_frees_the_key(state_dir: Path) -> None:
    faults.arm(state_dir, "stripe", "late", seconds=60)
    process = refunder(state_dir, 100, 1, "held")
    with sqlite3.connect(state.path_of(state_dir, "stripe")) as database:
        while not database.execute("SELECT 1 FROM keys").fetchone():
            time.sleep(0.01)
    database.close()
    with opened(state_dir) as wire:
        held = wire.ask(
            "POST /v1/refunds", {"charge": CHARGE, "amount": "100"}, headers={"Idempotency-Key": "held"}
        )
        assert held.status == 409
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=10)
        again = wire.post(
            "/v1/refunds", {"charge": CHARGE, "amount": "100"}, headers={"Idempotency-Key": "held"}
        )
        assert again["amount"] == 100


def test_state_is_private_and_survives_the_sandbox(state_dir: Path) -> None:
    with opened(state_dir) as wire:
        wire.post("/v1/refunds", {"charge": CHARGE, "amount": "100"})
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state_dir / "sandbox").iterdir()}
        assert modes["stripe.sqlite"] == 0o600
        assert set(modes.values()) == {0o600}
        assert stat.S_IMODE((state_dir / "sandbox").stat().st_mode) == 0o700
    with opened(state_dir) as wire:
        assert wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"] == 100
    assert [path.name for path in (state_dir / "sandbox").iterdir()] == ["stripe.sqlite"]


def test_the_live_key_opens_its_own_copy(state_dir: Path) -> None:
    with opened(state_dir) as wire:
        wire.post("/v1/refunds", {"charge": CHARGE, "amount": "100"})
        live = wire.get(f"/v1/charges/{CHARGE}", key=STRIPE_LIVE_KEY)
        assert (live["livemode"], live["amount_refunded"]) == (True, 0)
        assert wire.get(f"/v1/charges/{CHARGE}")["livemode"] is False
        accounts = {wire.get("/v1/account", key=key)["id"] for key in (STRIPE_KEY, STRIPE_LIVE_KEY)}
        assert len(accounts) == 1
        assert wire.get("/v1/balance", key=STRIPE_LIVE_KEY)["livemode"] is True


def test_reset_brings_the_shop_back_under_a_running_sandbox(state_dir: Path) -> None:
    with opened(state_dir) as wire:
        wire.post("/v1/refunds", {"charge": CHARGE, "amount": "100"}, headers={"Idempotency-Key": "k"})
        made = wire.post("/v1/customers", {"name": "New"})
        faults.arm(state_dir, "stripe", "429", match="GET /v1/balance")
        state.reset(state_dir)
        assert wire.get(f"/v1/charges/{CHARGE}")["amount_refunded"] == 0
        assert wire.ask(f"GET /v1/customers/{made['id']}").status == 404
        assert faults.armed(state_dir, "stripe") == []
        repeated = wire.ask(
            "POST /v1/refunds", {"charge": CHARGE, "amount": "100"}, headers={"Idempotency-Key": "k"}
        )
        assert "idempotent-replayed" not in repeated.headers


def test_status_counts_what_is_there(state_dir: Path) -> None:
    assert state.status(state_dir) == {}
    with opened(state_dir) as wire:
        wire.post("/v1/customers", {"name": "New"})
    faults.arm(state_dir, "stripe", "html")
    report = state.status(state_dir)["stripe"]
    assert report["objects"]["customer"] == 47
    assert report["live_objects"] == {}
    assert [fault["kind"] for fault in report["faults"]] == ["html"]
    assert report["path"] == str(state_dir / "sandbox" / "stripe.sqlite")


def test_the_same_moment_gives_the_same_shop(tmp_path: Path) -> None:
    def whole(name: str, moment: datetime) -> list[tuple[object, ...]]:
        path = state.prepare(tmp_path / name, "stripe", clock=lambda: moment)
        database = sqlite3.connect(path)
        try:
            return database.execute("SELECT id, created, body FROM objects ORDER BY seq").fetchall()
        finally:
            database.close()

    noon = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert whole("a", noon) == whole("b", noon)
    ids = {row[0] for row in whole("a", noon)}
    for number, day in enumerate(((2026, 3, 1), (2028, 2, 29), (2027, 7, 31))):
        assert {row[0] for row in whole(str(number), datetime(*day, tzinfo=UTC))} == ids


def test_a_shop_has_a_name_that_lasts_until_the_reset(state_dir: Path) -> None:
    first = state.generation(state_dir, "stripe")
    assert re.fullmatch(r"[0-9a-f]{12}", first)
    with opened(state_dir) as wire:
        wire.post("/v1/customers", {"name": "New"})
        wire.get("/v1/customers", key=STRIPE_LIVE_KEY)
    assert state.generation(state_dir, "stripe") == first
    later = []
    for _ in range(3):
        state.reset(state_dir)
        later.append(state.generation(state_dir, "stripe"))
    assert len({first, *later}) == 4


def test_a_shop_without_people_has_a_name_too(state_dir: Path) -> None:
    with Sandbox(state_dir, gateways=("stripe",), seed_shop=False):
        assert state.generation(state_dir, "stripe") == state.generation(state_dir, "stripe") != ""


def test_an_empty_shop_can_be_asked_for(state_dir: Path) -> None:
    with Sandbox(state_dir, gateways=("stripe",), seed_shop=False) as sandbox:
        wire = Wire(sandbox.url("stripe").removeprefix("http://"), state_dir)
        assert wire.get("/v1/customers")["data"] == []
        assert wire.get("/v1/customers", key=STRIPE_LIVE_KEY)["data"] == []


def test_a_file_of_another_version_is_made_anew(state_dir: Path) -> None:
    path = state.prepare(state_dir, "stripe")
    database = sqlite3.connect(path)
    database.execute("DROP TABLE objects")
    database.execute("PRAGMA user_version=99")
    database.close()
    with opened(state_dir) as wire:
        assert wire.get("/v1/customers")["data"]


def test_garbage_is_an_error_that_reset_heals(state_dir: Path) -> None:
    path = state.prepare(state_dir, "stripe")
    path.write_bytes(b"not a database at all" * 100)
    with (
        pytest.raises(StoreError, match="not a database") as raised,
        Sandbox(state_dir, gateways=("stripe",)),
    ):
        pass
    assert "`billctl sandbox reset`" in raised.value.hint
    state.reset(state_dir)
    with opened(state_dir) as wire:
        assert wire.get("/v1/customers")["data"]


def test_a_file_where_the_directory_should_be_is_named(state_dir: Path) -> None:
    state_dir.mkdir(exist_ok=True)
    (state_dir / "sandbox").write_text("")
    for use in (state.prepare, state.generation, faults.armed):
        with pytest.raises(StoreError, match="File exists") as raised:
            use(state_dir, "stripe")
        assert f"Give {state_dir / 'sandbox'} room" in raised.value.hint
    with pytest.raises(StoreError, match="File exists"):
        state.reset(state_dir)


def test_a_table_that_is_missing_is_told_from_a_place_that_is_full(state_dir: Path) -> None:
    path = state.prepare(state_dir, "stripe")
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE faults")
    with pytest.raises(StoreError, match="no such table") as raised:
        faults.arm(state_dir, "stripe", "429")
    assert "`billctl sandbox reset`" in raised.value.hint


def test_state_that_cannot_be_used_is_a_500_that_says_so(state_dir: Path) -> None:
    with opened(state_dir) as wire:
        database = sqlite3.connect(state.path_of(state_dir, "stripe"))
        database.execute("DROP TABLE objects")
        database.close()
        reply = wire.ask("GET /v1/customers")
        assert (reply.status, reply.error["type"]) == (500, "api_error")
        assert "cannot use its state" in reply.error["message"]


def test_a_port_that_is_taken_is_an_error_at_once(state_dir: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(OSError, match="in use"),
        Sandbox(state_dir, gateways=("stripe",), ports={"stripe": taken.getsockname()[1]}),
    ):
        pass


def test_it_listens_on_loopback_alone_and_on_the_port_it_is_given(state_dir: Path) -> None:
    with Sandbox(state_dir, gateways=("stripe",)) as first:
        port = int(first.url("stripe").rpartition(":")[2])
        assert first.url("stripe") == f"http://127.0.0.1:{port}"
        with pytest.raises(KeyError):
            first.url("abacus")
    with Sandbox(state_dir, gateways=("stripe",), ports={"stripe": port}) as again:
        assert again.url("stripe") == f"http://127.0.0.1:{port}"


def test_threads_and_files_are_gone_after_it(state_dir: Path) -> None:
    before = set(threading.enumerate())
    with opened(state_dir) as wire:
        assert wire.get("/v1/account")
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) - before == set()


def test_starting_and_stopping_a_prepared_sandbox_takes_no_time(state_dir: Path) -> None:
    state.prepare(state_dir, "stripe")
    costs = []
    for _ in range(5):
        started = time.perf_counter()
        with Sandbox(state_dir, gateways=("stripe",)):
            pass
        costs.append(time.perf_counter() - started)
    assert min(costs) < 0.05


def test_every_key_of_the_profile_opens_the_shop(state_dir: Path) -> None:
    assert KEYS["stripe"] == {"api_key": STRIPE_KEY}
