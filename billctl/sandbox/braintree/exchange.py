"""One request on its way to its answer: who asks, whether the same was asked before, what is written."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from billctl.sandbox.braintree import spoil
from billctl.sandbox.braintree.access import Access, authenticate
from billctl.sandbox.braintree.call import Call, Endpoint, Nothing, Result, Tree
from billctl.sandbox.braintree.errors import Refused, Status
from billctl.sandbox.braintree.keys import DONE, FAILED, Claim, Keys
from billctl.sandbox.braintree.routes import route
from billctl.sandbox.braintree.shapes import rendered
from billctl.sandbox.braintree.store import Store
from billctl.sandbox.braintree.xml import BadXml, parse, render
from billctl.sandbox.http import Answer
from billctl.sandbox.serving import BaseExchange, Moment

XML = "application/xml; charset=utf-8"


class Target(NamedTuple):
    """What a request is for, once it is known to be allowed."""

    access: Access
    endpoint: Endpoint
    ids: tuple[str, ...]
    settings: dict[str, int]
    document: dict[str, Any]


class Exchange(BaseExchange):
    """One request, from who asks to what is answered."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self._id = os.urandom(16).hex()

    def run(self) -> Answer:
        """Braintree's answer."""
        document: dict[str, Any] = {}
        try:
            target = self._target()
            document = target.document
            self._catch_up(target)
            return self._change(target) if target.endpoint.changes else self._read(target)
        except Refused as error:
            return self._refusal(error, document)
        except Status as error:
            return Answer(error.status, b"", self.headers() | error.headers)

    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        return {"Server": "billctl-sandbox", "Content-Type": XML, "X-Request-Id": self._id}

    def _target(self) -> Target:
        request = self._request
        access = authenticate(request)
        endpoint, ids = route(request.method, request.path.removeprefix(f"/merchants/{access.merchant}/"))
        if endpoint.rehearsal and access.live:
            raise Status(403)  # what production answers to the testing calls is not verified
        try:
            document = parse(request.body)
        except BadXml:
            raise Status(400) from None  # not verified
        return Target(access, endpoint, ids, self._db.settings(), document)

    def _catch_up(self, target: Target) -> None:
        """What happens by itself: requests are counted, the live shop appears, transactions settle."""
        live, settings = target.access.live, target.settings
        if not self._turnstile.admits(f"{target.endpoint.method} {target.endpoint.path}"):
            raise Status(429)
        unseeded = live and "seeded_1" not in settings and "empty" not in settings
        store = Store(self._db, live=live)
        if not unseeded and not store.due(self._now):
            return
        from billctl.sandbox.braintree.settling import catch_up

        with self._db.transaction(write=True):
            if unseeded and "seeded_1" not in self._db.settings():
                from billctl.sandbox.braintree.seed import seed

                seed(self._db, live=True, now=self._now)
            catch_up(store, self._now, settings)

    def _read(self, target: Target) -> Answer:
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault)
        with self._db.transaction(write=False):
            call = self._call(target)
            answer = self._done(call, target.endpoint.run(call))
        spoil.fail(self._fault)
        return answer

    def _change(self, target: Target) -> Answer:
        keys = Keys(self._db, live=target.access.live, now=self._now)
        claim = self._claim(keys, target)
        if claim.transaction:
            return self._again(target, claim.transaction)
        try:
            spoil.delay(self._fault, self._pause)
            with self._db.transaction(write=True):
                answer = self._act(self._call(target), target.endpoint, keys, claim)
        except BaseException:
            keys.release(claim)
            raise
        spoil.fail(self._fault)
        return answer

    def _claim(self, keys: Keys, target: Target) -> Claim:
        sent = target.document.get("transaction")
        params = dict(sent) if isinstance(sent, dict) else {}
        key = params.pop("api_request_key", None)
        if key is not None and not target.endpoint.keyed:
            raise Refused("transaction", "915231")
        endpoint = f"{self._request.method} {self._request.path}"
        return keys.claim(None if key is None else str(key), endpoint, params)

    def _again(self, target: Target, transaction: str) -> Answer:
        """The object that the first request under the key made, in its current state."""
        with self._db.transaction(write=False):
            call = self._call(target)
            answer = self._done(call, call.find("transaction", transaction))
        spoil.fail(self._fault)
        return answer

    def _act(self, call: Call, endpoint: Endpoint, keys: Keys, claim: Claim) -> Answer:
        """Run a change inside the open transaction; what it wrote is undone when it is refused."""
        self._db.execute("SAVEPOINT act")
        try:
            spoil.refuse(self._fault)
            result = endpoint.run(call)
        except Refused as error:
            if not error.acted:
                self._db.execute("ROLLBACK TO act")
            keys.keep(claim, FAILED, None)
            return self._refusal(error, call.document)
        answer = self._done(call, result)
        made = result["id"] if isinstance(result, dict) and result["object"] == "transaction" else None
        keys.keep(claim, DONE, made)
        return answer

    def _call(self, target: Target) -> Call:
        return Call(
            Store(self._db, live=target.access.live),
            self._now,
            target.document,
            target.settings,
            ids=target.ids,
            query=self._request.query,
            user=target.access.user,
        )

    def _done(self, call: Call, result: Result) -> Answer:
        if isinstance(result, Nothing):
            return Answer(200, b"", self.headers())
        tree = result if isinstance(result, Tree) else rendered(call.store, result)
        made = self._request.method == "POST" and isinstance(result, dict)
        return Answer(201 if made else 200, render(*tree).encode(), self.headers())

    def _refusal(self, error: Refused, document: Mapping[str, Any]) -> Answer:
        body = render("api-error-response", error.document(document))
        return Answer(422, body.encode(), self.headers())
