"""The SDK, tamed: one `StripeClient` per account, with its own session, limits and retries.

Requests go through the SDK's public `StripeClient.raw_request`, which answers the body as plain
dicts: no conversion to SDK objects and back, nothing lost on the way, no import of a service module
per kind of object. The SDK's own retries are off, because they cover timeouts and ignore 429; those
here are: reads up to `READ_ATTEMPTS`; a change with an idempotency key once more, with the same key,
after an answer that was lost; a change without one (DELETE) never.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from billctl.errors import AuthFailed, NoAnswer
from billctl.gateway import Account
from billctl.gateways.stripe.errors import Failure, failure_of
from billctl.gateways.stripe.looks import Looks

if TYPE_CHECKING:
    from requests import Session
    from stripe import StripeClient

Json = dict[str, Any]
Params = Mapping[str, Any]


class OldAnswer(Json):
    """The answer to an earlier request under the key of this one, which did nothing.

    Stripe marks it (header `Idempotent-Replayed`, docs.stripe.com/error-low-level)."""


REPLAYED = "Idempotent-Replayed"

API = "https://api.stripe.com"
SECRET_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{4,240}", re.ASCII)
HUSHED = ("STRIPE_LOG", "CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION")
"""Variables that make the SDK print bodies or hints on stderr; it reads them when it is imported."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

CONNECTIONS = 10
READ_ATTEMPTS = 3
KEYED_ATTEMPTS = 2
PAUSE = 0.5
"""Seconds before a repeat when Stripe names none."""
GRACE = 1.0
"""Seconds over the connect and read timeouts after which a call is given up, however much trickles in."""
PAGE = 100
OBJECTS = re.compile(r"(/v\d/\w+/)(?!search$)[^/]+", re.ASCII)
"""An object in a path: Stripe limits the requests to each endpoint, whichever object they name."""

_import_lock = Lock()


class Client:
    """Stripe's API for one account. Opens nothing until a request is made; safe in many threads."""

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.base = (account.base_url or API).rstrip("/")
        self.host = urlsplit(self.base).netloc
        self._sleep = sleep
        self._clock = clock
        self._lock = Lock()
        self._sdk: StripeClient | None = None
        self._session: Session | None = None
        self.looks = Looks(clock)

    def close(self) -> None:
        """End the account's connections, and the calls that wait for an answer."""
        with self._lock:
            if self._session is not None:
                self._session.close()

    @property
    def live(self) -> bool:
        """Whether the key opens live mode: Stripe's keys say so, its host does not."""
        return self._checked_key()[1]

    def _checked_key(self) -> tuple[str, bool]:
        """The key and whether it is live. A key that is none never reaches a header or an error text."""
        key = str(self.account.secrets.get("api_key", "")).strip()
        match = SECRET_KEY.fullmatch(key)
        if match:
            return key, match[1] == "live"
        what = "is missing"
        if key:
            what = "is a publishable key" if key.startswith("pk_") else "is not a Stripe secret key"
        raise AuthFailed(
            f"the api_key {what}",
            code="bad_key",
            hint="Store one that starts with sk_test_, sk_live_, rk_test_ or rk_live_: `billctl auth add`.",
            account=self.account.name,
        )

    def require_mode(self) -> None:
        """Raise `AuthFailed` unless the key's mode is the one the profile claims."""
        if self.live is not self.account.live:
            modes = {True: "live", False: "test"}
            raise AuthFailed(
                f"the api_key is a {modes[self.live]} key, but the profile says {modes[self.account.live]}",
                code="wrong_mode",
                hint="Store the other key with `billctl auth add`, or choose the other profile.",
                account=self.account.name,
            )

    def get(self, path: str, params: Params | None = None) -> Json:
        """The answer to a GET. Raises the errors of a read."""
        answer = self._send("get", path, params or {}, key=None)
        self._check_mode(answer)
        return answer

    def post(self, path: str, params: Params, *, key: str) -> Json:
        """The answer to a POST under an idempotency key; an `OldAnswer` where another run had sent it before.

        Raises the errors of a change.
        """
        return self._send("post", path, params, key=key)

    def delete(self, path: str, params: Params) -> Json:
        """The answer to a DELETE, sent once: Stripe's idempotency keys do nothing there."""
        return self._send("delete", path, params, key=None)

    def page(self, path: str, params: Params, limit: int) -> tuple[list[Json], bool]:
        """The first `limit` objects of a list or a search, and whether there are more."""
        objects: list[Json] = []
        for items, more in self._pages(path, params, min(limit, PAGE)):
            objects += items
            if not more or len(objects) >= limit:
                return objects[:limit], more or len(objects) > limit
        raise AssertionError("a list has at least one page, and an end")

    def every(self, path: str, params: Params, *, size: int = PAGE) -> Iterator[Json]:
        """Every object of a list or a search, fetched by pages of up to `size` as they are asked for."""
        for items, _ in self._pages(path, params, min(size, PAGE)):
            yield from items

    def _pages(self, path: str, params: Params, size: int) -> Iterator[tuple[list[Json], bool]]:
        cursor: Json = {}
        while True:
            answer = self.get(path, {**params, "limit": max(size, 1), **cursor})
            items = answer.get("data")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise self._bad_list("something that is no list")
            more = bool(answer.get("has_more")) and bool(items)
            yield items, more
            if not more:
                return
            search = path.endswith("/search")
            following = (
                {"page": answer.get("next_page")} if search else {"starting_after": items[-1].get("id")}
            )
            if following == cursor:
                raise self._bad_list("the same page again and again")
            cursor = following

    def _bad_list(self, what: str) -> NoAnswer:
        return NoAnswer(f"{self.host} answered {what}", code="bad_answer", account=self.account.name)

    def _send(self, method: str, path: str, params: Params, *, key: str | None) -> Json:
        change = method != "get"
        attempts = READ_ATTEMPTS if not change else KEYED_ATTEMPTS if key else 1
        latest = self._clock() + self.account.timeouts.read
        uncertain = False
        while True:
            attempts -= 1
            answer = self._attempt(method, path, params, key)
            if not isinstance(answer, Failure):
                return dict(answer) if uncertain else answer  # the earlier request may be this very call's
            pause = PAUSE if answer.wait is None else answer.wait
            turned_away = change and answer.kind is not None
            if turned_away or not (answer.again and attempts) or self._clock() + pause > latest:
                raise answer.error(change=change, account=self.account.name, uncertain=uncertain)
            uncertain = change
            self._sleep(pause)

    def _attempt(self, method: str, path: str, params: Params, key: str | None) -> Json | Failure:
        sdk = self._opened()
        options = {"idempotency_key": key} if key else {}
        try:
            response = sdk.raw_request(method, path, **params, **options)
        except Exception as error:  # noqa: BLE001 - the SDK promises no family; what is not known stays unknown
            return failure_of(error, self.host)
        if not isinstance(response.data, dict):
            return Failure(message=f"{self.host} answered something that is no object", code="bad_answer")
        replayed = str(response.headers.get(REPLAYED, "")).lower() == "true"
        return OldAnswer(response.data) if replayed else response.data

    def _check_mode(self, answer: Json) -> None:
        """Compare the mode of what was read with the key's: an answer from the other mode is not believed."""
        items = answer.get("data")
        first = items[0] if isinstance(items, list) and items else answer
        mode = first.get("livemode") if isinstance(first, dict) else None
        if isinstance(mode, bool) and mode is not self.live:
            raise AuthFailed(
                f"{self.host} answers in {'live' if mode else 'test'} mode to a key of the other mode",
                code="wrong_mode",
                hint="Check the account's base_url and key.",
                account=self.account.name,
            )

    def _opened(self) -> "StripeClient":
        with self._lock:
            if self._sdk is None:
                key = self._checked_key()[0]
                self._session = session_of(self.account, self.base)
                self._sdk = build(self.account, key, self.base, self._session)
            return self._sdk


def session_of(account: Account, base: str) -> "Session":
    """The connections of `account`, within its timeouts."""
    from billctl.transport import bounded_session

    limits = account.timeouts
    return bounded_session(
        limits.connect + limits.read + GRACE,
        connections=CONNECTIONS,
        loopback=urlsplit(base).hostname in LOOPBACK,
        pace=account.pace,
        objects=OBJECTS,
    )


def build(account: Account, key: str, base: str, session: "Session") -> "StripeClient":
    """A client of the SDK for `account` over `session`: explicit timeouts, no retries."""
    _import_quietly()
    import stripe

    limits = account.timeouts
    return stripe.StripeClient(
        key,
        base_addresses={"api": base},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(limits.connect, limits.read), session=session),
    )


def _import_quietly() -> None:
    """Import the SDK with the variables of `HUSHED` out of its sight, and its telemetry off.

    Telemetry is the one global of the SDK that billctl sets: left on, the first request writes a file
    into the user's configuration directory, and no argument of a client turns it off.
    """
    import os

    with _import_lock:
        hidden = {name: os.environ.pop(name) for name in HUSHED if name in os.environ}
        try:
            import stripe
        finally:
            os.environ.update(hidden)
        stripe.enable_telemetry = False
