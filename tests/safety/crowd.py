"""Many runs of billctl at one instant, each a process of its own.

`python -m tests.safety.crowd` imports what the runs need, once; for each line on stdin it then forks a
process for every run that the line names, lets all of them go when the last is ready, and answers with a line
of what they did.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

from tests.safety import programs
from tests.shop import Ran, Shop

ROOT = Path(__file__).resolve().parents[2]
SDKS = {
    "stripe": "stripe",
    "paypal": "paypalrestsdk",
    "braintree": "braintree",
    "woocommerce": "requests",
    "recurly": "recurly",
}
FAULT = 70
"""The exit code of a run that got past billctl's own handling."""


@dataclass(frozen=True)
class One:
    """One run: its words, and what its environment has besides the crowd's."""

    words: tuple[str, ...]
    env: Mapping[str, str]


class Crowd:
    """The program that forks the runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def together(self, runs: Sequence[One]) -> list[Ran]:
        """All of them at once; what each did, in their order."""
        assert self._process.stdin
        assert self._process.stdout
        said = [{"words": one.words, "env": dict(one.env)} for one in runs]
        self._process.stdin.write(json.dumps(said) + "\n")
        self._process.stdin.flush()
        return [Ran(*did) for did in json.loads(self._process.stdout.readline())]


@contextmanager
def gathered(shop: Shop, *, name: str = programs.RIGHT) -> Iterator[Crowd]:
    """A crowd before `shop`, whose runs are one of the programs of `tests.safety.programs`."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.safety.crowd", name],
        env=shop.environment({"PYTHONPATH": str(ROOT)}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Crowd(process)
        assert process.stdin
        process.stdin.close()


def main() -> None:
    """Answer each line of stdin."""
    import billctl.actions
    import billctl.cli.refund  # noqa: F401  # for the runs

    for line in sys.stdin:
        print(json.dumps(_together(json.loads(line), sys.argv[1])), flush=True)


def _together(runs: Sequence[Mapping[str, Any]], name: str) -> list[tuple[int, str, str]]:
    gate, bar = os.pipe()
    arrivals, arrive = os.pipe()
    started = []
    for gateway in {one["words"][0] for one in runs}:
        import_module(SDKS[gateway])
    for one in runs:
        out, err = TemporaryFile("w+"), TemporaryFile("w+")  # noqa: SIM115  # read when the run has ended
        pid = os.fork()
        if not pid:
            os.close(bar)
            _run(one, name, (out, err), (arrive, gate))
        started.append((pid, out, err))
    for _ in started:
        os.read(arrivals, 1)
    for end in (bar, gate, arrivals, arrive):
        os.close(end)
    return [(_code(pid), _content(out), _content(err)) for pid, out, err in started]


def _run(
    one: Mapping[str, Any], name: str, streams: tuple[IO[str], IO[str]], ways: tuple[int, int]
) -> NoReturn:
    """Say that this run is ready, wait for the others, run, and end this process."""
    from billctl.cli.app import run

    code = FAULT
    try:
        os.environ.update(one["env"])
        for number, stream in ((1, streams[0]), (2, streams[1])):
            os.dup2(stream.fileno(), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.write(ways[0], b".")
        os.read(ways[1], 1)  # ends when the bar is lifted
        with programs.PROGRAMS[name]():
            code = run(one["words"])
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001  # told to the test, which knows no other way
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _content(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read()


if __name__ == "__main__":
    main()
