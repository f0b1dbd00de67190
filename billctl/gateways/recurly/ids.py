"""Recurly's ids: which may enter a URL, and of which kinds an id may be.

An id is up to 13 characters (the API description's `maxLength`; those seen are 12 or 13 lower-case letters
and digits) and tells no kind. A payment and a subscription have a UUID too, an account a code of the
merchant's own, an invoice a number: by these they are found, and named by their id from then on, so that one
object has one name in every record.
"""

import re

from billctl.errors import UsageError

ID = re.compile(r"[a-z0-9]{6,13}", re.ASCII)
UUID = re.compile(r"[0-9a-f]{32}", re.ASCII)
CODE = re.compile(r"[!-~]{1,50}", re.ASCII)
"""Of an account: up to 50 characters; which ones is not said, and blanks are not taken here."""
NUMBER = re.compile(r"[A-Za-z0-9-]{1,40}", re.ASCII)
"""Of an invoice: digits, with a country's letters or a prefix before them (`FR1001`, `TEST-FR1001`)."""

EXAMPLES = {
    "customer": "e28zov4fw0v2",
    "charge": "k5p8ndvj3w2a",
    "refund": "p7qhx2rt9f1m",
    "subscription": "s4c0ub7zl6ye",
    "invoice": "i9m3tg5dkq8h",
}

LONGEST_SHOWN = 40


def checked(object_id: str, kind: str) -> str:
    """`object_id`, fit for a URL. Raises `UsageError` (`bad_id`) before anything is sent."""
    if ID.fullmatch(object_id):
        return object_id
    shown = object_id if len(object_id) <= LONGEST_SHOWN else object_id[:LONGEST_SHOWN] + "…"
    raise UsageError(
        f"{shown!r} is not a Recurly {kind} id",
        code="bad_id",
        hint=f"An id of this kind looks like {EXAMPLES[kind]}. Numbers, codes and UUIDs: `billctl lookup`.",
    )
