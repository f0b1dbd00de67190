"""Stripe's HTTP surface: who asks, which endpoint, how often the same request counts, what is answered."""

import json
import os
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from billctl.sandbox.database import Clock, Database, Objects, Record
from billctl.sandbox.fault_table import Fault, take
from billctl.sandbox.http import Answer, Pause, Request
from billctl.sandbox.stripe import limits, spoil
from billctl.sandbox.stripe.access import Access, authenticate
from billctl.sandbox.stripe.call import Call, Endpoint, Page, Result
from billctl.sandbox.stripe.defaults import DEFAULTS
from billctl.sandbox.stripe.errors import ApiError
from billctl.sandbox.stripe.expand import Expander
from billctl.sandbox.stripe.idempotency import Claim, Keys
from billctl.sandbox.stripe.params import checked, decode
from billctl.sandbox.stripe.settle import settle
from billctl.sandbox.stripe.shapes import Shapes, Wire

VERSION = "2026-10-28.endive"
RESOURCES = {
    "account": "balance",
    "balance": "balance",
    "charges": "charges",
    "customers": "customers",
    "disputes": "disputes",
    "events": "events",
    "invoice_payments": "invoice_payments",
    "invoiceitems": "invoiceitems",
    "invoices": "invoices",
    "payment_intents": "intents",
    "payment_methods": "methods",
    "prices": "catalog",
    "products": "catalog",
    "refunds": "refunds",
    "subscription_items": "subscription_items",
    "subscriptions": "subscriptions",
}
"""First segment after /v1 → the module with its endpoints, loaded when first asked."""


class StripeApp:
    """Stripe, as far as this sandbox goes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def answer(self, request: Request, database: Database, pause: Pause) -> Answer:
        """Serve one request; every failure becomes Stripe's answer for it."""
        exchange = _Exchange(request, database, int(self._clock().timestamp()))
        fault = take(database, request.method, request.path)
        if fault and fault.kind in spoil.BEFORE:
            return spoil.instead(fault, exchange.headers())
        if fault and fault.kind == "late":
            pause(fault.seconds or 1.0)
        return spoil.after(fault, exchange.run(fault))


class _Exchange:
    """One request on its way to its answer."""

    def __init__(self, request: Request, database: Database, now: int) -> None:
        self.request = request
        self.database = database
        self.now = now
        self.request_id = f"req_Sbx{os.urandom(6).hex()[:11]}"
        self.key = request.headers.get("idempotency-key") if request.method == "POST" else None

    def headers(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """What every answer carries."""
        known = {
            "Server": "billctl-sandbox",
            "Content-Type": "application/json",
            "Request-Id": self.request_id,
            "Stripe-Version": self.request.headers.get("stripe-version", VERSION),
        }
        if self.key:
            known |= {"Idempotency-Key": self.key, "Original-Request": self.request_id}
        return known | (more or {})

    def run(self, fault: Fault | None) -> Answer:
        try:
            access = authenticate(self.request)
            endpoint, path_id = route(self.request.method, self.request.path)
            access.allow(self.request.method, endpoint.path)
            self.prepare(access, endpoint)
            if self.request.method == "GET":
                return self.read(access, endpoint, path_id, fault)
            return self.change(access, endpoint, path_id, fault)
        except ApiError as error:
            return self.reply(error.status, error.body, error.headers)

    def prepare(self, access: Access, endpoint: Endpoint) -> None:
        """What happens by itself: the live shop appears, due refunds settle, requests are counted."""
        settings = self.database.settings()
        self.settings = settings
        if settings["rate_limit"]:
            limits.count(self.database, endpoint, self.now, settings["rate_limit"])
        unseeded = access.live and "seeded_1" not in settings and "empty" not in settings
        objects = Objects(self.database, live=access.live)
        if unseeded or objects.due(self.now):
            with self.database.transaction(write=True):
                if unseeded and "seeded_1" not in self.database.settings():
                    from billctl.sandbox.stripe.seed import seed

                    seed(self.database, live=True, now=self.now)
                settle(objects, self.now)

    def read(self, access: Access, endpoint: Endpoint, path_id: str, fault: Fault | None) -> Answer:
        spoil.refuse(fault)
        with self.database.transaction(write=False):
            call = self.call(access, endpoint, path_id, self.parameters())
            result = self.rendered(call, endpoint.run(call))
        spoil.fail(fault)
        return self.reply(200, result)

    def change(self, access: Access, endpoint: Endpoint, path_id: str, fault: Fault | None) -> Answer:
        given = self.parameters()
        keys = Keys(self.database, live=access.live, now=self.now)
        claim = keys.claim(self.key, f"{self.request.method} {self.request.path}", given, self.request_id)
        if claim.replay:
            return self.replay(claim)
        try:
            with self.database.transaction(write=True):
                status, body, headers = self.act(self.call(access, endpoint, path_id, given), endpoint, fault)
                keys.keep(claim, status, body)
        except BaseException:
            keys.release(claim)
            raise
        return self.reply(status, body, headers)

    def act(self, call: Call, endpoint: Endpoint, fault: Fault | None) -> tuple[int, Wire, dict[str, str]]:
        """Run a change inside the open transaction; what it wrote is undone when it is refused."""
        self.database.execute("SAVEPOINT act")
        try:
            spoil.refuse(fault)
            result = self.rendered(call, endpoint.run(call))
            self.record_events(call)
        except ApiError as error:
            if not error.acted:
                self.database.execute("ROLLBACK TO act")
            if not error.kept:
                raise
            return error.status, error.body, error.headers
        try:
            spoil.fail(fault)
        except ApiError as error:
            return error.status, error.body, error.headers
        return 200, result, {}

    def call(self, access: Access, endpoint: Endpoint, path_id: str, given: dict[str, Any]) -> Call:
        return Call(
            objects=Objects(self.database, live=access.live),
            now=self.now,
            params=checked(given, endpoint.params, required=endpoint.required),
            path=self.request.path,
            request_id=self.request_id,
            key=self.key,
            settings=self.settings,
            path_id=path_id,
        )

    def parameters(self) -> dict[str, Any]:
        try:
            return decode(self.request.query, self.request.body.decode())
        except UnicodeDecodeError:
            raise ApiError(400, "Invalid request: the body is not UTF-8.", kept=False) from None

    def rendered(self, call: Call, result: Result) -> Wire:
        shapes = Shapes(call.objects)

        def wire(record: Record) -> Wire:
            return shapes.wire(record) if record["object"] in DEFAULTS else record

        if isinstance(result, Page):
            answer: Wire = {
                "object": "search_result" if result.search else "list",
                "data": [wire(record) for record in result.records],
                "has_more": result.has_more,
                "url": call.path,
            }
            if result.search:
                answer["next_page"] = result.next_page
        else:
            answer = wire(result)
        if call.params.get("expand"):
            Expander(call.objects, shapes).expand(answer, call.params["expand"])
        return answer

    def record_events(self, call: Call) -> None:
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
                    "created": self.now,
                    "data": data,
                    "request": {"id": self.request_id, "idempotency_key": self.key},
                    "status": kind,
                    "type": kind,
                }
            )

    def replay(self, claim: Claim) -> Answer:
        more = {"Idempotent-Replayed": "true", "Original-Request": claim.request_id}
        if claim.status >= 500:
            more["Stripe-Should-Retry"] = "false"  # another try under this key changes nothing
        return Answer(claim.status, claim.body.encode(), self.headers(more))

    def reply(self, status: int, body: Wire, headers: dict[str, str] | None = None) -> Answer:
        text = json.dumps(body, ensure_ascii=False)
        return Answer(status, text.encode(), self.headers(headers))


def route(method: str, path: str) -> tuple[Endpoint, str]:
    """The endpoint for a method and path, and the id in the path. Raises Stripe's 404."""
    steps = path.split("/")
    module = RESOURCES.get(steps[2]) if len(steps) > 2 and steps[1] == "v1" else None
    if module:
        endpoints: tuple[Endpoint, ...] = import_module(f"billctl.sandbox.stripe.{module}").ENDPOINTS
        for endpoint in endpoints:
            if endpoint.method == method and (found := _match(endpoint.path.split("/"), steps)) is not None:
                return endpoint, found
    raise ApiError(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://docs.stripe.com or we can help at "
        "https://support.stripe.com/.",
        kept=False,
    )


def _match(pattern: list[str], steps: list[str]) -> str | None:
    if len(pattern) != len(steps):
        return None
    found = ""
    for wanted, step in zip(pattern, steps, strict=True):
        if wanted == "{id}" and step:
            found = unquote(step)
        elif wanted != step:
            return None
    return found
