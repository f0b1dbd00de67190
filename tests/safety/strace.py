"""The program under strace: the calls that change a disk or talk to a gateway, and faults at one of them.

strace counts calls within each thread, and every request of billctl has a thread of its own. The programs
of `tests.safety.programs` run in one thread, so that the Nth call is the Nth call and each can be met.
"""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.shop import SECONDS, Ran

DISK_CALLS = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
CALLS = (*DISK_CALLS, "connect", "sendto", "recvfrom")
WHOLE = 9999
"""Bytes of each call's data in a trace: more than a page of the log."""

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

_LINE = re.compile(r"(?P<thread>\d+) +(?P<name>\w+)\((?P<rest>.*)")
_ENDED = re.compile(r"\) += (?P<result>-?\d+)(?: |$)")


@dataclass(frozen=True)
class Call:
    """One call of a trace: the `number`th of its `name`, with its arguments and what it returned."""

    name: str
    number: int
    text: str
    result: int | None

    @property
    def file(self) -> str:
        """The descriptor it worked on."""
        return self.text.partition(",")[0].partition(")")[0]

    def spoilt(self, fault: str, *, for_ever: bool = False) -> str:
        """The fault that strikes this call, and with `for_ever` all of its kind from then on."""
        return f"{self.name}:{fault}:when={self.number}{'+' if for_ever else ''}"


@cache
def may_trace() -> bool:
    """Whether this user may trace a program here."""
    return not subprocess.run(
        ["strace", "-o", "/dev/null", "true"], capture_output=True, check=False
    ).returncode


def traced(
    command: Sequence[str], env: Mapping[str, str], log: Path, *, faults: Sequence[str] = (), shown: int = 0
) -> Ran:
    """Run `command` with the trace in `log`, under faults such as `fdatasync:error=EIO:when=3+`.

    `shown` bytes of each call's data are traced. A program that a signal ended has its negative number as
    exit code.
    """
    if not may_trace():
        pytest.skip("this user may not trace programs here")
    spoil = [word for fault in faults for word in ("-e", f"inject={fault}")]
    # With its seccomp filter strace is quicker, and version 6.1 then injects errors but no signals.
    filtered = [] if any("signal=" in fault for fault in faults) else ["--seccomp-bpf"]
    done = subprocess.run(
        [
            *("strace", "-f", *filtered, "-qq", "-s", str(shown), "-o", str(log)),
            *("-e", f"trace={','.join(CALLS)}", *spoil),
            *command,
        ],
        check=False,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def calls(log: Path) -> list[Call]:
    """The calls in a trace of one thread, in their order."""
    lines = [found for line in log.read_text(errors="replace").splitlines() if (found := _LINE.match(line))]
    assert len({found["thread"] for found in lines}) == 1, "a call's number is that of its thread"
    counts: Counter[str] = Counter()
    made = []
    for found in lines:
        counts[found["name"]] += 1
        ended = _ENDED.search(found["rest"])
        result = int(ended["result"]) if ended else None
        made.append(Call(found["name"], counts[found["name"]], found["rest"], result))
    return made
