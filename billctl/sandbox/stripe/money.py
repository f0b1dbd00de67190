"""Stripe's rules for amounts (docs.stripe.com/currencies, by way of secondary copies).

Amounts are integers of Stripe's own minor unit. UGX appears on that page both as zero-decimal and as
two decimals that are always 00; this sandbox takes only amounts that are right under both, which is
not verified. The texts for a wrong last digit are not verified either.
"""

from billctl.sandbox.stripe.errors import refused
from billctl.sandbox.stripe.plain import words

ZERO_DECIMAL = frozenset(words("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"))
THREE_DECIMAL = frozenset(words("bhd jod kwd omr tnd"))
WHOLE_ONLY = frozenset({"isk", "ugx"})
"""Two decimals on the wire that are always 00."""

KNOWN = (
    ZERO_DECIMAL
    | THREE_DECIMAL
    | WHOLE_ONLY
    | frozenset(words("usd eur gbp aed sar egp qar mad chf sek nok dkk pln czk huf ron try cad aud nzd"))
    | frozenset(words("inr sgd hkd twd thb myr php idr mxn brl ars cop pen zar kes ngn ils"))
)
MOST = 99_999_999
LEAST = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "sar": 200, "kwd": 150}
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def decimals(currency: str) -> int:
    """How many decimals an amount has on Stripe's wire."""
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def shown(amount: int, currency: str) -> str:
    """An amount as Stripe's error texts show it: `$25.00`, `310.500 KWD`."""
    places = decimals(currency)
    digits = str(amount).rjust(places + 1, "0")
    plain = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return SIGNS[currency] + plain if currency in SIGNS else f"{plain} {currency.upper()}"


def check_currency(currency: str) -> str:
    """The code in lower case; 400 for one Stripe does not know."""
    if currency.lower() not in KNOWN:
        raise refused(f"Invalid currency: {currency.lower()}", param="currency")
    return currency.lower()


def check_step(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount finer than the currency allows at Stripe."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_ONLY else 1
    if amount % step:
        raise refused(
            f"Invalid amount: {amount}. Amounts in {currency} must be divisible by {step}.", param=param
        )


def check_charge(amount: int, currency: str) -> None:
    """Refuse an amount that cannot be charged."""
    if amount < LEAST.get(currency, 1):
        least = shown(LEAST.get(currency, 1), currency)
        raise refused(f"Amount must be at least {least}", param="amount", code="amount_too_small")
    if amount > MOST:
        raise refused(
            f"Amount must be no more than {shown(MOST, currency)}", param="amount", code="amount_too_large"
        )
    check_step(amount, currency)
