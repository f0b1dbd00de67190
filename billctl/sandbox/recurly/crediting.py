"""How a charge invoice's money goes back: the credit invoice, its lines, and the refund transactions.

The methods are the OpenAPI description's: `transaction_first` (the default where a site has Credit
Invoices), `credit_first`, `all_credit` (no money moves) and `all_transaction`. The last "using transactions
from previous invoices if necessary" is not modelled: more than this invoice's own transactions can bear is
refused.

- A refund that the payment gateway declines leaves an *open* credit invoice and a declined transaction
  (support.recurly.com, article 360028211472). Whether the API then answers 201, as here, is not verified.
- A bank account's refund is `processing` for days (article 360023722552); here for `settle_after` seconds.
- All of a transaction that has not settled is voided instead (docs.recurly.com, "Refund"): the description
  has `voided_by_invoice` on the transaction for it. That the credit invoice then has no transaction of its
  own is not verified. A part of one is refused with the description's code for it; gateways that would
  refund it are not modelled.
"""

from typing import Any, NamedTuple

from billctl.sandbox.database import Record
from billctl.sandbox.recurly.call import Call, alias
from billctl.sandbox.recurly.errors import declined, invalid, refused

UNSETTLED_SECONDS = 6 * 3600
"""How long a transaction stays unsettled here. At a real gateway it is until its next batch."""

FIRST_NUMBER = 5000
"""Invoices that are made here are numbered from this on, with gaps."""

METHODS = ("all_credit", "all_transaction", "credit_first", "transaction_first")
BANK = "bank_account_info"


class Part(NamedTuple):
    """What goes back of one line: so many hundredths, for so many of its units (0: of none in particular)."""

    line: Record
    amount: int
    quantity: int = 0


class Terms(NamedTuple):
    """How it goes back."""

    method: str = "transaction_first"
    origin: str = "refund"
    notes: str | None = None
    external: dict[str, Any] | None = None


def credit(call: Call, bill: Record, parts: list[Part], terms: Terms) -> Record:
    """Make the credit invoice that gives `parts` of `bill` back, and move the money. Raises Recurly's 422."""
    total = sum(part.amount for part in parts)
    payments = _payments(call, bill)
    money = _money(total, payments, _credit_rest(call, bill), terms.method)
    invoice = _invoice(call, bill, total, terms)
    for part in parts:
        _line(call, invoice, part)
    _pay(call, invoice, payments, money, terms)
    call.save(bill, refunded=bill.get("refunded", 0) + total)
    return invoice


def numbered(call: Call, record: Record) -> Record:
    """Let an invoice be found by its number."""
    call.objects.add(alias("invoice", record["number"], record))
    return record


def next_number(call: Call) -> str:
    """The next invoice's number."""
    return str(FIRST_NUMBER + call.objects.serial())


def _payments(call: Call, bill: Record) -> list[Record]:
    found = call.objects.linked("transaction", "invoice", bill["id"], status="success")
    return [each for each in found if each["type"] in ("purchase", "capture")]


def _rest(payment: Record) -> int:
    return int(payment["amount"] - payment.get("refunded", 0))


def _credit_rest(call: Call, bill: Record) -> int:
    """What of the invoice was paid with credit and is not given back yet."""
    used = call.objects.linked("credit_payment", "invoice", bill["id"])
    return sum(_rest(each) for each in used if each["action"] == "payment")


def _money(total: int, payments: list[Record], credit_rest: int, method: str) -> int:
    """How much of `total` goes to transactions; the rest becomes the account's credit."""
    bearable = sum(map(_rest, payments))
    if method == "all_credit":
        return 0
    if method == "all_transaction":
        if total > bearable:
            raise refused("The refund is more than the invoice's transactions can bear.")
        return total
    if method == "credit_first":
        return min(total - min(total, credit_rest), bearable)
    return min(total, bearable)


def _invoice(call: Call, bill: Record, total: int, terms: Terms) -> Record:
    return numbered(
        call,
        call.add(
            "invoice",
            "in",
            type="credit",
            origin=terms.origin,
            status="open",
            customer=bill["customer"],
            subscription=bill.get("subscription"),
            charge=bill["id"],
            number=next_number(call),
            currency=bill["currency"],
            total=-total,
            paid=0,
            balance=-total,
            collection=bill.get("collection", "automatic"),
            notes=terms.notes,
        ),
    )


def _line(call: Call, invoice: Record, part: Part) -> None:
    line = part.line
    whole = part.quantity > 0 and part.amount == line["unit"] * part.quantity
    call.add(
        "line_item",
        "li",
        type="credit",
        origin=line["origin"],
        customer=line["customer"],
        subscription=line.get("subscription"),
        plan=line.get("plan"),
        invoice=invoice["id"],
        previous=line["id"],
        previous_invoice=line["invoice"],
        currency=line["currency"],
        description=line["description"],
        amount=-part.amount,
        unit=-line["unit"] if whole else -part.amount,
        quantity=part.quantity if whole else 1,
        refunded_quantity=part.quantity,
        start=line.get("start"),
        end=line.get("end"),
    )
    call.save(
        line,
        refunded=line.get("refunded", 0) + part.amount,
        refunded_quantity=line.get("refunded_quantity", 0) + part.quantity,
    )


def _pay(call: Call, invoice: Record, payments: list[Record], money: int, terms: Terms) -> None:
    """Send `money` back to the payments, oldest first, and say on the invoice what became of it."""
    states = []
    left = money
    for payment in payments:
        amount = min(left, _rest(payment))
        if amount:
            left -= amount
            states.append((_send(call, invoice, payment, amount, terms), amount))
    arrived = sum(amount for state, amount in states if state in ("success", "void"))
    balance = invoice["total"] + arrived
    pending = any(state == "processing" for state, _ in states)
    closed = balance == 0
    status = "processing" if pending else "closed" if closed else "open"
    call.save(invoice, paid=-arrived, balance=balance, status=status, closed=call.now if closed else None)


def _send(call: Call, invoice: Record, payment: Record, amount: int, terms: Terms) -> str:
    """One refund transaction, or the payment's void; what state it came to."""
    if payment.get("collection") == "manual" and terms.external is None:
        raise invalid("external_refund", "is required for an invoice that was collected manually")
    unsettled = call.now - payment["created"] < UNSETTLED_SECONDS and payment.get("collection") != "manual"
    if unsettled and amount < payment["amount"]:
        raise declined(payment["id"], "cannot_refund_unsettled_transactions")
    if unsettled:
        call.save(
            payment, status="void", voided=call.now, voided_by=invoice["id"], refunded=amount, collected=None
        )
        return "void"
    status = _status(call, payment)
    call.add(
        "transaction",
        "tx",
        type="refund",
        origin="refunded_externally" if terms.external else "api",
        status=status,
        customer=payment["customer"],
        invoice=invoice["id"],
        charge=payment["id"],
        subscription=payment.get("subscription"),
        amount=amount,
        currency=payment["currency"],
        method=payment["method"],
        collection=payment.get("collection", "automatic"),
        collected=call.now if status == "success" else None,
        **({"due": call.now + call.settings["settle_after"]} if status == "processing" else {}),
    )
    if status != "declined":
        call.save(payment, refunded=payment.get("refunded", 0) + amount)
    return status


def _status(call: Call, payment: Record) -> str:
    account = call.objects.get(payment["customer"]) or {}
    if account.get("declines_refunds") or call.settings["declines_refunds"]:
        return "declined"
    return "processing" if payment["method"]["object"] == BANK else "success"


def void(call: Call, invoice: Record) -> Record:
    """Take an open credit invoice back; what it gave back can be refunded again (not verified)."""
    if invoice["type"] != "credit":
        raise refused("Only credit invoices can be voided.")
    if invoice["status"] != "open":
        raise refused(f"A {invoice['status']} invoice cannot be voided.")
    bill = call.objects.get(invoice["charge"]) if invoice.get("charge") else None
    if bill:
        call.save(bill, refunded=bill["refunded"] + invoice["total"])
    for credited in call.objects.linked("line_item", "invoice", invoice["id"]):
        line = call.objects.get(credited["previous"]) if credited.get("previous") else None
        if line:
            call.save(
                line,
                refunded=line["refunded"] + credited["amount"],
                refunded_quantity=line.get("refunded_quantity", 0) - credited["refunded_quantity"],
            )
    return call.save(invoice, status="voided", balance=0, closed=call.now)
