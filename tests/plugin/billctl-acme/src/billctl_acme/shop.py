"""Acme, rehearsed: its protocol on loopback, with a shop in memory. `python -m billctl_acme.shop` serves one.

An author writes such a server after the gateway's published description, so that the tests find out where
the adapter took something for granted.
"""

import json
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
Answer = tuple[int, Json]

KEY = "acme_test_playMoneyOnly"
"""The key that opens the shop."""

LETTERS = {"customers": "C", "charges": "P"}
DAY = 86_400


class Refusal(Exception):
    """An answer in Acme's form of an error."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer: Answer = (status, {"error": {"code": code, "message": message}})


class Ledger:
    """The shop's objects by their ids, and the answers given under a key."""

    def __init__(self, now: int) -> None:
        person = {"customer": "C1001", "created": now - 40 * DAY}
        usd = {"currency": "USD"}
        self.objects: dict[str, Json] = {
            "C1001": {
                "id": "C1001",
                "email": "layla@example.com",
                "name": "Layla",
                "created": now - 90 * DAY,
            },
            "P1001": person | usd | {"id": "P1001", "minor": 4900, "status": "paid", "refunds": []},
            "P1002": person | usd | {"id": "P1002", "minor": 1900, "status": "held", "refunds": []},
            "P1003": person
            | {"id": "P1003", "minor": 500, "currency": "JPY", "status": "paid", "refunds": []},
            "S1001": person | usd | {"id": "S1001", "minor": 900, "plan": "Pro", "status": "running"},
            "I1001": person
            | usd
            | {"id": "I1001", "minor": 900, "email": "layla@example.com", "status": "open"},
        }
        self.objects["C1002"] = {"id": "C1002", "email": "omar@example.com", "name": "Omar", "created": now}
        self.objects["P1004"] = self.objects["P1001"] | {"id": "P1004", "customer": "C1002", "refunds": []}
        self.objects["P1002"]["created"] = now - 2 * DAY
        self.objects["P1003"]["created"] = now - 20 * DAY
        self.objects["S1001"] |= {"period_end": now + 10 * DAY, "ends_with_period": False}
        self._answers: dict[str, Answer] = {}
        self._lock = Lock()
        self._now = now

    def answer(self, method: str, target: str, key: str | None, body: Json) -> Answer:
        """The answer to one request whose credentials are good. The same key gets the same answer."""
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        with self._lock:
            if key is not None and key in self._answers:
                return self._answers[key]
            try:
                if method == "GET":
                    return 200, self._read(
                        parts, {name: word[0] for name, word in parse_qs(url.query).items()}
                    )
                made: Answer = (200, self._change(parts, body, key))
            except Refusal as refusal:
                return refusal.answer
            if key is not None:
                self._answers[key] = made
            return made

    def _read(self, parts: list[str], filters: dict[str, str]) -> Json:
        if parts == ["account"]:
            return {"id": "acme-1", "name": "Layla's shop", "live": False}
        if len(parts) == 2:
            return self._known(parts[1])
        found = [each for name, each in self.objects.items() if name[0] == LETTERS[parts[0]]]
        if "email" in filters:
            found = [each for each in found if each["email"].casefold() == filters["email"].casefold()]
        if "customer" in filters:
            found = [each for each in found if each["customer"] == filters["customer"]]
        return {parts[0]: sorted(found, key=lambda each: int(each["created"]), reverse=True)}

    def _known(self, object_id: str) -> Json:
        try:
            return self.objects[object_id]
        except KeyError:
            raise Refusal(404, "no_such_object", f"There is nothing called {object_id}.") from None

    def _change(self, parts: list[str], body: Json, key: str | None) -> Json:
        changes: dict[str, Callable[[Json, Json, str | None], Json]] = {
            "refunds": self._refund,
            "void": self._void,
            "cancel": self._cancel,
            "remind": self._remind,
        }
        return changes[parts[2]](self._known(parts[1]), body, key)

    def _refund(self, charge: Json, body: Json, key: str | None) -> Json:
        left = charge["minor"] - sum(refund["minor"] for refund in charge["refunds"])
        if charge["status"] != "paid":
            raise Refusal(409, "not_paid", "Only what is paid can be given back.")
        if body["currency"] != charge["currency"] or not 0 < body["minor"] <= left:
            raise Refusal(422, "too_much", f"At most {left} {charge['currency']} can be given back.")
        made = {
            "id": f"R{charge['id'][1:]}{len(charge['refunds'])}",
            "charge": charge["id"],
            "minor": body["minor"],
            "currency": body["currency"],
            "status": "done",
            "created": self._now,
            "reason": body["reason"],
            "key": key,
        }
        charge["refunds"].append(made)
        return made

    def _void(self, charge: Json, _body: Json, _key: str | None) -> Json:
        if charge["status"] != "held":
            raise Refusal(409, "not_held", "Only what is held can be released.")
        charge["status"] = "released"
        return charge

    def _cancel(self, subscription: Json, body: Json, _key: str | None) -> Json:
        if subscription["status"] == "ended":
            raise Refusal(409, "ended", "This subscription has ended.")
        if body["at"] == "now":
            subscription["status"] = "ended"
        else:
            subscription["ends_with_period"] = True
        return subscription

    def _remind(self, invoice: Json, _body: Json, _key: str | None) -> Json:
        if invoice["status"] != "open":
            raise Refusal(409, "not_open", "Only an open invoice can be reminded of.")
        return {"to": invoice["email"]}


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Connections that may wait to be accepted; with the library's 5, a busy machine turns clients away."""


class Shop:
    """The server, up between `__enter__` and `__exit__` at `url`; `posts` counts the changes asked for."""

    def __init__(self, port: int = 0) -> None:
        self.ledger = Ledger(int(time.time()))
        self.posts = 0
        shop = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                shop.posts += 1
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: Json) -> None:
                if self.headers["Authorization"] == f"Bearer {KEY}":
                    key = self.headers["Idempotency-Key"]
                    status, data = shop.ledger.answer(self.command, self.path, key, body)
                else:
                    status, data = Refusal(401, "bad_key", "This key opens nothing.").answer
                content = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nothing: requests are no business of the operator's terminal."""

        self._server = _Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    with Shop(8099) as served:
        print(f"Acme is at {served.url}; its key is {KEY}", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass
