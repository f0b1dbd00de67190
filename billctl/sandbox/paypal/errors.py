"""PayPal's error bodies: `{name, message, debug_id, details: [{issue, …}], links}`.

Names and messages are those that the OpenAPI files fix for each status; so are the descriptions of
issues, where the files fix them. The body of 429 has no schema there: its name is documented.
"""

from typing import Any, NamedTuple

from billctl.sandbox.paypal.issues import ISSUES

DOCS = "https://developer.paypal.com/docs/api/"


class Said(NamedTuple):
    """Name and message of an error."""

    name: str
    message: str


STATUSES = {
    400: Said("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: Said(
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: Said("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: Said("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    409: Said("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
    415: Said("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
    422: Said(
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: Said("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: Said("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    503: Said("SERVICE_UNAVAILABLE", "Service Unavailable."),
}


class ApiError(Exception):
    """An answer that refuses: `status`, `headers`, and the body without its debug id."""

    def __init__(
        self,
        status: int,
        details: list[dict[str, Any]] | None = None,
        *,
        said: Said | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        said = said or STATUSES.get(status, STATUSES[400])
        super().__init__(said.message)
        self.status = status
        self.headers = headers or {}
        self._body: dict[str, Any] = {**said._asdict(), **({"details": details} if details else {}), **more}

    def body(self, debug_id: str) -> dict[str, Any]:
        """The JSON body, with the id that the header repeats."""
        links = [{"href": f"{DOCS}#error-{self._body['name']}", "rel": "information_link", "method": "GET"}]
        return {**self._body, "debug_id": debug_id, "links": links}


class TokenError(ApiError):
    """A refusal of the token endpoint, which has OAuth's body (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, headers={"WWW-Authenticate": "Basic"} if status == 401 else None)
        self._oauth = {"error": error, "error_description": description}

    def body(self, debug_id: str) -> dict[str, Any]:  # noqa: ARG002 OAuth's body has none
        """OAuth's body."""
        return self._oauth


def detail(issue: str, *, field: str = "", value: str = "", location: str = "body") -> dict[str, Any]:
    """One entry of `details`; `field` is a JSON pointer in the body, or a parameter's name."""
    where = {"field": field, "value": value, "location": location} if field else {}
    about = {"description": ISSUES[issue]} if issue in ISSUES else {}
    return {**where, "issue": issue, **about}


def invalid(issue: str, *, field: str, value: str = "", location: str = "body") -> ApiError:
    """400: the request is not as described."""
    return ApiError(400, [detail(issue, field=field, value=value, location=location)])


def refused(issue: str, *, field: str = "", value: str = "", about: str | None = None) -> ApiError:
    """422: understood, and cannot be done. `about` replaces the table's description."""
    entry = detail(issue, field=field, value=value)
    return ApiError(422, [{**entry, "description": about} if about else entry])


def missing(field: str, value: str) -> ApiError:
    """404: no such object. `field` is the path's name for it."""
    return ApiError(404, [detail("INVALID_RESOURCE_ID", field=field, value=value, location="path")])


def unauthenticated() -> ApiError:
    """401: no token, or one that opens nothing."""
    return ApiError(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def forbidden() -> ApiError:
    """403: the app lacks a permission."""
    return ApiError(403, [detail("PERMISSION_DENIED")])


def in_progress() -> ApiError:
    """409: the first request under this PayPal-Request-Id is still running."""
    return ApiError(409, [detail("PREVIOUS_REQUEST_IN_PROGRESS")])


def too_many(retry_after: int | None = None) -> ApiError:
    """429."""
    return ApiError(429, headers={} if retry_after is None else {"Retry-After": str(retry_after)})
