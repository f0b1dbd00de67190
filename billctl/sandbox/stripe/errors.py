"""Stripe's error bodies."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class ApiError(Exception):
    """An answer other than 200: `status`, and the `error` object of the body.

    `kept` is true where the endpoint had begun to run, so that an idempotency key keeps the answer;
    `acted` where what it wrote stays written (a declined card leaves a failed charge).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        kept: bool = True,
        acted: bool = False,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.acted = acted
        self.headers = headers or {}
        fields = {"code": code, "doc_url": code and DOCS + code.replace("_", "-"), "param": param, **more}
        shown = {name: value for name, value in fields.items() if value is not None}
        self.body: dict[str, Any] = {"error": {"message": message, "type": kind, **shown}}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400 for a parameter that fails validation: nothing ran, and no idempotency key keeps it."""
    return ApiError(400, message, param=param, code=code, kept=False)


def refused(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """400 for a request that is well-formed and cannot be done."""
    return ApiError(400, message, param=param, code=code)


def server_error(message: str = "An unknown error occurred in the sandbox.") -> ApiError:
    """Stripe's own failure."""
    return ApiError(500, message, kind="api_error")


def too_many(retry_after: int | None = None) -> ApiError:
    """Stripe's 429. Its code could not be verified: `rate_limit` is on Stripe's page of error codes."""
    return ApiError(
        429,
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        kept=False,
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )
