"""What an author fills in to have a gateway tested, and what the promises' tests are made of.

Everything runs over real sockets on loopback: a sandbox of the gateway, which the author brings, and
servers in front of it that spoil one thing at a time (`billctl.testing.servers`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import ClassVar, NamedTuple, TypeVar
from urllib.parse import urlsplit

from billctl.errors import BillctlError
from billctl.gateway import (
    Account,
    By,
    Capability,
    Found,
    Gateway,
    Query,
    Selection,
    Stamp,
    When,
)
from billctl.models import Charge, Record
from billctl.money import Money
from billctl.parallel import gather
from billctl.testing import servers

T = TypeVar("T")

NOWHERE = "http://127.0.0.1:9"
"""An address for what sends nothing."""

GETTERS = ("customer", "charge", "refund", "subscription", "invoice", "dispute")
LISTS = ("customers", "charges", "refunds", "subscriptions", "invoices", "disputes")
READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

ENDINGS = {When.NOW: Capability.CANCEL_NOW, When.PERIOD_END: Capability.CANCEL_AT_PERIOD_END}
"""When a subscription can end, and the capability that says so."""


def stamp(number: int = 1) -> Stamp:
    """A stamp as billctl makes them; another number, another operation."""
    return Stamp(
        key=f"{number:032x}", operation=f"op_{number:026d}", asked=datetime.now(UTC), reason_code="goodwill"
    )


def failure(call: Callable[[], object]) -> BillctlError:
    """What `call` raises; that it raises an error of billctl's family is part of the contract.

    A search may answer with what failed instead, where it found nobody.
    """
    try:
        result = call()
    except BillctlError as error:
        return error
    if isinstance(result, Found) and result.failures and not result.customers:
        return result.failures[0]
    raise AssertionError(f"nothing was raised; {result!r} came back")


def failures(calls: Mapping[str, Callable[[], object]]) -> dict[str, BillctlError]:
    """What each of `calls` raises; they run at the same time, since most of them wait."""
    errors = gather([partial(failure, call) for call in calls.values()])
    return dict(zip(calls, errors, strict=True))


def of_another_kind(errors: Mapping[str, BillctlError], *wanted: type[BillctlError]) -> dict[str, str]:
    """Those of `errors` that are of no wanted class, by what was called."""
    return {name: repr(error) for name, error in errors.items() if not isinstance(error, wanted)}


def _find(gateway: Gateway, query: Query) -> Found:
    return gateway.find_customers(query)


class Between(NamedTuple):
    """A server in front of the sandbox, at `url`; `upstream` has the sandbox's answers."""

    url: str
    server: servers.LoopbackServer
    upstream: servers.Upstream


class Harness:
    """The attributes and methods that a gateway's own test class fills in, and the tools of the tests."""

    gateway_class: ClassVar[type[Gateway]]
    sdk_modules: ClassVar[tuple[str, ...]]
    """Modules that importing the gateway must not import, its SDK first of all."""
    charge_id: ClassVar[str]
    """A charge on which at least two steps of its currency can be refunded."""
    unknown_charge_id: ClassVar[str]
    """Well-formed, and no charge of the account."""

    # Wanted where the gateway can do something with one: `test_every_promise_has_an_example` names them.

    customer_id: ClassVar[str | None] = None
    refund_id: ClassVar[str | None] = None
    subscription_id: ClassVar[str | None] = None
    """A subscription that is not canceled and has a period left."""
    invoice_id: ClassVar[str | None] = None
    """An invoice that can be e-mailed again, made a PDF of and linked to; no credit invoice."""
    dispute_id: ClassVar[str | None] = None
    voidable_id: ClassVar[str | None] = None
    """A charge that can be voided."""
    lined_id: ClassVar[str | None] = None
    """A charge, nothing of which is refunded, whose invoice has the line `line_id`."""
    line_id: ClassVar[str | None] = None
    terminable_id: ClassVar[str | None] = None
    """A subscription in its period, whose last payment can be given back in full and in part."""
    ending_id: ClassVar[str | None] = None
    """A subscription that is set to end with its period."""
    credit_id: ClassVar[str | None] = None
    """A credit invoice of which nothing is used."""
    unknown_ids: ClassVar[Mapping[str, str]] = {}
    """Kind (`customer`, …) → an id of its form that no object of the account has."""
    searches: ClassVar[Mapping[By, tuple[str, str]]] = {}
    """For each declared way: what to search for, and the id of a customer that it finds."""

    short: ClassVar[float] = 1.0
    """Read timeout, in seconds, against servers that do not answer."""
    closing: ClassVar[float] = 5.0
    """Seconds in which a call that waits ends after its account was closed."""

    # How the gateway's protocol is read, where it is not the usual one.

    harmless: ClassVar[tuple[str, ...]] = ()
    """`METHOD PATH` patterns of requests that change nothing and are no GET: signing in, searching."""
    sdk_settings: ClassVar[Mapping[str, object]] = {}
    """What the adapter sets in the SDK for everybody, because no account can: `module.name` → value."""

    def make_account(
        self, base_url: str, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Account:
        """An account at `base_url`. `key` 1: good credentials; 2: well-formed ones that are refused."""
        raise NotImplementedError

    def base_url(self) -> str:
        """Where a sandbox of the gateway answers; each test gets one whose objects are fresh."""
        raise NotImplementedError

    def rate_limited(self) -> servers.Behaviour:
        """The gateway's way of turning a request away unread."""
        return servers.answer(429, "{}")

    def key_of(self, request: servers.Request) -> str | None:
        """The idempotency key that a request carries, if any."""
        return request.headers.get("idempotency-key")

    def is_change(self, request: servers.Request) -> bool:
        """Whether a request may change something at the gateway."""
        shown = f"{request.method} {urlsplit(request.target).path}"
        return request.method not in READ_METHODS and not any(
            fnmatchcase(shown, pattern) for pattern in self.harmless
        )

    # Tools

    def _gateway(
        self, base_url: str | None = None, *, name: str = "one", read_timeout: float = 30.0, key: int = 1
    ) -> Gateway:
        url = self.base_url() if base_url is None else base_url
        return self.gateway_class(self.make_account(url, name=name, read_timeout=read_timeout, key=key))

    def _can(self, capability: Capability) -> bool:
        return capability in self.gateway_class.capabilities

    def _overrides(self, method: str) -> bool:
        return getattr(self.gateway_class, method) is not getattr(Gateway, method)

    def _charge(self) -> Charge:
        return self._gateway().get_charge(self.charge_id)

    def _step(self, charge: Charge, times: int = 1) -> Money:
        """The smallest amount of the charge's currency, so many times; all of it without partial refunds."""
        if not self._can(Capability.PARTIAL_REFUND):
            return charge.refundable
        currency = charge.amount.currency
        return Money(self._gateway(NOWHERE).amount_step(currency) * times, currency)

    def _example(self, kind: str) -> str:
        example: str | None = getattr(self, f"{kind}_id")
        assert example is not None, f"the test class names no {kind}_id"
        return example

    def _getters(self) -> list[str]:
        """The kinds of object that the gateway shows by their id."""
        return [kind for kind in GETTERS if self._overrides(f"get_{kind}")]

    def _searches(self) -> Iterable[By]:
        return [by for by in By if self._can(by.capability)]

    def _lists(self) -> list[str]:
        """What the gateway declares to list."""
        return [kind for kind in LISTS if self._can(Capability(f"list_{kind}"))]

    def _listed(self, gateway: Gateway, kind: str, selection: Selection) -> list[Record]:
        records: Iterator[Record] = getattr(gateway, f"list_{kind}")(selection)
        return list(records)

    def _reads(self) -> dict[str, Callable[[Gateway], object]]:
        """One read of each sort, by name: an object, a search, a list."""
        found: dict[str, Callable[[Gateway], object]] = {"get_charge": lambda g: g.get_charge(self.charge_id)}
        for by in list(self._searches())[:1]:
            query = Query(by=by, text=self.searches[by][0] if by in self.searches else self.charge_id)
            found[f"find_customers by {by}"] = partial(_find, query=query)
        for kind in self._lists()[:1]:
            found[f"list_{kind}"] = partial(self._listed, kind=kind, selection=Selection(limit=3))
        return found

    def _at(self, server: servers.LoopbackServer) -> str:
        return server.url + urlsplit(self.base_url()).path

    @contextmanager
    def _between(self, spoil: Callable[[servers.Upstream], servers.Behaviour]) -> Iterator[Between]:
        """A server that hands on what reads, and meets what changes with `spoil` of the sandbox."""
        upstream = servers.Upstream(self.base_url())
        behaviour = servers.only(self.is_change, spoil(upstream), upstream.pass_on)
        with servers.LoopbackServer(behaviour) as server:
            yield Between(self._at(server), server, upstream)

    @contextmanager
    def _spoiling(self, behaviour: servers.Behaviour) -> Iterator[Between]:
        """A server that hands on what reads, and meets what changes with `behaviour`."""
        with self._between(lambda _upstream: behaviour) as between:
            yield between

    def _changes_seen(self, between: Between) -> list[servers.Request]:
        return [request for request in between.server.requests if self.is_change(request)]
