"""A loopback forwarder that stands between a client and a server and keeps what both said."""

import http.client
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Protocol, Self
from urllib.parse import urlsplit

from tests.openapi import StripeSpec

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})
NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "accept-encoding"}
"""The upstream answers uncompressed, so that bodies are kept as text."""
NOT_RETURNED = HOP_BY_HOP | {"content-length", "date", "server"}
UPSTREAM_SECONDS = 60.0


class Description(Protocol):
    """A gateway's official description, which finds what departs from it."""

    def check_request(
        self, method: str, path: str, headers: Mapping[str, str], query: str, body: bytes
    ) -> list[str]:
        """What is wrong with a request."""

    def check_response(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> list[str]:
        """What is wrong with the answer to it."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and its answer. `failure` is there, with no answer, when the upstream gave none."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    answer_headers: Mapping[str, str] = field(default_factory=dict)
    answer: bytes = b""
    failure: str | None = None

    def problems(self, spec: Description) -> list[str]:
        """What departs from the description, each line with the request it is about."""
        sent = spec.check_request(self.method, self.path, self.headers, self.query, self.body)
        back = (
            [f"no answer: {self.failure}"]
            if self.failure
            else spec.check_response(self.method, self.path, self.status, self.answer_headers, self.answer)
        )
        name = f"{self.method} {self.path}"
        return [f"{name}: {line}" for line in sent] + [f"{name} -> {self.status}: {line}" for line in back]


class RecordingProxy:
    """Forwards HTTP from a port of its own on 127.0.0.1 to `upstream_url` while the context is open.

    `url` is what the client is told; `exchanges` what was said, in the order of the answers. A
    connection carries one request. An upstream that fails is recorded, and the client's connection
    is closed without an answer.
    """

    def __init__(self, upstream_url: str) -> None:
        self.exchanges: list[Exchange] = []
        upstream = urlsplit(upstream_url)
        recorded = self.exchanges

        class Handler(_Forwarder):
            netloc = upstream.netloc
            prefix = upstream.path.rstrip("/")
            exchanges = recorded

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def problems(self, spec: Description | None = None) -> list[str]:
        """All that departs from the description (None: Stripe's) in everything said so far."""
        spec = spec or StripeSpec.load()
        return [line for exchange in list(self.exchanges) for line in exchange.problems(spec)]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Connections that may wait to be accepted; with the library's 5, a busy machine turns clients away."""


class _Forwarder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    netloc: ClassVar[str]
    prefix: ClassVar[str]
    exchanges: ClassVar[list[Exchange]]

    def _forward(self) -> None:
        self.close_connection = True
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = Exchange(
            method=self.command,
            path=parts.path,
            query=parts.query,
            headers=dict(self.headers.items()),
            body=body,
        )
        try:
            status, headers, answer = self._ask(body)
        except (OSError, http.client.HTTPException) as fault:
            self.exchanges.append(replace(said, failure=f"{type(fault).__name__}: {fault}"))
            return
        self.exchanges.append(replace(said, status=status, answer_headers=headers, answer=answer))
        self._return(status, headers, answer)

    def _ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.netloc, timeout=UPSTREAM_SECONDS)
        sent = {n: v for n, v in self.headers.items() if n.lower() not in NOT_FORWARDED}
        length = {"Content-Length": str(len(body))} if body or self.command == "POST" else {}
        try:
            connection.putrequest(self.command, self.prefix + self.path, skip_accept_encoding=True)
            for name, value in (sent | length | {"Connection": "close"}).items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def _return(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in NOT_RETURNED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was said is in `exchanges`."""
