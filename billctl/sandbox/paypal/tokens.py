"""Access tokens: given by POST /v1/oauth2/token, kept in the state, gone with a `reset`.

Which client asks decides whether a token opens the test-mode or the live shop. A token's life is the
setting `token_life` (nine hours unless told otherwise).
"""

import os
from base64 import b64decode
from binascii import Error as Base64Error
from hmac import compare_digest
from typing import Any
from urllib.parse import parse_qs

from billctl.sandbox import (
    PAYPAL_CLIENT_ID,
    PAYPAL_CLIENT_SECRET,
    PAYPAL_LIVE_CLIENT_ID,
    PAYPAL_LIVE_CLIENT_SECRET,
)
from billctl.sandbox.database import Database
from billctl.sandbox.http import Request
from billctl.sandbox.paypal.errors import TokenError, unauthenticated

PATH = "/v1/oauth2/token"
FORM = "application/x-www-form-urlencoded"
APP_ID = "APP-80W284485P519543T"
SCOPE = " ".join(
    f"https://uri.paypal.com/services/{name}"
    for name in (
        "invoicing",
        "payments/refund",
        "reporting/search/read",
        "subscriptions",
        "disputes/read-seller",
    )
)
CLIENTS = {
    PAYPAL_CLIENT_ID: (PAYPAL_CLIENT_SECRET, False),
    PAYPAL_LIVE_CLIENT_ID: (PAYPAL_LIVE_CLIENT_SECRET, True),
}
KIND = "oauth2 token"
"""The `endpoint` of a token's row among the keys."""


def bad_client() -> TokenError:
    """401 for a client id or secret that is not known."""
    return TokenError(401, "invalid_client", "Client Authentication failed")


def issue(request: Request, database: Database, now: int) -> dict[str, Any]:
    """A new token for the client that asks. Raises `TokenError`."""
    live = _client(request.headers.get("authorization", ""))
    if request.headers.get("content-type", "").partition(";")[0].strip() != FORM:
        raise TokenError(400, "invalid_request", "The request is not form-encoded")
    if parse_qs(request.body.decode("latin-1")).get("grant_type") != ["client_credentials"]:
        raise TokenError(400, "unsupported_grant_type", "Grant Type is NULL or not client_credentials")
    token = f"A21AA{os.urandom(24).hex()}"
    with database.transaction(write=True):
        life = database.settings()["token_life"]
        database.execute(
            "INSERT INTO keys VALUES(?, ?, ?, '', ?, ?, '', NULL, NULL)", (live, token, KIND, now, life)
        )
    return {
        "scope": SCOPE,
        "access_token": token,
        "token_type": "Bearer",
        "app_id": APP_ID,
        "expires_in": life,
        "nonce": f"{now}{os.urandom(8).hex()}",
    }


def authenticate(request: Request, database: Database, now: int) -> bool:
    """Whether the request's token is of the live mode. Raises PayPal's 401 for one that opens nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise unauthenticated()
    query = "SELECT live, created, owner FROM keys WHERE key=? AND endpoint=?"
    row = database.execute(query, (token.strip(), KIND)).fetchone()
    if row is None or now >= row[1] + row[2]:
        raise unauthenticated()
    return bool(row[0])


def revoke(database: Database) -> int:
    """Make every token worthless, and return how many there were: what a revoked app or an outage does."""
    with database.transaction(write=True):
        return database.execute("DELETE FROM keys WHERE endpoint=?", (KIND,)).rowcount


def _client(header: str) -> bool:
    scheme, _, value = header.partition(" ")
    try:
        client, _, secret = b64decode(value, validate=True).decode().partition(":")
    except (Base64Error, UnicodeDecodeError):
        raise bad_client() from None
    known, live = CLIENTS.get(client, ("", False))
    if scheme.lower() != "basic" or not known or not compare_digest(known.encode(), secret.encode()):
        raise bad_client()
    return live
