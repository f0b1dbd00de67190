"""What the processor says: approved, declined or failed, by amount, as in Braintree's sandbox.

A sale of 2000.00 to 2999.99 is declined with that number, 3000.00 to 3000.99 fails. A refund of such an
amount is declined too: hard ones are refused, soft ones are accepted and say the decline in
`additional-processor-response` (both from the SDK's tests, 2004 and 2046). The numbers are major units in
every currency.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from billctl.iso4217 import EXPONENTS
from billctl.sandbox.braintree.call import Call
from billctl.sandbox.braintree.cards import Card
from billctl.sandbox.braintree.catalog import ACCOUNTS
from billctl.sandbox.braintree.settling import plan
from billctl.sandbox.database import Record

NETWORK_DOWN: Final = "3000"
CODES: Final[Mapping[str, tuple[str, str]]] = {
    "2000": ("Do Not Honor", "soft_declined"),
    "2001": ("Insufficient Funds", "soft_declined"),
    "2002": ("Limit Exceeded", "soft_declined"),
    "2003": ("Cardholder's Activity Limit Exceeded", "soft_declined"),
    "2004": ("Expired Card", "hard_declined"),
    "2005": ("Invalid Credit Card Number", "hard_declined"),
    "2007": ("No Account", "hard_declined"),
    "2012": ("Processor Declined - Possible Lost Card", "hard_declined"),
    "2013": ("Processor Declined - Possible Stolen Card", "hard_declined"),
    "2015": ("Transaction Not Allowed", "hard_declined"),
    "2046": ("Declined", "soft_declined"),
    NETWORK_DOWN: ("Processor Network Unavailable - Try Again", "soft_declined"),
}
"""Code → text and type; others are `Processor Declined`, soft."""

APPROVED: Final = ("1000", "Approved", "approved")
PROCESSED: Final = ("1002", "Processed", "approved")
"""A refund's answer, as recorded."""


class Verdict(NamedTuple):
    """The processor's answer: a transaction's status, `response` (code, text, type) and what goes with it."""

    status: str
    response: tuple[str, str, str]
    additional: str | None = None
    rejection: str | None = None

    @property
    def approved(self) -> bool:
        """Whether the money may move."""
        return self.response[2] == "approved"


def told(amount: int, currency: str) -> Verdict | None:
    """The decline that an amount asks for; None for any other amount."""
    code = str(amount // 10 ** EXPONENTS[currency])
    if not (len(code) == 4 and (code.startswith("2") or code == NETWORK_DOWN)):
        return None
    text, kind = CODES.get(code, ("Processor Declined", "soft_declined"))
    status = "failed" if code == NETWORK_DOWN else "processor_declined"
    return Verdict(status, (code, text, kind), f"{code} : {text}")


def judged(amount: int, currency: str, card: Card) -> Verdict:
    """The answer to a sale."""
    if card.get("outcome") == "fraud":
        return Verdict("gateway_rejected", ("", "", ""), rejection="fraud")
    if card.get("outcome") == "declined":
        return Verdict("processor_declined", ("2000", "Do Not Honor", "soft_declined"), "2000 : Do Not Honor")
    return told(amount, currency) or Verdict("authorized", APPROVED)


def new_transaction(call: Call, kind: str, amount: int, account: str, card: Card, **more: Any) -> Record:
    """A transaction of `amount` minor units that nobody has judged yet; not stored."""
    return {
        "id": call.new_id("sbx", 8),
        "object": "transaction",
        "created": call.now,
        "updated": call.now,
        "type": kind,
        "status": "authorizing",
        "amount": amount,
        "currency": ACCOUNTS[account][0],
        "account": account,
        "card": {name: value for name, value in card.items() if name != "outcome"},
        "response": APPROVED,
        "history": [],
        **{name: value for name, value in more.items() if value is not None},
    }


def charge(call: Call, transaction: Record, card: Card, *, submit: bool) -> Verdict:
    """Judge a sale and store it, submitted for settlement when approved and `submit`."""
    verdict = judged(transaction["amount"], transaction["currency"], card)
    settle(transaction, verdict)
    step(call, transaction, verdict.status)
    if verdict.approved:
        transaction["authorization_code"] = f"{call.store.serial():06}"
        if submit:
            step(call, transaction, "submitted_for_settlement")
    call.store.add(transaction)
    return verdict


def settle(transaction: Record, verdict: Verdict) -> None:
    """Write the processor's answer down."""
    transaction["response"] = verdict.response
    if verdict.additional:
        transaction["additional"] = verdict.additional
    if verdict.rejection:
        transaction["rejection"] = verdict.rejection


def step(call: Call, transaction: Record, status: str, *, user: bool = True) -> None:
    """Give a transaction a status, note it in the history, and plan the next change. Not stored."""
    transaction["status"] = status
    transaction["updated"] = call.now
    transaction["history"].append([call.now, status, transaction["amount"], call.user if user else None])
    plan(transaction, call.now, call.settings)
