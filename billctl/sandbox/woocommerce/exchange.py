"""One request on its way to its answer: who asks, for what, in which transaction.

Only what the database does is one transaction. A refund is several, with the payment gateway's call between
them and no lock over all: two at once both find the money there, as they do at a real store.
"""

import json
from collections.abc import Mapping
from typing import Any

from billctl.sandbox.http import Answer
from billctl.sandbox.serving import BaseExchange, Moment
from billctl.sandbox.woocommerce import spoil
from billctl.sandbox.woocommerce.access import NOBODY, Access, authenticate
from billctl.sandbox.woocommerce.call import Call, Endpoint, Reply
from billctl.sandbox.woocommerce.errors import Firewall, WpError, denied, no_route
from billctl.sandbox.woocommerce.params import checked, query
from billctl.sandbox.woocommerce.routes import NAMESPACE, route

JSON = "application/json; charset=UTF-8"
PREFIX = "/wp-json/"
NOT_FOUND = b"<!DOCTYPE html>\n<html><head><title>Page not found</title></head><body></body></html>\n"


class Exchange(BaseExchange):
    """One request, from who asks to what is answered."""

    def __init__(self, moment: Moment) -> None:
        super().__init__(moment)
        self._settings = moment.database.settings()
        self._query = query(moment.request.query)
        override = moment.request.headers.get("x-http-method-override") or self._query.get("_method")
        self._method = str(override).upper() if override else moment.request.method

    def run(self) -> Answer:
        """The store's answer."""
        try:
            if self._fault and self._fault.kind in spoil.BEFORE:
                return spoil.instead(self._fault)
            return spoil.after(self._fault, self._answer())
        except WpError as error:
            return answered(error.body(), error.status, error.headers)
        except Firewall as error:
            return spoil.firewall(error)

    def _answer(self) -> Answer:
        path = self._request.path
        if not (path + "/").startswith(PREFIX) or not self._settings["woo_permalinks"]:
            return self._unrouted()
        user = authenticate(self._request, self._query, https=bool(self._settings["woo_https"]))
        if user:
            user.check(self._method)
        below = path[len(PREFIX) :].strip("/")
        if below in ("", NAMESPACE):
            return self._index(below)
        if not below.startswith(f"{NAMESPACE}/"):
            raise no_route()
        endpoint, ids = route(self._method, below.removeprefix(f"{NAMESPACE}/"), self._settings)
        if not self._turnstile.admits(f"{endpoint.method} {endpoint.path}"):
            raise Firewall(429)
        params = checked(self._given(), endpoint.args)
        reply = self._serve(endpoint, self._call(endpoint, user, ids, params))
        return answered(_fields(reply.body, self._query), reply.status, reply.headers)

    def _unrouted(self) -> Answer:
        """Without pretty permalinks: `/?rest_route=` authenticates nobody, all else is a page of the site."""
        asked = str(self._query.get("rest_route", ""))
        if asked.strip("/").startswith(NAMESPACE):
            raise denied("list")
        return Answer(404, NOT_FOUND, {"Content-Type": "text/html; charset=UTF-8"})

    def _index(self, below: str) -> Answer:
        from billctl.sandbox.woocommerce.index import index

        if self._method != "GET":
            raise no_route()
        return answered(_fields(index(below, self._settings), self._query), 200, {})

    def _given(self) -> dict[str, Any]:
        """The parameters of body and query; the body's win."""
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = self._request.body
        if not body:
            return dict(self._query)
        if kind == "application/json":
            return self._query | _document(body)
        if kind == "application/x-www-form-urlencoded":
            return self._query | query(body.decode(errors="replace"))
        return dict(self._query)

    def _call(
        self, endpoint: Endpoint, user: Access | None, ids: Mapping[str, str], params: Mapping[str, Any]
    ) -> Call:
        if user is None and endpoint.attempt is not None:
            raise denied(endpoint.attempt)
        return Call(
            self._db,
            user or NOBODY,
            self._now,
            ids=ids,
            params=params,
            query=self._query,
            settings=self._settings,
            agent=self._request.headers.get("user-agent", "").encode("latin-1").decode(errors="replace"),
            pause=self._pause,
            fault=self._fault,
        )

    def _serve(self, endpoint: Endpoint, call: Call) -> Reply:
        self._seed(call.user)
        spoil.delay(self._fault, self._pause)
        spoil.refuse(self._fault, self._request.target)
        if endpoint.apart:
            reply = endpoint.run(call)
        else:
            with self._db.transaction(write=endpoint.changes):
                reply = endpoint.run(call)
        spoil.fail(self._fault)
        return reply

    def _seed(self, user: Access) -> None:
        """The live shop appears when it is first asked."""
        if not user.live or "seeded_1" in self._settings or "empty" in self._settings:
            return
        from billctl.sandbox.woocommerce.seed import seed

        with self._db.transaction(write=True):
            if "seeded_1" not in self._db.settings():
                seed(self._db, live=True, now=self._now)


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text to PHP either
    except (ValueError, RecursionError):
        raise WpError(
            400,
            "rest_invalid_json",
            "Invalid JSON body passed.",
            {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"},
        ) from None
    return found if isinstance(found, dict) else {}


def answered(body: Any, status: int, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    text = json.dumps(body, separators=(",", ":"))
    return Answer(
        status,
        text.encode(),
        {"Server": "billctl-sandbox", "Content-Type": JSON, "X-Robots-Tag": "noindex"} | dict(headers or {}),
    )


def _fields(body: Any, asked: Mapping[str, Any]) -> Any:
    """Only what `_fields` names (`id,billing.email`), of a document or of each in a list."""
    names = asked.get("_fields")
    if not names:
        return body
    wanted = names if isinstance(names, list) else [name.strip() for name in str(names).split(",")]
    if isinstance(body, list):
        return [_only(one, wanted) for one in body]
    return _only(body, wanted)


def _only(document: Any, wanted: list[str]) -> Any:
    if not isinstance(document, dict):
        return document
    kept: dict[str, Any] = {}
    for name, value in document.items():
        below = [one.partition(".")[2] for one in wanted if one.startswith(f"{name}.")]
        if name in wanted:
            kept[name] = value
        elif below:
            kept[name] = _only(value, below)
    return kept
