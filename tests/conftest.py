"""What holds for every test: its own environment and home, no secret store, no network but loopback."""

import gc
import importlib
import ipaddress
import itertools
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("billctl.testing")

for _number, _usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        # A shell starts what it puts into the background so, nohup too, and every child would inherit it.
        signal.signal(_number, _usual)

TESTS = Path(__file__).parent
SCRIPTS = Path(sys.executable).parent
OUTER = dict(os.environ)
KEPT = re.compile(
    r"PATH|LANG|LC_[A-Z]+|TMPDIR|USER|LOGNAME|SHELL|VIRTUAL_ENV|SYSTEMROOT|PYTEST_.*|COVERAGE_.*|HYPOTHESIS_.*"
    r"|PYTHON(UNBUFFERED|HASHSEED|WARNINGS|PATH)|BILLCTL_(SPECS|PEERS|BENCH_ROWS)"
)
"""The variables a test sees of the environment the suite was started in.

Everything else goes: billctl's own settings, credentials, proxies, what an SDK reads to guess who calls
it, and PYTHONDONTWRITEBYTECODE, under which every program that a test starts would compile itself anew.
"""
PAUSES = tuple(
    f"billctl.gateways.{module}.PAUSE" for module in ("stripe.client", "paypal.client", "braintree.wire")
)
"""What an adapter waits before it asks once more, in seconds."""
ON_REQUEST = ("slow", "full", "benchmark", "peer")
"""Markers whose tests run only when `-m` is given."""


SAMPLE = "BILLCTL_SAMPLE"
"""A whole number: which sample of all crashes and disk faults the slow run takes. The day's, unless given."""


def pytest_configure(config: pytest.Config) -> None:
    """Examples of properties: 15 each, 500 under `--hypothesis-profile=thorough`; none is held to a time."""
    os.environ.setdefault(SAMPLE, str(datetime.now(UTC).toordinal()))  # before there are workers
    if not config.pluginmanager.hasplugin("hypothesispytest"):
        return
    from hypothesis import HealthCheck, settings

    untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("quick", untimed, max_examples=15)
    settings.register_profile("thorough", untimed, max_examples=500)
    settings.load_profile(config.getoption("--hypothesis-profile") or "quick")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `-m`, leave out what runs on request only."""
    if config.option.markexpr:
        return
    left_out = {item for item in items if any(item.get_closest_marker(name) for name in ON_REQUEST)}
    if left_out:
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the sample of a slow run, so that it can be taken again."""
    if "slow" in config.option.markexpr:
        terminalreporter.write_line(f"the sample was {SAMPLE}={os.environ[SAMPLE]}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """Two workers more than cores with `-n auto`: tests wait too, for processes, limits and disks.

    More would not pay: each takes 5 s to begin. PYTEST_XDIST_AUTO_NUM_WORKERS overrides it.
    """
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in OUTER else (os.cpu_count() or 1) + 2


sys.dont_write_bytecode = False  # whatever the caller's environment says: each worker would compile all anew


def pytest_collection(session: pytest.Session) -> None:
    """Share out the compiling of the whole suite: side by side, all workers would compile every file.

    What is collected is kept: until it is complete, the garbage collector would find nothing.
    """
    gc.disable()
    worker: Mapping[str, Any] = getattr(session.config, "workerinput", {})
    if not worker or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    for path in sorted(TESTS.glob("**/test_*.py"))[number::count]:
        parts = path.relative_to(TESTS.parent).with_suffix("").parts
        if all(part.isidentifier() for part in parts):
            with suppress(Exception, pytest.skip.Exception):  # collecting it tells what is wrong
                importlib.import_module(".".join(parts))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Spare the garbage collector thousands of collected tests on each of its rounds, and most rounds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


@pytest.fixture(scope="session")
def outer_env() -> Mapping[str, str]:
    """The environment the suite was started in, for a test that must install something."""
    return OUTER


@pytest.fixture(scope="session", autouse=True)
def _whole_run() -> Iterator[None]:
    """What is the same for every test and every fixture: no foreign variable, no long pause, the guard up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if not KEPT.fullmatch(name):
                patch.delenv(name)
        for pause in PAUSES:
            patch.setattr(pause, 0.02)  # hundreds of answers are lost here, and loopback need not be spared
        # Only pytest looks among the scripts: without it a table of what is installed holds for programs too.
        patch.setattr(sys, "path", [folder for folder in sys.path if Path(folder) != SCRIPTS])
        _guard(patch)
        _scan_once(patch)
        _build_once(patch)
        yield


def _scan_once(patch: pytest.MonkeyPatch) -> None:
    """Read which gateways are installed once per run, not once per test that has a new place for state."""
    from billctl import registry

    scan, of_all = registry._scan, registry._environment_key
    known: dict[str, list[registry.Entry]] = {}

    def scanned() -> list[registry.Entry]:
        key = repr([part for part in of_all() if isinstance(part, str) or _has_packages(part)])
        if key not in known:
            known[key] = scan()
        return known[key]

    patch.setattr(registry, "_scan", scanned)


def _has_packages(part: Any) -> bool:
    """Whether a folder of an environment's key has packages; one that has modules only brings no gateway."""
    return any(name.endswith(("-info", ".egg")) for name in os.listdir(part[0]))  # noqa: PTH208 a name is enough


def _build_once(patch: pytest.MonkeyPatch) -> None:
    """Build each command once, as a program does, and not for every line that is run: Typer reads signatures.

    A command is handed out as a copy: a gateway's name, help and hidden options are put into it.
    """
    import typer

    from billctl.cli import lists

    def kept(build: Callable[..., Any]) -> Callable[..., Any]:
        built = cache(build)

        def copied(*args: Any, **named: Any) -> Any:
            command = copy(built(*args, **named))
            command.params = [copy(parameter) for parameter in command.params]
            return command

        return copied

    patch.setattr(lists, "command", kept(lists.command))
    patch.setattr(typer.main, "get_command", kept(typer.main.get_command))


HOLDS_KEYS = re.compile(r"billctl\..*|kept\.json|keys\.json|key|trace|.*\.py")
"""Files that hold a key on purpose: a test's own places for secrets, its programs, a trace of all calls."""


@pytest.fixture(scope="session", autouse=True)
def _no_key_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the run where a file that its tests left holds a key of the rehearsal gateways.

    The gateways' own books are left out: they are large, and no work of billctl's.
    """
    yield
    from billctl import sandbox

    names = [name for name in vars(sandbox) if name.endswith(("_SECRET", "_KEY")) and "PUBLIC" not in name]
    keys = [getattr(sandbox, name).encode() for name in names]
    found = []
    for folder, folders, files in os.walk(tmp_path_factory.getbasetemp()):
        folders[:] = [name for name in folders if name != "sandbox"]
        paths = [Path(folder, name) for name in files if not HOLDS_KEYS.fullmatch(name)]
        found += [path for path in paths if path.is_file() and _holds(path.read_bytes(), keys)]
    if found:
        pytest.fail(f"a key of the sandbox stands in {', '.join(map(str, found))}", pytrace=False)


def _holds(content: bytes, keys: Iterable[bytes]) -> bool:
    """Whether it holds one of `keys`: one after another is three times as fast as all in one pattern."""
    return any(key in content for key in keys)


FOLDERS = itertools.count()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new folder for this test, as pytest's own, which reads the names of all earlier ones for each."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(FOLDERS)}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        "HOME": str(tmp_path / "home"),
        "TERM": "xterm-256color",
        "BILLCTL_CONFIG_DIR": str(tmp_path / "config"),
        "BILLCTL_STATE_DIR": str(tmp_path / "state"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }
    for name, value in own.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _own_secrets() -> Iterator[None]:
    """Forget the secrets that a test made: the next one would not find a text that holds one of them."""
    from billctl import text

    before = set(text._KNOWN_SECRETS)
    yield
    text._KNOWN_SECRETS.intersection_update(before)


LEFT: list[str] = []
"""Where the running test tried to go beyond this machine."""


@pytest.fixture(autouse=True)
def _loopback_only() -> Iterator[None]:
    """Fail the test for every connection and name look-up that would leave this machine.

    It guards this process, not the programs a test starts. A name under `.invalid` may be looked up:
    it exists nowhere (RFC 6761).
    """
    LEFT.clear()
    yield
    if LEFT:
        pytest.fail(f"the test tried to reach {', '.join(LEFT)}", pytrace=False)


def _guard(patch: pytest.MonkeyPatch) -> None:
    """Refuse, and note in LEFT, what would leave this machine."""
    real_connect, real_connect_ex = socket.socket.connect, socket.socket.connect_ex
    real_getaddrinfo = socket.getaddrinfo

    def refuse(target: object) -> None:
        LEFT.append(str(target))
        raise ConnectionRefusedError(f"tests reach loopback only, not {target}")

    def connect(self: socket.socket, address: Any) -> None:
        if not _stays_here(self.family, address):
            refuse(address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        if not _stays_here(self.family, address):
            refuse(address)
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not name.endswith(".invalid") and not _is_loopback(name):
            refuse(name)
        return real_getaddrinfo(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", connect)
    patch.setattr(socket.socket, "connect_ex", connect_ex)
    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _stays_here(family: int, address: Any) -> bool:
    if family not in {socket.AF_INET, socket.AF_INET6}:
        return True
    return _is_loopback(str(address[0]))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
