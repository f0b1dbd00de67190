"""Stripe's ids: which may enter a URL, and what kind of object a prefix names.

Prefixes are those of Stripe's published fixtures; `py_` and `pyr_` (payments and refunds that are no
card's) are used by Stripe but could not be checked there.
"""

import re

from billctl.errors import UsageError

GRAMMAR = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
"""No slash, dot, blank or `?`: the SDK would send `ch_1/../x` as a path and an empty id as a list."""

KINDS = {
    "cus_": "customer",
    "ch_": "charge",
    "py_": "charge",
    "re_": "refund",
    "pyr_": "refund",
    "sub_": "subscription",
    "in_": "invoice",
    "dp_": "dispute",
    "du_": "dispute",
    "pi_": "payment_intent",
    "si_": "subscription_item",
    "pm_": "payment_method",
    "price_": "price",
    "promo_": "promotion_code",
    "cn_": "credit_note",
    "evt_": "event",
    "txn_": "balance_transaction",
    "acct_": "account",
}

EXAMPLES = {
    "customer": "cus_Nff9aXlYPXWfLb",
    "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15",
    "refund": "re_1Nispe2eZvKYlo2Cd31jOCgZ",
    "subscription": "sub_1MowQVLkdIwHu7ixeRlqHVzs",
    "invoice": "in_1MtHbELkdIwHu7ixl4OzzPMv",
    "dispute": "dp_1MtJUT2eZvKYlo2CNaw2HvEv",
}


def kind_of(object_id: str) -> str | None:
    """The kind of object `object_id` names by its prefix, or None when the prefix tells nothing."""
    prefix, underscore, _ = object_id.partition("_")
    return KINDS.get(prefix + underscore)


def checked(object_id: str, kind: str) -> str:
    """`object_id`, fit for a URL and not known to be of another kind than `kind`.

    Raises `UsageError` (`bad_id`, `wrong_kind`) before anything is sent. A prefix that tells nothing
    passes: only Stripe can say what it is.
    """
    named = kind.replace("_", " ")
    if not GRAMMAR.fullmatch(object_id):
        shown = object_id if len(object_id) <= 40 else object_id[:40] + "…"
        raise UsageError(f"{shown!r} is not a Stripe {named} id", code="bad_id", hint=_example(kind))
    actual = kind_of(object_id)
    if actual is not None and actual != kind:
        raise UsageError(
            f"{object_id} is {_with_article(actual)}, not {_with_article(kind)}",
            code="wrong_kind",
            hint=_example(kind),
        )
    return object_id


def _with_article(kind: str) -> str:
    named = kind.replace("_", " ")
    return f"{'an' if named[0] in 'aeio' else 'a'} {named}"


def _example(kind: str) -> str:
    example = EXAMPLES.get(kind)
    return f"An id of this kind looks like {example}." if example else ""
