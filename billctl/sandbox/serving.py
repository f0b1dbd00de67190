"""What all rehearsal gateways' protocols begin with: a request, the moment, and the fault that it meets."""

import sqlite3
from abc import ABC, abstractmethod
from typing import NamedTuple

from billctl.sandbox.database import Clock, Database
from billctl.sandbox.fault_table import Fault, take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.limits import Turnstile


class Moment(NamedTuple):
    """One request at one moment (`now`, Unix seconds), the fault that it met, if any, and what it is served
    with."""

    request: Request
    database: Database
    now: int
    fault: Fault | None
    pause: Pause
    turnstile: Turnstile


class Protocol(ABC):
    """A gateway, as far as its sandbox goes."""

    def __init__(self, clock: Clock, turnstile: Turnstile) -> None:
        self._clock = clock
        self._turnstile = turnstile

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request. Raises for nothing that a client can send: every failure is the gateway's
        answer to it."""
        try:
            fault = take(database, request.method, request.path)
            now = int(self._clock().timestamp())
            return self.serve(Moment(request, database, now, fault, pause, self._turnstile))
        except sqlite3.OperationalError as error:
            return self.unusable(Moment(request, database, 0, None, pause, self._turnstile), error)

    @abstractmethod
    def serve(self, moment: Moment) -> Answer:
        """The fault first, then the exchange."""

    @abstractmethod
    def unusable(self, moment: Moment, error: sqlite3.OperationalError) -> Answer:
        """What the gateway says when its state cannot be used: locked for long, a full disk, read-only."""


class BaseExchange:
    """A request on its way to its answer."""

    def __init__(self, moment: Moment) -> None:
        self._request = moment.request
        self._db = moment.database
        self._now = moment.now
        self._fault = moment.fault
        self._pause = moment.pause
        self._turnstile = moment.turnstile
