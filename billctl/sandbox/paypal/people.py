"""Payers as orders, subscriptions, invoices and reports show them.

PayPal has no customers: a payer is an account id, an e-mail and a name on every payment.
"""

from billctl.sandbox.database import Record
from billctl.sandbox.paypal.call import Call, Wire


def find(call: Call, key: str) -> Record:
    """The payer with this account id."""
    record = call.objects.get(key)
    if record is None:
        raise LookupError(f"the shop has no payer {key}")
    return record


def name(payer: Record) -> Wire:
    """First and last name."""
    return {"given_name": payer["given"], "surname": payer["surname"]}


def full_name(payer: Record) -> Wire:
    """As reports and lists of transactions have it, with the whole name."""
    return {**name(payer), "alternate_full_name": f"{payer['given']} {payer['surname']}".strip()}


def payer(payer: Record) -> Wire:
    """Who paid an order."""
    return {
        "email_address": payer["email"],
        "payer_id": payer["id"],
        "name": name(payer),
        "address": {"country_code": payer["country"]},
    }


def wallet(payer: Record) -> Wire:
    """The PayPal account an order was paid from."""
    return {
        "email_address": payer["email"],
        "account_id": payer["id"],
        "account_status": "VERIFIED",
        "name": name(payer),
        "address": {"country_code": payer["country"]},
    }
