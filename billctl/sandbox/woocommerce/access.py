"""Keys and what they open.

A wrong secret is told as such; a key that the store does not know is nobody, like no key at all: what nobody
may see is refused with a generic 401. Over plain http the store does not look at Basic credentials or at keys
in the query (setting `woo_https`); OAuth 1.0a, which it would take there, is not modelled.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from billctl.frozen import frozen_value
from billctl.sandbox import (
    WOOCOMMERCE_KEY,
    WOOCOMMERCE_LIVE_KEY,
    WOOCOMMERCE_LIVE_SECRET,
    WOOCOMMERCE_READ_KEY,
    WOOCOMMERCE_READ_SECRET,
    WOOCOMMERCE_SECRET,
)
from billctl.sandbox.http import Request
from billctl.sandbox.woocommerce.errors import WpError

READS = frozenset({"GET", "HEAD"})
REALM = (
    "WooCommerce API. Use a consumer key in the username field and a consumer secret in the password field."
)


@frozen_value
class Access:
    """What a key opens: `permissions` is `read` or `read_write`."""

    secret: str
    permissions: str = "read_write"
    live: bool = False
    user_id: int = 2
    user: str = "Mona Manager"

    def check(self, method: str) -> None:
        """Raise `WpError` 401 where the key's permissions do not cover the method."""
        if method not in READS and self.permissions == "read":
            message = "The API key provided does not have write permissions."
            raise WpError(401, "woocommerce_rest_authentication_error", message)


OPENS: Mapping[str, Access] = {
    WOOCOMMERCE_KEY: Access(WOOCOMMERCE_SECRET),
    WOOCOMMERCE_READ_KEY: Access(WOOCOMMERCE_READ_SECRET, permissions="read"),
    WOOCOMMERCE_LIVE_KEY: Access(WOOCOMMERCE_LIVE_SECRET, live=True),
}

NOBODY = Access("", permissions="read", user_id=0, user="")
"""Who asks without a key that the store knows, where everybody may ask."""


def authenticate(request: Request, query: Mapping[str, Any], *, https: bool) -> Access | None:
    """What the request's key opens; None for nobody. Raises `WpError` 401 for a wrong secret."""
    key, secret = _credentials(request, query) if https else ("", "")
    if not key or not secret or (access := OPENS.get(key)) is None:
        return None
    if access.secret != secret:
        raise WpError(
            401,
            "woocommerce_rest_authentication_error",
            "Consumer secret is invalid.",
            headers={"WWW-Authenticate": f'Basic realm="{REALM}"'},
        )
    return access


def _credentials(request: Request, query: Mapping[str, Any]) -> tuple[str, str]:
    """Those in the query come before those in the header."""
    if query.get("consumer_key") and query.get("consumer_secret"):
        return str(query["consumer_key"]), str(query["consumer_secret"])
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        key, _, secret = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        return "", ""
    return key, secret
