"""The SDK's `Api`, tamed by a subclass; its traps are those of paypalrestsdk 1.13.3.

As shipped it has no timeout, repeats a refused request without end while the token stays refused, takes
a 400 for an answer, sends `null` with GET and DELETE and `{}` with an empty POST, hands a call's own
headers to the token request, lets `~/.netrc` replace its credentials, opens a connection per call, and
logs secrets at DEBUG. Here requests go through one bounded session, a refused token is renewed once, and
nothing is logged.
"""

import json
import logging
from typing import TYPE_CHECKING, Any

from billctl.gateway import Account
from billctl.gateways.paypal.errors import Failure, NoToken, failure_of
from billctl.gateways.paypal.tokens import TokenStore

if TYPE_CHECKING:
    from paypalrestsdk import Api
    from requests import Response, Session

NO_CONTENT = 204
BODILESS = frozenset({"GET", "DELETE"})
LOGGERS = ("paypalrestsdk", "paypalrestsdk.api")


def tamed(account: Account, base: str, *, session: "Session", tokens: TokenStore) -> "Api":
    """The SDK's client of `account` at `base`, over `session`, with its token from `tokens`.

    Its `request` raises the SDK's exceptions for every answer that is no success, `NoToken` where it got no
    token, and whatever the session raises; it returns what JSON says, bytes for what is no JSON or null, and
    None for 204, "no content".
    """
    import paypalrestsdk
    from paypalrestsdk.exceptions import UnauthorizedAccess

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = (account.timeouts.connect, account.timeouts.read)

    class TamedApi(paypalrestsdk.Api):  # type: ignore[misc] # the SDK has no types
        def http_call(self, url: str, method: str, **kwargs: Any) -> Any:
            response = session.request(method, url, timeout=limits, allow_redirects=False, **kwargs)
            return self.handle_response(response, response.content.decode("utf-8", "replace"))

        def handle_response(self, response: "Response", content: str) -> Any:
            if not response.ok or response.is_redirect:
                return super().handle_response(response, content)
            if response.status_code == NO_CONTENT:
                return None
            kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            is_json = kind == "application/json" or kind.endswith("+json")
            said = json.loads(content) if is_json else None
            return response.content if said is None else said

        def get_token_hash(self, *_: Any, **refused: Any) -> dict[str, str]:
            try:
                token = tokens.token(self._ask_for_token, refused=refused.get("refused"))
            except ValueError as error:
                raise NoToken(Failure(message=str(error), code="bad_answer")) from error
            return {"access_token": token, "token_type": "Bearer"}

        def _ask_for_token(self) -> Any:
            headers = {
                "Authorization": f"Basic {self.basic_auth()}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                "User-Agent": self.user_agent,
            }
            try:
                return self.http_call(
                    f"{base}/v1/oauth2/token",
                    "POST",
                    data="grant_type=client_credentials",
                    headers=headers,
                )
            except Exception as error:
                raise NoToken(failure_of(error, base)) from error

        def request(
            self, url: str, method: str, body: Any = None, headers: Any = None, refresh_token: Any = None
        ) -> Any:
            del refresh_token
            token = self.get_token_hash()["access_token"]
            try:
                return self._sent(url, method, body, headers, token)
            except UnauthorizedAccess:
                renewed = self.get_token_hash(refused=token)["access_token"]
            return self._sent(url, method, body, headers, renewed)

        def _sent(self, url: str, method: str, body: Any, headers: Any, token: str) -> Any:
            data = None if body is None or method in BODILESS else json.dumps(body)
            sent = {
                "Authorization": f"Bearer {token}",
                "Accept": "application/json",
                "User-Agent": self.user_agent,
            }
            if data is not None:
                sent["Content-Type"] = "application/json"
            return self.http_call(url, method, data=data, headers=sent | (headers or {}))

    return TamedApi(
        mode="live" if account.live else "sandbox",
        endpoint=base,
        client_id=account.settings.get("client_id", ""),
        client_secret=str(account.secrets.get("client_secret", "")),
    )
