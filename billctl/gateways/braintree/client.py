"""The SDK, tamed: a gateway object of its own for every call, over one shared wire.

An own object, because a dispute search keeps its criteria on the object it was asked of: two searches at
once would mix. It costs microseconds. Nothing of the SDK is set globally.
"""

import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from threading import Lock
from types import ModuleType
from typing import Any, TypeVar

from billctl.errors import BillctlError, NoAnswer, NotFound, OutcomeUnknown
from billctl.gateway import Account
from billctl.gateways.braintree import place
from billctl.gateways.braintree.errors import failure_of
from billctl.gateways.braintree.refusals import refusal
from billctl.gateways.braintree.wire import Strategy, Wire

T = TypeVar("T")
Sdk = Any
"""A `braintree.BraintreeGateway`; the package has no types."""

PAGE = 50
"""What Braintree puts on a page of a search (`page-size` of its first answer)."""

MOST_FOUND = {"transaction": 20_000}
MOST_FOUND_ELSE = 10_000
"""A search answers so many ids at most (Braintree's reference, "Search results"), the newest."""

_import_lock = Lock()


class Client:
    """Braintree's API for one account. Opens nothing until it is asked; safe in many threads."""

    def __init__(
        self,
        account: Account,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.account = account
        self.host = place.host_of(account)
        self._wire = Wire(account, sleep=sleep, clock=clock)
        self._lock = Lock()
        self._currencies: dict[str, str] | None = None

    def read(self, ask: Callable[[Sdk], T]) -> T:
        """The list that `ask` gets from the SDK. It changes nothing. Raises the errors of a read; that there
        is no list is one of them, as nobody's is empty."""
        try:
            return self.find(ask)
        except NotFound as error:
            raise NoAnswer(
                f"{self.host} does not know this merchant, or what was asked of it",
                code="bad_answer",
                hint="Check merchant_id, and base_url where the profile has one.",
                account=self.account.name,
            ) from error

    def find(self, ask: Callable[[Sdk], T]) -> T:
        """The object that `ask` gets from the SDK. It changes nothing. Raises `NotFound` and the errors of a
        read."""
        self._wire.begin()
        try:
            return ask(self._sdk())
        except BillctlError:
            raise
        except Exception as error:
            failure = failure_of(error, self._wire.last, self.host)
            raise failure.error(change=False, account=self.account.name) from error

    def change(self, ask: Callable[[Sdk], Any]) -> Any:
        """The successful result of the change that `ask` makes, sent once. Raises the errors of a change."""
        self._wire.begin()
        account = self.account.name
        try:
            result = ask(self._sdk())
        except BillctlError:
            raise
        except Exception as error:
            failure = failure_of(error, self._wire.last, self.host)
            raise failure.error(change=True, account=account) from error
        last = self._wire.last
        success = getattr(result, "is_success", None)
        if success is False:
            raise refusal(result, last, account=account)
        if success is not True or last is None or last.status == 422:
            message = f"{self.host} answered something that is no result"
            raise OutcomeUnknown(message, code="bad_answer", account=account)
        return result

    def search(self, kind: str, criteria: Callable[[ModuleType], Sequence[Any]]) -> "Hits":
        """What a search of `transaction`, `customer` or `subscription` finds.

        `criteria` makes the SDK's search terms, given the SDK; at least one.
        """

        def ids(sdk: Sdk) -> Hits:
            found = getattr(sdk, kind).search(list(criteria(sdk_module())))
            if not isinstance(found.ids, list):
                raise TypeError("its ids are no list")
            return Hits(self, found, MOST_FOUND.get(kind, MOST_FOUND_ELSE))

        return self.read(ids)

    def in_parts(self, items: Iterator[T]) -> Iterator[T]:
        """`items`, which the SDK fetches as they are asked for, with the errors of a read."""
        while part := self.read(lambda _: list(islice(items, PAGE))):
            yield from part

    def currency_of(self, merchant_account_id: str | None) -> str | None:
        """The currency of one of the merchant's accounts, asked for once; None for an unknown account."""
        with self._lock:
            currencies = self._currencies
            if currencies is None:
                currencies = self.currencies()
        return currencies.get(merchant_account_id or "")

    def currencies(self) -> dict[str, str]:
        """The merchant's accounts at Braintree with their currencies: the cheapest read there is."""
        self._currencies = self.read(_currencies)
        return self._currencies

    def close(self) -> None:
        """End the connections; what is asked from now on is not sent."""
        self._wire.close()

    def _sdk(self) -> Sdk:
        merchant_id, public_key = place.checked_settings(self.account)
        private_key = place.checked_private_key(self.account)
        braintree = sdk_module()
        return braintree.BraintreeGateway(
            braintree.Configuration(
                environment=place.environment(self.account),
                merchant_id=merchant_id,
                public_key=public_key,
                private_key=private_key,
                timeout=self.account.timeouts.read,
                wrap_http_exceptions=True,
                http_strategy=lambda _, environment: Strategy(self._wire, environment.ssl_certificate),
            )
        )


class Hits:
    """What a search found: the ids of all, newest first, and the objects, fetched as they are asked for."""

    def __init__(self, client: Client, collection: Any, most: int) -> None:
        self.ids: list[str] = collection.ids
        self.capped = len(self.ids) >= most
        self._client = client
        self._collection = collection

    def items(self) -> Iterator[Any]:
        """The SDK's objects, newest first; one that was deleted meanwhile is skipped."""
        return self._client.in_parts(self._collection.items)


def sdk_module() -> Any:
    """The SDK, imported by whoever needs it first. Its own import uses what it has deprecated."""
    with _import_lock:
        if "braintree" not in sys.modules:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                import_module("braintree")
        return sys.modules["braintree"]


def _currencies(sdk: Sdk) -> dict[str, str]:
    return {found.id: found.currency_iso_code for found in sdk.merchant_account.all().merchant_accounts.items}
