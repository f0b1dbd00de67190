"""What Braintree's error results mean: refusals come back from the SDK as values, not as exceptions.

Codes are those of the SDK's `error_codes.py`. A validation error refuses the whole request; a decline
carries the transaction that failed and no validation error.
"""

from typing import Any, NamedTuple

from billctl.causes import one_line
from billctl.errors import BillctlError, OutcomeUnknown, Refused
from billctl.gateways.braintree.errors import Exchange, Failure


class Meaning(NamedTuple):
    """What a code says beyond Braintree's own words."""

    hint: str | None = None
    unknown: str | None = None
    """Why the outcome is not known after it, where it is not."""


KEY_USED = (
    "Braintree knows this operation's key from an earlier request, of another run or another host: this one "
    "did nothing, that one may have"
)

MEANINGS: dict[str, Meaning] = {
    "91504": Meaning("Only what is not settled can be voided: refund it instead."),
    "91505": Meaning("It is a refund itself; refund the charge it belongs to."),
    "91506": Meaning("It is not settled: `billctl braintree void` releases all of it, a part must wait."),
    "91512": Meaning("It was refunded in full already."),
    "91521": Meaning("Less than that is left to refund."),
    "91538": Meaning("The merchant account is suspended: ask Braintree."),
    "91559": Meaning("The merchant account is still pending at Braintree."),
    "91574": Meaning("It is settling right now: run it again in some hours."),
    "81905": Meaning("It was canceled already."),
    "91907": Meaning("It has not begun a billing cycle: only --now can end it."),
    "915200": Meaning("The customer's bank declined the refund."),
    "915231": Meaning("This merchant account may not use request keys, without which nothing is sent."),
    "915232": Meaning(unknown=KEY_USED),
    "915233": Meaning(unknown="an earlier request with this operation's key is still under way at Braintree"),
    "915234": Meaning("An earlier try at this operation failed; to try once more: --again."),
    "915235": Meaning(unknown="Braintree could not keep this operation's key"),
}

FAILED = frozenset({"processor_declined", "gateway_rejected", "failed", "settlement_declined"})
"""States of a transaction whose money did not move, in an error result."""


def refusal(result: Any, exchange: Exchange | None, *, account: str) -> BillctlError:
    """The error for an error result that came with `exchange`; `OutcomeUnknown` where it proves nothing."""
    if exchange is None or exchange.status != 422:
        return _unknown("Braintree answered an error with the status of a success", "bad_answer", account)
    codes = [str(error.code) for error in result.errors.deep_errors]
    transaction = result.transaction
    status = getattr(transaction, "status", None)
    if not codes and transaction is not None and status not in FAILED:
        return _unknown(f"Braintree refused, yet its transaction is {status}", "bad_answer", account)
    code = next((code for code in codes if code in MEANINGS), codes[0] if codes else _decline_code(result))
    meaning = MEANINGS.get(code or "", Meaning())
    if meaning.unknown:
        return _unknown(meaning.unknown, code, account)
    message = f"Braintree says: {one_line(str(result.message or 'no'))}{_decline_words(transaction)}"
    return Failure(message, kind=Refused, code=code, hint=meaning.hint).error(change=True, account=account)


def _unknown(message: str, code: str | None, account: str) -> BillctlError:
    return OutcomeUnknown(message, code=code, account=account)


def _decline_code(result: Any) -> str | None:
    transaction = result.transaction
    if transaction is None:
        return None
    rejected = getattr(transaction, "gateway_rejection_reason", None)
    return rejected or getattr(transaction, "processor_response_code", None) or None


def _decline_words(transaction: Any) -> str:
    """Whether the decline is for good, in the processor's word (`soft_declined`, `hard_declined`)."""
    kind = getattr(transaction, "processor_response_type", None)
    return f" ({kind.replace('_', ' ')})" if kind else ""
