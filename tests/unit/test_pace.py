"""An account's pace: even spacing, one for all processes, slower after a 429, and never in the way."""

import errno
import fcntl
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.frozen import replace
from billctl.gateway import Account, Gateway, RateLimit, Secret
from billctl.gateways.braintree import BraintreeGateway
from billctl.gateways.paypal import PaypalGateway
from billctl.gateways.stripe import StripeGateway
from billctl.pace import LOOK, OWN_DEFAULT, AccountPace, Paces, file_name, limit_of, rule, shared
from billctl.pace.shared import Shared, parsed, written

LIMIT = RateLimit(in_all=100, endpoint=25)
START = 1_800_000_000.0


class Hands:
    """A clock that only sleeping moves, and what left when."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pace(path: Path, hands: Hands, limit: RateLimit = LIMIT) -> AccountPace:
    return AccountPace(limit, Shared(path), now=lambda: hands.now, sleep=hands.sleep)


def leaving(paced: AccountPace, hands: Hands, *endpoints: str) -> list[float]:
    """When requests to `endpoints`, one after the other, leave; in seconds from now."""
    start, times = hands.now, []
    for endpoint in endpoints:
        paced.wait(endpoint)
        times.append(round(hands.now - start, 6))
    return times


def near(seconds: float) -> object:
    """As near as a clock's float of today tells."""
    return pytest.approx(seconds, abs=2e-6)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pace" / "some-account"


# Even spacing


def test_requests_to_one_endpoint_leave_evenly_spaced_from_the_first_on(path: Path, hands: Hands) -> None:
    assert leaving(pace(path, hands), hands, *["send"] * 5) == [0, 0.04, 0.08, 0.12, 0.16]


def test_a_pause_earns_no_burst(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    paced.wait("send")
    hands.now += 3600
    first, second, third = leaving(paced, hands, *["send"] * 3)
    assert first == 0
    assert second == near(0.04)
    assert third - second == near(0.04)


def test_other_endpoints_share_the_limit_of_all(path: Path, hands: Hands) -> None:
    times = leaving(pace(path, hands), hands, "a", "b", "c", "d", "a")
    assert times == [0, 0.01, 0.02, 0.03, 0.04]


def test_what_a_busy_machine_was_late_by_is_made_up_for(path: Path, hands: Hands) -> None:
    paced = pace(path, hands, RateLimit(endpoint=25))
    for _ in range(100):
        paced.wait("send")
        hands.now += 0.045 if hands.slept else 0.0  # each leaves 5 ms after its time
    assert hands.now - START == pytest.approx(100 * 0.045, rel=0.01), "slower than the pace: nobody waits"
    hands.slept.clear()
    late = 0
    for _ in range(100):
        paced.wait("send")
        hands.now += 0.005
        late += 1
    assert sum(hands.slept) + late * 0.005 == pytest.approx(100 * 0.04, rel=0.02)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 0.5)), min_size=1, max_size=60))
def test_no_second_ever_sees_more_than_the_limit(asked: list[tuple[str, float]]) -> None:
    state, now = rule.State(), START
    left: list[tuple[float, str]] = []
    for endpoint, gap in asked:
        now += gap
        while wait := rule.admit(state, now, endpoint, RateLimit(in_all=20, endpoint=10)):
            assert wait <= 0.1 + 1e-6
            now += wait
        left.append((now, endpoint))
    for at, _ in left:
        within = [name for when, name in left if at <= when < at + 1 - 1e-6]
        assert len(within) <= 21
        assert max(within.count("a"), within.count("b")) <= 11


def test_many_threads_keep_one_pace(path: Path) -> None:
    paced = AccountPace(RateLimit(endpoint=200), Shared(path))
    times: list[float] = []

    def work() -> None:
        for _ in range(10):
            paced.wait("send")
            times.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 60
    assert max(times) - min(times) >= 59 / 200 * 0.95


# One for all processes


def test_two_runs_share_a_pace(path: Path, hands: Hands) -> None:
    one, other = pace(path, hands), pace(path, hands)
    assert leaving(one, hands, "send") + leaving(other, hands, "send") + leaving(one, hands, "send") == [
        0,
        0.04,
        0.04,
    ]


def _paced(path: Path, requests: int, ready: Any, times: Any) -> None:
    own = AccountPace(RateLimit(endpoint=100), Shared(path))
    ready.wait()
    for _ in range(requests):
        own.wait("send")
        times.put(time.monotonic())


@pytest.mark.slow
def test_processes_together_keep_the_limit(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready, times = context.Barrier(3), context.Queue()
    runs = [context.Process(target=_paced, args=(path, 20, ready, times)) for _ in range(3)]
    for run in runs:
        run.start()
    seen = sorted(times.get(timeout=30) for _ in range(60))
    for run in runs:
        run.join()
    assert seen[-1] - seen[0] >= 59 / 100 * 0.95


def test_the_state_is_private_and_names_nobody(tmp_path: Path, hands: Hands) -> None:
    secret = "sk_" + "test_1234567890abcdef"
    account = Account(name="shop", gateway="stripe", live=False, secrets={"api_key": Secret(secret)})
    paces = Paces(tmp_path, now=lambda: hands.now, sleep=hands.sleep)
    paces.of(account, StripeGateway).wait("POST /v1/refunds")
    (file,) = (tmp_path / "pace").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert secret not in file.name + file.read_text()
    assert "shop" not in file.name + file.read_text()


def test_one_login_is_one_pace_whatever_it_is_called() -> None:
    key = Secret("sk_" + "test_aaaa")
    account = Account(name="shop", gateway="stripe", live=False, secrets={"api_key": key})
    assert file_name(account) == file_name(replace(account, name="other"))
    others = [
        replace(account, live=True),
        replace(account, gateway="acme"),
        replace(account, base_url="http://127.0.0.1:1"),
        replace(account, secrets={"api_key": Secret("sk_" + "test_bbbb")}),
        replace(account, account_id="acct_1"),
    ]
    assert len({file_name(one) for one in (account, *others)}) == 6


def test_a_known_account_is_one_pace_under_all_its_keys() -> None:
    one, other = (
        Account(
            name="shop",
            gateway="stripe",
            live=False,
            account_id="acct_1",
            secrets={"api_key": Secret("rk_" + "test_" + end)},
        )
        for end in ("aaaa", "bbbb")
    )
    assert file_name(one) == file_name(other)


def test_the_sandbox_is_one_pace_on_every_port() -> None:
    account = Account(
        name="s", gateway="stripe", live=False, base_url="http://127.0.0.1:1", address="sandbox"
    )
    assert file_name(account) == file_name(replace(account, base_url="http://127.0.0.1:2"))


# Turned away


def test_nobody_sends_before_the_pause_that_was_asked_for_is_over(path: Path, hands: Hands) -> None:
    one, other = pace(path, hands), pace(path, hands)
    one.wait("send")
    one.turned_away("send", 7)
    assert leaving(other, hands, "read") == [7]


@pytest.mark.parametrize(("asked", "held"), [(None, 1), (0, 1), (0.2, 1), (30, 30), (86_400, 300)])
def test_the_pause_is_what_was_asked_for_within_reason(
    path: Path, hands: Hands, asked: float | None, held: float
) -> None:
    paced = pace(path, hands)
    assert paced.held() == 0
    paced.turned_away("send", asked)
    assert pace(path, hands).held() == held
    assert leaving(paced, hands, "send") == [held]
    assert paced.held() == 0


def test_a_request_turned_away_slows_all_of_them_down(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    paced.turned_away("send", None)
    paced.wait("send")
    assert leaving(paced, hands, "send") == [near(0.04 / 0.75)]
    paced.wait("read")
    assert leaving(paced, hands, "read") == [near(0.04 / 0.75)]


def test_all_that_were_under_way_together_slow_down_once(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    for _ in range(8):
        paced.turned_away("send", None)
    paced.wait("send")
    assert leaving(paced, hands, "send") == [near(0.04 / 0.75)]


def test_the_slowest_pace_is_a_tenth(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    for _ in range(20):
        paced.turned_away("send", None)
        paced.wait("send")
    assert leaving(paced, hands, "send") == [near(0.4)]


def test_the_pace_recovers_step_by_step_and_never_beyond_the_limit(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    paced.turned_away("send", None)
    gaps = []
    for _ in range(8):
        paced.wait("send")
        gaps.append(leaving(paced, hands, "send")[0])
        hands.now += 10
    shares = [0.04 / gap for gap in gaps]
    assert shares == [pytest.approx(share, abs=1e-3) for share in (0.75, 0.8, 0.85, 0.9, 0.95, 1, 1, 1)]


def test_a_run_without_a_limit_still_waits_when_it_was_turned_away(path: Path, hands: Hands) -> None:
    paced = pace(path, hands, RateLimit())
    assert leaving(paced, hands, *["send"] * 50) == [0] * 50
    paced.turned_away("send", 5)
    assert leaving(paced, hands, "send", "send") == [5, 5]


def test_a_run_without_a_limit_soon_sees_that_another_was_turned_away(path: Path, hands: Hands) -> None:
    one, other = pace(path, hands, RateLimit()), pace(path, hands, RateLimit())
    assert leaving(one, hands, "send") == [0]
    other.turned_away("send", 5)
    hands.now += 2 * LOOK
    assert leaving(one, hands, "send") == [near(5 - 2 * LOOK)]


# Whose limits


@pytest.mark.parametrize(
    ("kind", "live", "limit"),
    [
        (StripeGateway, True, RateLimit(in_all=100, endpoint=25)),
        (StripeGateway, False, RateLimit(in_all=25, endpoint=25)),
        (PaypalGateway, True, OWN_DEFAULT),
        (BraintreeGateway, True, OWN_DEFAULT),
        (Gateway, False, OWN_DEFAULT),
    ],
)
def test_what_a_gateway_publishes_is_the_limit_else_our_own_caution(
    kind: type[Gateway], live: bool, limit: RateLimit
) -> None:
    assert limit_of(kind, live=live, rate=None) == limit
    assert limit_of(kind, live=live, rate=3) == RateLimit(endpoint=3)
    assert limit_of(kind, live=live, rate=inf) == RateLimit()


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_no_rate_is_no_request_at_all(tmp_path: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        Paces(tmp_path, rate=rate)


# Never in the way


def state(**given: Any) -> bytes:
    return json.dumps({"free": {}, "share": 1, "share_at": 0, "held_from": 0, "held_for": 0} | given).encode()


BROKEN = {
    "empty": b"",
    "no JSON": b"\x00\xff{",
    "another thing": b"[1, 2]",
    "a part of it": state()[:20],
    "no number": state(share="fast"),
    "not finite": state(held_for=1).replace(b"1", b"Infinity"),
    "much too long": b" " * 100_000 + state(held_for=60),
    "nested": b"[" * 60_000,
    "a huge number": state(share=1).replace(b"1", b"1" + b"0" * 400),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_written_anew(path: Path, hands: Hands, text: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(text)
    assert leaving(pace(path, hands), hands, "send", "send") == [0, 0.04]
    assert parsed(path.read_bytes()) is not None
    assert leaving(pace(path, hands), hands, "send") == [0.04]


FAR = START + 1e9
ODD = {
    "a bucket far in the future": state(free={"send": FAR, "": FAR}),
    "held from the future on": state(held_from=FAR, held_for=250),
    "held for ever": state(held_from=START - 298, held_for=1e12),
    "no share at all": state(share=-5, share_at=FAR),
    "a share that was never": state(share=99, share_at=-1e300),
    "all at once": state(free={"send": 1e308}, share=0, share_at=1e308, held_from=1e308, held_for=1e308),
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_a_clock_that_was_set_stalls_nobody_for_long(path: Path, hands: Hands, text: bytes) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_bytes(text)
    times = leaving(pace(path, hands), hands, "send", "send", "send")
    assert times[-1] <= 5


@given(st.binary(max_size=200) | st.builds(lambda n: state(free={"send": n}, held_from=n), st.floats()))
def test_any_bytes_are_a_state_or_none(text: bytes) -> None:
    found = parsed(text)
    assert found is None or parsed(written(found)) == found


def test_a_clock_set_back_while_waiting_ends_the_wait_all_the_same(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    paced.turned_away("send", 60)
    back = iter([3600.0])

    def sleep(seconds: float) -> None:
        hands.sleep(seconds)
        hands.now -= next(back, 0.0)

    slow = AccountPace(LIMIT, Shared(path), now=lambda: hands.now, sleep=sleep)
    slow.wait("send")
    assert sum(hands.slept) <= 5


def test_without_a_folder_the_process_keeps_the_pace_by_itself(tmp_path: Path, hands: Hands) -> None:
    (tmp_path / "pace").write_text("in the way")
    assert leaving(pace(tmp_path / "pace" / "x", hands), hands, *["send"] * 3) == [0, 0.04, 0.08]


def test_a_link_in_the_way_is_not_followed(path: Path, hands: Hands, tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious")
    path.parent.mkdir(mode=0o700)
    path.symlink_to(elsewhere)
    assert leaving(pace(path, hands), hands, *["send"] * 3) == [0, 0.04, 0.08]
    assert elsewhere.read_text() == "precious"


@pytest.mark.parametrize("call", ["pwrite", "pread", "ftruncate", "short"])
def test_a_disk_that_fails_leaves_the_process_with_its_own_pace(
    path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    paced = pace(path, hands)
    paced.wait("send")

    def fails(*_: object) -> int:
        if call == "short":
            return 3
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite" if call == "short" else call, fails)
    path.write_bytes(path.read_bytes() + b" " * 500)  # so that there is something to cut off
    assert leaving(paced, hands, *["send"] * 3) == [0.04, 0.08, 0.12]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process's hand on the file, which was stopped just then."""
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


def test_a_stopped_process_with_the_lock_holds_nobody_up(
    path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PATIENCE", 0.01)
    paced = pace(path, hands)
    paced.wait("send")
    with held(path):
        assert leaving(paced, hands, "send", "send") == [0.04, 0.08]
    before = path.read_bytes()
    paced.wait("send")
    assert path.read_bytes() != before, "the pace is shared again"


def test_a_run_that_goes_on_after_its_file_was_removed_keeps_its_pace(path: Path, hands: Hands) -> None:
    paced = pace(path, hands)
    paced.wait("send")
    path.unlink()
    assert leaving(paced, hands, "send", "send") == [0.04, 0.08]
