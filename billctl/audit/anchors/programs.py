"""Running a program for an anchor: no shell, no terminal, no secret in its environment, a time limit."""

import atexit
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from billctl.audit.anchors.base import AnchorUnreachable
from billctl.frozen import frozen

if TYPE_CHECKING:
    from subprocess import Popen

PASSED_ON = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"),
    *("KRB5CCNAME", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
"""All that a program sees of billctl's environment, where gateways' keys may be."""


@frozen
class Ran:
    """What a program did."""

    code: int
    out: bytes
    err: bytes

    def why(self) -> str:
        """The line it complained with, cut; its exit code where it said nothing.

        git says what is wrong in the first line that is marked so and gives advice after it, openssl in
        the last line.
        """
        from billctl.text import mask, safe_text

        lines = self.err.decode(errors="replace").strip().splitlines()
        marked = [line for line in lines if line.startswith(("fatal: ", "error: ", "remote: "))]
        said = marked[0].partition(": ")[2] if marked else lines[-1] if lines else f"exit {self.code}"
        return safe_text(mask(said)).strip()[:200].rstrip(".")


def run(
    argv: Sequence[str], *, limit: float, given: bytes = b"", env: Mapping[str, str] | None = None
) -> Ran:
    """Run `argv` with `given` on its standard input.

    It is in a session of its own, so that nothing it starts can ask on the terminal, and killed with all
    that after `limit` seconds, or when billctl ends before. Raises `AnchorUnreachable` where it cannot be
    started or did not end.
    """
    import subprocess

    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        process = subprocess.Popen(  # noqa: S603  # fixed programs, arguments of the user's own profile
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**passed, "LC_ALL": "C", **(env or {})},
            start_new_session=True,
        )
    except OSError as failure:
        raise AnchorUnreachable(
            f"{argv[0]} cannot be started: {failure.strerror or failure}",
            code="anchor_program",
            hint=f"Install {argv[0]}, or use another kind of anchor.",
        ) from failure
    end = partial(_kill_group, process)
    atexit.register(end)  # the thread that waits may be left behind
    try:
        out, err = process.communicate(given, timeout=max(limit, 0.1))
    except subprocess.TimeoutExpired:
        raise AnchorUnreachable(
            f"{argv[0]} did not end within {limit:.0f} s", code="anchor_timeout"
        ) from None
    finally:
        if process.returncode is None:
            _kill(process)
        atexit.unregister(end)
    return Ran(code=process.returncode, out=out, err=err)


def _kill_group(process: "Popen[bytes]") -> None:
    with suppress(ProcessLookupError, PermissionError):  # it ended just now (macOS says it is forbidden)
        os.killpg(process.pid, signal.SIGKILL)


def _kill(process: "Popen[bytes]") -> None:
    _kill_group(process)
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with suppress(BrokenPipeError):
                pipe.close()
