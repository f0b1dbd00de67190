"""`api_request_key`: the same request under the same key gives the same object, as it is by then.

Shown by the SDK's integration tests: sale, credit, refund, void and both settlements honour it; other
parameters under the key are 915232; 256 characters are too long. The other codes are in the SDK's list. How
long a key is kept (thirty days here, which is documented for Braintree's GraphQL), that a refused request
uses it up (915234), that a request that found nothing to act on does not, and that a request which Braintree
failed before acting does not either, are not verified.
"""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.database import Database
from billctl.sandbox.holds import held

KEPT_SECONDS = 30 * 86_400
LONGEST = 255
DONE, FAILED = 200, 422


class Claim(NamedTuple):
    """A request's hold on its key, or the id of the transaction that was made under it."""

    key: str | None
    transaction: str | None = None


class Keys:
    """The keys of one merchant at one moment."""

    def __init__(self, database: Database, *, live: bool, now: int) -> None:
        self._db = database
        self._live = live
        self._now = now

    def claim(self, key: str | None, endpoint: str, params: Any) -> Claim:
        """Hold `key` for this request, or find what was made under it. Raises `Refused`."""
        if key is None:
            return Claim(None)
        if len(key) > LONGEST:
            raise Refused("transaction", "915230")
        given = json.dumps(params, sort_keys=True)
        with self._db.transaction(write=True):
            self._db.execute("DELETE FROM keys WHERE created<=?", (self._now - KEPT_SECONDS,))
            row = self._db.execute(
                "SELECT endpoint, params, status, body, owner, created FROM keys WHERE live=? AND key=?",
                (self._live, key),
            ).fetchone()
            if row is None or (row[2] is None and not held(row[4], self._now - row[5])):
                self._db.execute(
                    "INSERT OR REPLACE INTO keys VALUES(?, ?, ?, ?, ?, ?, '', NULL, NULL)",
                    (self._live, key, endpoint, given, self._now, os.getpid()),
                )
                return Claim(key)
        return _kept(key, (endpoint, given), row)

    def keep(self, claim: Claim, status: int, transaction: str | None) -> None:
        """Keep what came of the request. Call in the transaction that made it."""
        if claim.key is not None:
            self._db.execute(
                "UPDATE keys SET status=?, body=?, owner=NULL WHERE live=? AND key=?",
                (status, transaction, self._live, claim.key),
            )

    def release(self, claim: Claim) -> None:
        """Forget the hold: nothing ran under it."""
        if claim.key is not None:
            self._db.execute(
                "DELETE FROM keys WHERE live=? AND key=? AND status IS NULL", (self._live, claim.key)
            )


def _kept(key: str, asked: tuple[str, str], row: tuple[Any, ...]) -> Claim:
    endpoint, params, status, transaction = row[:4]
    if (endpoint, params) != asked:
        raise Refused("transaction", "915232")
    if status is None:
        raise Refused("transaction", "915233")
    if status == FAILED:
        raise Refused("transaction", "915234")
    return Claim(key, transaction)
