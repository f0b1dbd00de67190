"""The HTTP session under the SDK: what requests leaves open, closed.

- requests' read timeout starts again with every byte: here a call also has a limit in all.
- closing a requests session leaves its calls waiting: here they end.
- urllib3 reports a TLS handshake that failed and a connection that broke later as the same classes, but
  only the first proves that no byte of a request was sent: here it is a `NewConnectionError`.
- no redirect is followed: an answer from elsewhere is no answer.
- no credentials are taken from `~/.netrc`: requests would put them in the key's place.
- for a loopback address no proxy is taken from the environment: the key would travel to it in the clear.
- a paced run's requests wait for their turn here, each of them, and a 429 is told to the pace here.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING, Any

from billctl import VERSION
from billctl.causes import retry_after
from billctl.gateway import Pace

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session
    from requests.adapters import HTTPAdapter


USER_AGENT = f"billctl/{VERSION}"
"""How billctl names itself where no SDK does."""

NO_OBJECT = re.compile(r"()(?!)")
PACED_CONNECTIONS = 64
TOO_MANY = 429
PLAIN = re.compile(
    r"https?://[a-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/-]*"
    r"(?:\?(?:[A-Za-z0-9._~=&+\[\]-]|%[0-9A-F]{2})*)?",
    re.ASCII,
)
"""An address in which nothing but brackets needs to be encoded, and nothing but `/.` to be resolved."""
QUICK = frozenset({"data", "headers", "timeout", "verify", "allow_redirects"})
"""What a request of an SDK gives beside method and address."""
IDLE = 2.0
"""Seconds a thread waits for the next call before it ends."""


def bounded_session(
    limit: float,
    *,
    connections: int,
    loopback: bool,
    pace: Pace | None = None,
    objects: re.Pattern[str] = NO_OBJECT,
) -> "Session":
    """A session for one account: every call ends within `limit` seconds, up to `connections` at a time.

    A call that is given up, or waits when the session is closed, raises `requests.ReadTimeout`.

    With a `pace` each request waits for its turn, which does not count in `limit`, and how many are under way
    at a time is left to who paces. `objects` finds what comes before an object's id in a path (its group 1)
    and the id: what is left without it is the endpoint.
    """
    adapter = _proving_adapter(PACED_CONNECTIONS if pace else connections)
    bounds = _Bounds(limit, nullcontext() if pace else BoundedSemaphore(connections), pace, objects)
    session = _session(bounds, adapter)
    session.max_redirects = 0
    session.auth = _no_other_credentials
    session.trust_env = not loopback
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Bounds:
    """What a session's calls are held to: their time in all, how many there are at once, their turn."""

    def __init__(
        self,
        limit: float,
        slots: AbstractContextManager[object],
        pace: Pace | None,
        objects: re.Pattern[str],
    ) -> None:
        self._limit = limit
        self._slots = slots
        self._pace = pace
        self._objects = objects
        self._calls = _Calls()

    def in_turn(self, request: "PreparedRequest", call: Callable[[], "Response"]) -> "Response":
        """The answer that `call` gets to `request`, when its turn has come."""
        if self._pace is None:
            return self._in_time(call)
        path = self._objects.sub(r"\1*", request.path_url.partition("?")[0], count=1)
        endpoint = f"{request.method} {path}"
        self._pace.wait(endpoint)
        answer = self._in_time(call)
        if answer.status_code == TOO_MANY:
            self._pace.turned_away(endpoint, retry_after(answer.headers.get("Retry-After")))
        return answer

    def _in_time(self, call: Callable[[], "Response"]) -> "Response":
        from requests import ReadTimeout

        try:
            with self._slots:
                answer, error = self._calls.outcome(call, self._limit)
        except Empty as late:
            raise ReadTimeout(f"no whole answer within {self._limit} s") from late
        if error is not None:
            raise error
        if answer is None:
            raise ReadTimeout("closed before an answer was there")
        return answer

    def give_up(self) -> None:
        """End every wait, now and from now on."""
        self._calls.give_up()


def _session(bounds: _Bounds, adapter: "HTTPAdapter") -> "Session":
    """A requests session, held to `bounds`; what it is asked for in the usual form goes to `adapter`."""
    import requests

    environments: dict[tuple[str, object], Mapping[str, Any]] = {}

    class BoundedSession(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **given: Any) -> "Response":
            """As requests does it, without what it does for cookies, hooks and redirects; those of the
            environment's settings that count for an address are found once."""
            if args or not given.keys() <= QUICK:
                return super().request(method, url, *args, **given)
            request = _prepared(self, method, url, given)
            settings = {**self._environment(url, given.get("verify")), "timeout": given.get("timeout")}
            answer = bounds.in_turn(request, lambda: _whole(adapter.send(request, **settings)))
            if given.get("allow_redirects", True) and answer.is_redirect:
                raise requests.TooManyRedirects("a redirect is no answer", response=answer)
            return answer

        def _environment(self, url: str, verify: Any) -> Mapping[str, Any]:
            place = "/".join(url.split("/", 3)[:3]), verify
            if place not in environments:
                environments[place] = self.merge_environment_settings(url, {}, None, verify, None)
            return environments[place]

        def send(self, request: "PreparedRequest", **kwargs: Any) -> "Response":
            send = super().send
            return bounds.in_turn(request, lambda: send(request, **kwargs))

        def close(self) -> None:
            bounds.give_up()
            super().close()

    return BoundedSession()


def _prepared(session: "Session", method: str, url: str, given: Mapping[str, Any]) -> "PreparedRequest":
    """The request with the session's headers; an address that needs no encoding is taken as it is."""
    from requests import PreparedRequest
    from requests.structures import CaseInsensitiveDict

    request = PreparedRequest()
    request.prepare_method(method)
    if PLAIN.fullmatch(url) and "/." not in url:
        request.url = url.replace("[", "%5B").replace("]", "%5D")
    else:
        request.prepare_url(url, {})
    own = {name: value for name, value in (given.get("headers") or {}).items() if value is not None}
    request.headers = CaseInsensitiveDict({**session.headers, **own})
    request.prepare_body(given.get("data"), None)
    return request


def _whole(answer: "Response") -> "Response":
    """The answer, read to its end."""
    _ = answer.content
    return answer


Outcome = tuple["Response | None", BaseException | None]
"""What a call answered or raised; neither where it was given up."""


Task = tuple[Callable[[], "Response"], "SimpleQueue[Outcome]"]


class _Calls:
    """The calls of a session that are under way, in daemon threads: nobody waits for them at exit.

    A thread takes one call after the other: to start one costs more than a call itself.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._given_up = False
        self._waiting: set[SimpleQueue[Outcome]] = set()
        self._idle: list[SimpleQueue[Task]] = []

    def outcome(self, call: Callable[[], "Response"], limit: float) -> Outcome:
        """How `call` ends. Raises `queue.Empty` when that takes more than `limit` seconds; it goes on."""
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        with self._lock:
            if self._given_up:
                return None, None
            self._waiting.add(outcomes)
            tasks = self._idle.pop() if self._idle else None
        try:
            if tasks is not None:
                tasks.put((call, outcomes))
            else:
                tasks = SimpleQueue()
                tasks.put((call, outcomes))
                Thread(target=self._work, args=(tasks,), daemon=True).start()
            return outcomes.get(timeout=limit)
        finally:
            with self._lock:
                self._waiting.discard(outcomes)

    def give_up(self) -> None:
        """End every wait, now and from now on."""
        with self._lock:
            self._given_up = True
            for outcomes in self._waiting:
                outcomes.put((None, None))

    def _work(self, tasks: "SimpleQueue[Task]") -> None:
        while True:
            try:
                call, outcomes = tasks.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    if tasks in self._idle:
                        self._idle.remove(tasks)
                        return
                continue  # taken out of the idle ones a moment ago: its call is coming
            outcome = _outcome(call)
            with self._lock:
                self._idle.append(tasks)
            outcomes.put(outcome)
            del call, outcomes, outcome  # an idle thread keeps nothing alive


def _outcome(call: Callable[[], "Response"]) -> Outcome:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        return None, error


def _no_other_credentials(request: "PreparedRequest") -> "PreparedRequest":
    return request


def _proving_adapter(connections: int) -> "HTTPAdapter":
    """An adapter whose HTTPS connections raise `NewConnectionError` for whatever fails before they stand.

    Behind a proxy requests builds connections of its own: their TLS failures stay ambiguous.
    """
    from requests import Response
    from requests.adapters import HTTPAdapter
    from requests.structures import CaseInsensitiveDict
    from requests.utils import get_encoding_from_headers
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import NewConnectionError

    class ProvingConnection(HTTPSConnection):
        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, ValueError) as error:
                raise NewConnectionError(self, f"TLS: {error}") from error

    class ProvingPool(HTTPSConnectionPool):
        ConnectionCls = ProvingConnection

    class ProvingAdapter(HTTPAdapter):
        """Without a proxy it finds its connections once, and it reads no cookies."""

        pools: dict[tuple[str, object], Any]

        def get_connection_with_tls_context(
            self, request: "PreparedRequest", verify: Any, proxies: Any = None, cert: Any = None
        ) -> Any:
            if proxies or cert:
                return super().get_connection_with_tls_context(request, verify, proxies, cert)
            place = "/".join((request.url or "").split("/", 3)[:3]), verify
            if place not in self.pools:
                self.pools[place] = super().get_connection_with_tls_context(request, verify)
            return self.pools[place]

        def build_response(self, req: "PreparedRequest", resp: Any) -> Response:
            response = Response()
            response.status_code = resp.status
            response.headers = CaseInsensitiveDict(resp.headers)
            response.encoding = get_encoding_from_headers(response.headers)
            response.raw = resp
            response.reason = resp.reason
            response.url = req.url or ""
            response.request = req
            return response

        def close(self) -> None:
            self.pools.clear()
            super().close()

    adapter = ProvingAdapter(pool_connections=1, pool_maxsize=connections)
    adapter.pools = {}
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": ProvingPool}
    return adapter
