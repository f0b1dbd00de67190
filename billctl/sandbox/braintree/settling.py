"""Transactions and subscriptions that change by themselves.

`submitted_for_settlement` becomes `settling` and then `settled`, each after half of the setting
`settle_after` (seconds); at Braintree it is once a day. An authorization expires after seven days, as
recorded. The rehearsal shop's own transactions wait: nothing of them is due. A subscription whose last
billing cycle ends becomes `Expired`; renewals are not modelled.
"""

from collections.abc import Mapping
from time import gmtime, strftime

from billctl.sandbox.braintree.store import Store
from billctl.sandbox.database import Record

NEXT = {
    "authorized": "authorization_expired",
    "submitted_for_settlement": "settling",
    "settling": "settled",
}
AUTHORIZED_SECONDS = 7 * 86_400
"""How long a card's authorization lasts, as recorded."""


def plan(transaction: Record, since: int, settings: Mapping[str, int]) -> None:
    """Say when the next change is due, counted from `since`; a last status has none."""
    transaction.pop("due", None)
    if transaction["status"] not in NEXT:
        return
    half = settings["settle_after"] // 2
    wait = AUTHORIZED_SECONDS if transaction["status"] == "authorized" else half
    transaction["due"] = since + wait


def catch_up(store: Store, now: int, settings: Mapping[str, int]) -> None:
    """Bring every object whose time has come up to date. Call inside a write transaction."""
    while late := store.due(now):
        for record in late:
            if record["object"] == "subscription":
                _expire(record)
            else:
                _advance(record, settings)
            store.save(record)


def _advance(transaction: Record, settings: Mapping[str, int]) -> None:
    when = transaction["due"]
    status = NEXT[transaction["status"]]
    transaction |= {"status": status, "updated": when}
    if status == "settling":
        transaction["batch"] = batch(transaction, when)
    transaction["history"].append([when, status, transaction["amount"], None])
    plan(transaction, when, settings)


def batch(transaction: Record, when: int) -> str:
    """The settlement batch's id, in the recorded form: date, merchant account, a name."""
    return f"{strftime('%Y-%m-%d', gmtime(when))}_{transaction['account']}_b{transaction['id'][-7:]}"


def _expire(subscription: Record) -> None:
    when = subscription.pop("due")
    subscription |= {"status": "Expired", "updated": when, "next": None}
    subscription["history"].append([when, "Expired", subscription["balance"], "recurring"])
