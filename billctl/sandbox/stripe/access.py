"""Keys and what they may do."""

from base64 import b64decode
from binascii import Error as Base64Error

from billctl.frozen import frozen_value
from billctl.sandbox import ACCOUNT_ID, STRIPE_KEY, STRIPE_LIVE_KEY, STRIPE_RESTRICTED_KEY
from billctl.sandbox.http import Request
from billctl.sandbox.stripe.errors import ApiError

CHALLENGE = {"WWW-Authenticate": 'Basic realm="Stripe"'}


@frozen_value
class Access:
    """What a key opens."""

    key: str
    live: bool = False
    read_only: bool = False

    def allow(self, method: str, path: str) -> None:
        """Raises Stripe's 403 when a read-only key asks for a change."""
        if not self.read_only or method == "GET":
            return
        resource = path.split("/")[2].removesuffix("s")
        raise ApiError(
            403,
            f"The provided key '{masked(self.key)}' does not have the required permissions for this endpoint "
            f"on account '{ACCOUNT_ID}'. Having the 'rak_{resource}_write' permission would allow this "
            "request to continue.",
            kept=False,
        )


OPENS = {
    access.key: access
    for access in (
        Access(STRIPE_KEY),
        Access(STRIPE_RESTRICTED_KEY, read_only=True),
        Access(STRIPE_LIVE_KEY, live=True),
    )
}


def authenticate(request: Request) -> Access:
    """The access of the request's key (Bearer, or Basic with the key as user name). Raises 401 or 403."""
    key = _key(request.headers.get("authorization", ""))
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, "
            "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            kept=False,
            headers=CHALLENGE,
        )
    access = OPENS.get(key)
    if access is None:
        raise bad_key(key)
    account = request.headers.get("stripe-account", ACCOUNT_ID)
    if account != ACCOUNT_ID:
        raise ApiError(
            403,
            f"The provided key '{masked(key)}' does not have access to account '{account}' (or that account "
            "does not exist). Application access may have been revoked.",
            code="account_invalid",
            kept=False,
        )
    return access


def bad_key(key: str) -> ApiError:
    """401 for a key that opens nothing."""
    return ApiError(401, f"Invalid API Key provided: {masked(key)}", kept=False, headers=CHALLENGE)


def masked(key: str) -> str:
    """The key as Stripe's texts show it: the beginning and the last four characters."""
    if len(key) < 16:
        return "*" * len(key)
    return key[:8] + "*" * (len(key) - 12) + key[-4:]


def _key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return b64decode(value, validate=True).decode().partition(":")[0]
        except (Base64Error, UnicodeDecodeError):
            return ""
    return ""
