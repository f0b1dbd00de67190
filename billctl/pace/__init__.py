"""Spreading requests over time: what an account's gateway takes, kept by all processes of a machine together.

Requests leave evenly spaced, without bursts, at the rate that the gateway publishes (`Gateway.rate_limits`),
or at one that was asked for. A 429 holds all of them back and slows them down for a while. `rule` is the
arithmetic, `shared` the state on disk.
"""

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from math import inf
from pathlib import Path

from billctl.gateway import Account, Gateway, Pace, RateLimit
from billctl.pace import rule
from billctl.pace.shared import Shared

OWN_DEFAULT = RateLimit(in_all=10.0)
"""For a gateway that publishes no limit (PayPal, Braintree, most plugins): billctl's own caution, no fact of
theirs."""

LONGEST_SLEEP = 1.0
"""Seconds after which a waiting request looks again: the clock may have been set meanwhile."""

LOOK = 0.05
"""Seconds between the looks of a run without a limit: only a 429 that another run met can hold it up."""

FOLDER = "pace"


class Paces:
    """The paces of a run's accounts.

    `rate`: requests a second at each endpoint, in place of what the gateway publishes; `math.inf`: as fast
    as it answers, until it turns one away; None: what it publishes, else `OWN_DEFAULT`. `now` is the wall
    clock in seconds since 1970, which processes share.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        rate: float | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if rate is not None and not rate > 0:
            raise ValueError(f"a rate is more than nothing, not {rate}")
        self._folder = state_dir / FOLDER
        self._rate = rate
        self._now = now
        self._sleep = sleep

    def of(self, account: Account, kind: type[Gateway]) -> Pace:
        """The pace of one account (`Session.pacing`). Opens nothing."""
        return AccountPace(
            limit_of(kind, live=account.live, rate=self._rate),
            Shared(self._folder / file_name(account)),
            now=self._now,
            sleep=self._sleep,
        )


class AccountPace:
    """One account's pace; see `billctl.gateway.Pace`. Safe in many threads; never raises."""

    def __init__(
        self,
        limit: RateLimit,
        shared: Shared,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = limit
        self._shared = shared
        self._now = now
        self._sleep = sleep
        self._gates: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._unlimited = limit.endpoint is None and limit.in_all is None
        self._looked = -inf

    def wait(self, endpoint: str) -> None:
        """Return when a request to `endpoint` may leave."""
        if self._unlimited and 0 <= self._now() - self._looked < LOOK:
            return
        with self._gates[endpoint if self.limit.endpoint else ""]:  # of a queue only its first looks
            while (left := self._admit(endpoint)) > 0:
                self._sleep(min(left, LONGEST_SLEEP))

    def turned_away(self, endpoint: str, seconds: float | None) -> None:
        """Hold every request of the account back for `seconds`, or a while, and slow all of them down.

        Which of its limits the gateway meant, it does not say.
        """
        del endpoint
        with self._shared.state() as state:
            rule.turn_away(state, self._now(), seconds)
        self._looked = -inf

    def held(self) -> float:
        """The seconds for which nobody may send, because a request was turned away; 0 where anybody may."""
        with self._shared.state() as state:
            return rule.held(state, self._now())

    def _admit(self, endpoint: str) -> float:
        with self._shared.state() as state:
            left = rule.admit(state, self._now(), endpoint, self.limit)
        if left <= 0:
            self._looked = self._now()
        return left


def limit_of(kind: type[Gateway], *, live: bool, rate: float | None) -> RateLimit:
    """What one account at a gateway of this kind is asked at most."""
    if rate is not None:
        return RateLimit() if rate == inf else RateLimit(endpoint=rate)
    published = kind.rate_limits.get(live)
    if published is None or (published.in_all is None and published.endpoint is None):
        return OWN_DEFAULT
    return published


def file_name(account: Account) -> str:
    """The name of an account's shared state: the same for the same login in every profile.

    A digest: whose account it is may be known by its credentials alone, and these are not to be read there.
    """
    whose = (
        [account.account_id]
        if account.account_id
        else [*sorted(account.settings.items()), *sorted((n, str(s)) for n, s in account.secrets.items())]
    )
    address = account.address or account.base_url or ""
    named = repr((account.gateway, account.live, address, whose))
    return hashlib.sha256(named.encode("utf-8", "surrogatepass")).hexdigest()[:32]
