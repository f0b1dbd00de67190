"""The SDK, tamed: a client of its own for every call, over one shared wire.

An SDK client is one connection: shared by threads it fails, and after a time-out it fails for ever. Ours owns
none (`wire.Connection`), so one for each call costs microseconds, no thread meets another's, and none
outlives a failure. It answers to two private names of the SDK; a version that renames them finds neither key
nor connection, and sends nothing.

Nothing of the SDK is set globally; what it takes from the environment (`RECURLY_STRICT_MODE`,
`RECURLY_DEFAULT_REQUEST_TIMEOUT`) is hidden from it.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from threading import Lock
from typing import Any, TypeVar

from billctl.errors import BillctlError, NoAnswer, NotFound, OutcomeUnknown
from billctl.gateway import Account
from billctl.gateways.recurly import place
from billctl.gateways.recurly.errors import failure_of
from billctl.gateways.recurly.wire import Connection, Wire

T = TypeVar("T")
Sdk = Any
"""A `recurly.Client`; the package has no types."""
Params = Mapping[str, Any]

_import_lock = Lock()


def utc_now() -> datetime:
    """The clock that decides whether a trial goes on."""
    return datetime.now(UTC)


class Client:
    """Recurly's API for one account. Opens nothing until it is asked; safe in many threads."""

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.account = account
        self.now = now
        self.host = place.host_of(account)
        self._wire = Wire(account, sleep=sleep, clock=clock)

    def read(self, ask: Callable[[Sdk], T]) -> T:
        """What `ask` gets from the SDK. It changes nothing. Raises `NotFound` and the errors of a read."""
        return self._asked(self._sdk(), ask, change=False)

    def change(self, ask: Callable[[Sdk], Any]) -> Any:
        """The object that Recurly answers to the change that `ask` makes, sent once. Raises the errors of a
        change; that an answer is no object of Recurly's is one of them."""
        result = self._asked(self._sdk(), ask, change=True)
        if not is_object(result):
            message = f"{self.host} answered something that is no result"
            raise OutcomeUnknown(message, code="bad_answer", account=self.account.name)
        return result

    def pages(self, ask: Callable[[Sdk], Any]) -> Iterator[list[Any]]:
        """The pages of the list that `ask` gets from the SDK (a `Pager`), fetched as they are asked for.

        The SDK's own iterator over items ends at the first empty page, whatever follows. An item that moved
        to a later page while the list was read is given once. Raises the errors of a read, also for a list
        that leads in a circle.
        """
        sdk = self._sdk()
        given: set[str] = set()
        pages = ask(sdk).pages()
        while (page := self._asked(sdk, lambda _: next(pages, None), change=False)) is not None:
            if not isinstance(page, list) or not all(map(is_object, page)):
                raise self._bad_list("something that is no list")
            if (paths := sdk.connection.paths)[-1] in paths[:-1]:
                raise self._bad_list("the same page again")
            yield list(_unless(given, page))

    def site_pages(self, ask: Callable[[Sdk], Any]) -> Iterator[list[Any]]:
        """As `pages`, of a list that every site has: where there is none, no site answered, and nobody may
        take that for an empty list."""
        try:
            yield from self.pages(ask)
        except NotFound as error:
            message = f"{self.host} has no such list; {error.message}"
            hint = "Check base_url, where the profile gives one."
            raise NoAnswer(message, code=error.code, hint=hint, account=self.account.name) from error

    def _bad_list(self, what: str) -> NoAnswer:
        return NoAnswer(f"{self.host} answered {what}", code="bad_answer", account=self.account.name)

    def every(self, ask: Callable[[Sdk], Any]) -> Iterator[Any]:
        """The items of all `pages`."""
        for page in self.pages(ask):
            yield from page

    def close(self) -> None:
        """End the connections; what is asked from now on is not sent."""
        self._wire.close()

    def _asked(self, sdk: Sdk, ask: Callable[[Sdk], T], *, change: bool) -> T:
        try:
            return ask(sdk)
        except BillctlError:
            raise
        except Exception as error:
            failure = failure_of(error, sdk.connection.last, self.host)
            raise failure.error(change=change, account=self.account.name) from error

    def _sdk(self) -> Sdk:
        place.base(self.account)
        return _client_class()(place.checked_key(self.account), Connection(self._wire))


def _unless(given: set[str], items: list[Any]) -> Iterator[Any]:
    """The `items` that are not `given` yet, by their id; they are from then on."""
    for item in items:
        name = getattr(item, "id", None)
        if name in given:
            continue
        if isinstance(name, str):
            given.add(name)
        yield item


def is_object(found: object) -> bool:
    """Whether something is an object of Recurly's, as the SDK makes them."""
    return isinstance(getattr(found, "object", None), str)


def sdk_module() -> Any:
    """The SDK, imported by whoever needs it first, with its own variables out of its sight."""
    with _import_lock:
        if "recurly" not in sys.modules:
            hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("RECURLY_")}
            try:
                import_module("recurly")
            finally:
                os.environ.update(hidden)
        return sys.modules["recurly"]


@cache
def _client_class() -> Callable[[str, Connection], Sdk]:
    sdk_client: Any = sdk_module().Client

    class OverWire(sdk_client):  # type: ignore[misc]  # the SDK has no types
        """The SDK's client over a connection of ours, instead of one to a host that no option names.

        `BaseClient.__init__` is left out: it would build an HTTPS connection, and read all certificates for
        that. What it leaves behind are the two attributes set here.
        """

        def __init__(self, key: str, connection: Connection) -> None:
            self._BaseClient__api_key = key
            self._BaseClient__conn = connection
            self.connection = connection

    return OverWire
