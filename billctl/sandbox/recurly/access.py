"""Who asks, and for which version: the key of Basic authentication, the Accept header."""

import base64
import binascii

from billctl.sandbox import RECURLY_KEY, RECURLY_LIVE_KEY
from billctl.sandbox.http import Request
from billctl.sandbox.recurly.errors import KNOWN_VERSIONS, VERSION, ApiError, unauthorized, wrong_version

MODES = {RECURLY_KEY: False, RECURLY_LIVE_KEY: True}
MEDIA = "application/vnd.recurly."


def authenticate(request: Request) -> bool:
    """Whether the key opens the production site. Raises Recurly's 401.

    The key is the user name, and the password is empty.
    """
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        raise unauthorized()
    try:
        key, colon, password = base64.b64decode(given, validate=True).decode("latin-1").partition(":")
    except binascii.Error:
        raise unauthorized() from None
    if not colon or password or key not in MODES:
        raise unauthorized()
    return MODES[key]


def check_version(request: Request) -> None:
    """Raise Recurly's 406 where the Accept header does not name this version (or `latest`)."""
    wanted = request.headers.get("accept", "").removesuffix("+json")
    if wanted in (f"{MEDIA}{VERSION}", f"{MEDIA}latest"):
        return
    if wanted.removeprefix(MEDIA) in KNOWN_VERSIONS:
        raise ApiError(
            406, "unavailable_in_api_version", f"This sandbox speaks {VERSION} and no version before it."
        )
    raise wrong_version()
