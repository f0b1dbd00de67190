"""The HTTP under the SDK: one session for all threads of an account, bounded and repeated as reads allow.

As shipped, the SDK opens a session in every thread, drops the headers of an answer, takes a proxy also
where `NO_PROXY` forbids it, and guesses the encoding of an answer that does not name it. Every method of
the SDK goes through `http_do` of its configuration's strategy; this is ours.
"""

import re
from collections.abc import Callable, Mapping
from threading import Lock, local
from typing import TYPE_CHECKING, Any

from billctl.errors import NotSent
from billctl.gateway import Account
from billctl.gateways.braintree.errors import AGAIN, Exchange, network_failure
from billctl.gateways.braintree.place import host_of, is_loopback

if TYPE_CHECKING:
    from requests import Response, Session

CONNECTIONS = 10
READ_ATTEMPTS = 3
PAUSE = 0.5
"""Seconds before a repeat when Braintree names none."""
GRACE = 1.0
"""Seconds over the connect and read timeouts after which a call is given up, however much trickles in."""
OBJECTS = re.compile(r"(/merchants/[^/]+/\w+/)(?!advanced_search)[^/]+", re.ASCII)
"""An object in a path."""
MOST_REQUESTS = 500
"""Of one call of the SDK: its paging goes on for ever over pages that are said to hold nothing."""


class Wire:
    """Sends what the SDK wants sent. Opens nothing until then; safe in many threads."""

    def __init__(
        self, account: Account, *, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self.account = account
        self.host = host_of(account)
        self._sleep = sleep
        self._clock = clock
        self._here = local()
        self._lock = Lock()
        self._session: Session | None = None
        self._closed = False

    def begin(self) -> None:
        """A new call of the SDK begins in this thread."""
        self._here.last = None
        self._here.requests = 0

    @property
    def last(self) -> Exchange | None:
        """The last exchange of this thread's call, None when it made none."""
        last: Exchange | None = self._here.last
        return last

    def send(
        self, verb: str, url: str, headers: Mapping[str, Any], body: str, certificates: str | None
    ) -> "Response":
        """The answer to one request; a read is repeated where that may help, a change never.

        Searches are POSTs that change nothing. Raises what requests raises.
        """
        reads = verb == "GET" or "/advanced_search" in url
        left = READ_ATTEMPTS if reads else 1
        latest = self._clock() + self.account.timeouts.read
        while True:
            left -= 1
            response, error = self._attempt(verb, url, headers, body, certificates)
            failed = response is None or response.status_code in AGAIN
            wait = self.last.wait if self.last else None
            pause = PAUSE if wait is None else wait
            again = failed and (error is None or network_failure(error, self.host).again)
            if left and again and self._clock() + pause <= latest:
                self._sleep(pause)
                continue
            if response is None:
                assert error is not None, "an attempt ends in an answer or an error"
                raise error
            return response

    def _attempt(
        self, verb: str, url: str, headers: Mapping[str, Any], body: str, certificates: str | None
    ) -> "tuple[Response | None, Exception | None]":
        session = self._opened()
        self._here.requests += 1
        if self._here.requests > MOST_REQUESTS:
            raise ValueError(f"more than {MOST_REQUESTS} pages in one answer")
        self._here.last = Exchange()
        limits = self.account.timeouts
        try:
            response = session.request(
                verb,
                url,
                headers=headers,
                data=body,
                timeout=(limits.connect, limits.read),
                verify=certificates or True,
                allow_redirects=False,
            )
        except Exception as error:  # noqa: BLE001 - what it means is told where the SDK lets it through
            return None, error
        self._here.last = _exchange(response)
        return response, None

    def _opened(self) -> "Session":
        from billctl.transport import bounded_session

        with self._lock:
            if self._closed:
                raise NotSent("the account was closed", code="closed", account=self.account.name)
            if self._session is None:
                limits = self.account.timeouts
                self._session = bounded_session(
                    limits.connect + limits.read + GRACE,
                    connections=CONNECTIONS,
                    loopback=is_loopback(self.account),
                    pace=self.account.pace,
                    objects=OBJECTS,
                )
            return self._session

    def close(self) -> None:
        """End the connections; what is asked from now on is not sent."""
        with self._lock:
            self._closed = True
            if self._session is not None:
                self._session.close()


def _exchange(response: "Response") -> Exchange:
    kind = response.headers.get("Content-Type", "")
    wait = response.headers.get("Retry-After", "")
    return Exchange(
        status=response.status_code,
        own="xml" in kind or not response.content.strip(),
        request_id=response.headers.get("X-Request-Id"),
        wait=int(wait) if wait.isascii() and wait.isdigit() else None,
    )


class Strategy:
    """What the SDK's configuration calls for each request: see `braintree/util/http.py`, `_make_request`."""

    def __init__(self, wire: Wire, certificates: str | None) -> None:
        self._wire = wire
        self._certificates = certificates

    def http_do(self, verb: str, url: str, headers: Mapping[str, Any], body: str) -> tuple[int, bytes]:
        """Status and body; the SDK's parser takes bytes for the UTF-8 that Braintree writes."""
        response = self._wire.send(verb, url, headers, body, self._certificates)
        return response.status_code, response.content

    def handle_exception(self, error: Exception) -> None:
        """The SDK (`wrap_http_exceptions`) hands over what `http_do` raised: its causes tell what it is."""
        raise error

    def close(self) -> None:
        """The session is the account's, and ends with it."""
