"""Where the programs that nobody here wrote are, and how a test starts them.

`tests/peers/install` puts them into `$BILLCTL_PEERS`, by default `.peers` in the checkout. A test whose
program is not there skips and says how to install it.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30.0


def _program(name: str, *parts: str) -> Path:
    path = Path(os.environ.get("BILLCTL_PEERS") or ROOT / ".peers").joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{name} is not installed: run tests/peers/install")
    return path


@dataclass(frozen=True)
class StripeCli:
    """The official Stripe CLI, signed in with `key`, talking to `url`, at home in `home`."""

    binary: Path
    url: str
    key: str
    home: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command, without a terminal, telemetry or a stored login."""
        login = ("--api-key", self.key, "--api-base", self.url, "--color", "off")
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "STRIPE_CLI_TELEMETRY_OPTOUT": "1"}
        return subprocess.run(
            [self.binary, *login, *arguments],
            check=False,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def __call__(self, *arguments: str) -> dict[str, Any]:
        """The JSON one command prints. The CLI exits 0 and prints the body for a refusal of the API too."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
        return answer


def stripe_cli_binary() -> Path:
    """The Stripe CLI's binary; skips the test when it is not installed."""
    return _program("the Stripe CLI", "stripe")


def stripe_cli(url: str, key: str, home: Path) -> StripeCli:
    """The Stripe CLI with a new home of its own."""
    home.mkdir()
    return StripeCli(stripe_cli_binary(), url, key, home)


@contextmanager
def localstripe() -> Iterator[str]:
    """The address of a fresh localstripe on loopback; skips the test when it is not installed."""
    python = _program("localstripe", "localstripe", "bin", "python")
    script = Path(__file__).with_name("serve_localstripe.py")
    with subprocess.Popen([python, script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
            process.wait(SECONDS)
