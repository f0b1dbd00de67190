"""Subscriptions. Time does not renew them: periods stand as they were made.

That a second cancellation answers 404 `resource_missing`, and the text for updating a canceled one, come
from public reports of Stripe's answers, not from Stripe.
"""

from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.billing import finalize, invoice_for, pay_with
from billctl.sandbox.stripe.call import Call, Endpoint, Page, retrieve
from billctl.sandbox.stripe.cancelling import cancel_now
from billctl.sandbox.stripe.charging import declined
from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.methods import method_for
from billctl.sandbox.stripe.paging import filtered, in_span
from billctl.sandbox.stripe.periods import after
from billctl.sandbox.stripe.search import SEARCH, search

STATUSES = (
    "active",
    "canceled",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
)
ENDED = ("canceled", "incomplete_expired")
FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
DAY = 86_400
DETAILS = p.mapping({"comment": p.text(unset=True), "feedback": p.choice(*FEEDBACK, unset=True)})
ITEMS = p.listing(
    p.mapping(
        {
            "price": p.text(),
            "quantity": p.integer(0),
            "id": p.text(),
            "deleted": p.boolean,
            "metadata": p.metadata,
        }
    )
)


def create(call: Call) -> Record:
    """POST /v1/subscriptions: invoices the first period at once, unless a trial comes first."""
    given = call.params
    customer = call.customer(required=True) or {}
    prices = _prices(call)
    trial_end = call.now + given.get("trial_period_days", 0) * DAY
    trial = trial_end > call.now
    key = call.new_id("sub")
    subscription: Record = {
        "id": key,
        "object": "subscription",
        "created": call.now,
        "start_date": call.now,
        "billing_cycle_anchor": trial_end,
        "currency": prices[0][0]["currency"],
        "customer": customer["id"],
        "description": given.get("description"),
        "metadata": p.merge_metadata({}, given.get("metadata", {})),
        "cancel_at_period_end": given.get("cancel_at_period_end", False),
        "collection_method": given.get("collection_method", "charge_automatically"),
        "days_until_due": given.get("days_until_due"),
        "status": "trialing" if trial else "active",
        "_items": [_item(call, price, quantity, trial_end if trial else None) for price, quantity in prices],
    }
    if trial:
        subscription |= {"trial_start": call.now, "trial_end": trial_end}
    if given.get("default_payment_method"):
        subscription["default_payment_method"] = method_for(call, given["default_payment_method"])["id"]
    _check_collection(subscription)
    call.objects.add(subscription)
    call.event("customer.subscription.created", subscription)
    if not trial:
        _first_invoice(call, subscription, customer)
    return call.objects.save(subscription)


def _prices(call: Call) -> list[tuple[Record, int]]:
    found: list[tuple[Record, int]] = []
    for index, item in enumerate(call.params["items"]):
        param = f"items[{index}][price]"
        if "price" not in item:
            raise refused(f"Missing required param: {param}.", param=param, code="parameter_missing")
        price = call.find("price", item["price"], param=param, status=400)
        if not price.get("recurring"):
            raise refused(
                "The price specified is set to `type=one_time` but this field only accepts prices with "
                "`type=recurring`.",
                param="items",
            )
        found.append((price, item.get("quantity", 1)))
    if not found:
        raise refused("Missing required param: items.", param="items", code="parameter_missing")
    if len({price["currency"] for price, _ in found}) > 1:
        raise refused("All prices on a subscription must have the same currency.", param="items")
    return found


def _item(call: Call, price: Record, quantity: int, trial_end: int | None) -> Record:
    cycle = price["recurring"]
    end = trial_end or after(call.now, cycle["interval"], cycle["interval_count"])
    return {
        "id": call.new_id("si"),
        "price": price["id"],
        "quantity": quantity,
        "current_period_start": call.now,
        "current_period_end": end,
    }


def _check_collection(subscription: Record) -> None:
    sends = subscription["collection_method"] == "send_invoice"
    if sends and subscription["days_until_due"] is None:
        raise refused(
            "If collection_method is send_invoice, you must specify days_until_due.", param="days_until_due"
        )
    if not sends and subscription["days_until_due"] is not None:
        raise refused(
            "You can only specify days_until_due if collection_method is send_invoice.",
            param="days_until_due",
        )


def _first_invoice(call: Call, subscription: Record, customer: Record) -> None:
    invoice = invoice_for(call, subscription, customer)
    finalize(call, invoice)
    subscription["latest_invoice"] = invoice["id"]
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    if subscription["collection_method"] == "send_invoice":
        return
    if behavior == "default_incomplete":
        subscription["status"] = "incomplete"
        return
    method = subscription.get("default_payment_method") or customer.get("invoice_settings", {}).get(
        "default_payment_method"
    )
    if method is None:
        raise refused(
            "This customer has no attached payment source or default payment method. Please consider adding "
            "a default payment method.",
            code="resource_missing",
        )
    charge = pay_with(call, invoice, method)
    if charge["status"] == "failed":
        if behavior == "error_if_incomplete":
            error = declined(charge)
            error.acted = False
            raise error
        subscription["status"] = "incomplete"


def update(call: Call) -> Record:
    """POST /v1/subscriptions/{id}; of a canceled one only metadata and cancellation details."""
    subscription = call.find("subscription", call.path_id)
    given = call.params
    if subscription["status"] in ENDED and given.keys() - {"metadata", "cancellation_details", "expand"}:
        raise refused("A canceled subscription can only update its cancellation_details and metadata.")
    before = {name: subscription.get(name) for name in given if name in subscription}
    for name in ("collection_method", "days_until_due", "description"):
        if name in given:
            subscription[name] = given[name]
    _check_collection(subscription)
    if "metadata" in given:
        subscription["metadata"] = p.merge_metadata(subscription.get("metadata", {}), given["metadata"])
    if "default_payment_method" in given:
        subscription["default_payment_method"] = method_for(call, given["default_payment_method"])["id"]
    if "items" in given:
        _change_items(call, subscription)
    if "cancel_at_period_end" in given:
        _at_period_end(call, subscription, given["cancel_at_period_end"])
    if "cancellation_details" in given:
        subscription["cancellation_details"] = {**_details(subscription), **given["cancellation_details"]}
    call.event("customer.subscription.updated", subscription, before)
    return call.objects.save(subscription)


def _details(subscription: Record) -> dict[str, Any]:
    empty = {"comment": None, "feedback": None, "reason": None}
    return {**empty, **subscription.get("cancellation_details", {})}


def _at_period_end(call: Call, subscription: Record, wanted: bool) -> None:
    end = min(item["current_period_end"] for item in subscription["_items"])
    subscription |= {
        "cancel_at_period_end": wanted,
        "cancel_at": end if wanted else None,
        "canceled_at": call.now if wanted else None,
        "cancellation_details": {
            **_details(subscription),
            "reason": "cancellation_requested" if wanted else None,
        },
    }


def _change_items(call: Call, subscription: Record) -> None:
    items = {item["id"]: item for item in subscription["_items"]}
    for index, change in enumerate(call.params["items"]):
        key = change.get("id")
        if key is None:
            price = call.find("price", change.get("price", ""), param=f"items[{index}][price]", status=400)
            item = _item(call, price, change.get("quantity", 1), None)
            items[item["id"]] = item
        elif key not in items:
            raise call.missing("subscription_item", key, param=f"items[{index}][id]", status=400)
        elif change.get("deleted"):
            del items[key]
        else:
            items[key] |= {name: change[name] for name in ("price", "quantity") if name in change}
    if not items:
        raise refused("A subscription must have at least one active plan.", param="items")
    subscription["_items"] = list(items.values())


def cancel(call: Call) -> Record:
    """DELETE /v1/subscriptions/{id}: at once, without proration or a final invoice."""
    subscription = call.find("subscription", call.path_id)
    if subscription["status"] in ENDED:
        raise call.missing("subscription", call.path_id)
    for name in ("invoice_now", "prorate"):
        if call.params.get(name):
            raise refused(f"The billctl sandbox does not model {name}=true.", param=name)
    return cancel_now(call, subscription, call.params.get("cancellation_details"))


def index(call: Call) -> Page:
    """GET /v1/subscriptions; without a status, those that were not canceled."""
    given = call.params
    if given.get("customer"):
        call.find("customer", given["customer"], param="customer", status=400)
    where = {"customer": given["customer"]} if given.get("customer") else {}
    return filtered(
        call,
        "subscription",
        [one for one in call.objects.select("subscription", where) if _asked(one, given)],
    )


def _asked(subscription: Record, given: dict[str, Any]) -> bool:
    status, wanted = subscription["status"], given.get("status")
    by_status = {None: status != "canceled", "all": True, "ended": status in ENDED}
    if not by_status.get(wanted, status == wanted):
        return False
    collection = subscription.get("collection_method", "charge_automatically")
    if given.get("collection_method", collection) != collection:
        return False
    items = subscription["_items"]
    if given.get("price") and given["price"] not in [item["price"] for item in items]:
        return False
    return all(
        any(in_span(item[name], given.get(name)) for item in items)
        for name in ("current_period_start", "current_period_end")
    )


LATER = (
    "add_invoice_items application_fee_percent automatic_tax billing_cycle_anchor billing_schedules "
    "billing_thresholds cancel_at default_source default_tax_rates discounts invoice_settings off_session "
    "on_behalf_of payment_settings pending_invoice_item_interval transfer_data trial_end trial_from_plan "
    "trial_settings"
)
FIELDS: dict[str, p.Check] = {
    **p.EXPAND,
    "cancel_at_period_end": p.boolean,
    "collection_method": p.choice("charge_automatically", "send_invoice"),
    "days_until_due": p.integer(0),
    "default_payment_method": p.text(),
    "description": p.text(500, unset=True),
    "items": ITEMS,
    "metadata": p.metadata,
    "payment_behavior": p.choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "proration_behavior": p.choice("none"),
    **p.not_modelled(LATER),
}
ENDPOINTS = (
    Endpoint("GET", "/v1/subscriptions/search", search("subscription"), SEARCH, "query"),
    Endpoint("GET", "/v1/subscriptions/{id}", retrieve("subscription")),
    Endpoint(
        "POST",
        "/v1/subscriptions/{id}",
        update,
        {**FIELDS, "cancellation_details": DETAILS, **p.not_modelled("pause_collection proration_date")},
    ),
    Endpoint(
        "DELETE",
        "/v1/subscriptions/{id}",
        cancel,
        {**p.EXPAND, "cancellation_details": DETAILS, "invoice_now": p.boolean, "prorate": p.boolean},
    ),
    Endpoint(
        "GET",
        "/v1/subscriptions",
        index,
        {
            **p.PAGE,
            "collection_method": p.choice("charge_automatically", "send_invoice"),
            "created": p.span,
            "current_period_end": p.span,
            "current_period_start": p.span,
            "customer": p.text(),
            "price": p.text(),
            "status": p.choice(*STATUSES, "all", "ended"),
            **p.not_modelled("automatic_tax customer_account test_clock"),
        },
    ),
    Endpoint(
        "POST",
        "/v1/subscriptions",
        create,
        {
            **FIELDS,
            "customer": p.text(),
            "trial_period_days": p.integer(0, 730),
            **p.not_modelled("backdate_start_date billing_cycle_anchor_config billing_mode currency"),
            **p.not_modelled("customer_account"),
        },
        "customer items",
    ),
)
