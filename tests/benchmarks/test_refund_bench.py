"""What whole commands cost, as a multiple of the CPU that `python -c pass` takes in the same run.

The refund goes to a sandbox in a process of its own, which is not counted: it stands for the gateway.
Its key is a file in `$CREDENTIALS_DIRECTORY`, the first place that is looked at; what the operating
system's own secret store adds is not billctl's.
Commands and bare interpreters run in turns, so that a busy machine slows both.

pytest -m benchmark tests/benchmarks/test_refund_bench.py -s
"""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billctl.sandbox import STRIPE_KEY
from billctl.store.sqlite import open_store
from tests.benchmarks.make_log import CUSTOMERS, customer, make_log
from tests.benchmarks.test_startup_bench import cpu_seconds
from tests.cli.program import PROGRAM, environment
from tests.shop import PAID, WHY

pytestmark = pytest.mark.benchmark

RUNS = 15
MILLION = 1_000_000
REFUND_LIMIT = 24.0
CUSTOMER_LIMIT = 12.0

SERVE = """
import sys
from pathlib import Path
from billctl.sandbox.server import Sandbox
with Sandbox(Path(sys.argv[1]), gateways=("stripe",)) as sandbox:
    print(sandbox.url("stripe"), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """The address of a sandbox in another process."""
    command = [sys.executable, "-c", SERVE, str(tmp_path / "gateway")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def ratio(command: Callable[[int], list[str]]) -> float:
    """The median CPU of `command(run)` over that of a bare interpreter, run in turns."""
    env = {name: value for name, value in environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    bare = [sys.executable, "-c", "pass"]
    for warm in (1, 2):
        subprocess.run(command(warm), check=True, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    pairs = [(cpu_seconds(bare, env), cpu_seconds(command(run), env)) for run in range(3, RUNS + 3)]
    return statistics.median(pair[1] for pair in pairs) / statistics.median(pair[0] for pair in pairs)


def told(what: str, measured: float, limit: float) -> None:
    print(f"{what:30} {measured:5.1f} of at most {limit:g} bare interpreters")


def test_a_whole_refund_costs_at_most_24_bare_interpreters(
    gateway: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "config" / "profiles"
    folder.mkdir(parents=True, mode=0o700)
    text = f'mode = "test"\n[accounts.stripe]\ngateway = "stripe"\nbase_url = "{gateway}"\n'
    (folder / "shop.toml").write_text(text)
    monkeypatch.setenv("BILLCTL_PROFILE", "shop")
    secret = tmp_path / "credentials" / "billctl.shop.stripe.api_key"
    secret.parent.mkdir(mode=0o700)
    secret.write_text(STRIPE_KEY)
    secret.chmod(0o600)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret.parent))

    def refund(run: int) -> list[str]:
        return [str(PROGRAM), "stripe", "refund", PAID, "--amount", f"0.{run:02}", *WHY]

    measured = ratio(refund)
    told("refund", measured, REFUND_LIMIT)
    operations = open_store(tmp_path / "state" / "audit.sqlite", readonly=True)
    try:
        assert operations.head().seq == 1 + 2 * (RUNS + 2)
    finally:
        operations.close()
    assert measured <= REFUND_LIMIT


def test_a_customers_records_among_a_million_cost_at_most_12_bare_interpreters(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    make_log(state / "audit.sqlite", MILLION)

    def listed(_run: int) -> list[str]:
        return [str(PROGRAM), "audit", "list", "--customer", customer(77)]

    shown = subprocess.run(
        listed(0), check=True, env=environment(), stdin=subprocess.DEVNULL, capture_output=True
    )
    assert len(shown.stdout.splitlines()) == MILLION // 2 // CUSTOMERS
    measured = ratio(listed)
    told("a customer's records", measured, CUSTOMER_LIMIT)
    assert measured <= CUSTOMER_LIMIT
