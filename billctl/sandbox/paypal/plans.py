"""Plans (Subscriptions v1), for reading."""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal import fields as f
from billctl.sandbox.paypal import money, times
from billctl.sandbox.paypal.call import Call, Endpoint, Reply, Wire, paged, pages, retrieve

PATH = "/v1/billing/plans"


def row(call: Call, record: Record) -> Wire:
    """A plan in a list."""
    return {
        "id": record["id"],
        "product_id": record["product"],
        "name": record["name"],
        "status": record["status"],
        "description": record["description"],
        "create_time": times.wire(record["created"]),
        "links": [call.link(f"{PATH}/{record['id']}")],
    }


def shape(call: Call, record: Record) -> Wire:
    """GET /v1/billing/plans/{id}."""
    price = {"version": 1, "fixed_price": money.wire(record["amount"], record["currency"])}
    cycle = {
        "pricing_scheme": price,
        "frequency": {"interval_unit": record["interval"], "interval_count": 1},
        "tenure_type": "REGULAR",
        "sequence": 1,
        "total_cycles": 0,
    }
    preferences = {
        "auto_bill_outstanding": True,
        "setup_fee_failure_action": "CANCEL",
        "payment_failure_threshold": 3,
    }
    return {
        **row(call, record),
        "billing_cycles": [cycle],
        "payment_preferences": preferences,
        "quantity_supported": False,
        "update_time": times.wire(record["updated"]),
    }


def index(call: Call) -> Reply:
    """GET /v1/billing/plans, newest first, by product or ids."""
    query = call.query
    found = [
        record
        for record in call.objects.select("plan", {})
        if query.get("product_id", record["product"]) == record["product"]
        and ("plan_ids" not in query or record["id"] in query["plan_ids"].split(","))
    ]
    totals: Wire = (
        {"total_items": len(found), "total_pages": pages(call, len(found))} if query["total_required"] else {}
    )
    rows = [row(call, one) for one in paged(call, found)]
    return Reply(200, {"plans": rows, **totals, "links": [call.link(PATH)]})


ENDPOINTS = (
    Endpoint(
        "GET",
        PATH,
        index,
        query={
            "product_id": f.words,
            "plan_ids": f.words,
            "page": f.whole(1, 100_000, 1),
            "page_size": f.whole(1, 20, 10),
            "total_required": (f.yes_or_no, False),
        },
    ),
    Endpoint("GET", f"{PATH}/{{id}}", retrieve("plan", "id", shape)),
)
