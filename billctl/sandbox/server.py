"""Rehearsal gateways on loopback, for the length of a `with` block.

Each gateway has its own port on 127.0.0.1. A thread accepts, a thread per connection serves; all are
daemons, none outlives the block.
"""

import select
import socket
import threading
import time
from collections.abc import Collection, Mapping
from math import inf
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from billctl.sandbox.database import Clock, Database, utc_now
from billctl.sandbox.http import Answer, BadRequest, Request, head, read_request
from billctl.sandbox.limits import Load, Turnstile
from billctl.sandbox.registry import GATEWAYS, app
from billctl.sandbox.serving import Protocol
from billctl.sandbox.state import prepare, usable

HOST = "127.0.0.1"
TICK = 0.02
"""Seconds between two looks at whether a silent connection's client has left."""

CLOSING_SECONDS = 5.0
"""How long leaving waits for the threads at most; told to stop, they normally need a few milliseconds."""


class Sandbox:
    """The rehearsal gateways, up between `__enter__` and `__exit__`.

    `state_dir` is billctl's state directory; the sandbox lives in `sandbox/` there. `gateways` are those
    to bring up, `ports` theirs (0, or not named: any free one). `clock` gives the gateways' time.
    `seed_shop=False` starts a new state without the shop. Entering raises `OSError` when a port cannot
    be had, and `StoreError` when the state cannot be used. `loads` say what each takes and how long it
    thinks; nothing, not named: any number, at once.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        gateways: Collection[str] = GATEWAYS,
        ports: Mapping[str, int] | None = None,
        clock: Clock | None = None,
        seed_shop: bool = True,
        loads: Mapping[str, Load] | None = None,
    ) -> None:
        self._state_dir = state_dir
        self._gateways = [name for name in GATEWAYS if name in gateways]
        self._ports = ports or {}
        self._clock = clock or utc_now
        self._seed_shop = seed_shop
        self._loads = loads or {}
        self._listeners: dict[str, _Listener] = {}

    def __enter__(self) -> Self:
        try:
            for gateway in self._gateways:
                path = prepare(self._state_dir, gateway, clock=self._clock, seed_shop=self._seed_shop)
                load = self._loads.get(gateway, Load())
                protocol = app(gateway, self._clock, Turnstile(load))
                port = self._ports.get(gateway, 0)
                self._listeners[gateway] = _Listener(path, protocol, port, load.latency)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        for listener in self._listeners.values():
            listener.stop()
        self._listeners.clear()

    def url(self, gateway: str) -> str:
        """`http://127.0.0.1:PORT` of a gateway, no trailing slash. Raises `KeyError` when it is not up."""
        return f"http://{HOST}:{self._listeners[gateway].port}"


class _Listener:
    """One gateway's port."""

    def __init__(self, path: Path, protocol: Protocol, port: int, latency: float) -> None:
        self._path = path
        self._app = protocol
        self._latency = latency
        self._socket = socket.create_server((HOST, port), backlog=128)
        try:
            with usable(path):
                self._keeper = Database(path)  # holds the write-ahead log open from connection to connection
        except BaseException:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._serving: dict[threading.Thread, socket.socket] = {}
        self._thread = threading.Thread(target=self._accept, name="sandbox", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._stopping.is_set():
                    return
                time.sleep(TICK)  # out of file descriptors, say: the next one may succeed
                continue
            if self._stopping.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), name="sandbox", daemon=True)
            # A thread cannot take itself off the list: between that and its end, leaving would miss it.
            with self._lock:
                self._serving = {each: held for each, held in self._serving.items() if each.is_alive()}
                thread.start()
                self._serving[thread] = connection

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            database = Database(self._path)
            try:
                _Connection(connection, database, self._app, self._stopping, self._latency).run()
            finally:
                database.close()
        except ConnectionError:
            pass  # the client left, which is its right
        finally:
            connection.close()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        self._stopping.set()
        try:  # closing a socket does not wake a thread that accepts on it; a connection does
            socket.create_connection((HOST, self.port), timeout=CLOSING_SECONDS).close()
        except OSError:
            self._socket.close()
        deadline = time.monotonic() + CLOSING_SECONDS
        self._thread.join(CLOSING_SECONDS)
        with self._lock:
            serving = dict(self._serving)
        for connection in serving.values():
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # already closed by its thread
        for thread in serving:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._socket.close()
        self._keeper.close()


class _Connection:
    """One client's connection: requests one after another until either side has enough."""

    def __init__(
        self,
        connection: socket.socket,
        database: Database,
        protocol: Protocol,
        stopping: threading.Event,
        latency: float,
    ) -> None:
        self._socket = connection
        self._database = database
        self._app = protocol
        self._stopping = stopping
        self._latency = latency

    def run(self) -> None:
        with self._socket.makefile("rb") as stream:
            while not self._stopping.is_set() and self._next(stream):
                pass

    def _next(self, stream: BinaryIO) -> bool:
        try:
            request = read_request(stream, proceed=self._proceed)
        except BadRequest as error:
            refusal = Answer(error.status, f"{error}\n".encode(), {"Content-Type": "text/plain"})
            self._socket.sendall(head(refusal, keep_alive=False) + refusal.body)
            return False
        if request is None:
            return False
        if self._latency:
            self._wait(self._latency)
        return self._deliver(self._app.answer(request, self._database, self._wait), request)

    def _proceed(self) -> None:
        self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _deliver(self, answer: Answer, request: Request) -> bool:
        if answer.delivery == "none":
            return False
        if answer.delivery == "silent":
            self._keep_silent(answer.seconds)
            return False
        whole = head(answer, keep_alive=request.keep_alive) + answer.body
        if answer.delivery == "cut":
            self._socket.sendall(whole[: len(whole) - (len(answer.body) + 1) // 2])
            return False
        if answer.delivery == "slow":
            self._trickle(whole, answer.seconds or 0.0)
        else:
            self._socket.sendall(whole)
        return request.keep_alive

    def _trickle(self, whole: bytes, seconds: float) -> None:
        steps = max(1, min(len(whole), int(seconds / TICK)))
        size = -(-len(whole) // steps)
        for start in range(0, len(whole), size):
            self._socket.sendall(whole[start : start + size])
            self._wait(seconds / steps)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise ConnectionAbortedError("the sandbox stops")

    def _keep_silent(self, seconds: float | None) -> None:
        """Say nothing for so long (None: until the client leaves), or until the client leaves."""
        deadline = inf if seconds is None else time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not self._client_left():
            self._wait(min(TICK, left))

    def _client_left(self) -> bool:
        readable, _, _ = select.select([self._socket], [], [], 0)
        return bool(readable) and self._socket.recv(1, socket.MSG_PEEK) == b""
