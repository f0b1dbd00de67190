"""What a lookup over five gateways costs: waiting as a multiple of the gateways' distance, CPU and memory.

The gateways are sandboxes in a process of their own; `tests.relay` puts 200 ms between them and the
program. What that adds to a whole command is compared with the longest chain of calls that need each
other: two for an e-mail (find, then read), but three at WooCommerce, which keeps an order's refunds apart
from it; one for a customer's id, but two at Braintree, where every search is two requests (its ids, then its
objects). PayPal's token is kept from an earlier run.
Beside it runs the same lookup with every thread's work done at once where it is started: the same SDK
calls, one after the other.

pytest -m benchmark tests/benchmarks/test_lookup_bench.py -s
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from billctl.sandbox import KEYS, SETTINGS
from billctl.sandbox.registry import GATEWAYS
from tests.benchmarks.test_startup_bench import cpu_seconds
from tests.cli.program import PROGRAM, environment
from tests.relay import Relay

pytestmark = pytest.mark.benchmark

RUNS = 9
DISTANCE = 0.2
"""Seconds until an answer arrives."""
THREE = ("stripe", "paypal", "braintree")
CPU_LIMITS = {THREE: 42.0, GATEWAYS: 50.0}
"""Bare interpreters."""
MEMORY_LIMITS = {THREE: 60.0, GATEWAYS: 60.0}
"""MiB."""
SIZES = pytest.mark.parametrize("accounts", [THREE, GATEWAYS], ids=["three", "all"])

SERVE = """
import sys
from pathlib import Path
from billctl.sandbox.server import Sandbox
with Sandbox(Path(sys.argv[1]), gateways=sys.argv[2:]) as sandbox:
    print(*(sandbox.url(name) for name in sys.argv[2:]), flush=True)
    sys.stdin.read()
"""

PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Started from a small process: what a large one starts counts its memory as its own."""

ONE_AFTER_THE_OTHER = """
import sys, threading
threading.Thread.start = lambda self: self.run()
threading.Thread.join = lambda self, timeout=None: None
from billctl.cli.app import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Gateway → its sandbox's address, in another process."""
    command = [sys.executable, "-c", SERVE, str(tmp_path_factory.mktemp("gateways")), *GATEWAYS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield dict(zip(GATEWAYS, process.stdout.readline().split(), strict=True))
        process.stdin.close()


@pytest.fixture
def far(urls: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """The same gateways 200 ms away."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Relay(url, DISTANCE)).url for name, url in urls.items()}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for gateway, keys in KEYS.items():
        for secret, key in keys.items():
            monkeypatch.setenv(f"BILLCTL_{gateway}_{secret}".upper(), key)
            for number in range(10):
                monkeypatch.setenv(f"BILLCTL_{gateway}_{number}_{secret}".upper(), key)


def profile(folder: Path, name: str, accounts: Mapping[str, tuple[str, str]]) -> None:
    """Write a profile of these accounts: name → gateway and address."""
    lines = ['mode = "test"']
    for account, (gateway, url) in accounts.items():
        lines += [f"[accounts.{account}]", f'gateway = "{gateway}"', f'base_url = "{url}"']
        lines += [f'{key} = "{value}"' for key, value in SETTINGS.get(gateway, {}).items()]
    directory = folder / "config" / "profiles"
    directory.mkdir(parents=True, mode=0o700, exist_ok=True)
    (directory / f"{name}.toml").write_text("\n".join(lines))


def each(urls: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (name, url) for name, url in urls.items()}


def child_environment() -> dict[str, str]:
    return {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}


def lookup(name: str, *words: str) -> list[str]:
    return [str(PROGRAM), "--profile", name, "lookup", *words, "-o", "json"]


def wall(command: Sequence[str]) -> float:
    started = time.monotonic()
    subprocess.run(
        command, check=True, env=child_environment(), stdin=subprocess.DEVNULL, capture_output=True
    )
    return time.monotonic() - started


def added(near: Sequence[str], distant: Sequence[str]) -> float:
    """What the distance adds: the median over pairs of runs, taken in turns after a warm-up of both."""
    for warm in (near, distant):
        wall(warm)
    return statistics.median(-wall(near) + wall(distant) for _ in range(RUNS))


def only(accounts: Sequence[str]) -> list[str]:
    """The options that ask no others."""
    return [word for name in accounts for word in ("--account", name)]


@pytest.mark.parametrize(
    ("words", "depth"),
    [
        (("layla@example.com",), 3),
        (("layla@example.com", *only(THREE)), 2),
        (("layla@example.com", "--account", "woocommerce"), 3),
        (("layla@example.com", "--account", "recurly"), 2),
        (("cus_SbxLayla000001", "--account", "stripe"), 1),
        (("layla", "--by", "id", "--account", "braintree"), 2),
    ],
    ids=[
        "e-mail, all",
        "e-mail, three",
        "e-mail, woocommerce",
        "e-mail, recurly",
        "stripe customer id",
        "braintree customer id",
    ],
)
def test_distance_adds_no_more_than_the_longest_chain_of_calls(
    *,
    urls: Mapping[str, str],
    far: Mapping[str, str],
    tmp_path: Path,
    words: tuple[str, ...],
    depth: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    profile(tmp_path, "near", each(urls))
    profile(tmp_path, "far", each(far))
    measured = added(lookup("near", *words), lookup("far", *words))
    with capsys.disabled():
        print(f"\n{DISTANCE:g} s per answer adds {measured:.3f} s; chain of {depth}: {depth * DISTANCE:g} s")
    assert measured <= 1.1 * depth * DISTANCE


def test_ten_accounts_wait_no_longer_than_one(
    urls: Mapping[str, str], far: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, places in (("near", urls), ("far", far)):
        accounts = {f"stripe-{number}": ("stripe", places["stripe"]) for number in range(10)}
        profile(tmp_path, f"{name}-ten", accounts)
        profile(tmp_path, f"{name}-one", dict([next(iter(accounts.items()))]))
    one, ten = (
        added(lookup(f"near-{count}", "layla@example.com"), lookup(f"far-{count}", "layla@example.com"))
        for count in ("one", "ten")
    )
    with capsys.disabled():
        print(f"\nthe distance adds {one:.3f} s to one account, {ten:.3f} s to ten")
    assert ten <= 1.15 * one


def test_one_after_the_other_it_takes_several_times_as_long(
    far: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(tmp_path, "far", each(far))
    words = ["--profile", "far", "lookup", "layla@example.com", "-o", "json"]
    together = [str(PROGRAM), *words]
    in_series = [sys.executable, "-c", ONE_AFTER_THE_OTHER, *words]
    for warm in (together, in_series):
        wall(warm)
    ratio = statistics.median(wall(in_series) / wall(together) for _ in range(3))
    with capsys.disabled():
        print(f"\none after the other: {ratio:.1f} times as long")
    assert ratio >= 2


@SIZES
def test_a_lookup_over_several_gateways_costs_few_bare_interpreters(
    accounts: tuple[str, ...], urls: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(tmp_path, "near", each(urls))
    command, env = lookup("near", "layla@example.com", *only(accounts)), child_environment()
    bare = [sys.executable, "-c", "pass"]
    for warm in (command, command, bare):
        cpu_seconds(warm, env)
    pairs = [(cpu_seconds(bare, env), cpu_seconds(command, env)) for _ in range(RUNS)]
    measured = statistics.median(pair[1] for pair in pairs) / statistics.median(pair[0] for pair in pairs)
    with capsys.disabled():
        told = f"{measured:.1f} of at most {CPU_LIMITS[accounts]:g} bare interpreters"
        print(f"\n{len(accounts)} gateways {told}")
    assert measured <= CPU_LIMITS[accounts]


@SIZES
def test_a_lookup_over_several_gateways_takes_little_memory(
    accounts: tuple[str, ...], urls: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile(tmp_path, "near", each(urls))
    command = lookup("near", "layla@example.com", *only(accounts))
    wall(command)
    measured = subprocess.run(
        [sys.executable, "-c", PEAK, *command],
        check=True,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    peak = int(measured.stdout) / 1024
    with capsys.disabled():
        print(f"\n{len(accounts)} gateways: peak {peak:.1f} MiB of at most {MEMORY_LIMITS[accounts]:g}")
    assert peak <= MEMORY_LIMITS[accounts]
