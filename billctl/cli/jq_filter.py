"""`--jq`: jq's own engine on an answer, in a process that cannot run for ever, grow, or see a secret.

A jq program may loop without end (`def f: f; f`), grow without end, and read the environment (`$ENV`).
jq's engine holds the interpreter while it works, so only another process can be ended; it costs about
two bare interpreters.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from billctl.errors import UsageError

SECONDS = 10
"""What one answer's program may take."""

MEMORY = 2**30
"""Bytes of address space."""

OUTPUT = 64 * 2**20
"""Characters of JSON."""

_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What an interpreter may need to start; the rest of the environment holds keys."""


def run_jq(expression: str, documents: Sequence[object]) -> list[Any]:
    """What `expression` makes of each of `documents`, in their order.

    Raises `UsageError` for an expression that is wrong, or meets a limit of time, memory or output. It
    sees no environment and no home (so no `~/.jq`); of files only the modules that it includes by name.
    """
    import subprocess

    task = {
        "path": _folder_of_jq(),
        "expression": expression,
        "documents": documents,
        "memory": MEMORY,
        "seconds": SECONDS,
        "output": OUTPUT,
    }
    engine = Path(__file__).with_name("jq_engine.py")
    try:
        done = subprocess.run(  # noqa: S603  # this interpreter, on this package's own file
            [sys.executable, "-I", "-S", str(engine)],
            input=json.dumps(task).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # jq's `stderr` and `debug` write text there as it is
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"it did not end within {SECONDS} s") from None
    return _values(done.stdout, done.returncode)


def _folder_of_jq() -> str:
    from importlib.util import find_spec

    found = find_spec("jq")
    if found is None or found.origin is None:
        raise UsageError("--jq needs the jq package, which this platform has no build of")
    return str(Path(found.origin).parent)


def _values(output: bytes, code: int) -> list[Any]:
    answers = [json.loads(line) for line in output.splitlines()] if code == 0 else []
    if code < 0:
        raise _refused(f"the program broke down (signal {-code}); it may use {MEMORY // 2**20} MiB of memory")
    if code:
        raise RuntimeError(f"jq's process ended with exit code {code}")
    for answer in answers:
        if "error" in answer:
            raise _refused(answer["error"])
    return [answer["value"] for answer in answers]


def _refused(reason: str) -> UsageError:
    return UsageError(f"--jq: {reason}", code="bad_jq", hint="See `jq`'s manual.")
