"""/orders/ID/actions: mailing an order again. The store says it did, whether its mail server took it or not.

Since 9.5 there is `send_order_details`, since 9.8 one action for each template. Up to about 10.3 the note
that the order keeps names the User-Agent; later releases keep that out of every answer of this API (in the
source since October 2025; the release was not verified, 10.4 here).
"""

from html import escape
from typing import Any

from billctl.sandbox.database import Record
from billctl.sandbox.woocommerce import notes
from billctl.sandbox.woocommerce.call import Call, Endpoint, Reply
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.mail import send
from billctl.sandbox.woocommerce.order_shape import refunds_of
from billctl.sandbox.woocommerce.params import EMAIL, Arg

KEEPS_ADDRESS = 90_800
"""Before it, `email` overwrites the order's address without asking."""

AGENT_UNSEEN = 100_400
CHOOSES = 100_700
"""From here on a template that is not named is chosen by the order's status."""

INVOICE = "customer_invoice"
TITLES = {
    INVOICE: "Order details",
    "customer_completed_order": "Completed order",
    "customer_failed_order": "Failed order",
    "customer_on_hold_order": "Order on-hold",
    "customer_processing_order": "Processing order",
    "customer_refunded_order": "Refunded order",
}
BY_STATUS = {
    "completed": "customer_completed_order",
    "failed": "customer_failed_order",
    "on-hold": "customer_on_hold_order",
    "processing": "customer_processing_order",
    "refunded": "customer_refunded_order",
}
ADDRESS = {"email": Arg("email"), "force_email_update": Arg("boolean", False)}


def order_details(call: Call) -> Reply:
    """POST actions/send_order_details."""
    order, said = _addressed(call, _order(call))
    return _sent(call, order, INVOICE, said)


def email(call: Call) -> Reply:
    """POST actions/send_email: by a template that the order's status allows."""
    wanted = call.params.get("template_id")
    if wanted is None and call.version < CHOOSES:
        raise WpError(
            400,
            "rest_missing_callback_param",
            "Missing parameter(s): template_id",
            {"status": 400, "params": ["template_id"]},
        )
    order, said = _addressed(call, _order(call))
    allowed = _templates(call, order)
    template = wanted or BY_STATUS.get(order["status"], INVOICE)
    if template not in allowed:
        message = f"{escape(template)} is not a valid template for this order."
        raise WpError(400, "woocommerce_rest_invalid_email_template", message)
    return _sent(call, order, template, said)


def templates(call: Call) -> Reply:
    """GET actions/email_templates: those that this order may be mailed with now."""
    found = sorted(_templates(call, _order(call)))
    return Reply([{"id": one, "title": TITLES[one], "description": f"{TITLES[one]}."} for one in found])


def _order(call: Call) -> Record:
    order = call.order(call.ids["id"])
    if order is None:
        raise WpError(404, "woocommerce_rest_not_found", "Order not found")
    return order


def _templates(call: Call, order: Record) -> set[str]:
    if not order["billing"]["email"] or order["status"] in ("trash", "checkout-draft"):
        return set()
    partly = (
        {"customer_refunded_order"} if refunds_of(call, order) and order["status"] != "refunded" else set()
    )
    by_status = BY_STATUS.get(order["status"])
    return {INVOICE} | partly | ({by_status} if by_status else set())


def _addressed(call: Call, order: Record) -> tuple[Record, list[str]]:
    """The order, with the address that was sent along, and what the store says about that."""
    address, present = call.params.get("email"), order["billing"]["email"]
    said = []
    if address and address != present:
        keeps = call.version >= KEEPS_ADDRESS and not call.params["force_email_update"]
        if present and keeps:
            message = "Order already has a billing email."
            raise WpError(400, "woocommerce_rest_order_billing_email_exists", message)
        order["billing"]["email"] = address
        call.store.save(order)
        said = [f"Billing email updated to {escape(address)}."]
    if not EMAIL.fullmatch(order["billing"]["email"]):
        raise WpError(400, "woocommerce_rest_missing_email", "Order does not have an email address.")
    return order, said


def _sent(call: Call, order: Record, template: str, said: list[str]) -> Reply:
    send(call, order, template)
    address = escape(order["billing"]["email"])
    if template == INVOICE:
        said.append(f"Order details sent to {address}{_via(call)}.")
    else:
        said.append(f'Email template "{TITLES[template]}" sent to {address}{_via(call)}.')
    for text in said:
        notes.write(call, order["id"], text, author=call.user.user)
    short = "Order details email sent to customer."
    return Reply({"message": " ".join(said) if call.version >= KEEPS_ADDRESS else short})


def _via(call: Call) -> str:
    """The User-Agent, in the versions that tell it."""
    agent: Any = escape(call.agent) or "REST API"
    return "" if call.version >= AGENT_UNSEEN else f", via {agent}"


ENDPOINTS = (
    Endpoint(
        "POST",
        "orders/{id}/actions/send_order_details",
        order_details,
        "view",
        ADDRESS,
        changes=True,
        since=90_500,
    ),
    Endpoint("GET", "orders/{id}/actions/email_templates", templates, "view", since=90_800),
    Endpoint(
        "POST",
        "orders/{id}/actions/send_email",
        email,
        "view",
        {**ADDRESS, "template_id": Arg(choices=tuple(TITLES))},
        changes=True,
        since=90_800,
    ),
)
