"""Braintree's two ways to say no: a bare status, and 422 with an error document.

The codes are the SDK's (`braintree/error_codes.py`), the document's form is that of the SDK's parser and of
a recorded document in a public client's tests. Texts that no test or recording shows are worded here.
"""

from collections.abc import Mapping
from typing import Any, Final

from billctl.sandbox.braintree.xml import Items, Typed


class Status(Exception):
    """An answer that is a status and no body: 401, 403, 404, 426, 429, 5xx."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(status))
        self.status = status
        self.headers = headers or {}


class Refused(Exception):
    """422: `codes` of `MESSAGES` about `subject` (`transaction`, `subscription`, …).

    `shown` are further elements of the document (the declined transaction, rendered); `acted` says that
    what was written stays written; `text` replaces the message; `about` names a thing inside the subject.
    """

    def __init__(
        self,
        subject: str,
        *codes: str,
        text: str | None = None,
        about: str | None = None,
        acted: bool = False,
        shown: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(text or " ".join(codes))
        self.subject = subject
        self.codes = codes
        self.text = text
        self.about = about
        self.acted = acted
        self.shown = dict(shown or {})

    def document(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The children of `api-error-response`; `params` is the request, as it is shown back."""
        found = [self._error(code) for code in self.codes]
        level: dict[str, Any] = {"errors": Items("error", found)}
        if self.about:
            level = {"errors": Items("error", []), self.about: level}
        errors: dict[str, Any] = {"errors": Items("error", [])}
        if found:
            errors[self.subject] = level
        message = "\n".join(error["message"] for error in found) or self.text or ""
        return {"errors": errors, "params": echoed(params), "message": message, **self.shown}

    def _error(self, code: str) -> dict[str, Any]:
        attribute, message = MESSAGES.get(code, ("base", "The request was refused."))
        return {"code": code, "attribute": Typed("symbol", attribute), "message": self.text or message}


NEVER_SHOWN: Final = frozenset({"number", "cvv"})


def echoed(params: Any) -> Any:
    """A request as an error document repeats it: kebab-case, without card numbers."""
    if isinstance(params, dict):
        return {
            name.replace("_", "-"): echoed(value) for name, value in params.items() if name not in NEVER_SHOWN
        }
    if isinstance(params, list):
        return Items("item", [echoed(value) for value in params])
    return params


MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "81501": ("amount", "Amount cannot be negative."),
    "81502": ("amount", "Amount is required."),
    "81503": ("amount", "Amount is an invalid format."),
    "81531": ("amount", "Amount must be greater than zero."),
    "81604": ("email", "Email is an invalid format."),
    "81714": ("number", "Credit card number is required."),
    "81715": ("number", "Credit card number is invalid."),
    "81901": ("base", "Canceled subscriptions cannot be edited."),
    "81902": ("id", "ID has already been taken."),
    "81904": ("price", "Price is an invalid format."),
    "81905": ("status", "Subscription has already been canceled."),
    "81906": ("id", "ID is invalid (use only letters, numbers, '-', and '_')."),
    "91501": ("order_id", "Order ID is too long."),
    "91504": (
        "base",
        "Transaction can only be voided if status is authorized, submitted_for_settlement, or - for PayPal "
        "- settlement_pending.",
    ),
    "91505": ("base", "Credits cannot be refunded."),
    "91506": ("base", "Cannot refund a transaction unless it is settled."),
    "91507": ("base", "Cannot submit for settlement unless status is authorized."),
    "91508": ("base", "Cannot determine payment method."),
    "91510": ("customer_id", "Customer ID is invalid."),
    "91511": ("customer_id", "Customer does not have any credit cards."),
    "91512": ("base", "Transaction has already been completely refunded."),
    "91513": ("merchant_account_id", "Merchant account ID is invalid."),
    "91514": ("merchant_account_id", "Merchant account is suspended."),
    "91518": ("payment_method_token", "Payment method token is invalid."),
    "91521": ("amount", "Refund amount is too large."),
    "91522": ("amount", "Settlement amount is too large."),
    "91523": ("type", "Transaction type is invalid."),
    "91524": ("type", "Transaction type is required."),
    "91528": ("subscription_id", "Subscription ID is invalid."),
    "91531": ("subscription_id", "Subscription status must be Past Due in order to retry."),
    "91538": ("base", "Cannot refund transaction with suspended merchant account."),
    "91564": ("payment_method_nonce", "Cannot use a payment_method_nonce more than once."),
    "91565": ("payment_method_nonce", "Unknown or expired payment_method_nonce."),
    "91575": ("base", "Cannot simulate settlement unless the transaction is submitted for settlement."),
    "91609": ("id", "Customer ID has already been taken."),
    "91610": ("id", "Customer ID is invalid (use only letters, numbers, '-', and '_')."),
    "91611": ("id", "Customer ID is not allowed."),
    "91901": ("merchant_account_id", "Merchant Account ID is invalid."),
    "91903": ("payment_method_token", "Payment method token is invalid."),
    "91904": ("plan_id", "Plan ID is invalid."),
    "91906": ("number_of_billing_cycles", "Number of billing cycles must be numeric."),
    "91907": ("number_of_billing_cycles", "Number of billing cycles must be greater than zero."),
    "91908": (
        "number_of_billing_cycles",
        "Cannot specify a number of billing cycles and never_expires at the same time.",
    ),
    "91909": (
        "number_of_billing_cycles",
        "Number of billing cycles must not be less than the current billing cycle.",
    ),
    "91912": ("number_of_billing_cycles", "Number of billing cycles cannot be blank."),
    "91923": ("plan_id", "The currency of the plan and of the merchant account differ."),
    "915103": ("base", "Cannot submit for partial settlement."),
    "915129": ("base", "Transaction details cannot be updated unless it is submitted for settlement."),
    "915200": ("base", "The refund was declined by the processor."),
    "915230": ("api_request_key", "API request key is too long."),
    "915231": ("api_request_key", "API request key is not allowed for this request."),
    "915232": ("api_request_key", "API request key can be reused only with the same request."),
    "915233": ("api_request_key", "A request with this API request key is in flight."),
    "915234": ("api_request_key", "API request key belongs to a failed request."),
    "915282": ("base", "Transaction cannot be reversed at this time."),
    "92001": ("quantity", "Quantity is invalid."),
    "92002": ("amount", "Amount is invalid."),
    "92005": ("number_of_billing_cycles", "Number of billing cycles is invalid."),
    "92011": ("existing_id", "Existing ID is invalid."),
    "92013": ("inherited_from_id", "Inherited from ID is invalid."),
    "92016": ("remove", "ID to remove is not present."),
    "95701": ("status", "Evidence can only be attached to disputes that are in an Open state"),
    "95702": ("status", "Evidence can only be removed from disputes that are in an Open state"),
    "95704": ("status", "Disputes can only be accepted when they are in an Open state"),
    "95705": ("status", "Disputes can only be finalized when they are in an Open state"),
    "95706": ("category", "The category you supplied on the evidence record is not valid"),
}
"""Code → the attribute it is about, and the text."""
