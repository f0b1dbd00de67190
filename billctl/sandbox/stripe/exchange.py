"""One request on its way to its answer: who asks, how often the same request counts, what is written."""

import json
import os
from typing import Any, NamedTuple

from billctl.sandbox.database import Objects, Record
from billctl.sandbox.http import Answer
from billctl.sandbox.serving import BaseExchange, Moment
from billctl.sandbox.stripe import spoil
from billctl.sandbox.stripe.access import Access, authenticate
from billctl.sandbox.stripe.call import Call, Endpoint, Page, Result
from billctl.sandbox.stripe.defaults import DEFAULTS
from billctl.sandbox.stripe.errors import ApiError, too_many
from billctl.sandbox.stripe.expand import Expander
from billctl.sandbox.stripe.idempotency import Claim, Keys
from billctl.sandbox.stripe.params import checked, decode
from billctl.sandbox.stripe.routes import route
from billctl.sandbox.stripe.settle import settle
from billctl.sandbox.stripe.shapes import Shapes, Wire

VERSION = "2026-10-28.endive"


class Target(NamedTuple):
    """What a request is for, once it is known to be allowed."""

    access: Access
    endpoint: Endpoint
    path_id: str
    settings: dict[str, int]
    given: dict[str, Any]


class Outcome(NamedTuple):
    """What an endpoint came to."""

    status: int
    body: Wire
    headers: dict[str, str]


class Exchange(BaseExchange):
    """One request, from who asks to what is answered."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self._id = f"req_Sbx{os.urandom(6).hex()[:11]}"
        self._key = moment.request.headers.get("idempotency-key") if moment.request.method == "POST" else None

    def run(self) -> Answer:
        """Stripe's answer."""
        try:
            target = self._target()
            self._catch_up(target)
            reads = self._request.method == "GET"
            outcome: Outcome | Claim = self._read(target) if reads else self._change(target)
        except ApiError as error:
            outcome = Outcome(error.status, error.body, error.headers)
        if isinstance(outcome, Claim):
            return self._replay(outcome)
        text = json.dumps(outcome.body, ensure_ascii=False)
        return Answer(outcome.status, text.encode(), self.headers() | outcome.headers)

    def headers(self) -> dict[str, str]:
        """What every answer carries."""
        known = {
            "Server": "billctl-sandbox",
            "Content-Type": "application/json",
            "Request-Id": self._id,
            "Stripe-Version": self._request.headers.get("stripe-version", VERSION),
        }
        return known | ({"Idempotency-Key": self._key, "Original-Request": self._id} if self._key else {})

    def _target(self) -> Target:
        request = self._request
        access = authenticate(request)
        endpoint, path_id = route(request.method, request.path)
        access.allow(request.method, endpoint.path)
        try:
            given = decode(request.query, request.body.decode())
        except UnicodeDecodeError:
            raise ApiError(400, "Invalid request: the body is not UTF-8.", kept=False) from None
        return Target(access, endpoint, path_id, self._db.settings(), given)

    def _catch_up(self, target: Target) -> None:
        """What happens by itself: requests are counted, the live shop appears, due refunds settle."""
        live, settings = target.access.live, target.settings
        if not self._turnstile.admits(f"{target.endpoint.method} {target.endpoint.path}"):
            raise too_many()
        unseeded = live and "seeded_1" not in settings and "empty" not in settings
        objects = Objects(self._db, live=live)
        if not unseeded and not objects.due(self._now):
            return
        with self._db.transaction(write=True):
            if unseeded and "seeded_1" not in self._db.settings():
                from billctl.sandbox.stripe.seed import seed

                seed(self._db, live=True, now=self._now)
            settle(objects, self._now)

    def _read(self, target: Target) -> Outcome:
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault)
        with self._db.transaction(write=False):
            call = self._call(target)
            result = _rendered(call, target.endpoint.run(call))
        spoil.fail(self._fault)
        return Outcome(200, result, {})

    def _change(self, target: Target) -> Outcome | Claim:
        keys = Keys(self._db, live=target.access.live, now=self._now)
        endpoint = f"{self._request.method} {self._request.path}"
        claim = keys.claim(self._key, endpoint, target.given, self._id)
        if claim.replay:
            return claim
        try:
            spoil.delay(self._fault, self._pause)
            with self._db.transaction(write=True):
                outcome = self._act(self._call(target), target.endpoint)
                keys.keep(claim, outcome.status, outcome.body)
        except BaseException:
            keys.release(claim)
            raise
        return outcome

    def _act(self, call: Call, endpoint: Endpoint) -> Outcome:
        """Run a change inside the open transaction; what it wrote is undone when it is refused."""
        self._db.execute("SAVEPOINT act")
        try:
            spoil.refuse(self._fault)
            result = _rendered(call, endpoint.run(call))
        except ApiError as error:
            if not error.kept:
                raise
            if error.acted:
                self._record_events(call)
            else:
                self._db.execute("ROLLBACK TO act")
            return Outcome(error.status, error.body, error.headers)
        self._record_events(call)
        try:
            spoil.fail(self._fault)
        except ApiError as error:
            return Outcome(error.status, error.body, error.headers)
        return Outcome(200, result, {})

    def _record_events(self, call: Call) -> None:
        shapes = Shapes(call.objects)
        for kind, key, previous in call.events:
            record = call.objects.get(key)
            if record is None:
                continue
            data = {"object": shapes.wire(record)} | ({"previous_attributes": previous} if previous else {})
            call.objects.add(
                {
                    "id": call.new_id("evt"),
                    "object": "event",
                    "created": call.now,
                    "data": data,
                    "request": {"id": self._id, "idempotency_key": self._key},
                    "status": kind,
                    "type": kind,
                }
            )

    def _call(self, target: Target) -> Call:
        return Call(
            Objects(self._db, live=target.access.live),
            self._now,
            checked(target.given, target.endpoint.params, required=target.endpoint.required),
            target.settings,
            path=self._request.path,
            path_id=target.path_id,
        )

    def _replay(self, claim: Claim) -> Answer:
        more = {"Idempotent-Replayed": "true", "Original-Request": claim.request_id}
        if claim.status >= 500:
            more["Stripe-Should-Retry"] = "false"  # another try under this key changes nothing
        return Answer(claim.status, claim.body.encode(), self.headers() | more)


def _rendered(call: Call, result: Result) -> Wire:
    shapes = Shapes(call.objects)

    def wire(record: Record) -> Wire:
        return shapes.wire(record) if record["object"] in DEFAULTS else record

    if isinstance(result, Page):
        answer = _listed(call, result, [wire(record) for record in result.records])
    else:
        answer = wire(result)
    if call.params.get("expand"):
        Expander(call.objects, shapes).expand(answer, call.params["expand"])
    return answer


def _listed(call: Call, page: Page, data: list[Wire]) -> Wire:
    answer: Wire = {
        "object": "search_result" if page.search else "list",
        "data": data,
        "has_more": page.has_more,
        "url": call.path,
    }
    return answer | ({"next_page": page.next_page} if page.search else {})
