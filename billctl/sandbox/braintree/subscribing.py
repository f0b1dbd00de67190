"""What every change of a subscription needs: its history, its periods, its bills."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from billctl.sandbox.braintree.call import Call
from billctl.sandbox.braintree.cards import Card
from billctl.sandbox.braintree.charging import new_transaction
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.vault import owner, vaulted
from billctl.sandbox.database import Record


def note(call: Call, subscription: Record, status: str, source: str = "api") -> None:
    """Give a subscription a status and note it. Not stored."""
    subscription |= {"status": status, "updated": call.now}
    subscription["history"].append([call.now, status, subscription["balance"], source])


def billed(call: Call, subscription: Record, amount: int) -> tuple[Record, Card]:
    """A sale of a subscription, not judged and not stored, and the card that pays it."""
    record = call.store.get("credit_card", subscription["token"])
    if record is None:
        raise Refused("transaction", "91518")
    card = vaulted(record)
    about: dict[str, Any] = {
        **owner(call, record["customer"]),
        "subscription": subscription["id"],
        "plan": subscription["plan"],
        "period": [subscription.get("start"), subscription.get("end")],
        "discounts": subscription.get("discounts"),
        "add_ons": subscription.get("add_ons"),
    }
    return new_transaction(call, "sale", amount, subscription["account"], card, **about), card


def today(now: int) -> date:
    """The date in UTC. Braintree bills in the merchant's time zone; the rehearsal shop's is UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def month_after(first: date, months: int = 1) -> date:
    """The same day so many months later, or that month's last."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    for day in (first.day, 30, 29):
        try:
            return date(year, month + 1, min(day, first.day))
        except ValueError:
            continue
    return date(year, month + 1, 28)


def expires(subscription: Record) -> int | None:
    """When the last billing cycle ends, in Unix seconds; None while there are more to come."""
    cycles, end = subscription.get("cycles"), subscription.get("end")
    if cycles is None or not end or subscription["cycle"] < cycles:
        return None
    day_after = datetime.fromisoformat(end).replace(tzinfo=UTC) + timedelta(days=1)
    return int(day_after.timestamp())
