"""A profile's `credential_command`: a program that prints a secret."""

import os
import queue
import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from billctl.credentials.clean import LONGEST, decode
from billctl.errors import AuthFailed

if TYPE_CHECKING:
    from subprocess import Popen

LIMIT = 10.0
"""Seconds the program has."""

WHERE = "credential_command's first line"


def run_command(argv: Sequence[str], names: Mapping[str, str], env: Mapping[str, str], limit: float) -> str:
    """The first line that the program prints; empty where it prints none.

    No shell. `{profile}`, `{account}` and `{secret}` in the words of `argv` are replaced by `names`,
    which are in its environment too as BILLCTL_PROFILE, BILLCTL_ACCOUNT and BILLCTL_SECRET. It has
    no input, and what it writes to stderr is not shown: it might be the secret.

    Raises `AuthFailed` where it cannot start, fails, or does not end within `limit` seconds; then it
    is killed with whatever it started.
    """
    import subprocess

    words = [_filled(word, names) for word in argv]
    variables = {f"BILLCTL_{key.upper()}": value for key, value in names.items()}
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own program, named in the user's own file
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**env, **variables},
            start_new_session=True,
            bufsize=0,
        )
    except OSError as failure:
        reason = failure.strerror or type(failure).__name__
        raise _failed(f"cannot be started: {argv[0]}: {reason}") from None
    return _answer(process, limit)


def _filled(word: str, names: Mapping[str, str]) -> str:
    for key, value in names.items():
        word = word.replace(f"{{{key}}}", value)
    return word


def _answer(process: "Popen[bytes]", limit: float) -> str:
    import subprocess
    from time import monotonic

    end = monotonic() + limit
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    assert process.stdout is not None
    threading.Thread(target=_read_line, args=(process.stdout, lines), daemon=True).start()
    try:
        code = process.wait(limit)
        line = lines.get(timeout=max(end - monotonic(), 0.1))
    except (subprocess.TimeoutExpired, queue.Empty):
        raise _failed(f"did not end within {limit:g} s") from None
    finally:
        if process.returncode is None:
            _kill(process)
    if code:
        raise _failed(f"failed (signal {-code})" if code < 0 else f"failed (exit {code})")
    if len(line) > LONGEST:
        raise _failed(f"printed more than {LONGEST} characters in one line")
    return decode(line, WHERE)


def _read_line(output: BinaryIO, lines: "queue.SimpleQueue[bytes]") -> None:
    """Put the first line into `lines`, then read on, so that the program never waits for a reader.

    Done in a thread of its own: something the program left running may hold the pipe open for ever.
    """
    line = b""
    with output:
        while chunk := output.read(65536):
            line += chunk[: LONGEST + 1]
            if b"\n" in line or len(line) > LONGEST:
                break
        lines.put(line.split(b"\n", 1)[0])
        while output.read(65536):
            pass


def _kill(process: "Popen[bytes]") -> None:
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # it ended just now (macOS says it is forbidden)
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _failed(what: str) -> AuthFailed:
    return AuthFailed(
        f"credential_command {what}", code="credential_command", hint="Run it yourself to see why."
    )
