"""One command line of billctl: in this process, or the installed program as a process of its own."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

from billctl.cli.app import run

PROGRAM = Path(sys.executable).with_name("billctl")
"""The console script beside the interpreter that runs the tests."""

SECONDS = 60.0


def environment(**changes: str) -> dict[str, str]:
    """This test's environment, with the program on the path."""
    return dict(os.environ) | {"PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"} | changes


READ_LATER = re.compile(r"BILLCTL_[A-Z_]+|PAGER|PYTHONPATH")
"""What a program reads of its environment while it runs; PYTHONPATH is acted upon here."""


def billctl(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """One command line, without a terminal, in this process where `env` lets it.

    `env` is added to the test's environment, of which Python reads a part only when it starts.
    """
    if env and not all(map(READ_LATER.fullmatch, env)):
        return installed(*arguments, env=env)
    out, err = io.StringIO(), io.StringIO()
    with started_with(env or {}), redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextmanager
def started_with(env: Mapping[str, str]) -> Iterator[None]:
    """Within it this process is as if it had been started with `env`: what is on that path hides the rest."""
    own = {name: value for name, value in env.items() if name != "PYTHONPATH"}
    folders = [folder for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder]
    names = {path.stem for folder in folders for path in Path(folder).iterdir()}
    hidden = _taken_out(names)
    with mock.patch.dict(os.environ, own), mock.patch.object(sys, "path", [*folders, *sys.path]):
        try:
            yield
        finally:
            _taken_out(names)
            sys.modules.update(hidden)


def _taken_out(names: Set[str]) -> dict[str, ModuleType]:
    """The imported modules of these names and below, which are imported no more."""
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in names}


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
