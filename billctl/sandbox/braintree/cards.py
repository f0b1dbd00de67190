"""Cards and nonces of Braintree's sandbox, and what paying with them comes to.

Numbers and nonces are the SDK's (`braintree/test/`). `fake-consumed-nonce` is refused, the `declined` and
`rejected` ones make a transaction that failed.
"""

from collections.abc import Mapping
from typing import Any, Final

from billctl.sandbox.braintree.call import texts
from billctl.sandbox.braintree.errors import Refused

Card = dict[str, Any]

DISPUTED = "4023898493988028"
"""A sale to this number is disputed at once."""

BRANDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "visa": ("401288", "1881", "Visa"),
    "mastercard": ("555555", "4444", "MasterCard"),
    "amex": ("378282", "0005", "American Express"),
    "discover": ("601111", "1117", "Discover"),
    "jcb": ("353011", "0000", "JCB"),
}
"""Brand → first six digits, last four, Braintree's name."""

FIRST_DIGITS: Final = {
    "34": "amex",
    "37": "amex",
    "35": "jcb",
    "4": "visa",
    "5": "mastercard",
    "6": "discover",
}

NONCES: Final[Mapping[str, str]] = {
    "fake-valid-nonce": "visa",
    "fake-valid-visa-nonce": "visa",
    "fake-valid-mastercard-nonce": "mastercard",
    "fake-valid-amex-nonce": "amex",
    "fake-valid-discover-nonce": "discover",
    "fake-valid-jcb-nonce": "jcb",
    "fake-processor-declined-visa-nonce": "visa",
    "fake-gateway-rejected-fraud-nonce": "visa",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "fake-processor-declined-visa-nonce": "declined",
    "fake-gateway-rejected-fraud-nonce": "fraud",
}
CONSUMED: Final = "fake-consumed-nonce"


def branded(brand: str, *, year: str = "2029", holder: str | None = None) -> Card:
    """A card of a brand."""
    first, last, name = BRANDS[brand]
    return {"bin": first, "last_4": last, "card_type": name, "month": "12", "year": year, "holder": holder}


def from_nonce(nonce: str) -> Card:
    """The card behind one of the sandbox's nonces. Raises `Refused`: 91564 used up, 91565 unknown."""
    if nonce == CONSUMED:
        raise Refused("transaction", "91564")
    if nonce not in NONCES:
        raise Refused("transaction", "91565")
    return branded(NONCES[nonce]) | {"outcome": OUTCOMES.get(nonce)}


def from_details(given: Mapping[str, Any], *, subject: str = "transaction") -> Card:
    """The card of a number as sent. Raises `Refused`: 81714 no number, 81715 no card number."""
    number = str(given.get("number") or "").replace(" ", "")
    if not number:
        raise Refused(subject, "81714", about="credit-card")
    brand = next((name for first, name in FIRST_DIGITS.items() if number.startswith(first)), None)
    if brand is None or not (number.isascii() and number.isdecimal() and 12 <= len(number) <= 19):
        raise Refused(subject, "81715", about="credit-card")
    month, _, year = str(given.get("expiration_date") or "12/2029").partition("/")
    return {
        "bin": number[:6],
        "last_4": number[-4:],
        "card_type": BRANDS[brand][2],
        "month": str(given.get("expiration_month") or month).rjust(2, "0"),
        "year": str(given.get("expiration_year") or year),
        "holder": texts(given, ("cardholder_name",)).get("cardholder_name"),
        "outcome": "disputed" if number == DISPUTED else None,
    }
