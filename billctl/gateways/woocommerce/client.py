"""One store's REST API over `requests`: what is sent, what may be repeated, what comes back.

A read is tried up to `READ_ATTEMPTS` times; a change once, whatever comes of it, as WooCommerce honours no
key. Certificates are checked against requests' own bundle, named with every request: `REQUESTS_CA_BUNDLE`
and `CURL_CA_BUNDLE` would take the place of anything else. No redirect is followed: requests would repeat a
POST as a GET, whose answer looks like success.
"""

import json
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from billctl.errors import BillctlError, NoAnswer, NotFound
from billctl.gateway import Account
from billctl.gateways.woocommerce import place
from billctl.gateways.woocommerce.errors import (
    Answer,
    Failure,
    NoJson,
    bad_answer,
    failure_of,
    network_failure,
    parsed,
)
from billctl.parallel import gather
from billctl.transport import USER_AGENT, bounded_session

if TYPE_CHECKING:
    from requests import Session

Json = dict[str, Any]
Value = str | int | Sequence[str] | Sequence[int]
Params = Mapping[str, Value]

OBJECTS = re.compile(r"(/wc/v3/[a-z_]+/)[0-9]+", re.ASCII)
"""An object in a path."""

PAGE = 100
"""The most that WooCommerce puts on a page; 101 is refused."""
CONNECTIONS = 6
"""Requests at a time: a small host has a few processes of PHP in all, and customers of its own."""
READ_ATTEMPTS = 3
PAUSE = 0.5
"""Seconds before a repeat when the answer names none."""
GRACE = 1.0
"""Seconds over the connect and read timeouts after which a call is given up, however much trickles in."""
PATIENT = 120.0
"""Seconds a store may take to answer a refund: it waits for its payment gateway meanwhile, and goes on when
nobody waits for it any more."""


class Page(NamedTuple):
    """A page of a list, and how many pages and objects the list has in all."""

    items: list[Json]
    pages: int
    total: int


class Client:
    """A store's REST API for one account. Opens nothing until a request is made; safe in many threads.

    A path is what follows `/wp-json/wc/v3/` (`orders/1042`, nothing for the index); a parameter that is a
    sequence is sent with commas, because of repeated ones PHP keeps the last.
    """

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.host = place.host_of(account)
        self._sleep = sleep
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[float, Session] = {}
        self._closed = False

    def get(self, path: str, params: Params | None = None) -> Any:
        """The JSON that a GET answers. Raises the errors of a read; `NoAnswer` with the code `NO_ROUTE` where
        the store has no such part of the API."""
        return self._json(self._read(path, params or {}), change=False)

    def page(self, path: str, params: Params | None = None, *, number: int = 1, size: int = PAGE) -> Page:
        """One page of a list, `size` objects long. Raises the errors of a read: that an answer does not say
        how many pages and objects there are is one of them, that what it lists are no objects, and that
        there is no list, as nobody's is empty."""
        try:
            answer = self._read(path, {**(params or {}), "per_page": size, "page": number})
        except NotFound as error:
            raise NoAnswer(error.message, code=error.code, account=self.account.name) from error
        items = self._json(answer, change=False)
        total, pages = (answer.headers.get(f"X-WP-{name}", "") for name in ("Total", "TotalPages"))
        whole = isinstance(items, list) and all(map(_is_object, items))
        if not whole or not (total.isdecimal() and pages.isdecimal()):
            raise self._error(bad_answer(self.host, "something that is no list of WooCommerce's"))
        return Page(items, int(pages), int(total))

    def pages(self, path: str, params: Params | None = None, *, size: int = PAGE) -> Iterator[Json]:
        """Every object of a list, page by page as they are asked for, each once: what is added meanwhile
        moves the rest to the next page. Raises as `page` does."""
        seen: set[object] = set()
        number = 0
        while True:
            number += 1
            found = self.page(path, params, number=number, size=size)
            for item in found.items:
                if item.get("id") not in seen:
                    seen.add(item.get("id"))
                    yield item
            if number >= found.pages or not found.items:
                return

    def every(self, path: str, params: Params | None = None, *, most: int) -> tuple[list[Json], bool]:
        """The objects of a list's first `most` pages, each once, and whether there are more; but for the
        first, the pages are read at the same time. Raises as `page` does."""
        first = self.page(path, params)
        last = min(first.pages, most)
        rest = gather([partial(self.page, path, params, number=n) for n in range(2, last + 1)])
        items = [item for page in (first, *rest) for item in page.items]
        return list({item.get("id"): item for item in items}.values()), first.pages > most

    def post(
        self,
        path: str,
        body: Json,
        *,
        change: bool = True,
        patient: bool = False,
        user_agent: str | None = None,
    ) -> Any:
        """The JSON that a POST answers, which is sent once. Raises the errors of a change: `Refused`,
        `AuthFailed`, `NotFound` and `NotSent` where nothing was done, else `OutcomeUnknown`.

        `change` False: it changes nothing, so a failure is that of a read. `patient`: the store's answer is
        waited for longer, at its own address; at a `base_url` (a rehearsal) no longer than the profile says.
        `user_agent` takes the place of billctl's own, for a trace that the store keeps of it.
        """
        base, keys = self._checked()
        headers = _headers(keys, user_agent) | {"Content-Type": "application/json"}
        send = partial(self._send, "POST", f"{base}/{path}", headers, json.dumps(body).encode())
        answer = self._attempt(send, change=change, read=self._patience() if patient else None)
        if isinstance(answer, Failure):
            raise self._error(answer, change=change)
        return self._json(answer, change=change)

    def _patience(self) -> float | None:
        return None if self.account.base_url else max(self.account.timeouts.read, PATIENT)

    def close(self) -> None:
        """End the connections; a call that a thread still waits in ends with an error."""
        with self._lock:
            self._closed = True
            for session in self._sessions.values():
                session.close()

    def _read(self, path: str, params: Params) -> Answer:
        base, keys = self._checked()
        url = f"{base}/{path}".rstrip("/") + (f"?{urlencode(_plain(params))}" if params else "")
        send = partial(self._send, "GET", url, _headers(keys), None)
        latest = self._clock() + self.account.timeouts.read
        left = READ_ATTEMPTS
        while True:
            left -= 1
            answer = self._attempt(send, change=False)
            if not isinstance(answer, Failure):
                return answer
            pause = PAUSE if answer.wait is None else answer.wait
            if not (answer.again and left) or self._clock() + pause > latest:
                raise self._error(answer)
            self._sleep(pause)

    def _attempt(
        self, send: Callable[[float], Answer], *, change: bool, read: float | None = None
    ) -> Answer | Failure:
        try:
            answer = send(self.account.timeouts.read if read is None else read)
        except Exception as error:  # noqa: BLE001 - what is not known of requests stays unknown
            return network_failure(error, self.host)
        return failure_of(answer, self.host, change=change) or answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, read: float
    ) -> Answer:
        answer = self._session(read).request(
            method,
            url,
            headers=headers,
            data=data,
            timeout=(self.account.timeouts.connect, read),
            verify=trusted(),
            allow_redirects=False,
        )
        return Answer(answer.status_code, answer.headers, answer.content)

    def _json(self, answer: Answer, *, change: bool) -> Any:
        try:
            return parsed(answer.body)
        except NoJson as error:
            raise self._error(bad_answer(self.host, str(error)), change=change) from None

    def _checked(self) -> tuple[str, tuple[str, str]]:
        return place.checked_base(self.account), place.checked_keys(self.account)

    def _error(self, failure: Failure, *, change: bool = False) -> BillctlError:
        return failure.error(change=change, account=self.account.name)

    def _session(self, read: float) -> "Session":
        """The session whose calls end in time for this read timeout."""
        with self._lock:
            if read not in self._sessions:
                self._sessions[read] = session = bounded_session(
                    self.account.timeouts.connect + read + GRACE,
                    connections=CONNECTIONS,
                    loopback=place.is_loopback(self.account),
                    pace=self.account.pace,
                    objects=OBJECTS,
                )
                if self._closed:
                    session.close()
            return self._sessions[read]


def trusted() -> str:
    """The file of the authorities whose certificates are accepted: requests' own."""
    from requests import utils  # the package first: in two threads its modules wait for each other

    return str(utils.DEFAULT_CA_BUNDLE_PATH)


def _headers(keys: tuple[str, str], user_agent: str | None = None) -> dict[str, str]:
    pair = b64encode(":".join(keys).encode()).decode()
    return {
        "Authorization": f"Basic {pair}",
        "Accept": "application/json",
        "User-Agent": user_agent or USER_AGENT,
    }


def _is_object(item: object) -> bool:
    return isinstance(item, dict) and type(item.get("id")) is int


def _plain(params: Params) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else str(value) if isinstance(value, int) else _listed(value)
        for name, value in params.items()
    }


def _listed(values: Sequence[str] | Sequence[int]) -> str:
    return ",".join(map(str, values))
