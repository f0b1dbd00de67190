"""Giving money back: refund what is settled, void what is not, or let Braintree choose (reverse).

From the SDK's tests: the codes 91506, 91504 and 91512; many partial refunds; a refund into another
merchant account; the soft and the hard decline. Chosen here: 91574 is never given (a settling transaction
can be refunded), a hard-declined refund stays as a credit that its sale does not list, and a voided refund
gives its amount back to what can be refunded.
"""

from billctl.sandbox.braintree.amounts import read
from billctl.sandbox.braintree.call import Call
from billctl.sandbox.braintree.catalog import ACCOUNTS
from billctl.sandbox.braintree.charging import PROCESSED, Verdict, new_transaction, settle, step, told
from billctl.sandbox.braintree.checks import declined, order_id
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.database import Record

REFUNDABLE = frozenset({"settling", "settled"})
VOIDABLE = frozenset({"authorized", "submitted_for_settlement"})
GONE = frozenset({"voided", "processor_declined", "failed", "gateway_rejected", "settlement_declined"})


def refund(call: Call) -> Record:
    """POST /transactions/ID/refund: a new credit, of all that is left without an amount."""
    sale, given = call.find("transaction"), call.given("transaction")
    left = _refundable(call, sale)
    amount = left if given.get("amount") is None else read(given["amount"], sale["currency"])
    if amount > left:
        raise Refused("transaction", "91521")
    account = str(given.get("merchant_account_id") or sale["account"])
    if account not in ACCOUNTS:
        raise Refused("transaction", "91513")
    return _credit(call, sale, amount, account, order_id(given))


def _refundable(call: Call, sale: Record) -> int:
    """What is left to refund. Raises `Refused`."""
    if sale["type"] == "credit":
        raise Refused("transaction", "91505")
    if sale["status"] not in REFUNDABLE:
        raise Refused("transaction", "91506")
    if ACCOUNTS[sale["account"]][1] != "active":
        raise Refused("transaction", "91538")
    credits = (call.store.get("transaction", key) for key in sale.get("refunds", []))
    back = sum(credit["amount"] for credit in credits if credit and credit["status"] not in GONE)
    left: int = sale["amount"] - back
    if left <= 0:
        raise Refused("transaction", "91512")
    return left


def _credit(call: Call, sale: Record, amount: int, account: str, order: str | None) -> Record:
    about = {name: sale.get(name) for name in ("customer", "person", "email", "billing")}
    credit = new_transaction(call, "credit", amount, account, sale["card"], **about)
    credit |= {"charge": sale["id"], "order_id": order, "currency": sale["currency"]}
    answer = told(amount, sale["currency"])
    if answer and answer.response[2] == "hard_declined":
        settle(credit, answer)
        step(call, credit, answer.status)
        call.store.add(credit)
        raise declined(call, credit, "915200")
    settle(credit, Verdict("", PROCESSED, answer.additional if answer else None))
    step(call, credit, "submitted_for_settlement")
    sale.setdefault("refunds", []).append(credit["id"])
    sale["updated"] = call.now
    call.store.save(sale)
    return call.store.add(credit)


def void(call: Call) -> Record:
    """PUT /transactions/ID/void: the whole of a transaction that is not settling yet."""
    transaction = call.find("transaction")
    if transaction["status"] not in VOIDABLE:
        raise Refused("transaction", "91504")
    step(call, transaction, "voided")
    return call.store.save(transaction)


def reverse(call: Call) -> Record:
    """POST /transactions/ID/reverse: a void where that can be, else a refund of everything.

    The rule is the SDK's docstring. That only an untouched settled sale can be reversed, and that all
    else is 915282, is not verified.
    """
    transaction = call.find("transaction")
    if transaction["status"] in VOIDABLE:
        return void(call)
    untouched = transaction["status"] in REFUNDABLE and not transaction.get("refunds")
    if not untouched or transaction["type"] != "sale":
        raise Refused("transaction", "915282")
    return _credit(call, transaction, transaction["amount"], transaction["account"], None)
