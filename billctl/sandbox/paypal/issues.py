"""Issue → the description that PayPal's OpenAPI files fix for it, where they do.

An issue whose description differs from call to call (SUBSCRIPTION_STATUS_INVALID, DUPLICATE_INVOICE_ID)
gets it where it is raised. Those of a malformed field differ from API to API and are left out: the entry
names the field.
"""

CURRENCY_CODES = "https://developer.paypal.com/docs/api/reference/currency-codes/"
TWO_PLACES = "If the currency supports decimals, only two decimal place precision is supported."

ISSUES = {
    "AUTHORIZATION_ALREADY_CAPTURED": "Authorization has previously been captured.",
    "AUTHORIZATION_EXPIRED": "An expired authorization cannot be captured.",
    "AUTHORIZATION_VOIDED": "A voided authorization cannot be captured or reauthorized. ",
    "AMOUNT_GREATER_THAN_OUTSTANDING_BALANCE": (
        "The capture amount can not be greater than the current outstanding balance."
    ),
    "AUTH_CAPTURE_CURRENCY_MISMATCH": "Currency of capture must be the same as currency of authorization.",
    "AUTH_CURRENCY_MISMATCH": (
        "The currency specified during reauthorization should be the same as the currency specified in the "
        "original authorization. Please check the currency of the authorization for which you are trying to "
        "reauthorize and try again."
    ),
    "CANNOT_BE_ZERO_OR_NEGATIVE": f"Must be greater than zero. {TWO_PLACES}",
    "CANNOT_CANCEL_DRAFT_INVOICE": "Draft invoice cannot be canceled.",
    "CANNOT_CANCEL_PAID_INVOICE": "Cannot cancel a paid or partially paid invoice.",
    "CANNOT_CANCEL_REFUNDED_INVOICE": "Cannot cancel a refunded or partially refunded invoice.",
    "CANNOT_REMIND_INVOICE": (
        "You cannot remind an invoice which is in DRAFT status. Only UNPAID, SENT and PARTIALLY_PAID "
        "invoices can be reminded."
    ),
    "CANNOT_DELETE_EXTERNAL_PAYMENT": (
        "The external payment cannot be deleted as the recorded refund cannot exceed the recored payment for "
        "an invoice."
    ),
    "CANNOT_PROCESS_PAYMENTS": "Current invoice state does not support payment processing.",
    "CANNOT_PROCESS_REFUNDS": "Current invoice state does not support refunds.",
    "CAPTURE_FULLY_REFUNDED": "The capture has already been fully refunded",
    "CURRENCY_MISMATCH": "The currency code is different from the subscription's currency code.",
    "DECIMALS_NOT_SUPPORTED": (
        f"Currency does not support decimals. Please refer to {CURRENCY_CODES} for more information."
    ),
    "DECIMAL_PRECISION": TWO_PLACES,
    "INVALID_CURRENCY_CODE": (
        "Currency code is invalid or is not currently supported. Please refer "
        f"{CURRENCY_CODES} for list of supported currency codes."
    ),
    "INVALID_REFUND_AMOUNT": "Recorded refunds cannot exceed recorded payments.",
    "INVALID_RESOURCE_ID": (
        "Specified resource ID does not exist. Please check the resource ID and try again."
    ),
    "INVOICE_CANCELED_ALREADY": "Invoice is already cancelled.",
    "MAX_CAPTURE_AMOUNT_EXCEEDED": (
        "Capture amount exceeds allowable limit. Please contact customer service or your account manager to "
        "request the change to your overage limit. The default overage limit is 115%, which allows the sum "
        "of all captures to be up to 115% of the order amount. The ability to over capture is subjected to "
        "regulatory approvals."
    ),
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED": (
        "You have exceeded the maximum number of refund attempts for this capture."
    ),
    "PAYMENT_AMOUNT_GREATER_THAN_AMOUNT_DUE": "Payment amount is greater than the amount due.",
    "PENDING_CAPTURE": (
        "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has "
        "funded the transaction using e-check/bank funded."
    ),
    "PERMISSION_DENIED": "You do not have permission to access or perform operations on this resource.",
    "PREVIOUS_REQUEST_IN_PROGRESS": (
        "A previous request on this resource is currently in progress. Please wait for sometime and try "
        "again. It is best to space out the initial and the subsequent request(s) to avoid receiving this "
        "error."
    ),
    "PREVIOUSLY_CAPTURED": "Authorization has been previously captured and hence cannot be voided.",
    "PREVIOUSLY_VOIDED": "Authorization has been previously voided and hence cannot be voided again.",
    "REAUTHORIZATION_NOT_SUPPORTED": (
        "A reauthorize cannot be attempted on an authorization_id that is the result of a prior "
        "reauthorization or on an authorization made on an Order saved using the `v2/orders/id/save` API."
    ),
    "REFUND_AMOUNT_EXCEEDED": (
        "The refund amount must be less than or equal to the capture amount that has not yet been refunded."
    ),
    "REFUND_CAPTURE_CURRENCY_MISMATCH": "Refund must be in the same currency as the capture",
    "REFUND_NOT_ALLOWED": "Capture cannot be refunded.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": (
        "Refunds are not allowed on this capture due to a chargeback on the card or bank. Please contact the "
        "payee to resolve the chargeback."
    ),
    "REFUND_TIME_LIMIT_EXCEEDED": "You are over the time limit to perform a refund on this capture",
    "TRANSACTION_DISPUTED": (
        "Partial refunds cannot be offered at this time because there is an open case on this transaction. "
        "Visit the PayPal Resolution Center to review this case."
    ),
    "ZERO_OUTSTANDING_BALANCE": "Current outstanding balance should be greater than zero.",
}
