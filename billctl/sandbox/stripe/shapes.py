"""Records → Stripe's objects: every field the OpenAPI description requires, and the usual optional ones.

A record keeps what differs from `DEFAULTS` and, under names that begin with `_`, what only the sandbox
needs. `Shapes.wire` fills in the rest. Fields that Stripe includes only when expanded (`refunds` of a
charge, `payments` of an invoice) are in `expand.py`.
"""

from collections.abc import Callable
from typing import Any, Protocol

from billctl.sandbox.database import Record
from billctl.sandbox.stripe.defaults import DEFAULTS
from billctl.sandbox.stripe.evidence import EVIDENCE
from billctl.sandbox.stripe.plain import names

Wire = dict[str, Any]

NO_ADDRESS: Wire = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
CHECKS: Wire = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
RECEIPTS = "https://pay.stripe.com/receipts/payment/"
INVOICES = "https://invoice.stripe.com/i/"


class Source(Protocol):
    """Where a shape finds what it embeds: the stored objects, or those of a shop being built."""

    live: bool

    def get(self, key: str) -> Record | None:
        """The record with this id."""


class Shapes:
    """Renders the records of one mode."""

    def __init__(self, objects: Source) -> None:
        self._objects = objects

    def wire(self, record: Record) -> Wire:
        """The whole object as Stripe answers it; a deleted one is `{id, object, deleted}`."""
        if record.get("deleted"):
            return {"id": record["id"], "object": record["object"], "deleted": True}
        kind = record["object"]
        default = DEFAULTS[kind]
        shape: Wire = {"id": record["id"], "object": kind, **default}
        shape |= {name: value for name, value in record.items() if not name.startswith("_") and name != "due"}
        if "livemode" in default:
            shape["livemode"] = self._objects.live
        special = SPECIAL.get(kind)
        return special(self, record, shape) if special else shape

    def _charge(self, record: Record, shape: Wire) -> Wire:
        card = record["_card"]
        shape["payment_method_details"] = {"card": charge_card(record), "type": "card"}
        shape["billing_details"] = billing(record.get("_billing", {}))
        shape["outcome"] = outcome(record)
        shape["receipt_url"] = RECEIPTS + record["id"] if shape["paid"] else None
        shape["payment_method"] = record.get("payment_method") or card.get("id")
        return shape

    def _payment_method(self, record: Record, shape: Wire) -> Wire:
        shape["billing_details"] = billing(record.get("_billing", {}))
        shape["card"] = method_card(record["_card"])
        return shape

    def _payment_intent(self, record: Record, shape: Wire) -> Wire:
        shape["client_secret"] = f"{record['id']}_secret_sandbox"
        return shape

    def _refund(self, _record: Record, shape: Wire) -> Wire:
        waiting = shape["status"] in ("pending", "failed")
        reference = {"reference_status": "pending" if waiting else "available"}
        shape["destination_details"] = {
            "card": {**reference, "reference_type": "acquirer_reference_number", "type": "refund"},
            "type": "card",
        }
        return shape

    def _dispute(self, record: Record, shape: Wire) -> Wire:
        shape["evidence"] = {**EVIDENCE, **record.get("_evidence", {})}
        submitted = record.get("_submissions", 0)
        shape["evidence_details"] = {
            "due_by": record["_due_by"],
            "enhanced_eligibility": {},
            "has_evidence": bool(record.get("_evidence")),
            "past_due": record.get("_past_due", False),
            "submission_count": submitted,
        }
        inquiry = shape["status"].startswith("warning")
        card = {"brand": record["_brand"], "case_type": "inquiry" if inquiry else "chargeback"}
        shape["payment_method_details"] = {"card": {**card, "network_reason_code": "10.4"}, "type": "card"}
        return shape

    def _subscription(self, record: Record, shape: Wire) -> Wire:
        items = [self.item(item, record) for item in record["_items"]]
        shape["items"] = wire_list(items, f"/v1/subscription_items?subscription={record['id']}")
        return shape

    def item(self, item: Record, subscription: Record) -> Wire:
        """A subscription item, its price included."""
        price = self._objects.get(item["price"])
        return {
            "id": item["id"],
            "object": "subscription_item",
            "billing_thresholds": None,
            "created": subscription["created"],
            "current_period_end": item["current_period_end"],
            "current_period_start": item["current_period_start"],
            "discounts": [],
            "metadata": {},
            "price": self.wire(price) if price else None,
            "quantity": item["quantity"],
            "subscription": subscription["id"],
            "tax_rates": [],
        }

    def _invoice(self, record: Record, shape: Wire) -> Wire:
        lines = [self._line(line, record) for line in record["_lines"]]
        shape["lines"] = wire_list(lines, f"/v1/invoices/{record['id']}/lines")
        shape.pop("subscription", None)  # `parent` says it; the record's own is for lists
        total = sum(line["amount"] for line in record["_lines"])
        for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
            shape[name] = total
        shape["amount_due"] = total
        shape["amount_remaining"] = total - shape["amount_paid"]
        if shape["status"] != "draft":
            shape["hosted_invoice_url"] = f"{INVOICES}{record['id']}"
            shape["invoice_pdf"] = f"{INVOICES}{record['id']}/pdf"
            shape["effective_at"] = shape["status_transitions"]["finalized_at"]
            shape["ending_balance"] = 0
        return shape

    def _line(self, line: Record, invoice: Record) -> Wire:
        return {
            "id": line["id"],
            "object": "line_item",
            "amount": line["amount"],
            "currency": invoice["currency"],
            "description": line["description"],
            "discount_amounts": [],
            "discountable": True,
            "discounts": [],
            "invoice": invoice["id"],
            "livemode": self._objects.live,
            "metadata": {},
            "parent": line_parent(line),
            "period": {"end": line["end"], "start": line["start"]},
            "pretax_credit_amounts": [],
            "pricing": pricing(line),
            "quantity": line["quantity"],
            "quantity_decimal": str(line["quantity"]),
            "subscription": line.get("subscription"),
            "subtotal": line["amount"],
            "taxes": [],
        }

    def _invoice_payment(self, _record: Record, shape: Wire) -> Wire:
        del shape["payment_intent"]  # `payment` says it; the record's own is for lists
        return shape

    def _event(self, _record: Record, shape: Wire) -> Wire:
        del shape["status"]  # the event's type, where the list finds it
        return shape

    def _invoiceitem(self, record: Record, shape: Wire) -> Wire:
        shape["period"] = {"end": record["date"], "start": record["date"]}
        shape["net_amount"] = record["amount"]
        shape["pricing"] = {"type": "price_details", "unit_amount_decimal": str(record["amount"])}
        del shape["created"]
        return shape


SPECIAL: dict[str, Callable[[Shapes, Record, Wire], Wire]] = {
    "charge": Shapes._charge,
    "payment_method": Shapes._payment_method,
    "payment_intent": Shapes._payment_intent,
    "refund": Shapes._refund,
    "dispute": Shapes._dispute,
    "subscription": Shapes._subscription,
    "invoice": Shapes._invoice,
    "invoiceitem": Shapes._invoiceitem,
    "invoice_payment": Shapes._invoice_payment,
    "event": Shapes._event,
}


def wire_list(data: list[Wire], url: str, *, has_more: bool = False) -> Wire:
    """Stripe's list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def billing(known: Wire) -> Wire:
    """Billing details with what is known of them."""
    return {"address": NO_ADDRESS, **names("email name phone tax_id"), **known}


def method_card(card: Wire) -> Wire:
    """The card of a payment method."""
    return {
        "brand": card["brand"],
        "checks": CHECKS,
        "country": card["country"],
        "display_brand": card["brand"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "generated_from": None,
        "last4": card["last4"],
        "networks": {"available": [card["brand"]], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charge_card(charge: Record) -> Wire:
    """The card of a charge's payment method details."""
    card = charge["_card"]
    unavailable = {"status": "unavailable"}
    return {
        "amount_authorized": charge["amount"] if charge["paid"] else None,
        "authorization_code": "000000" if charge["paid"] else None,
        "brand": card["brand"],
        "checks": CHECKS,
        "country": card["country"],
        "exp_month": card["exp_month"],
        "exp_year": card["exp_year"],
        "extended_authorization": {"status": "disabled"},
        "fingerprint": card["fingerprint"],
        "funding": card["funding"],
        "incremental_authorization": unavailable,
        "installments": None,
        "last4": card["last4"],
        "mandate": None,
        "multicapture": unavailable,
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": charge["amount"], **unavailable},
        "regulated_status": "unregulated",
        "three_d_secure": None,
        "wallet": None,
    }


def outcome(charge: Record) -> Wire:
    """What the network said to a charge."""
    paid = charge["paid"]
    return {
        **names("advice_code network_advice_code network_decline_code"),
        "network_status": "approved_by_network" if paid else "declined_by_network",
        "reason": None if paid else charge.get("_decline", "generic_decline"),
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete." if paid else "The bank did not return any further details.",
        "type": "authorized" if paid else "issuer_declined",
    }


def line_parent(line: Record) -> Wire:
    """Where an invoice line comes from: a subscription's item or an invoice item."""
    common = {"proration": False, "proration_details": {"credited_items": None}}
    if line.get("subscription"):
        details = {
            **common,
            "invoice_item": None,
            "subscription": line["subscription"],
            "subscription_item": line["item"],
        }
        return {
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        }
    details = {**common, "invoice_item": line["item"], "subscription": None}
    return {
        "invoice_item_details": details,
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def pricing(line: Record) -> Wire:
    """A line's unit price, and which price it is where there is one."""
    unit = line["amount"] // line["quantity"]
    shape: Wire = {"type": "price_details", "unit_amount_decimal": str(unit)}
    if line.get("price"):
        shape["price_details"] = {"price": line["price"], "product": line["product"]}
    return shape
