"""Stripe's test cards (docs.stripe.com/testing), by payment method and by token."""

from typing import Any, NamedTuple


class TestCard(NamedTuple):
    """A card and what it does when charged: `decline` is (code, decline code), `dispute` a dispute's
    status, `refunds` how its refunds go: (status at first, status later)."""

    brand: str
    last4: str
    country: str = "US"
    funding: str = "credit"
    decline: tuple[str, str] | None = None
    dispute: str | None = None
    refunds: tuple[str, str] | None = None


CARDS: dict[str, TestCard] = {
    "visa": TestCard("visa", "4242"),
    "visa_debit": TestCard("visa", "5556", funding="debit"),
    "mastercard": TestCard("mastercard", "4444"),
    "mastercard_prepaid": TestCard("mastercard", "5100", funding="prepaid"),
    "amex": TestCard("amex", "8431"),
    "discover": TestCard("discover", "1117"),
    "jcb": TestCard("jcb", "0505", country="JP"),
    "unionpay": TestCard("unionpay", "0005", country="CN"),
    "chargeDeclined": TestCard("visa", "0002", decline=("card_declined", "generic_decline")),
    "chargeDeclinedInsufficientFunds": TestCard(
        "visa", "9995", decline=("card_declined", "insufficient_funds")
    ),
    "chargeDeclinedFraudulent": TestCard("visa", "0019", decline=("card_declined", "fraudulent")),
    "chargeDeclinedExpiredCard": TestCard("visa", "0069", decline=("expired_card", "expired_card")),
    "chargeCustomerFail": TestCard("visa", "0341", decline=("card_declined", "generic_decline")),
    "createDispute": TestCard("visa", "0259", dispute="needs_response"),
    "createDisputeInquiry": TestCard("visa", "1976", dispute="warning_needs_response"),
    "pendingRefund": TestCard("visa", "7726", refunds=("pending", "succeeded")),
    "refundFail": TestCard("visa", "5126", refunds=("succeeded", "failed")),
}


def named(token: str) -> TestCard | None:
    """The card of `pm_card_NAME` or `tok_NAME`."""
    name = token.removeprefix("pm_card_").removeprefix("tok_")
    return None if name == token else CARDS.get(name)


def facts(card: TestCard) -> dict[str, Any]:
    """What a payment method or a charge keeps of its card."""
    return {
        "brand": card.brand,
        "last4": card.last4,
        "country": card.country,
        "funding": card.funding,
        "exp_month": 8,
        "exp_year": 2034,
        "fingerprint": f"Sbx{card.brand[:4]}{card.last4}",
        **({"decline": card.decline} if card.decline else {}),
        **({"dispute": card.dispute} if card.dispute else {}),
        **({"refunds": card.refunds} if card.refunds else {}),
    }
