"""Requests to Acme, and what their failures mean.

The rule: what is not proved refused or unsent is unknown. A change is sent once; its key protects a repeat
that the operator asks for.
"""

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from billctl.errors import AuthFailed, BillctlError, NoAnswer, NotFound, NotSent, OutcomeUnknown, Refused
from billctl.gateway import TURNED_AWAY, Account

if TYPE_CHECKING:
    from requests import Response, Session

Json = dict[str, Any]
T = TypeVar("T")

HOSTS = {True: "https://api.acme.example", False: "https://api.test.acme.example"}
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CONNECTIONS = 10
GRACE = 1.0
"""Seconds over the timeouts after which a call is given up, however much trickles in."""

KINDS: dict[int, type[BillctlError]] = {
    400: Refused,
    401: AuthFailed,
    403: AuthFailed,
    404: NotFound,
    409: Refused,
    422: Refused,
    429: NotSent,
}
"""Acme's own refusals. Whatever is not here is not known."""

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What reading an answer of another shape raises."""


class Client:
    """Acme's API for one account. Opens nothing until a request is made; safe in many threads."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._base = account.base_url or HOSTS[account.live]
        self._lock = Lock()
        self._opened: Session | None = None

    def get(self, path: str, **params: str) -> Json:
        """The answer to a GET. Raises the errors of a read."""
        return self._ask("GET", path, NoAnswer, params=params)

    def post(self, path: str, body: Json, *, key: str) -> Json:
        """The answer to a POST under an idempotency key. Raises the errors of a change."""
        return self._ask("POST", path, OutcomeUnknown, json=body, headers={"Idempotency-Key": key})

    def reading(self, build: Callable[[], T]) -> T:
        """What `build` makes of an answer; one of another shape is no answer."""
        return self._built(build, NoAnswer)

    def changed(self, build: Callable[[], T]) -> T:
        """As `reading`, after a change: it may have been made."""
        return self._built(build, OutcomeUnknown)

    def _built(self, build: Callable[[], T], unknown: type[BillctlError]) -> T:
        try:
            return build()
        except UNREADABLE as error:
            raise self._error(unknown, f"Acme's answer cannot be read: {type(error).__name__}") from error

    def _ask(self, method: str, path: str, unknown: type[BillctlError], **rest: Any) -> Json:
        import requests

        limits = self.account.timeouts
        try:
            answer = self._session().request(
                method,
                self._base + path,
                timeout=(limits.connect, limits.read),
                allow_redirects=False,
                **rest,
            )
        except requests.RequestException as error:
            kind = NotSent if _is_unsent(error) else unknown
            raise self._error(kind, f"no answer of Acme: {type(error).__name__}") from error
        return self._read(answer, unknown)

    def _read(self, answer: "Response", unknown: type[BillctlError]) -> Json:
        try:
            data = answer.json()
        except ValueError:
            data = None
        if answer.status_code == 200 and isinstance(data, dict):
            return data
        told = data.get("error") if isinstance(data, dict) else None
        if answer.status_code in KINDS and isinstance(told, dict):
            message, kind = f"Acme says: {told.get('message')}", KINDS[answer.status_code]
            raise self._error(kind, message, code=TURNED_AWAY if kind is NotSent else told.get("code"))
        raise self._error(unknown, f"Acme answered HTTP {answer.status_code} with nothing that can be used")

    def _error(self, kind: type[BillctlError], message: str, *, code: str | None = None) -> BillctlError:
        return kind(message, code=code, account=self.account.name)

    def close(self) -> None:
        """End the account's connections; calls that wait end with an error."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()

    def _session(self) -> "Session":
        from billctl.transport import bounded_session

        with self._lock:
            if self._opened is None:
                limits = self.account.timeouts
                self._opened = bounded_session(
                    limits.connect + limits.read + GRACE,
                    connections=CONNECTIONS,
                    loopback=urlsplit(self._base).hostname in LOOPBACK,
                )
                self._opened.headers["Authorization"] = f"Bearer {self.account.secrets['api_key']}"
            return self._opened


def _is_unsent(error: Exception) -> bool:
    """Whether it is proved that no byte of the request left: the connection never stood."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)
