"""What billctl writes on a refund at Recurly, so that the refund is recognised later. Pure functions.

Recurly keeps no metadata on a refund. The customer notes of the credit invoice are the one text that a refund
request can set (`credit_customer_notes` of the OpenAPI description's `InvoiceRefund`), and the customer may
read them: so they say `ref` and the operation's key, and never a reason.

The operation id is no part of it: it is new with every try, and how Recurly answers another body under an
idempotency key that was used is not known. Whoever repeats a request repeats it to the letter.
"""

import re

NOTE = re.compile(r"(?<!\S)ref ([0-9a-f]{32})(?!\S)", re.ASCII)


def stamped(key: str) -> str:
    """The customer notes that name the operation with this key."""
    return f"ref {key}"


def operation_key(notes: str | None) -> str | None:
    """The key of the billctl operation that customer notes name, if they name one."""
    found = NOTE.search(notes or "")
    return found.group(1) if found else None
