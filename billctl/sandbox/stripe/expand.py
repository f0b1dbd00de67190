"""`expand`: ids become objects, and lists that Stripe leaves out are put in."""

from collections.abc import Callable
from typing import Any

from billctl.sandbox.database import Objects
from billctl.sandbox.stripe.errors import invalid
from billctl.sandbox.stripe.shapes import Shapes, Wire, wire_list

DEEPEST = 4

IDS: dict[str, frozenset[str]] = {
    kind: frozenset(fields.split())
    for kind, fields in {
        "charge": "application application_fee balance_transaction customer failure_balance_transaction "
        "on_behalf_of payment_intent review source_transfer transfer",
        "refund": "balance_transaction charge failure_balance_transaction payment_intent "
        "source_transfer_reversal transfer_reversal",
        "payment_intent": "application customer latest_charge on_behalf_of payment_method review",
        "payment_method": "customer",
        "customer": "default_source test_clock",
        "subscription": "application customer default_payment_method default_source latest_invoice "
        "on_behalf_of pending_setup_intent schedule test_clock",
        "invoice": "application customer default_payment_method default_source latest_revision "
        "on_behalf_of test_clock",
        "invoice_payment": "invoice",
        "invoiceitem": "customer invoice test_clock",
        "line_item": "subscription",
        "dispute": "charge payment_intent",
        "price": "product",
        "product": "default_price tax_code",
        "": "charge default_payment_method payment_intent price subscription",
    }.items()
}
"""Fields per object that hold an id to expand; "" is for nested hashes that are no objects themselves."""


def _refunds(objects: Objects, shapes: Shapes, charge: Wire) -> Wire:
    found = objects.select("refund", {"charge": charge["id"]}, limit=11)
    data = [shapes.wire(refund) for refund in found[:10]]
    return wire_list(data, f"/v1/charges/{charge['id']}/refunds", has_more=len(found) > 10)


def _payments(objects: Objects, shapes: Shapes, invoice: Wire) -> Wire:
    found = objects.select("invoice_payment", {"invoice": invoice["id"]})
    return wire_list([shapes.wire(payment) for payment in found], "/v1/invoice_payments")


def _subscriptions(objects: Objects, shapes: Shapes, customer: Wire) -> Wire:
    found = objects.select("subscription", {"customer": customer["id"]})
    live = [shapes.wire(one) for one in found if one["status"] not in ("canceled", "incomplete_expired")]
    return wire_list(live[:10], f"/v1/customers/{customer['id']}/subscriptions", has_more=len(live) > 10)


def _empty(path: str) -> Callable[[Objects, Shapes, Wire], Wire]:
    return lambda _objects, _shapes, owner: wire_list([], f"/v1/customers/{owner['id']}/{path}")


LEFT_OUT: dict[tuple[str, str], Callable[[Objects, Shapes, Wire], Wire]] = {
    ("charge", "refunds"): _refunds,
    ("invoice", "payments"): _payments,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _empty("sources"),
    ("customer", "tax_ids"): _empty("tax_ids"),
}


class Expander:
    """Expands one answer."""

    def __init__(self, objects: Objects, shapes: Shapes) -> None:
        self._objects = objects
        self._shapes = shapes

    def expand(self, answer: Wire, paths: list[str]) -> None:
        """Expand each path in place. Raises Stripe's 400 for one that cannot be."""
        for path in paths:
            steps = path.split(".")
            if len(steps) - (steps[0] == "data") > DEEPEST:
                raise invalid(
                    f"You cannot expand more than {DEEPEST} levels of a property: {path}", param="expand"
                )
            self._walk(answer, steps, path)

    def _walk(self, here: Any, steps: list[str], path: str) -> None:
        if isinstance(here, list):
            for element in here:
                self._walk(element, steps, path)
            return
        if not steps or not isinstance(here, dict) or here.get("deleted"):
            return
        self._open(here, steps[0], path, last=len(steps) == 1)
        self._walk(here[steps[0]], steps[1:], path)

    def _open(self, here: Wire, name: str, path: str, *, last: bool) -> None:
        kind = here.get("object", "")
        left_out = LEFT_OUT.get((kind, name))
        if left_out:
            if name not in here:
                here[name] = left_out(self._objects, self._shapes, here)
        elif name in IDS.get(kind, ()):
            here[name] = self._object(here.get(name))
        elif (last and name != "data") or name not in here:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")

    def _object(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.startswith("txn_"):
            from billctl.sandbox.stripe.balance import transaction

            return transaction(self._objects, value)
        record = self._objects.get(value)
        return self._shapes.wire(record) if record else value
