"""One request on its way to its answer: who asks, whether the same was asked before, what is written."""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.database import Objects
from billctl.sandbox.http import Answer
from billctl.sandbox.recurly import spoil
from billctl.sandbox.recurly.access import authenticate, check_version
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply
from billctl.sandbox.recurly.errors import VERSION, ApiError, no_route, too_many
from billctl.sandbox.recurly.incoming import body_of, query_of
from billctl.sandbox.recurly.keys import Claim, Keys
from billctl.sandbox.recurly.routes import route
from billctl.sandbox.recurly.settle import settle
from billctl.sandbox.recurly.times import http_date
from billctl.sandbox.serving import BaseExchange, Moment

READS = ("GET", "HEAD")
JSON = "application/json; charset=utf-8"
WINDOW_SECONDS = 300
SOON_SECONDS = 1
"""After a 429. How long it is at Recurly depends on the five minutes before."""
LIMITS = {False: 2000, True: 5000}
"""Requests in the window of a site that is not, and one that is, in production (400 and 1,000 a minute)."""


class Target(NamedTuple):
    """What a request is for, once it is known to be allowed."""

    live: bool
    endpoint: Endpoint
    ids: tuple[str, ...]
    settings: dict[str, int]
    body: dict[str, Any]
    query: dict[str, Any]
    given_query: dict[str, str]


class Exchange(BaseExchange):
    """One request, from who asks to what is answered."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self._id = os.urandom(8).hex()
        self._live = False

    def run(self) -> Answer:
        """Recurly's answer."""
        try:
            target = self._target()
            self._catch_up(target)
            if self._request.method in READS:
                return self._answer(self._read(target))
            return self._change(target)
        except ApiError as error:
            return self.refusal(error)

    def refusal(self, error: ApiError) -> Answer:
        """The answer that an error is; a 429 says that nothing is left, and until when."""
        more = dict(error.headers)
        if error.status == 429:
            reset = self._now + int(more.get("Retry-After", SOON_SECONDS))
            more |= {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
        return self._answer(Reply(error.status, error.body), more)

    def _answer(self, reply: Reply | Page, more: dict[str, str] | None = None) -> Answer:
        headers = self._headers() | (more or {})
        if isinstance(reply, Page):
            if self._request.method == "HEAD":
                return Answer(200, b"", headers | {"Recurly-Total-Records": str(reply.total())})
            reply = Reply(200, _listed(reply))
        if isinstance(reply.body, bytes):
            return Answer(reply.status, reply.body, headers | {"Content-Type": "application/pdf"})
        text = b"" if self._request.method == "HEAD" else json.dumps(reply.body, ensure_ascii=False).encode()
        return Answer(reply.status, text, headers | {"Content-Type": JSON})

    def _headers(self) -> dict[str, str]:
        limit = LIMITS[self._live]
        return {
            "Server": "billctl-sandbox",
            "Date": http_date(self._now),
            "X-Request-Id": self._id,
            "Recurly-Version": f"recurly.{VERSION}",
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - 1),
            "X-RateLimit-Reset": str(self._now + WINDOW_SECONDS),
        }

    def _target(self) -> Target:
        request = self._request
        self._live = live = authenticate(request)
        check_version(request)
        endpoint, ids = route(request.method, request.path)
        if request.method in READS and request.body:
            raise no_route()  # what Recurly does with a body there is not verified
        query, given = query_of(request, endpoint)
        return Target(live, endpoint, ids, self._db.settings(), body_of(request, endpoint), query, given)

    def _catch_up(self, target: Target) -> None:
        """What happens by itself: requests are counted, the live shop appears, due objects change."""
        if not self._turnstile.admits(f"{target.endpoint.method} {target.endpoint.path}"):
            raise too_many()
        unseeded = target.live and "seeded_1" not in target.settings and "empty" not in target.settings
        objects = Objects(self._db, live=target.live)
        if not unseeded and not objects.due(self._now):
            return
        with self._db.transaction(write=True):
            if unseeded and "seeded_1" not in self._db.settings():
                from billctl.sandbox.recurly.seed import seed

                seed(self._db, live=True, now=self._now)
            settle(objects, self._now)

    def _read(self, target: Target) -> Reply | Page:
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault, self._request.path)
        with self._db.transaction(write=False):
            reply = target.endpoint.run(self._call(target))
        spoil.fail(self._fault)
        return reply

    def _change(self, target: Target) -> Answer:
        endpoint = f"{self._request.method} {self._request.path}"
        keys = Keys(self._db, live=target.live, now=self._now, endpoint=endpoint)
        claim = keys.claim(self._request.headers.get("idempotency-key"), self._id)
        if claim.replay:
            return Answer(claim.status, claim.body.encode(), self._headers() | {"Content-Type": JSON})
        try:
            spoil.delay(self._fault, self._pause)
            with self._db.transaction(write=True):
                return self._act(target, keys, claim)
        except BaseException:
            keys.release(claim)
            raise

    def _act(self, target: Target, keys: Keys, claim: Claim) -> Answer:
        """Run a change inside the open transaction; what it wrote is undone when it is refused."""
        self._db.execute("SAVEPOINT act")
        try:
            spoil.refuse(self._fault, self._request.path)
            reply = target.endpoint.run(self._call(target))
        except ApiError as error:
            if not error.acted:
                self._db.execute("ROLLBACK TO act")
            return self._kept(keys, claim, Reply(error.status, error.body))
        try:
            spoil.fail(self._fault)
        except ApiError as error:
            return self._kept(keys, claim, Reply(error.status, error.body))
        return self._kept(keys, claim, reply)

    def _kept(self, keys: Keys, claim: Claim, reply: Reply | Page) -> Answer:
        if isinstance(reply, Reply) and not isinstance(reply.body, bytes):
            keys.keep(claim, reply.status, reply.body)
        return self._answer(reply)

    def _call(self, target: Target) -> Call:
        return Call(
            Objects(self._db, live=target.live),
            self._now,
            body=target.body,
            query=target.query,
            given_query=target.given_query,
            settings=target.settings | {"declines_refunds": spoil.declines(self._fault)},
            path=self._request.path,
            ids=target.ids,
        )


def _listed(page: Page) -> dict[str, Any]:
    return {"object": "list", "has_more": page.next is not None, "next": page.next, "data": page.data}
