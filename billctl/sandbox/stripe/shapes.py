"""Records → Stripe's objects: every field the OpenAPI description requires, and the usual optional ones.

A record keeps what differs from `DEFAULTS` and, under names that begin with `_`, what only the sandbox
needs. `Shapes.wire` fills in the rest. Fields that Stripe includes only when expanded (`refunds` of a
charge, `payments` of an invoice) are in `expand.py`.
"""

from collections.abc import Callable
from typing import Any

from billctl.sandbox.state import Objects, Record
from billctl.sandbox.stripe.evidence import EVIDENCE
from billctl.sandbox.stripe.plain import names

Wire = dict[str, Any]

NO_ADDRESS: Wire = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
CHECKS: Wire = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
RECEIPTS = "https://pay.stripe.com/receipts/payment/"
INVOICES = "https://invoice.stripe.com/i/"

DEFAULTS: dict[str, Wire] = {
    "customer": {
        **names("address currency default_source description discount email name phone shipping test_clock"),
        "balance": 0,
        "delinquent": False,
        "invoice_settings": {
            **names("custom_fields default_payment_method footer rendering_options"),
        },
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    },
    "product": {
        **names("default_price description package_dimensions shippable statement_descriptor tax_code"),
        **names("unit_label url"),
        "active": True,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
    },
    "price": {
        **names("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity"),
        "active": True,
        "billing_scheme": "per_unit",
        "livemode": False,
        "metadata": {},
        "tax_behavior": "unspecified",
    },
    "payment_method": {
        "allow_redisplay": "unspecified",
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    },
    "payment_intent": {
        **names("application application_fee_amount automatic_payment_methods canceled_at"),
        **names("cancellation_reason customer customer_account description excluded_payment_method_types"),
        **names("last_payment_error latest_charge next_action on_behalf_of payment_method"),
        **names("payment_method_configuration_details processing receipt_email review setup_future_usage"),
        **names("shipping statement_descriptor statement_descriptor_suffix transfer_data transfer_group"),
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
    },
    "charge": {
        **names("application application_fee application_fee_amount balance_transaction customer"),
        **names("description failure_balance_transaction failure_code failure_message on_behalf_of"),
        **names("payment_intent payment_method receipt_email receipt_number review shipping"),
        **names("source_transfer statement_descriptor statement_descriptor_suffix transfer_data"),
        **names("transfer_group"),
        "amount_refunded": 0,
        "calculated_statement_descriptor": "BILLCTL SANDBOX",
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "refunded": False,
    },
    "refund": {
        **names("balance_transaction charge payment_intent reason receipt_number"),
        **names("source_transfer_reversal transfer_reversal"),
        "metadata": {},
    },
    "dispute": {
        "balance_transactions": [],
        "enhanced_eligibility_types": [],
        "livemode": False,
        "metadata": {},
    },
    "subscription": {
        **names("application application_fee_percent billing_cycle_anchor_config billing_thresholds"),
        **names("cancel_at canceled_at customer_account days_until_due default_payment_method"),
        **names("default_source description ended_at latest_invoice next_pending_invoice_item_invoice"),
        **names("on_behalf_of pause_collection pending_invoice_item_interval pending_setup_intent"),
        **names("pending_update schedule test_clock transfer_data trial_end trial_start"),
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    },
    "invoice": {
        **names("account_tax_ids application automatically_finalizes_at billing_reason custom_fields"),
        **names("customer_account customer_address customer_phone customer_shipping default_payment_method"),
        **names("default_source description due_date effective_at ending_balance footer from_invoice"),
        **names("hosted_invoice_url invoice_pdf last_finalization_error latest_revision"),
        **names("next_payment_attempt number on_behalf_of parent receipt_number rendering shipping_cost"),
        **names("shipping_details statement_descriptor test_clock webhooks_delivered_at"),
        "account_country": "US",
        "account_name": "billctl sandbox shop",
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "livemode": False,
        "metadata": {},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    },
    "invoiceitem": {
        **names("customer_account description invoice parent test_clock"),
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "metadata": {},
        "proration": False,
        "quantity": 1,
        "quantity_decimal": "1",
        "tax_rates": [],
    },
    "invoice_payment": {"is_default": True, "livemode": False},
    "event": {"api_version": "2026-10-28.endive", "livemode": False, "pending_webhooks": 0},
}


class Shapes:
    """Renders the records of one mode."""

    def __init__(self, objects: Objects) -> None:
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
