"""Checks that several endpoints make, and the answer of a transaction that was made and failed."""

from collections.abc import Mapping
from typing import Any

from billctl.sandbox.braintree.call import Call
from billctl.sandbox.braintree.catalog import ACCOUNTS, DEFAULT_ACCOUNT
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.shapes.transactions import transaction as shape
from billctl.sandbox.database import Record

LONGEST_ORDER_ID = 255


def merchant_account(given: Mapping[str, Any]) -> str:
    """The merchant account asked for, or the default. Raises `Refused`: 91513 unknown, 91514 suspended."""
    account = str(given.get("merchant_account_id") or DEFAULT_ACCOUNT)
    if account not in ACCOUNTS:
        raise Refused("transaction", "91513")
    if ACCOUNTS[account][1] != "active":
        raise Refused("transaction", "91514")
    return account


def order_id(given: Mapping[str, Any]) -> str | None:
    """The order id sent. Raises `Refused` 91501 for more than 255 characters."""
    found = given.get("order_id")
    if found is not None and len(str(found)) > LONGEST_ORDER_ID:
        raise Refused("transaction", "91501")
    return None if found is None else str(found)


def plain_id(given: Any) -> bool:
    """Whether a merchant may use this as an id: letters, digits, `-` and `_`."""
    text = str(given)
    return text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def declined(call: Call, transaction: Record, *codes: str, **more: Any) -> Refused:
    """The error document of a transaction that was made and failed, which stays."""
    rejection = transaction.get("rejection")
    text = f"Gateway Rejected: {rejection}" if rejection else transaction["response"][1]
    found = {"transaction": shape(call.store, transaction), **more}
    return Refused("transaction", *codes, text=text, acted=True, shown=found)
