"""One command line of billctl: in this process, or the installed program as a process of its own."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from billctl.cli.app import run

PROGRAM = Path(sys.executable).with_name("billctl")
"""The console script beside the interpreter that runs the tests."""

SECONDS = 60.0


def environment(**changes: str) -> dict[str, str]:
    """This test's environment, with the program on the path."""
    return dict(os.environ) | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"} | changes


def billctl(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command line, without a terminal: in this process, and in one of its own where `env` is given.

    `env` is added to the test's environment, of which Python reads a part only when it starts.
    """
    if env is not None:
        return installed(*arguments, env=env)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def installed(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command line of the console script, without a terminal."""
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
