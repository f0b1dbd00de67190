"""/subscriptions: their state, their end, and the way back from it."""

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, Endpoint, Page, Reply, retrieve
from billctl.sandbox.recurly.crediting import Terms, credit
from billctl.sandbox.recurly.errors import refused
from billctl.sandbox.recurly.fields import choice, record, text, whole, yes_or_no
from billctl.sandbox.recurly.invoice_shape import invoice, line_item, refundable
from billctl.sandbox.recurly.lists import INVOICES, LINES, SUBSCRIPTIONS, keep
from billctl.sandbox.recurly.money import share
from billctl.sandbox.recurly.paging import listed
from billctl.sandbox.recurly.refunds import over
from billctl.sandbox.recurly.subscription_shape import subscription

ENDED = ("expired", "failed")


def _list(call: Call) -> Page:
    return listed(call, "subscription", {}, subscription, keep("subscription", call))


def _invoices(call: Call) -> Page:
    where = {"subscription": call.find("subscription")["id"]}
    return listed(call, "invoice", where, invoice, keep("invoice", call))


def _lines(call: Call) -> Page:
    where = {"subscription": call.find("subscription")["id"]}
    return listed(call, "line_item", where, line_item, keep("line_item", call))


def _cancel(call: Call) -> Reply:
    """Let it end at its next bill or at its term's end; one that has not begun fails at once."""
    found = call.find("subscription")
    if found["status"] == "future":
        return _saved(call, found, status="failed", canceled=call.now, expires=call.now, due=None)
    if found["status"] != "active":
        raise refused("Only active and future subscriptions can be canceled.")
    billing = call.body.get("timeframe", "term_end") == "bill_date"
    end = found["end"] if billing else found["term_end"]
    return _saved(call, found, status="canceled", canceled=call.now, expires=end, due=end)


def _reactivate(call: Call) -> Reply:
    found = call.find("subscription")
    if found["status"] != "canceled":
        raise refused("Only canceled subscriptions can be reactivated.")
    return _saved(call, found, status="active", canceled=None, expires=None, due=None)


def _pause(call: Call) -> Reply:
    found = call.find("subscription")
    cycles = call.body["remaining_pause_cycles"]
    if found["status"] not in ("active", "paused"):
        raise refused("Expired, canceled and failed subscriptions cannot be paused.")
    if cycles:
        return _saved(call, found, pause_cycles=cycles, paused=found.get("paused") or found["end"])
    return _saved(call, found, status="active", pause_cycles=None, paused=None)


def _resume(call: Call) -> Reply:
    found = call.find("subscription")
    if found["status"] != "paused":
        raise refused("Only paused subscriptions can be resumed.")
    return _saved(call, found, status="active", pause_cycles=None, paused=None)


def _terminate(call: Call) -> Reply:
    """End it now; `refund` gives back all, the unused part, or (the default) none of its last invoice.

    Another word for `refund` is the description's 422, not a 400. What `expiration_reason` then says is not
    verified.
    """
    found = call.find("subscription")
    kind = call.query.get("refund", "none")
    if found["status"] in ENDED:
        raise refused("Cannot expire an inactive subscription.")
    if kind not in ("full", "partial", "none"):
        raise refused("Please provide valid values for these parameters: refund.")
    _give_back(call, found, kind)
    changes = {"status": "expired", "expires": call.now, "expiration_reason": "canceled"}
    return _saved(call, found, **changes, canceled=found.get("canceled") or call.now, due=None)


def _give_back(call: Call, found: Record, kind: str) -> None:
    bill = call.objects.get(found["active_invoice"]) if found.get("active_invoice") else None
    if bill is None or kind == "none":
        return
    lines = [
        line
        for line in call.objects.linked("line_item", "invoice", bill["id"])
        if line.get("subscription") == found["id"]
    ]
    paid = sum(line["amount"] for line in lines)
    unused = share(paid, max(0, found["end"] - call.now), found["end"] - found["start"])
    left = sum(line["amount"] - line.get("refunded", 0) for line in lines)
    total = min(refundable(bill), left, paid if kind == "full" else unused)
    if total > 0:
        credit(call, bill, over(lines, total), Terms(origin="termination"))


def _saved(call: Call, found: Record, **changes: object) -> Reply:
    return Reply(200, subscription(call, call.save(found, **changes)))


ENDPOINTS = (
    Endpoint("GET", "/subscriptions", _list, query=SUBSCRIPTIONS),
    Endpoint("GET", "/subscriptions/{subscription_id}", retrieve("subscription", subscription)),
    Endpoint(
        "DELETE",
        "/subscriptions/{subscription_id}",
        _terminate,
        query={"refund": text(20), "charge": yes_or_no},
    ),
    Endpoint("GET", "/subscriptions/{subscription_id}/invoices", _invoices, query=INVOICES),
    Endpoint("GET", "/subscriptions/{subscription_id}/line_items", _lines, query=LINES),
    Endpoint(
        "PUT",
        "/subscriptions/{subscription_id}/cancel",
        _cancel,
        body=record({"timeframe": choice("bill_date", "term_end")}),
    ),
    Endpoint("PUT", "/subscriptions/{subscription_id}/reactivate", _reactivate),
    Endpoint(
        "PUT",
        "/subscriptions/{subscription_id}/pause",
        _pause,
        body=record({"remaining_pause_cycles": whole}, "remaining_pause_cycles"),
    ),
    Endpoint("PUT", "/subscriptions/{subscription_id}/resume", _resume),
)
