"""Idempotency keys (docs.stripe.com/api/idempotent_requests).

The first answer under a key is kept for 24 hours, 500s included, and replayed to the same request;
another request under the key is refused; a request that fails validation keeps nothing. While a request
runs its key is held, and another use is a 409. The hold ends with the process that holds it.
"""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.database import Database
from billctl.sandbox.holds import held
from billctl.sandbox.stripe.errors import ApiError

KEPT_SECONDS = 86_400


class Claim(NamedTuple):
    """A request's hold on its key, or (`replay`) the answer that is kept under it."""

    key: str | None
    request_id: str = ""
    status: int = 0
    body: str = ""
    replay: bool = False


class Keys:
    """The idempotency keys of one mode at one moment."""

    def __init__(self, database: Database, *, live: bool, now: int) -> None:
        self._db = database
        self._live = live
        self._now = now

    def claim(self, key: str | None, endpoint: str, params: dict[str, Any], request_id: str) -> Claim:
        """Hold `key` for this request, or find its kept answer. Raises Stripe's 400 and 409."""
        if key is None:
            return Claim(None)
        if len(key) > 255:
            raise ApiError(400, "Idempotency key is too long (at most 255 characters).", kept=False)
        given = json.dumps(params, sort_keys=True)
        with self._db.transaction(write=True):
            self._db.execute("DELETE FROM keys WHERE created<=?", (self._now - KEPT_SECONDS,))
            row = self._db.execute(
                "SELECT endpoint, params, request, status, body, owner, created FROM keys "
                "WHERE live=? AND key=?",
                (self._live, key),
            ).fetchone()
            if row is None or (row[3] is None and not held(row[5], self._now - row[6])):
                self._db.execute(
                    "INSERT OR REPLACE INTO keys VALUES(?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                    (self._live, key, endpoint, given, self._now, os.getpid(), request_id),
                )
                return Claim(key, request_id)
        return _kept(key, endpoint, given, row)

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


def _kept(key: str, endpoint: str, given: str, row: tuple[Any, ...]) -> Claim:
    if row[0] != endpoint:
        raise _other(key, "for the same endpoint")
    if row[1] != given:
        raise _other(key, "with the same parameters")
    if row[3] is None:
        raise in_use(key)
    return Claim(key, row[2], row[3], row[4], replay=True)


def in_use(key: str) -> ApiError:
    """Stripe's 409: the first request under this key is still running."""
    return ApiError(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means "
        f"you submitted twice, and the other request is still going through): {key}",
        kind="idempotency_error",
        code="idempotency_key_in_use",
        kept=False,
        headers={"Stripe-Should-Retry": "true"},
    )


def _other(key: str, how: str) -> ApiError:
    return ApiError(
        400,
        f"Keys for idempotent requests can only be used {how} they were first used with. Try using a key "
        f"other than '{key}' if you meant to execute a different request.",
        kind="idempotency_error",
        kept=False,
    )
