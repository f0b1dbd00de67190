"""Small loopback servers for what goes wrong on a network: real sockets, nothing of a gateway in them.

A `Behaviour` meets a request. Some are faults; `pass_on` hands a request to a gateway's sandbox and its
answer back, and `only`, `acting`, `in_turn` combine: a gateway that works but for one thing.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import Self
from urllib.parse import urlsplit

from billctl.frozen import field, frozen_value

LARGEST_HEAD = 65536
UPSTREAM_SECONDS = 60.0
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


@frozen_value
class Request:
    """One HTTP request as it came: the request line's parts, headers by lower-case name, the body."""

    method: str
    target: str
    headers: dict[str, str] = field(repr=False)
    body: bytes


Behaviour = Callable[[socket.socket, Request, Event], bool]
"""What to do with one request on its connection: True to wait for the next on it, False to close it.
The event is set when the server is to end."""


def answer(status: int, body: bytes | str, *, headers: dict[str, str] | None = None) -> Behaviour:
    """Always the same whole answer. The type is JSON unless `headers` say otherwise."""
    content = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content))} | (headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    whole = f"HTTP/1.1 {status} Word\r\n{head}\r\n".encode() + content

    def behave(connection: socket.socket, _request: Request, _closing: Event) -> bool:
        connection.sendall(whole)
        return True

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Each for one request, in order; the last for all that follow."""
    lock, left = Lock(), list(behaviours)

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        with lock:
            current = left.pop(0) if len(left) > 1 else left[0]
        return current(connection, request, closing)

    return behave


def silent(_connection: socket.socket, _request: Request, closing: Event) -> bool:
    """Read the request, never answer."""
    closing.wait()
    return False


def dropping(_connection: socket.socket, _request: Request, _closing: Event) -> bool:
    """Read the request, close the connection without a word."""
    return False


def garbage(connection: socket.socket, _request: Request, _closing: Event) -> bool:
    """Answer something that is not HTTP."""
    connection.sendall(b"\x00\xff\x13 not HTTP at all \r\n\r\n")
    return False


def cutting(connection: socket.socket, _request: Request, _closing: Event) -> bool:
    """Begin an answer, and close in the middle of its body."""
    connection.sendall(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{"id": "'
    )
    return False


def trickling(connection: socket.socket, _request: Request, closing: Event) -> bool:
    """Answer a byte at a time, ten a second, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 400000\r\n\r\n")
    while not closing.wait(0.1):
        connection.sendall(b" ")
    return False


def only(when: Callable[[Request], bool], behaviour: Behaviour, otherwise: Behaviour) -> Behaviour:
    """`behaviour` for the requests that `when` holds for, `otherwise` for the rest."""

    def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
        chosen = behaviour if when(request) else otherwise
        return chosen(connection, request, closing)

    return behave


class Upstream:
    """The server at `url`, to hand requests to; `answers` are the bodies it gave, decompressed."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.answers: list[bytes] = []

    def ask(self, request: Request) -> bytes:
        """Send `request` there, and return the whole answer as it is to be sent on."""
        from http.client import HTTPConnection

        connection = HTTPConnection(self.host, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in (request.headers | {"connection": "close"}).items():
                connection.putheader(name, value)
            connection.endheaders(request.body)
            came = connection.getresponse()
            body = came.read()
        finally:
            connection.close()
        fields = {name.lower(): value for name, value in came.getheaders()}
        self.answers.append(_plain(body, fields.get("content-encoding", "")))
        kept = {name: value for name, value in fields.items() if name not in HOP_BY_HOP}
        lines = [f"{name}: {value}" for name, value in (kept | {"content-length": str(len(body))}).items()]
        head = "\r\n".join([f"HTTP/1.1 {came.status} {came.reason or 'Word'}", *lines])
        return head.encode("latin-1") + b"\r\n\r\n" + body

    def pass_on(self, connection: socket.socket, request: Request, _closing: Event) -> bool:
        """A behaviour: answer what the server there answers."""
        connection.sendall(self.ask(request))
        return True

    def acting(self, then: Behaviour) -> Behaviour:
        """Let the server there act on the request, and answer by `then`: its own answer is lost."""

        def behave(connection: socket.socket, request: Request, closing: Event) -> bool:
            self.ask(request)
            return then(connection, request, closing)

        return behave

    def instead(self, other: Request) -> Behaviour:
        """Hand `other` on, whatever was asked: the answer is true, and not about what was asked."""
        return lambda connection, _request, closing: self.pass_on(connection, other, closing)


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding != "gzip":
        return body
    import gzip

    return gzip.decompress(body)


class LoopbackServer:
    """A server on 127.0.0.1 that meets each request with `behaviour`; `requests` are those it read whole.

    `tls` makes it speak TLS with the given context. Use it as a context manager.
    """

    def __init__(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._behaviour = behaviour
        self._tls = tls
        self._closing = Event()
        self._connections: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        with suppress(OSError):  # wakes the thread that accepts; a platform may refuse it on a listener
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):  # the other side may have gone first
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[[], None]) -> None:
        thread = Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            self._connections.append(connection)
            self._start(lambda connection=connection: self._serve(connection))  # type: ignore[misc]

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            speaking = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with speaking:
                buffer = b""
                while not self._closing.is_set():
                    request, buffer = _read(speaking, buffer)
                    if request is None:
                        return
                    self.requests.append(request)
                    if not self._behaviour(speaking, request, self._closing):
                        return


def _read(connection: socket.socket, buffer: bytes) -> tuple[Request | None, bytes]:
    while b"\r\n\r\n" not in buffer:
        part = connection.recv(LARGEST_HEAD)
        if not part or len(buffer) > LARGEST_HEAD:
            return None, b""
        buffer += part
    head, _, rest = buffer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        part = connection.recv(LARGEST_HEAD)
        if not part:
            return None, b""
        rest += part
    method, _, target = first.rpartition(" ")[0].partition(" ")
    return Request(method, target, headers, rest[:length]), rest[length:]


@contextmanager
def refusing_url() -> Iterator[str]:
    """The URL of a loopback port where nobody listens, and nobody will while the block runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def plain_url() -> Iterator[str]:
    """An `https` URL of a loopback port where somebody listens who does not speak TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_answer_plainly, args=(listener,), daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        with suppress(OSError):  # wakes the thread that accepts; a platform may refuse it on a listener
            listener.shutdown(socket.SHUT_RDWR)


def _answer_plainly(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # closed
        with suppress(OSError), connection:
            connection.recv(LARGEST_HEAD)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
