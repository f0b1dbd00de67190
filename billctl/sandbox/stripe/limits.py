"""The rate limit per endpoint and second, off unless the setting `rate_limit` is on.

The code of Stripe's 429 body could not be verified: `rate_limit` is on its page of error codes.
"""

from billctl.sandbox.database import Database
from billctl.sandbox.stripe.call import Endpoint
from billctl.sandbox.stripe.errors import ApiError


def too_many(retry_after: int | None = None) -> ApiError:
    """Stripe's 429."""
    return ApiError(
        429,
        "Request rate limit exceeded. You can learn more about rate limits here "
        "https://docs.stripe.com/rate-limits.",
        code="rate_limit",
        kept=False,
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def count(database: Database, endpoint: Endpoint, second: int, limit: int) -> None:
    """Count a request. Raises 429 when its endpoint has had `limit` in this second."""
    with database.transaction(write=True):
        database.execute("DELETE FROM hits WHERE second<?", (second,))
        row = database.execute(
            "INSERT INTO hits VALUES(?, ?, 1) ON CONFLICT DO UPDATE SET n=n+1 RETURNING n",
            (f"{endpoint.method} {endpoint.path}", second),
        ).fetchone()
    if row[0] > limit:
        raise too_many()
