"""How many requests a rehearsal gateway takes, and how long it thinks about each: what its server is told.

A token bucket for each endpoint and one for all of them together, in the memory of the server, whatever
connections the requests come on. What is turned away gets the gateway's own 429.
"""

import time
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

BURST_SECONDS = 0.2
"""What a bucket holds: the requests of so long, one at least. What gateways tolerate is not published."""


class Load(NamedTuple):
    """Requests a second at one endpoint and at all together (None: any number); seconds before an answer."""

    endpoint: float | None = None
    in_all: float | None = None
    latency: float = 0.0


class Turnstile:
    """Lets as many requests in as `load` says. Shared by all threads of a server."""

    def __init__(self, load: Load, *, now: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._now = now
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, endpoint: str) -> bool:
        """Whether this request is one of those; one that is not takes no other's place."""
        rates = {f"at {endpoint}": self._load.endpoint, "in all": self._load.in_all}
        limits = {name: rate for name, rate in rates.items() if rate is not None}
        with self._lock:
            now = self._now()
            tokens = {name: self._tokens(name, rate, now) for name, rate in limits.items()}
            admitted = all(left >= 1 for left in tokens.values())
            for name, left in tokens.items():
                self._buckets[name] = (left - 1 if admitted else left, now)
        return admitted

    def _tokens(self, name: str, rate: float, now: float) -> float:
        most = max(rate * BURST_SECONDS, 1.0)
        left, at = self._buckets.get(name, (most, now))
        return min(left + (now - at) * rate, most)
