"""One account's requests to PayPal: which may be repeated, and what comes back.

Reads are tried up to `READ_ATTEMPTS` times; a refund, which carries PayPal-Request-Id, once more with
the same id after an answer that was lost; every other change once, because PayPal honours no key there.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from billctl.errors import AuthFailed, BillctlError, NoAnswer, NotFound
from billctl.gateway import Account
from billctl.gateways.paypal.errors import BadAnswer, Failure, NoToken, failure_of
from billctl.gateways.paypal.own_refunds import OwnRefunds
from billctl.gateways.paypal.sdk import tamed
from billctl.gateways.paypal.tokens import TokenStore

if TYPE_CHECKING:
    from paypalrestsdk import Api
    from requests import Session

Json = dict[str, Any]
Params = Mapping[str, Any]

LIVE = "https://api-m.paypal.com"
TEST = "https://api-m.sandbox.paypal.com"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OBJECTS = re.compile(r"(/v\d/\w+/[\w-]+/)[^/]+", re.ASCII)
"""An object in a path."""

CONNECTIONS = 10
READ_ATTEMPTS = 3
KEYED_ATTEMPTS = 2
PAUSE = 0.5
"""Seconds before a repeat when PayPal names none."""
GRACE = 1.0
"""Seconds over the connect and read timeouts after which a call is given up, however much trickles in."""


class Client:
    """PayPal's API for one account. Opens nothing until a request is made; safe in many threads."""

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.account = account
        self.base = (account.base_url or (LIVE if account.live else TEST)).rstrip("/")
        self.host = urlsplit(self.base).netloc
        self._sleep = sleep
        self._clock = clock
        self._now = now
        self._lock = Lock()
        self._sdk: Api | None = None
        self._session: Session | None = None
        self.own_refunds = OwnRefunds(
            account.state_dir, endpoint=account.address or self.base, client_id=self.client_id, now=now
        )

    @property
    def client_id(self) -> str:
        """The app's public half of the credentials."""
        return self.account.settings.get("client_id", "").strip()

    @property
    def live(self) -> bool | None:
        """Whether real money moves at the address that is asked; None where that is not PayPal's own.

        By the host and not by the profile, whose base_url may name PayPal's live one in test mode.
        """
        labels = (urlsplit(self.base).hostname or "").rstrip(".").split(".")
        return "sandbox" not in labels if labels[-2:] == ["paypal", "com"] else None

    def require_credentials(self) -> None:
        """Raise `AuthFailed` where a part of the credentials is missing; sends nothing."""
        secret = str(self.account.secrets.get("client_secret", "")).strip()
        for name, value in (("client_id", self.client_id), ("client_secret", secret)):
            if not value:
                raise AuthFailed(f"the {name} is missing", code="no_credentials", account=self.account.name)

    def get(self, path: str, params: Params | None = None) -> Json:
        """The object that a GET answers. Raises the errors of a read."""
        return self._object("GET", path, params or {}, None)

    def listed(self, path: str, params: Params) -> Json:
        """The list that a GET answers. Raises the errors of a read; that there is no list is one of them, as
        nobody's is empty."""
        return self._list("GET", path, params, None)

    def search(self, path: str, body: Json, params: Params) -> Json:
        """The list that a POST answers which changes nothing. Raises as `listed` does."""
        return self._list("POST", path, params, body)

    def _list(self, method: str, path: str, params: Params, body: Json | None) -> Json:
        try:
            return self._object(method, path, params, body)
        except NotFound as error:
            raise NoAnswer(
                f"{self.host} does not know {path}: {error.message}",
                code="bad_answer",
                account=self.account.name,
            ) from error

    def _object(self, method: str, path: str, params: Params, body: Json | None) -> Json:
        answer = self._send(method, path, params, body, {}, change=False)
        if answer is None:
            failure = Failure(message=f"{self.host} answered nothing", code="bad_answer")
            raise failure.error(change=False, account=self.account.name)
        return answer

    def change(
        self, path: str, body: Json | None, *, key: str | None = None, whole: bool = False
    ) -> Json | None:
        """What a changing POST answers, None for 204. Raises the errors of a change.

        `key` becomes PayPal-Request-Id: give one only where PayPal honours it. `whole` asks for the object
        as it then is, where PayPal would answer its id and status only.
        """
        headers = {"PayPal-Request-Id": key} if key else {}
        if whole:
            headers["Prefer"] = "return=representation"
        return self._send("POST", path, {}, body, headers, change=True)

    def _send(
        self,
        method: str,
        path: str,
        params: Params,
        body: Json | None,
        headers: Mapping[str, str],
        *,
        change: bool,
    ) -> Json | None:
        self.require_credentials()
        url = f"{self.base}{path}" + (f"?{urlencode(params)}" if params else "")
        key = "PayPal-Request-Id" in headers
        attempts = READ_ATTEMPTS if not change else KEYED_ATTEMPTS if key else 1
        latest = self._clock() + self.account.timeouts.read
        uncertain = False
        while True:
            attempts -= 1
            answer = self._attempt(url, method, body, headers, change=change)
            if not isinstance(answer, Failure):
                return answer
            pause = PAUSE if answer.wait is None else answer.wait
            turned_away = change and answer.kind is not None
            if turned_away or not (answer.again and attempts) or self._clock() + pause > latest:
                raise self._error(answer, change=change, uncertain=uncertain)
            uncertain = change
            self._sleep(pause)

    def _error(self, failure: Failure, *, change: bool, uncertain: bool) -> BillctlError:
        return failure.error(change=change, account=self.account.name, uncertain=uncertain)

    def _attempt(
        self, url: str, method: str, body: Json | None, headers: Mapping[str, str], *, change: bool
    ) -> Json | Failure | None:
        try:
            answer = self._opened().request(url, method, body, headers)
            if answer is not None and not isinstance(answer, dict):
                raise BadAnswer(_described(answer))
        except NoToken as error:
            return error.failure(change=change)
        except Exception as error:  # noqa: BLE001 - the SDK promises no family; what is not known stays unknown
            return failure_of(error, self.host)
        return answer

    def _opened(self) -> "Api":
        with self._lock:
            if self._sdk is None:
                self._sdk = self._build()
            return self._sdk

    def _build(self) -> "Api":
        from billctl.transport import bounded_session

        limit = self.account.timeouts.connect + self.account.timeouts.read + GRACE
        loopback = urlsplit(self.base).hostname in LOOPBACK
        self._session = bounded_session(
            limit, connections=CONNECTIONS, loopback=loopback, pace=self.account.pace, objects=OBJECTS
        )
        tokens = TokenStore(
            self.account.state_dir,
            endpoint=self.account.address or self.base,
            client_id=self.client_id,
            secret=str(self.account.secrets.get("client_secret", "")),
            patience=limit,
            now=self._now,
        )
        return tamed(self.account, self.base, session=self._session, tokens=tokens)

    def close(self) -> None:
        """End the connections; a call that a thread still waits in ends with an error."""
        with self._lock:
            if self._session is not None:
                self._session.close()


def _described(answer: object) -> str:
    if isinstance(answer, bytes):
        return "something that is no JSON"
    return f"{json.dumps(answer)[:40]}, which is no object"
