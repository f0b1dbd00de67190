"""Recurly's error bodies: `{"error": {"type", "message", "params"}}`.

Types are those of the OpenAPI description. It shows the bodies without the `error` around them; the SDK
reads them with it (`recurly/resource.py`, `cast_error`). Which status a type comes with follows from the
SDK's classes (`recurly/errors.py`): a simultaneous request is one of the 422s there.
"""

from typing import Any

VERSION = "v2021-02-25"
KNOWN_VERSIONS = (
    *("v2016-03-01", "v2016-04-27", "v2016-07-27", "v2016-12-15", "v2017-01-12", "v2017-09-30"),
    *("v2018-01-24", "v2018-05-10", "v2018-06-06", "v2018-08-09", "v2019-10-10", VERSION),
)
"""What a refused Accept header is answered with."""


class ApiError(Exception):
    """An answer that refuses. `acted` says that what the request wrote stays."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        params: tuple[str, ...] = (),
        headers: dict[str, str] | None = None,
        acted: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.acted = acted
        named = {"params": [{"param": name} for name in params]} if params else {}
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message, **named, **more}}


def bad_request(message: str, *params: str) -> ApiError:
    """400: the request is not as described."""
    return ApiError(400, "bad_request", message, params=params)


def unpermitted(name: str) -> ApiError:
    """400: a parameter that the operation does not have."""
    return bad_request(f"Invalid or unpermitted parameter: {name}", name)


def invalid(param: str, why: str) -> ApiError:
    """422: understood, and cannot be done, because of one parameter."""
    return ApiError(422, "validation", f"{param} {why}", params=(param,))


def refused(message: str) -> ApiError:
    """422: understood, and cannot be done."""
    return ApiError(422, "validation", message)


def missing(kind: str, field: str, value: str) -> ApiError:
    """404: no such object."""
    return ApiError(404, "not_found", f"Couldn't find {kind} with {field} = {value}")


def no_route() -> ApiError:
    """404: no such address."""
    return ApiError(404, "not_found", "The requested URL was not found.")


def unauthorized() -> ApiError:
    """401: no key, or one that opens nothing."""
    return ApiError(401, "unauthorized", "The API key provided is not valid.")


def forbidden() -> ApiError:
    """403: the key lacks a permission."""
    return ApiError(403, "invalid_permissions", "The API key does not have permission for this operation.")


def simultaneous() -> ApiError:
    """422: another request on the same thing is still running."""
    return ApiError(
        422, "simultaneous_request", "A change for this account is already in progress. Try again shortly."
    )


def too_many(retry_after: int | None = None) -> ApiError:
    """429. Recurly names the time in X-RateLimit-Reset; that it sends Retry-After too is not verified: it is
    there only where a fault was told a delay."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return ApiError(429, "rate_limited", "You have made too many API requests.", headers=headers)


def server_error() -> ApiError:
    """500."""
    return ApiError(500, "internal_server_error", "An unexpected error occurred.")


def wrong_version() -> ApiError:
    """406: the Accept header names no version there is."""
    return ApiError(
        406,
        "invalid_api_version",
        "That accept header isn't in the format we use to specify an API version. Try one of these instead:",
        acceptable_accept_headers=[f"application/vnd.recurly.{version}" for version in KNOWN_VERSIONS],
    )


def declined(transaction: str, code: str = "transaction_cannot_be_refunded") -> ApiError:
    """422: the payment gateway behind Recurly said no."""
    return ApiError(
        422,
        "transaction",
        "The transaction was declined by the payment gateway.",
        transaction_error={
            "object": "transaction_error",
            "transaction_id": transaction,
            "category": "hard",
            "code": code,
            "message": "The transaction was declined by the payment gateway.",
        },
    )
