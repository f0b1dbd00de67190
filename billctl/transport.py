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
from collections.abc import Callable
from contextlib import nullcontext
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Lock, Thread
from typing import TYPE_CHECKING, Any

from billctl.causes import retry_after
from billctl.gateway import Pace

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session
    from requests.adapters import HTTPAdapter


NO_OBJECT = re.compile(r"()(?!)")
PACED_CONNECTIONS = 64
TOO_MANY = 429
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
    import requests

    calls = _Calls()
    slots = nullcontext() if pace else BoundedSemaphore(connections)

    class BoundedSession(requests.Session):
        def send(self, request: "PreparedRequest", **kwargs: Any) -> "Response":
            if pace is None:
                return self._bounded(request, **kwargs)
            path = objects.sub(r"\1*", request.path_url.partition("?")[0], count=1)
            endpoint = f"{request.method} {path}"
            pace.wait(endpoint)
            answer = self._bounded(request, **kwargs)
            if answer.status_code == TOO_MANY:
                pace.turned_away(endpoint, retry_after(answer.headers.get("Retry-After")))
            return answer

        def _bounded(self, request: "PreparedRequest", **kwargs: Any) -> "Response":
            send = super().send
            try:
                with slots:
                    answer, error = calls.outcome(lambda: send(request, **kwargs), limit)
            except Empty as late:
                raise requests.ReadTimeout(f"no whole answer within {limit} s") from late
            if error is not None:
                raise error
            if answer is None:
                raise requests.ReadTimeout("closed before an answer was there")
            return answer

        def close(self) -> None:
            calls.give_up()
            super().close()

    session = BoundedSession()
    session.max_redirects = 0
    session.auth = _no_other_credentials
    session.trust_env = not loopback
    adapter = _proving_adapter(PACED_CONNECTIONS if pace else connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


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
    from requests.adapters import HTTPAdapter
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

    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": ProvingPool}
    return adapter
