"""Whatever a client sends gets an answer of the store's kind."""

import json
import random
import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billctl.sandbox import WOOCOMMERCE_KEY, WOOCOMMERCE_SECRET, state
from billctl.sandbox.database import Database
from billctl.sandbox.http import Answer, Request
from billctl.sandbox.limits import Load, Turnstile
from billctl.sandbox.woocommerce.app import App
from billctl.sandbox.woocommerce.routes import endpoints
from tests.rehearsal import furnish
from tests.sandbox.woocommerce.conftest import WOOCOMMERCE, Wire

PAIR = b64encode(f"{WOOCOMMERCE_KEY}:{WOOCOMMERCE_SECRET}".encode()).decode()
HEADERS = {"authorization": f"Basic {PAIR}", "content-type": "application/json", "user-agent": "\xe9\x80"}
NAMES = [
    *("amount", "reason", "api_refund", "meta_data", "line_items", "dp", "note", "status", "email", "force"),
    *("transition_status", "template_id", "customer_note"),
]
VALUES: list[Any] = [
    *(None, True, 1, -1, 2.5, 1e300, "", "x", "1,5", "1e-5", "9" * 40, f"1,{'9' * 60}", "-", ".", "1.2.3"),
    *("٣", "\ud800", [], [[1]], {}, [{"id": [1]}], [{"id": 3, "quantity": "x"}], [{"key": [1]}], "9" * 5000),
    *([{"id": 1, "refund_total": "x"}], "active", "cancelled", "refunded", "1.00", f"1,{'9' * 5000}"),
]
QUERIES = [
    *("", "dp=99999999999", "dp=-1", "page=2&per_page=100", "per_page[]=3", "status[]=x", "offset=-5"),
    *("include=1041,x", "after=x", "after=0001-01-01T00:00:00", "before=9999-12-31T23:59:59Z", "role=all"),
    *("_fields[]=id", "_fields=id,billing.email.x", "search=%ff", f"customer={'9' * 30}", "email=*"),
    *("_method=PUT", "consumer_key[]=a&consumer_secret=b", "orderby=registered_date"),
]
IDS = ("1041", "1042", "1050", "1044", "1045", "1101", "9", "21")
WORDS = ("general", "stripe", "nothing")
BODIES = (b"{", b"[1]", b"[" * 100_000, b"null", b"\xff")


@pytest.fixture
def database(state_dir: Path) -> Iterator[Database]:
    furnish(state_dir, WOOCOMMERCE)
    with state.opened(state_dir, "woocommerce") as database:
        yield database


def requests(chance: random.Random, count: int) -> Iterator[Request]:
    """Requests to every route, with parameters that do not belong there."""
    for _ in range(count):
        endpoint = chance.choice(endpoints())
        path = re.sub(r"\{\w+\}", lambda _: chance.choice(IDS), endpoint.path)
        path = re.sub(r"<\w+>", lambda _: chance.choice(WORDS), path)
        query = f"{chance.choice(QUERIES)}&{chance.choice(QUERIES)}"
        document = {name: chance.choice(VALUES) for name in chance.sample(NAMES, chance.randint(0, 4))}
        body = chance.choice([json.dumps(document).encode()] * 9 + [chance.choice(BODIES)])
        method = chance.choice([endpoint.method] * 9 + ["X"])
        yield Request(method, f"/wp-json/wc/v3/{path}?{query}", HEADERS, body, keep_alive=True)


def well_formed(answer: Answer) -> bool:
    """Whether it is a document, with a code where it is an error."""
    found = json.loads(answer.body)
    return answer.status < 400 or {"code", "message", "data"} <= set(found)


def test_every_request_is_answered(database: Database) -> None:
    app = App(lambda: datetime.now(UTC), Turnstile(Load()))
    asked = list(requests(random.Random(13), 400))
    answers = [app.answer(request, database, lambda _: None) for request in asked]
    assert all(map(well_formed, answers))
    assert {200, 201, 400, 404, 500} <= {answer.status for answer in answers}


def test_half_a_surrogate_pair_is_no_json(wire: Wire) -> None:
    reply = wire.ask("POST orders/1041/notes", {"note": "\ud800"})
    assert reply.error[:2] == (400, "rest_invalid_json")


def test_a_user_agent_may_be_arabic(wire: Wire) -> None:
    agent = "billctl op=عملية"
    headers = {"User-Agent": agent.encode().decode("latin-1")}
    said = wire.ask("POST orders/1041/actions/send_order_details", {}, headers=headers).json["message"]
    assert said == f"Order details sent to layla@example.com, via {agent}."
