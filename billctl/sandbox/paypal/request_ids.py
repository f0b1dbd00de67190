"""PayPal-Request-Id, where an operation takes one (developer.paypal.com/reference/guidelines/idempotency).

A repetition gets the latest state of what the first request made, not its first answer. A request that was
refused, or failed with 500 before it acted, leaves nothing behind: the id may be used again. While the
first request runs, another is 409 PREVIOUS_REQUEST_IN_PROGRESS. An id counts for one operation on one object;
bodies are not compared (neither is verified).
"""

import os
from typing import NamedTuple

from billctl.sandbox.database import Database
from billctl.sandbox.holds import held
from billctl.sandbox.paypal.errors import in_progress, invalid

LONGEST = 108
"""Characters, by the OpenAPI file of Payments v2; other files allow fewer or do not say."""


class Claim(NamedTuple):
    """A request's hold on its id, or (`made`) the id of what an earlier one made."""

    key: str | None
    made: str | None = None


class RequestIds:
    """The request ids of one mode at one moment, for one operation on one object (`endpoint`)."""

    def __init__(self, database: Database, *, live: bool, now: int, endpoint: str) -> None:
        self._db = database
        self._live = live
        self._now = now
        self._endpoint = endpoint

    def claim(self, given: str | None, kept: int) -> Claim:
        """Hold `given` for this request, or find what was made under it. Raises PayPal's 400 and 409."""
        if given is None:
            return Claim(None)
        if not 1 <= len(given) <= LONGEST:
            raise invalid("INVALID_STRING_LENGTH", field="PayPal-Request-Id", location="header")
        key = f"{self._endpoint} {given}"
        with self._db.transaction(write=True):
            row = self._db.execute(
                "SELECT created, owner, status, body FROM keys WHERE live=? AND key=?", (self._live, key)
            ).fetchone()
            if row is None or self._now - row[0] >= kept or (row[2] is None and not self._held(row)):
                self._db.execute(
                    "INSERT OR REPLACE INTO keys VALUES(?, ?, ?, '', ?, ?, '', NULL, NULL)",
                    (self._live, key, self._endpoint, self._now, os.getpid()),
                )
                return Claim(key)
        if row[2] is None:
            raise in_progress()
        return Claim(key, row[3])

    def _held(self, row: tuple[int, int, None, None]) -> bool:
        return held(row[1], self._now - row[0])

    def keep(self, claim: Claim, made: str) -> None:
        """Remember what was made. Call in the transaction that made it."""
        if claim.key is not None:
            self._db.execute(
                "UPDATE keys SET status=200, body=?, owner=NULL WHERE live=? AND key=?",
                (made, self._live, claim.key),
            )

    def release(self, claim: Claim) -> None:
        """Forget the hold: nothing was made under it."""
        if claim.key is not None:
            self._db.execute(
                "DELETE FROM keys WHERE live=? AND key=? AND status IS NULL", (self._live, claim.key)
            )
