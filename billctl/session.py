"""One run: its profile, its accounts as they are opened, the audit log, the clock, the operator.

Nothing is opened before it is needed. A session is used from several threads during a lookup, and
closed once.
"""

import os
import secrets as randomness
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from billctl import profiles, registry
from billctl.audit.actor import Actor, current_actor
from billctl.audit.log import AuditLog, new_operation_id
from billctl.credentials import Finder
from billctl.errors import AuthFailed, ConfigError, NoAnswer, NotFound, UsageError
from billctl.frozen import frozen, replace
from billctl.gateway import Account, Gateway, Identity, Pace, Secret
from billctl.parallel import Job
from billctl.paths import ensure_private_dir, state_dir
from billctl.profiles import AccountConfig, Profile
from billctl.profiles.policy import Policy
from billctl.store.interface import Store

if TYPE_CHECKING:
    from billctl.sandbox.server import Sandbox

STORE = "audit.sqlite"
CLOSING = 0.3
"""Seconds an account's gateway may take to end its connections before it is left to itself."""

Clock = Callable[[], datetime]
Pacing = Callable[[Account, type[Gateway]], Pace]


def utc_now() -> datetime:
    """The present, aware UTC."""
    return datetime.now(UTC)


@frozen
class Opened:
    """An account whose credentials have been asked who they are, and answered as the profile says.

    `place` names what they open for the keys of operations: the same on every host, another one in test
    mode than live, and for each new state of the sandbox.
    """

    account: Account
    gateway: Gateway
    identity: Identity
    live: bool
    place: str

    def object(self, object_id: str) -> str:
        """An object's name in the audit log, the same on every host; see `store.interface.Operation`."""
        return "|".join((self.account.gateway, self.place, object_id))


class Session:
    """One run of billctl under one profile. A context manager; `close` ends everything it started."""

    def __init__(
        self,
        profile: Profile,
        *,
        env: Mapping[str, str],
        argv: Sequence[str] = (),
        clock: Clock = utc_now,
        random_bytes: Callable[[int], bytes] = randomness.token_bytes,
    ) -> None:
        self.profile = profile
        self.env = env
        self.argv = tuple(argv)
        self.clock = clock
        self.random_bytes = random_bytes
        self.sending: str | None = None
        """The operation or batch that was last begun to be sent."""
        self.pacing: Pacing | None = None
        """Gives each account its pace as it is opened; None: no request waits."""
        self._writing: dict[str, Any] = {"source": "cli", "argv": self.argv}
        self._stack = ExitStack()
        self._lock = threading.RLock()
        self._gateways: dict[str, Gateway] = {}
        self._opened: dict[str, Opened] = {}
        self._openings: dict[str, threading.Lock] = {}
        self._left: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every account's connections, close the store, take the sandbox down."""
        self.leave(self.profile.accounts)
        self._stack.close()

    def leave(self, accounts: Iterable[str]) -> None:
        """End the connections of `accounts`: calls that threads still wait in end with an error.

        Each is closed once. Returns within `CLOSING` seconds, whatever a gateway's `close` does: nothing
        is asked of it any more, so nothing depends on how that ends.
        """
        with self._lock:
            leaving = [name for name in accounts if name not in self._left]
            self._left.update(leaving)
            gateways = [self._gateways[name] for name in leaving if name in self._gateways]
        until = time.monotonic() + CLOSING
        for closing in [Job(gateway.close) for gateway in gateways]:
            with suppress(Exception):
                closing.result(max(0.0, until - time.monotonic()))

    # Accounts

    def gateway_of(self, account: str) -> str:
        """The gateway's name of an account of this profile."""
        return self._config(account).gateway

    def account_for(self, gateway: str, account: str | None) -> str:
        """The account a gateway's command works on: the named one, else the profile's only one.

        Raises `UsageError` listing the names where there is none or more than one.
        """
        names = [name for name, config in self.profile.accounts.items() if config.gateway == gateway]
        if account is not None:
            if account not in names:
                known = f"Its {gateway} accounts: {', '.join(names)}." if names else ""
                raise UsageError(
                    f"profile {self.profile.name} has no {gateway} account called {account[:60]!r}",
                    code="no_such_account",
                    hint=known,
                )
            return account
        if not names:
            raise UsageError(
                f"profile {self.profile.name} has no {gateway} account",
                code="no_such_account",
                hint=f"Its accounts: {', '.join(self.profile.accounts) or 'none'}.",
            )
        if len(names) > 1:
            raise UsageError(
                f"profile {self.profile.name} has several {gateway} accounts",
                code="which_account",
                hint=f"Choose one: --account {' | '.join(names)}.",
            )
        return names[0]

    def kind(self, account: str) -> type[Gateway]:
        """The class of an account's gateway. Raises `UsageError` or `ConfigError` where there is none."""
        return registry.load(self._entries[self._config(account).gateway])

    def gateway(self, account: str) -> Gateway:
        """The gateway object of an account, with its credentials; the same one every time.

        Raises `ConfigError` and `AuthFailed` for a plugin or credentials that cannot be used.
        """
        with self._lock:
            opening = self._openings.setdefault(account, threading.Lock())
        with opening:  # finding a secret may take seconds: the other accounts do not wait for it
            if account not in self._gateways:
                kind = self.kind(account)
                found = self._account(self._config(account), kind)
                if self.pacing:
                    found = replace(found, pace=self.pacing(found, kind))
                self._gateways[account] = kind(found)
            return self._gateways[account]

    def open(self, account: str) -> Opened:
        """The account after its credentials said who they are.

        Raises `ConfigError` when they are not what the profile says: another account, or live where
        the profile says test and the other way round. A key too restricted to say who it is passes
        in test mode only.
        """
        with self._lock:
            known = self._opened.get(account)
        if known:
            return known
        gateway = self.gateway(account)
        opened = self._checked(gateway, _identity(gateway))
        with self._lock:
            return self._opened.setdefault(account, opened)

    def opened(self) -> list[Opened]:
        """The accounts opened so far."""
        with self._lock:
            return list(self._opened.values())

    def opening(self, account: str) -> Callable[[], Opened]:
        """Start `open` beside what is done next; the returned function waits and answers as `open` does."""
        with self._lock:
            if known := self._opened.get(account):
                return lambda: known
        self.prepare()
        return in_background(lambda: self.open(account))

    def _checked(self, gateway: Gateway, identity: Identity) -> Opened:
        account, live = gateway.account, self.profile.live
        place = f"profile {self.profile.name}"
        if identity.live is not None and identity.live != live:
            raise ConfigError(
                f"{place} is for {_mode(live)}, {account.name}'s credentials are {_mode(identity.live)} ones",
                code="wrong_mode",
                hint="Use the other profile, or other credentials.",
                account=account.name,
            )
        if account.account_id and identity.id and identity.id != account.account_id:
            raise ConfigError(
                f"{place} names {account.account_id}, {account.name}'s credentials answer to {identity.id}",
                code="wrong_account",
                hint="Use the credentials of that account, or correct account_id.",
                account=account.name,
            )
        if live and identity.id is None:
            raise AuthFailed(
                f"{account.name}'s credentials may not say which account they open, which live mode demands",
                code="unknown_account",
                hint="Give the key permission to read its own account.",
                account=account.name,
            )
        return Opened(
            account=account,
            gateway=gateway,
            identity=identity,
            live=live,
            place=self._place(account, identity),
        )

    def _place(self, account: Account, identity: Identity) -> str:
        # Where the credentials cannot say whom they open, the profile does.
        who = identity.id or account.account_id or account.name
        if self.profile.sandbox:
            from billctl.sandbox.state import generation

            return f"{who}/sandbox-{generation(self.state_dir, account.gateway)}"
        return who if self.profile.live else f"{who}/test"

    def _config(self, account: str) -> AccountConfig:
        try:
            return self.profile.accounts[account]
        except KeyError:
            raise UsageError(
                f"profile {self.profile.name} has no account called {account[:60]!r}",
                code="no_such_account",
                hint=f"Its accounts: {', '.join(self.profile.accounts) or 'none'}.",
            ) from None

    def _account(self, config: AccountConfig, kind: type[Gateway]) -> Account:
        secrets: dict[str, Secret] = {}
        for setting in kind.settings:
            if setting.secret:
                try:
                    secrets[setting.name] = self.credentials.find(config.name, setting.name).value
                except AuthFailed as missing:
                    if setting.required or missing.code != "no_credentials":
                        raise
        return Account(
            name=config.name,
            gateway=config.gateway,
            live=self.profile.live,
            settings=self._settings(config),
            secrets=secrets,
            account_id=config.account_id,
            base_url=self._sandbox_url(config.gateway) if self.profile.sandbox else config.base_url,
            address="sandbox" if self.profile.sandbox else None,
            timeouts=self.profile.timeouts,
            state_dir=self._kept(config.gateway),
        )

    def _kept(self, gateway: str) -> Path:
        """Where a gateway keeps what it keeps; the sandbox's is wiped with the sandbox."""
        if not self.profile.sandbox:
            return self.state_dir / "gateways" / gateway
        from billctl.sandbox.state import kept_dir

        return kept_dir(self.state_dir) / gateway

    def _settings(self, config: AccountConfig) -> Mapping[str, str]:
        if not self.profile.sandbox:
            return config.settings
        from billctl.sandbox import SETTINGS

        return {**SETTINGS.get(config.gateway, {}), **config.settings}

    def prepare(self) -> None:
        """Bring up what the session's threads share; its own thread does that, as it takes it down too."""
        if self.profile.sandbox:
            _ = self._sandbox

    def _sandbox_url(self, gateway: str) -> str:
        return self._sandbox.url(gateway)

    @cached_property
    def _sandbox(self) -> "Sandbox":
        from billctl.sandbox.server import Sandbox

        used = {config.gateway for config in self.profile.accounts.values()}
        return self._stack.enter_context(Sandbox(self.state_dir, gateways=used))

    @cached_property
    def credentials(self) -> Finder:
        """Looks for this profile's secrets."""
        return Finder(self.profile, self.env)

    @cached_property
    def _entries(self) -> Mapping[str, registry.Entry]:
        return registry.installed(state_dir(self.env))

    # The record

    @cached_property
    def state_dir(self) -> Path:
        """The state directory, made private and created where missing."""
        return ensure_private_dir(state_dir(self.env))

    @cached_property
    def store(self) -> Store:
        """The store of records and operations."""
        from billctl.store.sqlite import open_store

        store = open_store(self.state_dir / STORE)
        self._stack.callback(store.close)
        return store

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that every action must keep. Raises `ConfigError`: see `profiles.central`."""
        from billctl.profiles.central import policies_of

        return policies_of(self.profile)

    @cached_property
    def actor(self) -> Actor:
        """Who runs this."""
        return current_actor(self.env)

    @cached_property
    def log(self) -> AuditLog:
        """The audit log, written as this run's operator."""
        return AuditLog(
            self.store,
            actor=self.actor,
            profile=self.profile.name,
            mode=str(self.profile.mode),
            clock=self.clock,
            randbytes=self.random_bytes,
            **self._writing,
        )

    def write_as(self, source: str, **fields: str) -> None:
        """From now on the log's records name `source` as what wrote them, and carry `fields`."""
        self._writing |= {"source": source, "more": fields}
        self.__dict__.pop("log", None)

    def new_operation_id(self) -> str:
        """`op_` and 26 characters, in order of time."""
        return new_operation_id(self.clock, self.random_bytes)


T = TypeVar("T")


def in_background(work: Callable[[], T]) -> Callable[[], T]:
    """Start `work` in a thread; the returned function waits for it and returns or raises what it did."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001  # handed to the waiting thread
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> T:
        thread.join()
        if failed:
            raise failed[0]
        return done[0]

    return wait


def open_session(option: str | None, *, env: Mapping[str, str] = os.environ) -> Session:
    """The session of the profile chosen by option, environment or default.

    Raises `ConfigError` when none is chosen or its file has faults.
    """
    name = profiles.chosen_profile(option, env)
    if name is None:
        raise profiles.no_profile_error(env)
    profile = profiles.load_profile(name, env=env, gateways=installed_gateways(env))
    return Session(profile, env=env, argv=sys.argv[1:])


def installed_gateways(env: Mapping[str, str]) -> profiles.Gateways:
    """What a profile's checks must know of the installed gateways; an adapter is imported when named."""
    entries = registry.installed(state_dir(env))
    return profiles.Gateways(
        settings_of=lambda name: registry.settings_of(entries, name),
        names=tuple(entries),
        tells_account=lambda name: registry.tells_account(entries, name),
        settings_faults=lambda name, settings, live: registry.settings_faults(
            entries, name, settings, live=live
        ),
    )


def _identity(gateway: Gateway) -> Identity:
    """Who the credentials are. That there is no such thing to ask is no answer: it says nothing of the object
    that a command is about, of which `NotFound` would be told."""
    try:
        return gateway.check()
    except NotFound as error:
        raise NoAnswer(
            f"{gateway.account.name} could not say whose its credentials are: {error.message}",
            code=error.code,
            hint="Check the account's settings in the profile, and its base_url if it has one.",
            account=gateway.account.name,
        ) from error


def _mode(live: bool) -> str:
    return "live" if live else "test"
