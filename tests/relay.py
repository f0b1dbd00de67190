"""A loopback relay that passes bytes on at once in one direction and later in the other.

It stands for the distance to a gateway: every answer arrives `seconds` after it was given, requests
that overlap wait at the same time, and a connection that is kept open costs nothing twice.
"""

import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

PIECE = 65_536
Piece = tuple[float, bytes]


class Relay:
    """Forwards connections from a port of its own on 127.0.0.1 to `upstream_url` while the context is open.

    `url` is what the client is told; `connections` counts those it opened.
    """

    def __init__(self, upstream_url: str, seconds: float) -> None:
        parts = urlsplit(upstream_url)
        assert parts.hostname
        assert parts.port
        self._upstream = (parts.hostname, parts.port)
        self._seconds = seconds
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for end in self._sockets:
            _shut(end)
        for thread in self._threads:
            thread.join()
        for end in self._sockets:
            end.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # shut down: the context has ended
            self.connections += 1
            gateway = socket.create_connection(self._upstream)
            self._sockets += [client, gateway]
            for end in (client, gateway):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            waiting: queue.SimpleQueue[Piece] = queue.SimpleQueue()
            self._start(partial(_copy, client, gateway))
            self._start(partial(self._receive, gateway, waiting))
            self._start(partial(_deliver, client, waiting))

    def _receive(self, gateway: socket.socket, waiting: "queue.SimpleQueue[Piece]") -> None:
        while True:
            piece = _read(gateway)
            waiting.put((time.monotonic() + self._seconds, piece))
            if not piece:
                return


def _copy(source: socket.socket, target: socket.socket) -> None:
    while (piece := _read(source)) and _passed_on(target, piece):
        pass
    _end(target)


def _deliver(client: socket.socket, waiting: "queue.SimpleQueue[Piece]") -> None:
    while True:
        due, piece = waiting.get()
        time.sleep(max(0.0, due - time.monotonic()))
        if not piece or not _passed_on(client, piece):
            _end(client)
            return


def _passed_on(target: socket.socket, piece: bytes) -> bool:
    try:
        target.sendall(piece)
    except OSError:
        return False  # that end has left, which is its right
    return True


def _read(source: socket.socket) -> bytes:
    try:
        return source.recv(PIECE)
    except OSError:
        return b""


def _end(target: socket.socket) -> None:
    """Say that nothing more comes; the other direction may go on."""
    with suppress(OSError):  # gone already
        target.shutdown(socket.SHUT_WR)


def _shut(target: socket.socket) -> None:
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
