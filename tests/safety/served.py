"""The rehearsal gateways in processes of their own, so that only billctl dies and has its cores to itself.

`python -m tests.safety.served STATE_DIR GATEWAY` serves one gateway: it says its address, and answers each
line on stdin when nothing that it was sent is under way any more.
"""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from billctl.sandbox.server import Sandbox
from tests.gateway_shops import GATEWAYS, Street
from tests.rehearsal import furnish
from tests.shop import SECONDS

ROOT = Path(__file__).resolve().parents[2]
STILL = b"\n"


def serving() -> set[threading.Thread]:
    """The threads of the sandboxes in this process."""
    return {thread for thread in threading.enumerate() if thread.name == "sandbox"}


def settle(urls: Mapping[str, str], listeners: set[threading.Thread]) -> None:
    """Wait until what dead clients sent to the sandboxes of this process was acted upon.

    Connections are accepted in their order: once a later one is answered, each has its thread.
    """
    for url in urls.values():
        where = urlsplit(url)
        with socket.create_connection((where.hostname, where.port), SECONDS) as later:
            later.sendall(b"GET / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n\r\n")
            while later.recv(4096):
                pass
    deadline = time.monotonic() + SECONDS
    while serving() - listeners:
        assert time.monotonic() < deadline, "a request is still being acted upon"
        time.sleep(0.001)


class Served:
    """One gateway's process."""

    def __init__(self, state_dir: Path, gateway: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.safety.served", str(state_dir), gateway],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.url = self._line().decode().strip()

    def settle(self) -> None:
        """Wait until what dead clients sent to it was acted upon."""
        assert self._process.stdin
        self._process.stdin.write(STILL)
        self._process.stdin.flush()
        assert self._line() == STILL

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _line(self) -> bytes:
        assert self._process.stdout
        return self._process.stdout.readline()


def settle_all(served: Iterable[Served]) -> None:
    """Wait until what dead clients sent to any of them was acted upon."""
    for one in served:
        one.settle()


@contextmanager
def open_served_street(folder: Path) -> Iterator[tuple[Street, Mapping[str, Served]]]:
    """As `gateway_shops.open_street`, with each gateway in a process of its own."""
    state_dir = folder / "state"
    state_dir.mkdir(mode=0o700, exist_ok=True)
    furnish(state_dir, GATEWAYS)
    with ExitStack() as stack:
        served = {}
        for name in GATEWAYS:
            served[name] = Served(state_dir, name)
            stack.callback(served[name].stop)
        urls = {name: one.url for name, one in served.items()}
        yield Street(state_dir, folder / "config", urls["stripe"], urls=urls), served


def main() -> None:
    """Serve until stdin ends."""
    state_dir, gateway = Path(sys.argv[1]), sys.argv[2]
    with Sandbox(state_dir, gateways=(gateway,)) as sandbox:
        listeners = serving()
        print(sandbox.url(gateway), flush=True)
        for line in sys.stdin:
            settle({gateway: sandbox.url(gateway)}, listeners)
            print(line, end="", flush=True)


if __name__ == "__main__":
    main()
