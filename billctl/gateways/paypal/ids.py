"""PayPal's ids: which may enter a URL, and what kind of object a form names.

Lengths and alphabets are those of PayPal's API descriptions where they give any (payer id, order id,
dispute id); the others are the forms seen in their examples. Seventeen characters name a capture, a
sale, an authorization or a refund alike: only PayPal can say which.
"""

import re

from billctl.errors import UsageError

FORMS = {
    "subscription": re.compile(r"I-[A-Z0-9]{4,48}", re.ASCII),
    "invoice": re.compile(r"INV2(?:-[A-Z0-9]{4}){4}", re.ASCII),
    "dispute": re.compile(r"PP-[A-Z0-9]+(?:-[A-Z0-9]+){0,4}", re.ASCII),
    "charge": re.compile(r"[A-Z0-9]{17}", re.ASCII),
    "customer": re.compile(r"[2-9A-HJ-NP-Z]{13}", re.ASCII),
}
"""The form that names each kind, most telling first."""

ORDER = re.compile(r"[A-Z0-9]{1,36}", re.ASCII)
PAYMENT = re.compile(r"PAY(?:ID)?-[A-Z0-9]{1,48}", re.ASCII)

SAME_FORM = {"refund": "charge", "authorization": "charge"}
"""Kinds whose ids look like those of another."""

EXAMPLES = {
    "customer": "QYR5Z8XDVJNXQ",
    "charge": "2GG279541U471931P",
    "refund": "1JU08902781691411",
    "subscription": "I-BW452GLLEP1G",
    "invoice": "INV2-Z56S-5LLA-Q52L-CPZ5",
    "dispute": "PP-D-27803",
}

LONGEST_SHOWN = 40


def kind_of(object_id: str) -> str | None:
    """The kind of object that an id's form names, or None when the form tells nothing."""
    return next((kind for kind, form in FORMS.items() if form.fullmatch(object_id)), None)


def checked(object_id: str, kind: str) -> str:
    """`object_id`, known to have the form of `kind` and so fit for a URL.

    Raises `UsageError` (`bad_id`, `wrong_kind`) before anything is sent.
    """
    form = SAME_FORM.get(kind, kind)
    if FORMS[form].fullmatch(object_id):
        return object_id
    actual = kind_of(object_id)
    if actual is not None:
        raise UsageError(
            f"{object_id} is {_with_article(actual)}, not {_with_article(kind)}",
            code="wrong_kind",
            hint=_example(kind),
        )
    shown = object_id if len(object_id) <= LONGEST_SHOWN else object_id[:LONGEST_SHOWN] + "…"
    raise UsageError(f"{shown!r} is not a PayPal {kind} id", code="bad_id", hint=_example(kind))


def _with_article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def _example(kind: str) -> str:
    example = EXAMPLES.get(kind)
    return f"An id of this kind looks like {example}." if example else ""
