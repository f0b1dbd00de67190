"""One request on its way to its answer: who asks, how often the same request counts, what is written."""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.database import Objects
from billctl.sandbox.http import Answer
from billctl.sandbox.paypal import spoil, tokens
from billctl.sandbox.paypal.call import Call, Endpoint, Reply
from billctl.sandbox.paypal.errors import ApiError, too_many
from billctl.sandbox.paypal.incoming import body_of, query_of
from billctl.sandbox.paypal.request_ids import RequestIds
from billctl.sandbox.paypal.routes import route
from billctl.sandbox.paypal.settle import settle
from billctl.sandbox.serving import BaseExchange, Moment


class Target(NamedTuple):
    """What a request is for, once it is known to be allowed."""

    live: bool
    endpoint: Endpoint
    ids: tuple[str, ...]
    settings: dict[str, int]
    body: dict[str, Any]
    query: dict[str, Any]


class Exchange(BaseExchange):
    """One request, from who asks to what is answered."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self._debug_id = os.urandom(7).hex()[:13]

    def run(self) -> Answer:
        """PayPal's answer."""
        try:
            reply = self._reply()
        except ApiError as error:
            return self.refusal(error)
        return self._answer(reply.status, reply.body)

    def refusal(self, error: ApiError) -> Answer:
        """The answer that an error is."""
        return self._answer(error.status, error.body(self._debug_id), error.headers)

    def _answer(
        self, status: int, body: dict[str, Any] | None, headers: dict[str, str] | None = None
    ) -> Answer:
        known = {"Server": "billctl-sandbox", "Paypal-Debug-Id": self._debug_id, **(headers or {})}
        if body is None:
            return Answer(status, b"", known)
        text = json.dumps(body, ensure_ascii=False).encode()
        return Answer(status, text, {**known, "Content-Type": "application/json"})

    def _reply(self) -> Reply:
        if self._request.path == tokens.PATH and self._request.method == "POST":
            return self._token()
        target = self._target()
        self._catch_up(target)
        return self._read(target) if self._request.method == "GET" else self._change(target)

    def _token(self) -> Reply:
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault)
        body = tokens.issue(self._request, self._db, self._now)
        spoil.fail(self._fault)
        return Reply(200, body)

    def _target(self) -> Target:
        request = self._request
        live = tokens.authenticate(request, self._db, self._now)
        endpoint, ids = route(request.method, request.path)
        body, query = body_of(request, endpoint), query_of(request, endpoint)
        return Target(live, endpoint, ids, self._db.settings(), body, query)

    def _catch_up(self, target: Target) -> None:
        """What happens by itself: requests are counted, the live shop appears, eChecks are paid."""
        if not self._turnstile.admits(f"{target.endpoint.method} {target.endpoint.path}"):
            raise too_many()
        unseeded = target.live and "seeded_1" not in target.settings and "empty" not in target.settings
        objects = Objects(self._db, live=target.live)
        if not unseeded and not objects.due(self._now):
            return
        with self._db.transaction(write=True):
            if unseeded and "seeded_1" not in self._db.settings():
                from billctl.sandbox.paypal.seed import seed

                seed(self._db, live=True, now=self._now)
            settle(objects, self._now)

    def _read(self, target: Target) -> Reply:
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault)
        with self._db.transaction(write=False):
            reply = target.endpoint.run(self._call(target))
        spoil.fail(self._fault)
        return reply

    def _change(self, target: Target) -> Reply:
        endpoint = f"{self._request.method} {self._request.path}"
        ids = RequestIds(self._db, live=target.live, now=self._now, endpoint=endpoint)
        given = self._request.headers.get("paypal-request-id") if target.endpoint.kept else None
        claim = ids.claim(given, target.endpoint.kept)
        if claim.made is not None and target.endpoint.again:
            with self._db.transaction(write=False):
                return target.endpoint.again(self._call(target), claim.made)
        try:
            spoil.delay(self._fault, self._pause)
            spoil.refuse(self._fault)
            with self._db.transaction(write=True):
                reply = target.endpoint.run(self._call(target))
                ids.keep(claim, reply.made)
        except BaseException:
            ids.release(claim)
            raise
        spoil.fail(self._fault)
        return reply

    def _call(self, target: Target) -> Call:
        headers = self._request.headers
        return Call(
            Objects(self._db, live=target.live),
            self._now,
            body=target.body,
            query=target.query,
            settings=target.settings,
            ids=target.ids,
            base=f"http://{headers.get('host', 'localhost')}",
            whole="return=representation" in headers.get("prefer", ""),
        )
