"""The forms of what names an object in a store. They tell no kind: orders, refunds, products and
subscriptions are numbered in one sequence, customers in another."""

import re
from collections.abc import Mapping

from billctl.errors import UsageError

NUMBER = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
"""WordPress's ids are MySQL's `bigint unsigned`."""

EMAIL = re.compile(r"[^\s@\x00-\x20\x7f]{1,64}@[^\s@\x00-\x20\x7f]{1,190}")
"""An e-mail address, which stands for a guest. It is never part of a path."""

CUSTOMER = "customer"

EXAMPLES: Mapping[str, str] = {
    CUSTOMER: "21",
    "charge": "1042",
    "refund": "1045",
    "subscription": "1050",
    "invoice": "1042",
}


def checked(object_id: str, kind: str) -> str:
    """`object_id` if it has the form of an id; raises `UsageError` before anything is sent."""
    if not NUMBER.fullmatch(object_id) and not (kind == CUSTOMER and is_guest(object_id)):
        raise refused(object_id, kind)
    return object_id


def is_guest(customer_id: str) -> bool:
    """Whether a customer's id is a guest's: his e-mail address."""
    return EMAIL.fullmatch(customer_id) is not None


def refused(object_id: str, kind: str) -> UsageError:
    """The error for what is no id of this kind, or of any where `kind` is none of the examples'."""
    shown = object_id if len(object_id) <= 40 else object_id[:40] + "…"
    guests = "; a guest's is his e-mail address" if kind == CUSTOMER else ""
    what = f"{kind} id" if kind in EXAMPLES else "id"
    return UsageError(
        f"{shown!r} is not a WooCommerce {what}",
        code="bad_id",
        hint=f"It is a number like {EXAMPLES.get(kind, EXAMPLES['charge'])}{guests}.",
    )
