"""Subscriptions v1. None of cancel, suspend and activate takes a PayPal-Request-Id.

The list is not in the OpenAPI file but in the newer SDK's documentation. Whether its rows carry the
subscriber is not verified: here they do not, and `GET …/{id}` does.
"""

from collections.abc import Callable

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, people, plans, times
from billctl.sandbox.paypal.call import HOURS_72, Call, Endpoint, Query, Reply, Wire, paged, pages
from billctl.sandbox.paypal.errors import invalid, refused

PATH = "/v1/billing/subscriptions"
ACTIONS = {"ACTIVE": ("suspend", "cancel"), "SUSPENDED": ("activate", "cancel")}


def shape(call: Call, record: Record) -> Wire:
    """GET /v1/billing/subscriptions/{id}."""
    payer = people.find(call, record["customer"])
    return {
        **row(call, record),
        "subscriber": people.payer(payer),
        "billing_info": _billing(record, "last_failed_payment" in call.query.get("fields", "")),
    }


def row(call: Call, record: Record) -> Wire:
    """A subscription in a list."""
    path = f"{PATH}/{record['id']}"
    note = {"status_change_note": record["note"]} if record.get("note") else {}
    actions = ACTIONS.get(record["status"], ())
    return {
        "id": record["id"],
        "plan_id": record["plan"],
        "quantity": "1",
        "status": record["status"],
        **note,
        "status_update_time": times.wire(record["status_changed"]),
        "start_time": times.wire(record["started"]),
        "create_time": times.wire(record["created"]),
        "update_time": times.wire(record["updated"]),
        "plan_overridden": False,
        "links": [call.link(path), *(call.link(f"{path}/{act}", act, "POST") for act in actions)],
    }


def _billing(record: Record, with_failure: bool) -> Wire:
    currency = record["currency"]
    cycle = {"tenure_type": "REGULAR", "sequence": 1, "cycles_completed": record["cycles"], "total_cycles": 0}
    info: Wire = {
        "outstanding_balance": money.wire(record["outstanding"], currency),
        "cycle_executions": [cycle],
        "failed_payments_count": record["failures"],
    }
    if record.get("paid"):
        info["last_payment"] = {
            "amount": money.wire(record["amount"], currency),
            "time": times.wire(record["paid"]),
        }
    if record["status"] == "ACTIVE":
        info["next_billing_time"] = times.wire(record["next"])
    if with_failure and record.get("failed"):
        info["last_failed_payment"] = {
            "amount": money.wire(record["amount"], currency),
            "time": times.wire(record["failed"]),
            "reason_code": "PAYMENT_DENIED",
        }
    return info


def read(call: Call) -> Reply:
    """GET …/{id}; `fields` adds the plan and the last failure."""
    record = call.find("subscription", "id")
    body = shape(call, record)
    if "plan" in call.query.get("fields", "").split(","):
        body["plan"] = plans.shape(call, call.find("plan", "plan_id", record["plan"]))
    return Reply(200, body)


FILTERS: dict[str, Callable[[Record, Wire], bool]] = {
    "plan_ids": lambda record, query: record["plan"] in query["plan_ids"].split(","),
    "statuses": lambda record, query: record["status"] in query["statuses"].split(","),
    "created_after": lambda record, query: record["created"] >= query["created_after"],
    "created_before": lambda record, query: record["created"] <= query["created_before"],
    "status_updated_after": lambda record, query: record["status_changed"] >= query["status_updated_after"],
    "status_updated_before": lambda record, query: record["status_changed"] <= query["status_updated_before"],
}


def index(call: Call) -> Reply:
    """GET /v1/billing/subscriptions, newest first; there is no filter by payer."""
    found = [
        record
        for record in call.objects.select("subscription", {})
        if all(keep(record, call.query) for name, keep in FILTERS.items() if name in call.query)
    ]
    page, size = call.query["page"], call.query["page_size"]
    links = [call.link(f"{PATH}?page={page}&page_size={size}")]
    if page < pages(call, len(found)):
        links.append(call.link(f"{PATH}?page={page + 1}&page_size={size}", "next"))
    return Reply(200, {"subscriptions": [row(call, one) for one in paged(call, found)], "links": links})


def transactions(call: Call) -> Reply:
    """GET …/{id}/transactions between two instants, newest first."""
    record = call.find("subscription", "id")
    start, end = call.query["start_time"], call.query["end_time"]
    if end < start:
        raise invalid("INVALID_PARAMETER_VALUE", field="end_time", location="query")
    paid = call.objects.select("capture", {"subscription": record["id"]})
    rows = [_transaction(call, one) for one in paid if start <= one["created"] <= end]
    path = f"{PATH}/{record['id']}/transactions"
    return Reply(200, {"transactions": rows, "links": [call.link(path)]})


def _transaction(call: Call, capture: Record) -> Wire:
    amount, fee, currency = capture["amount"], capture["fee"], capture["currency"]
    payer = people.find(call, capture["customer"])
    return {
        "id": capture["id"],
        "status": capture["status"],
        "amount_with_breakdown": {
            "gross_amount": money.wire(amount, currency),
            "fee_amount": money.wire(fee, currency),
            "net_amount": money.wire(amount - fee, currency),
        },
        "payer_name": people.name(payer),
        "payer_email": payer["email"],
        "time": times.wire(capture["created"]),
    }


def change(action: str, to: str, *allowed: str) -> Callable[[Call], Reply]:
    """Cancel, suspend or activate: 204, or 422 for one in another state (a repetition, too)."""
    states = " or ".join(state.lower() for state in allowed)
    about = f"Invalid subscription status for {action} action; subscription status should be {states}."

    def run(call: Call) -> Reply:
        record = call.find("subscription", "id")
        if record["status"] not in allowed:
            raise refused("SUBSCRIPTION_STATUS_INVALID", about=about)
        note = call.body.get("reason", record.get("note"))
        call.save(record, status=to, status_changed=call.now, note=note)
        return Reply(204)

    return run


def collect(call: Call) -> Reply:
    """POST …/{id}/capture: take the outstanding balance, or a part of it."""
    record = call.find("subscription", "id")
    amount, currency = money.read(call.body["amount"])
    if currency != record["currency"]:
        raise refused("CURRENCY_MISMATCH", field="/amount/currency_code", value=currency)
    if not record["outstanding"]:
        raise refused("ZERO_OUTSTANDING_BALANCE")
    if amount > record["outstanding"]:
        raise refused("AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE", field="/amount/value")
    call.save(record, outstanding=record["outstanding"] - amount, paid=call.now)
    capture = call.objects.add(_payment(call, record, amount))
    return Reply(200, _transaction(call, capture), capture["id"])


def _payment(call: Call, record: Record, amount: int) -> Record:
    return {
        "id": call.new_id("C"),
        "object": "capture",
        "created": call.now,
        "updated": call.now,
        "amount": amount,
        "currency": record["currency"],
        "status": "COMPLETED",
        "refunded": 0,
        "fee": amount * 3 // 100,
        "event": "T0002",
        "subscription": record["id"],
        "customer": record["customer"],
        "email": record["email"],
    }


def collected_again(call: Call, key: str) -> Reply:
    """The payment that the request id made, as it is now."""
    return Reply(200, _transaction(call, call.find("capture", "id", key)), key)


ONE = f"{PATH}/{{id}}"
REASON = {"reason": f.text(128, 1)}
LIST_QUERY: Query = {
    "plan_ids": f.words,
    "statuses": f.words,
    "created_after": f.moment,
    "created_before": f.moment,
    "status_updated_after": f.moment,
    "status_updated_before": f.moment,
    "page": f.whole(1, 10_000_000, 1),
    "page_size": f.whole(1, 20, 10),
}
CAPTURE = f.record(
    {"note": f.text(128, 1), "capture_type": f.choice("OUTSTANDING_BALANCE"), "amount": f.MONEY},
    "note capture_type amount",
)

ENDPOINTS = (
    Endpoint("GET", PATH, index, query=LIST_QUERY),
    Endpoint("GET", ONE, read, query={"fields": f.words}),
    Endpoint(
        "GET",
        f"{ONE}/transactions",
        transactions,
        query={"start_time": f.moment, "end_time": f.moment},
        required="start_time end_time",
    ),
    Endpoint(
        "POST",
        f"{ONE}/cancel",
        change("cancel", "CANCELLED", "ACTIVE", "SUSPENDED"),
        body=f.record(REASON, "reason"),
    ),
    Endpoint(
        "POST", f"{ONE}/suspend", change("suspend", "SUSPENDED", "ACTIVE"), body=f.record(REASON, "reason")
    ),
    Endpoint("POST", f"{ONE}/activate", change("activate", "ACTIVE", "SUSPENDED"), body=f.record(REASON)),
    Endpoint("POST", f"{ONE}/capture", collect, body=CAPTURE, kept=HOURS_72, again=collected_again),
)
