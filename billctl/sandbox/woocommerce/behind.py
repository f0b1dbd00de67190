"""The refund at Stripe that a store's Stripe extension makes, asked of Stripe's sandbox beside this one."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billctl.sandbox import STRIPE_KEY, STRIPE_LIVE_KEY
from billctl.sandbox.database import Database, Record
from billctl.sandbox.http import Request
from billctl.sandbox.limits import Load, Turnstile
from billctl.sandbox.registry import app
from billctl.sandbox.woocommerce.call import Call
from billctl.sandbox.woocommerce.php import ONE, number

CENTS = 100
"""Of the currencies in which the rehearsal shop is paid through Stripe."""


def refund(call: Call, order: Record, amount: str) -> str | None:
    """Refund the order's charge; Stripe's words where it refuses, None where it is done.

    None as well where no shop of Stripe's lies beside this one, or it does not know the charge.
    """
    path = _beside(call.database)
    if not path.exists():
        return None
    form = {
        "charge": order["transaction"],
        "amount": str(number(amount) * CENTS // ONE),
        "reason": "requested_by_customer",
        "metadata[order_id]": order["id"],
    }
    key = STRIPE_LIVE_KEY if call.user.live else STRIPE_KEY
    headers = {"authorization": f"Bearer {key}", "content-type": "application/x-www-form-urlencoded"}
    request = Request("POST", "/v1/refunds", headers, urlencode(form).encode(), keep_alive=False)
    stripe = app("stripe", lambda: datetime.fromtimestamp(call.now, UTC), Turnstile(Load()))
    with closing(Database(path)) as database:
        answer = stripe.answer(request, database, call.pause)
    if answer.status == 200:
        return None
    error: dict[str, Any] = json.loads(answer.body or b"{}").get("error", {})
    return None if error.get("code") == "resource_missing" else str(error.get("message", "no answer"))


def _beside(database: Database) -> Path:
    """Stripe's state in the directory of this state."""
    file = next(row[2] for row in database.execute("PRAGMA database_list") if row[1] == "main")
    return Path(file).with_name("stripe.sqlite")
