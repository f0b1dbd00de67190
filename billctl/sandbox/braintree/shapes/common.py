"""What several documents have in common."""

from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any

NO_NAMES = {"first-name": None, "last-name": None, "company": None}
PLACE = ("street-address", "extended-address", "locality", "region", "postal-code")
LOGOS = "https://assets.braintreegateway.com/payment_method_logo/"

COUNTRIES: Mapping[str, tuple[str, str, str]] = {
    "AE": ("United Arab Emirates", "ARE", "784"),
    "DE": ("Germany", "DEU", "276"),
    "EG": ("Egypt", "EGY", "818"),
    "GB": ("United Kingdom", "GBR", "826"),
    "JP": ("Japan", "JPN", "392"),
    "KW": ("Kuwait", "KWT", "414"),
    "MA": ("Morocco", "MAR", "504"),
    "PT": ("Portugal", "PRT", "620"),
    "SA": ("Saudi Arabia", "SAU", "682"),
    "SI": ("Slovenia", "SVN", "705"),
    "US": ("United States of America", "USA", "840"),
}
"""ISO 3166 of the countries where the rehearsal shop has customers: name, three letters, number."""


def global_id(kind: str, key: str) -> str:
    """The recorded form: `transaction_5qqznjba` in base 64 without its padding."""
    return b2a_base64(f"{kind}_{key}".encode(), newline=False).decode().rstrip("=")


def names(record: Mapping[str, Any]) -> dict[str, Any]:
    """First name, last name and company."""
    return {name: record.get(name.replace("-", "_")) for name in NO_NAMES}


def place(address: Mapping[str, Any]) -> dict[str, Any]:
    """Street to postal code."""
    return {name: address.get(name.replace("-", "_")) for name in PLACE}


def country(code: str | None) -> dict[str, Any]:
    """The four country elements of a two-letter code; nil for one that is not in `COUNTRIES`."""
    name, three, number = COUNTRIES.get(code or "", (None, None, None))
    return {
        "country-name": name,
        "country-code-alpha2": code,
        "country-code-alpha3": three,
        "country-code-numeric": number,
    }


def card_facts(card: Mapping[str, Any]) -> dict[str, Any]:
    """What Braintree says of a card in any document."""
    logo = str(card["card_type"]).lower().replace(" ", "_")
    return {
        "bin": card["bin"],
        "last-4": card["last_4"],
        "card-type": card["card_type"],
        "expiration-month": card["month"],
        "expiration-year": card["year"],
        "customer-location": "US" if card.get("country", "US") == "US" else "International",
        "cardholder-name": card.get("holder"),
        "image-url": f"{LOGOS}{logo}.png?environment=sandbox",
        "prepaid": "No",
        **dict.fromkeys(
            ("healthcare", "debit", "durbin-regulated", "commercial", "payroll", "issuing-bank"), "Unknown"
        ),
        "country-of-issuance": "Unknown",
        "product-id": "Unknown",
    }


def number_identifier(card: Mapping[str, Any]) -> str:
    """32 hex digits that are the same for the same number, as Braintree's are."""
    return f"{card['bin']}{card['last_4']}".ljust(32, "0")
