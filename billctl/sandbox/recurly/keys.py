"""The Idempotency-Key header, which no document of Recurly's describes.

What is known is the Ruby client's comment that a request with a key "will return the prior response"
(github.com/recurly/recurly-client-ruby, `lib/recurly/client.rb`), said where it explains that only a GET is
repeated after a 500. So here the first answer under a key is kept, 500s included, and given again to every
request of the same method and path. Not verified: how long a key is kept (here 24 hours), what another
body under it gets (here the prior answer: an adapter must not count on a refusal), and what a repetition
gets while the first request runs (here a simultaneous_request).
"""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.database import Database
from billctl.sandbox.holds import held
from billctl.sandbox.recurly.errors import bad_request, simultaneous

KEPT_SECONDS = 86_400
LONGEST = 255
"""Characters. Not verified."""


class Claim(NamedTuple):
    """A request's hold on its key, or (`replay`) the answer that is kept under it."""

    key: str | None
    status: int = 0
    body: str = ""
    replay: bool = False


class Keys:
    """The idempotency keys of one site at one moment, for one method and path (`endpoint`)."""

    def __init__(self, database: Database, *, live: bool, now: int, endpoint: str) -> None:
        self._db = database
        self._live = live
        self._now = now
        self._endpoint = endpoint

    def claim(self, given: str | None, request_id: str) -> Claim:
        """Hold `given` for this request, or find its kept answer. Raises `simultaneous_request`."""
        if given is None:
            return Claim(None)
        if not 1 <= len(given) <= LONGEST:
            raise bad_request("The Idempotency-Key is not valid.")
        key = f"{self._endpoint} {given}"
        with self._db.transaction(write=True):
            self._db.execute("DELETE FROM keys WHERE created<=?", (self._now - KEPT_SECONDS,))
            row = self._db.execute(
                "SELECT status, body, owner, created FROM keys WHERE live=? AND key=?", (self._live, key)
            ).fetchone()
            if row is None or (row[0] is None and not held(row[2], self._now - row[3])):
                self._db.execute(
                    "INSERT OR REPLACE INTO keys VALUES(?, ?, ?, '', ?, ?, ?, NULL, NULL)",
                    (self._live, key, self._endpoint, self._now, os.getpid(), request_id),
                )
                return Claim(key)
        if row[0] is None:
            raise simultaneous()
        return Claim(key, row[0], row[1], replay=True)

    def keep(self, claim: Claim, status: int, body: dict[str, Any]) -> None:
        """Keep the answer. Call in the transaction that made it."""
        if claim.key is not None:
            self._db.execute(
                "UPDATE keys SET status=?, body=?, owner=NULL WHERE live=? AND key=?",
                (status, json.dumps(body, ensure_ascii=False), self._live, claim.key),
            )

    def release(self, claim: Claim) -> None:
        """Forget the hold: nothing ran under it."""
        if claim.key is not None:
            self._db.execute(
                "DELETE FROM keys WHERE live=? AND key=? AND status IS NULL", (self._live, claim.key)
            )
