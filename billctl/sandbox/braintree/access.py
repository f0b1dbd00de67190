"""Keys and what they open.

A wrong pair of keys is Braintree's 401 without a body. What it answers to a right pair under another
merchant's address, or to a client too old for it, is not verified: 403 and 426 here.
"""

from base64 import b64decode
from binascii import Error as Base64Error

from billctl.frozen import frozen_value
from billctl.sandbox import (
    BRAINTREE_LIVE_MERCHANT_ID,
    BRAINTREE_LIVE_PRIVATE_KEY,
    BRAINTREE_LIVE_PUBLIC_KEY,
    BRAINTREE_MERCHANT_ID,
    BRAINTREE_PRIVATE_KEY,
    BRAINTREE_PUBLIC_KEY,
)
from billctl.sandbox.braintree.errors import Status
from billctl.sandbox.http import Request

VERSIONS = frozenset("123456")
"""`X-ApiVersion`: the SDK sends 6, the recorded clients 5 and 6."""


@frozen_value
class Access:
    """What a pair of keys opens."""

    merchant: str
    user: str
    live: bool = False


OPENS = {
    f"{BRAINTREE_PUBLIC_KEY}:{BRAINTREE_PRIVATE_KEY}": Access(BRAINTREE_MERCHANT_ID, "api@shop.example"),
    f"{BRAINTREE_LIVE_PUBLIC_KEY}:{BRAINTREE_LIVE_PRIVATE_KEY}": Access(
        BRAINTREE_LIVE_MERCHANT_ID, "api@shop.example", live=True
    ),
}


def authenticate(request: Request) -> Access:
    """What the request's keys open. Raises `Status` 401, 403 (another merchant) or 426."""
    access = OPENS.get(_credentials(request.headers.get("authorization", "")))
    if access is None:
        raise Status(401)
    if request.headers.get("x-apiversion") not in VERSIONS:
        raise Status(426)
    if not request.path.startswith(f"/merchants/{access.merchant}/"):
        raise Status(403)
    return access


def _credentials(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return b64decode(value, validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        return ""
