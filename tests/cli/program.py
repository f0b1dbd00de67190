"""The installed program, run as a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("billctl")
"""The console script beside the interpreter that runs the tests."""

SECONDS = 60.0


def environment(**changes: str) -> dict[str, str]:
    """This test's environment, with the program on the path."""
    return dict(os.environ) | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"} | changes


def billctl(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command line, without a terminal; `env` is added to the test's environment."""
    return subprocess.run(
        [PROGRAM, *arguments],
        check=False,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def document(*arguments: str, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The one JSON document of a command."""
    answer: dict[str, Any] = json.loads(billctl(*arguments, "--output", "json", env=env).stdout)
    return answer
