"""The HTTP under the SDK: one session for all threads of an account, bounded and repeated as reads allow.

As shipped, the SDK holds one `http.client` connection, which is of no use to two threads and of none at all
after a time-out. Every method of the SDK goes through `request` and `getresponse` of that connection; here
they are a `Connection`'s, made anew for every call. What would break the SDK's reading of an answer is taken
out of it on the way:

- an error without `X-Request-Id` is a `TypeError` to it: it gets an empty one;
- `X-RateLimit-Reset` makes it call what Python has deprecated, a warning with each answer: it is kept here;
- a time with a fraction of a second is a `ValueError` to it: the fraction is dropped.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from billctl.causes import retry_after
from billctl.errors import NotSent
from billctl.gateway import Account
from billctl.gateways.recurly import place
from billctl.gateways.recurly.errors import AGAIN, Exchange, network_failure

if TYPE_CHECKING:
    from requests import Response, Session

CONNECTIONS = 10
READ_ATTEMPTS = 3
PAUSE = 0.5
"""Seconds before a repeat when Recurly names none."""
GRACE = 1.0
"""Seconds over the connect and read timeouts after which a call is given up, however much trickles in."""
OBJECTS = re.compile(r"(/\w+/)[^/]+", re.ASCII)
"""An object in a path."""
READS = frozenset({"GET", "HEAD"})
FRACTION = re.compile(rb'("\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(Z|[+-]\d\d:?\d\d)"', re.ASCII)
"""A JSON text that is a time with a fraction of a second, and nothing else."""
PDF = b"%PDF"


class Wire:
    """Sends what the SDK wants sent. Opens nothing until then; safe in many threads."""

    def __init__(
        self, account: Account, *, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self.account = account
        self.host = place.host_of(account)
        self._sleep = sleep
        self._clock = clock
        self._lock = Lock()
        self._session: Session | None = None
        self._closed = False

    def send(
        self,
        verb: str,
        path: str,
        headers: Mapping[str, str],
        body: str | None,
        told: Callable[[Exchange], None],
    ) -> "Response":
        """The answer to one request; a read is repeated where that may help, a change never.

        `told` hears of every exchange as it begins and when its answer is there. Raises what requests raises,
        and `ValueError` for a path that leads elsewhere.
        """
        url = self._url(path)
        left = READ_ATTEMPTS if verb in READS else 1
        latest = self._clock() + self.account.timeouts.read
        while True:
            left -= 1
            answer = self._attempt(verb, url, headers, body, told)
            pause = self._pause(answer)
            if left and pause is not None and self._clock() + pause <= latest:
                self._sleep(pause)
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer

    def _pause(self, answer: "Response | Exception") -> float | None:
        """Seconds after which the same request may be answered otherwise; None where a repeat is no use."""
        if isinstance(answer, Exception):
            return PAUSE if network_failure(answer, self.host).again else None
        if answer.status_code not in AGAIN:
            return None
        wait = exchange_of(answer).wait
        return PAUSE if wait is None else wait

    def _url(self, path: str) -> str:
        """Where `path` is. A list names its next page itself, as a path or with the address."""
        own = place.base(self.account)
        url = path if path.startswith(f"{own}/") else own + path
        if url == own + path and not re.match(r"/(?!/)", path):
            raise ValueError("the answer leads to another address")
        return url

    def _attempt(
        self,
        verb: str,
        url: str,
        headers: Mapping[str, str],
        body: str | None,
        told: Callable[[Exchange], None],
    ) -> "Response | Exception":
        session, certificates = self._opened()
        limits = self.account.timeouts
        told(Exchange())
        try:
            answer = session.request(
                verb,
                url,
                headers=headers,
                data=body,
                timeout=(limits.connect, limits.read),
                verify=certificates,
                allow_redirects=False,
            )
        except Exception as error:  # noqa: BLE001 - what it means is told where the SDK lets it through
            return error
        told(exchange_of(answer))
        return answer

    def _opened(self) -> "tuple[Session, str]":
        """The session, and the certificates: by their path, for no variable of the environment to replace."""
        from requests import utils  # the package first: in two threads its modules wait for each other

        from billctl.transport import bounded_session

        with self._lock:
            if self._closed:
                raise NotSent("the account was closed", code="closed", account=self.account.name)
            if self._session is None:
                limits = self.account.timeouts
                self._session = bounded_session(
                    limits.connect + limits.read + GRACE,
                    connections=CONNECTIONS,
                    loopback=place.is_loopback(self.account),
                    pace=self.account.pace,
                    objects=OBJECTS,
                )
            return self._session, utils.DEFAULT_CA_BUNDLE_PATH

    def close(self) -> None:
        """End the connections; what is asked from now on is not sent."""
        with self._lock:
            self._closed = True
            if self._session is not None:
                self._session.close()


def exchange_of(response: "Response") -> Exchange:
    """What an answer tells of itself. Where Recurly says when the limit is reset, that is told by its own
    clock (`Date`)."""
    headers = response.headers
    wait: float | None = retry_after(headers.get("Retry-After"))
    if wait is None and response.status_code == 429:
        wait = _until(headers.get("X-RateLimit-Reset"), headers.get("Date"))
    return Exchange(status=response.status_code, request_id=headers.get("X-Request-Id"), wait=wait)


def _until(reset: str | None, date: str | None) -> float | None:
    seconds = retry_after(reset)
    if seconds is None or date is None:
        return None
    try:
        now = parsedate_to_datetime(date).replace(tzinfo=UTC)
    except ValueError:
        return None
    return max(0.0, seconds - now.timestamp())


class Connection:
    """What the SDK's client calls for each of its requests, in `BaseClient._make_request`; of one call."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._answer: Answer | None = None
        self.last: Exchange | None = None
        """The last exchange, None when there was none."""
        self.paths: list[str] = []
        """What was asked for, in order."""

    def request(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> None:
        """Send one request and wait for its answer. The SDK leaves an empty body a `dict`.

        Raises `ValueError` for an answer that is neither a success nor an error: a redirect is none.
        """
        self.paths.append(path)
        text = body if isinstance(body, str) or body is None else "{}"
        response = self._wire.send(method, path, headers, text, self._told)
        if not (200 <= response.status_code < 300 or response.status_code >= 400):
            raise ValueError(f"HTTP {response.status_code} is no answer")
        self._answer = Answer(response)

    def _told(self, exchange: Exchange) -> None:
        self.last = exchange

    def getresponse(self) -> "Answer":
        """The answer to the last request."""
        assert self._answer is not None, "the SDK asks for the answer after its request"
        return self._answer


class Answer:
    """An answer as the SDK reads it: `status`, `headers`, `read()`."""

    def __init__(self, response: "Response") -> None:
        self.status = response.status_code
        self.headers: Any = response.headers.copy()
        self.headers.setdefault("X-Request-Id", "")
        self.headers.pop("X-RateLimit-Reset", None)
        self._body = response.content

    def read(self) -> bytes:
        """The whole body."""
        return self._body if self._body.startswith(PDF) else FRACTION.sub(rb'\1\2"', self._body)
