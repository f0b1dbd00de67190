"""Braintree's ids: which may enter a URL, and of which kinds an id may be.

Transactions and disputes are named by Braintree, in lower-case letters and digits: 6 to 8 characters, 16
for a dispute, so far as they were seen (recorded sandbox traffic, the SDK's samples). Customers and
subscriptions may carry a merchant's own ids, of letters, digits, `-` and `_`. So a form alone never proves
a kind: `layla99` may be a customer, a transaction, or a person's name.
"""

import re

from billctl.errors import UsageError

NAMED_BY_BRAINTREE = re.compile(r"[a-z0-9]{2,36}", re.ASCII)
NAMED_BY_ANYBODY = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)

GRAMMARS = {
    "customer": NAMED_BY_ANYBODY,
    "charge": NAMED_BY_BRAINTREE,
    "refund": NAMED_BY_BRAINTREE,
    "subscription": NAMED_BY_ANYBODY,
    "dispute": NAMED_BY_BRAINTREE,
    "payment method": NAMED_BY_ANYBODY,
}

EXAMPLES = {
    "customer": "203066074",
    "charge": "9m6rw8n9",
    "refund": "by3x4njt",
    "subscription": "6d2wwnr",
    "dispute": "kx4xhx3jwfz3qjvp",
}


def may_be(object_id: str, kind: str) -> bool:
    """Whether `object_id` has the form of an id of `kind`."""
    return GRAMMARS[kind].fullmatch(object_id) is not None


def checked(object_id: str, kind: str) -> str:
    """`object_id`, fit for a URL. Raises `UsageError` (`bad_id`) before anything is sent."""
    if may_be(object_id, kind):
        return object_id
    shown = object_id if len(object_id) <= 40 else object_id[:40] + "…"
    example = EXAMPLES.get(kind)
    raise UsageError(
        f"{shown!r} is not a Braintree {kind} id",
        code="bad_id",
        hint=f"An id of this kind looks like {example}." if example else "",
    )
