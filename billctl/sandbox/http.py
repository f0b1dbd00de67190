"""The little of HTTP/1.1 that the rehearsal gateways need: read one request, write one answer.

The standard library's `http.server` costs three bare interpreters to import, and the sandbox is
started inside every command of a sandbox profile.
"""

from collections.abc import Callable
from typing import BinaryIO, NamedTuple

MAX_LINE = 65_536
MAX_BODY = 1_048_576
REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    426: "Upgrade Required",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

Pause = Callable[[float], None]
"""Waits so many seconds, whether the client stays or not; raises `ConnectionError` when the sandbox stops."""


class BadRequest(Exception):
    """What arrived is not an HTTP request this server reads; the connection is closed."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Request(NamedTuple):
    """One request: `target` is path and query as sent, header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark."""
        return self.target.partition("?")[2]


class Answer:
    """One answer, and how the connection is to spoil it.

    `delivery` is `whole`, `none` (close without a byte), `silent` (say nothing for `seconds`, then
    close), `cut` (half of the body, then close) or `slow` (spread over `seconds`).
    """

    def __init__(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        delivery: str = "whole",
        seconds: float | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.delivery = delivery
        self.seconds = seconds


def read_request(stream: BinaryIO, *, proceed: Callable[[], None]) -> Request | None:
    """The next request, or None when the client has closed.

    `proceed` is called when the client waits for `100 Continue`. Raises `BadRequest` for anything
    that is not a request, and `ConnectionError` when the client leaves half-way.
    """
    line = _line(stream)
    if not line:
        return None
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "the request line is not HTTP/1.1")
    headers = _headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        proceed()
    body = _chunked(stream) if "chunked" in headers.get("transfer-encoding", "") else _sized(stream, headers)
    wish = headers.get("connection", "").lower()
    keep = "close" not in wish and (words[2] != "HTTP/1.0" or "keep-alive" in wish)
    return Request(words[0], words[1], headers, body, keep)


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise BadRequest(400, "a line is too long")
    if line and not line.endswith(b"\n"):
        raise ConnectionResetError("the client left in the middle of a line")
    return line


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := _line(stream).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) > 200:
            raise BadRequest(400, "a header line is not `name: value`")
        headers[name.strip().lower()] = value.strip()
    return headers


def _sized(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadRequest(400, "Content-Length is not a number")
    return _exactly(stream, int(length))


def _exactly(stream: BinaryIO, length: int) -> bytes:
    if length > MAX_BODY:
        raise BadRequest(413, "the body is too large")
    body = stream.read(length)
    if len(body) != length:
        raise ConnectionResetError("the client left in the middle of a body")
    return body


def _chunked(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    while True:
        size_text = _line(stream).partition(b";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise BadRequest(400, "a chunk has no size") from None
        if size == 0:
            break
        parts.append(_exactly(stream, size + 2)[:-2])
        if sum(map(len, parts)) > MAX_BODY:
            raise BadRequest(413, "the body is too large")
    while _line(stream).strip():
        pass
    return b"".join(parts)


def head(answer: Answer, *, keep_alive: bool) -> bytes:
    """Status line and headers, with the length of the whole body; 204 has none (RFC 9110, 8.6)."""
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [f"Content-Length: {len(answer.body)}"] if answer.status != 204 else []
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
