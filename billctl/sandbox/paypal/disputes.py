"""Disputes v1, for reading: rows without transaction and buyer, details without the buyer's e-mail.

A list reaches back 180 days. `disputed_transaction_id` and `start_time` exclude each other.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, payments, people, times
from billctl.sandbox.paypal.call import Call, Endpoint, Reply, Wire, retrieve
from billctl.sandbox.paypal.errors import invalid

PATH = "/v1/customer/disputes"
LONGEST = 180 * times.DAY
NAME_FORBIDS = str.maketrans("", "", "~!@#$%^*()_{}:|\t\n/")
"""Characters that the OpenAPI file's pattern keeps out of a party's name."""


def row(call: Call, record: Record) -> Wire:
    """A dispute in a list."""
    due = record.get("respond_by")
    return {
        "dispute_id": record["id"],
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
        "reason": record["reason"],
        "status": record["status"],
        "dispute_state": record["state"],
        "dispute_amount": money.wire(record["amount"], record["currency"]),
        "dispute_life_cycle_stage": record["stage"],
        "dispute_channel": record["channel"],
        **({"seller_response_due_date": times.wire(due)} if due else {}),
        "links": [call.link(f"{PATH}/{record['id']}")],
    }


def shape(call: Call, record: Record) -> Wire:
    """GET /v1/customer/disputes/{id}."""
    body = row(call, record)
    del body["dispute_state"]  # the details of a dispute have none in the OpenAPI file
    outcome = record.get("outcome")
    if outcome:
        body["dispute_outcome"] = {
            "outcome_code": outcome,
            "amount_refunded": money.wire(record["given_back"], record["currency"]),
        }
    return {**body, "disputed_transactions": [_transaction(call, record)], "messages": _messages(record)}


def _transaction(call: Call, record: Record) -> Wire:
    capture = call.find("capture", "id", record["charge"])
    payer = people.find(call, record["customer"])
    named = f"{payer['given']} {payer['surname']}".translate(NAME_FORBIDS).strip()
    return {
        "seller_transaction_id": capture["id"],
        "create_time": times.wire(capture["created"]),
        "transaction_status": capture["status"],
        "gross_amount": money.wire(capture["amount"], capture["currency"]),
        "buyer": {"name": named},
        "seller": {"merchant_id": payments.MERCHANTS[call.objects.live], "name": "The Shop"},
    }


def _messages(record: Record) -> list[Wire]:
    posted = times.wire(record["created"])
    return [{"posted_by": "BUYER", "time_posted": posted, "content": record["message"]}]


FILTERS: dict[str, Callable[[Record, Wire], bool]] = {
    "disputed_transaction_id": lambda record, query: record["charge"] == query["disputed_transaction_id"],
    "dispute_state": lambda record, query: record["state"] in query["dispute_state"].split(","),
    "start_time": lambda record, query: record["created"] >= query["start_time"],
    "update_time_after": lambda record, query: record["updated"] >= query["update_time_after"],
    "update_time_before": lambda record, query: record["updated"] <= query["update_time_before"],
}


def index(call: Call) -> Reply:
    """GET /v1/customer/disputes, newest first; the next page is named by a token in a link."""
    query = call.query
    if "start_time" in query and "disputed_transaction_id" in query:
        raise invalid("INVALID_PARAMETER_VALUE", field="start_time", location="query")
    for name in ("start_time", "update_time_after", "update_time_before"):
        if call.now - query.get(name, call.now) > LONGEST:
            raise invalid("INVALID_PARAMETER_VALUE", field=name, location="query")
    found = [
        record
        for record in call.objects.select("dispute", {})
        if call.now - record["updated"] <= LONGEST
        and all(keep(record, query) for name, keep in FILTERS.items() if name in query)
    ]
    return Reply(200, _page(call, found))


def _page(call: Call, found: list[Record]) -> Wire:
    size, start = call.query["page_size"], _start(call)
    rows = [row(call, record) for record in found[start : start + size]]
    links = [call.link(f"{PATH}?page_size={size}")]
    if start + size < len(found):
        token = b64encode(str(start + size).encode()).decode()
        links.append(call.link(f"{PATH}?page_size={size}&next_page_token={token}", "next"))
    return {**({"items": rows} if rows else {}), "links": links}  # the file has no empty list of items


def _start(call: Call) -> int:
    token = call.query.get("next_page_token")
    try:
        return int(b64decode(token, validate=True)) if token else 0
    except (Base64Error, ValueError):
        raise invalid("INVALID_PARAMETER_VALUE", field="next_page_token", location="query") from None


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        index,
        query={
            "start_time": f.moment,
            "disputed_transaction_id": f.words,
            "dispute_state": f.words,
            "update_time_after": f.moment,
            "update_time_before": f.moment,
            "page_size": f.whole(1, 50, 10),
            "next_page_token": f.words,
        },
    ),
    Endpoint("GET", f"{PATH}/{{id}}", retrieve("dispute", "id", shape)),
)
