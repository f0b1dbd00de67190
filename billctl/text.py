"""Text from outside is data: what is shown of it, and what of it must never be kept or shown.

`safe_text` stands between any gateway's or user's string and a terminal, a cell or a page.
`find_secret` and `mask` know card numbers and API keys by their form, and by their value what
`never_show` was told.
"""

import json
import re
import unicodedata
from collections.abc import Iterator

_SHOWN_FORMAT_CHARACTERS = "\u200c\u200d"
"""Joiners that Persian words and emoji need; every other format character is shown as its number."""

_SECRETS = re.compile(
    r"(?:sk|rk)_(?:live|test|org)_?[A-Za-z0-9_]{8,}"  # Stripe secret and restricted keys
    r"|whsec_[A-Za-z0-9+/=]{8,}"  # webhook signing secrets
    r"|\bc[ks]_[0-9a-f]{40}\b"  # WooCommerce consumer keys
    r"|access_token\$[a-z]+\$[a-z0-9$]{8,}"  # Braintree and PayPal access tokens
    r"|\bA21A[A-Za-z0-9_-]{20,}"  # PayPal bearer tokens
    r"|\bE[A-Za-z0-9_-]{79}(?![A-Za-z0-9_-])"  # PayPal client secrets
    r"|(?i:bearer|basic)\s+[A-Za-z0-9+/=_.~-]{12,}"  # an authorization header's value
)
_DIGIT_RUN = re.compile(r"\d+(?:[ ._/\-\u00a0]\d+)*")
_LONG_ENOUGH = re.compile(r"[A-Za-z0-9+/=_.~$-]{12}|\d(?:[ ._/\-\u00a0]?\d){12}")
"""What every secret's form and every card number has in it: a quick no to most texts."""
_CARD_LENGTHS = range(13, 20)
_CARD_FIRST_DIGITS = "23456"
_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")
_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")


def safe_text(text: str) -> str:
    """`text` in NFC with everything that could drive a terminal shown instead of obeyed.

    Control characters become `^X` (C1 ones `^[X`), bidi and other format characters, line and
    paragraph separators become `<U+202E>`, lone surrogates U+FFFD. The result is one line.
    """
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(map(_safe_character, unicodedata.normalize("NFC", text)))


def _safe_character(character: str) -> str:
    point = ord(character)
    match unicodedata.category(character):
        case "Cc":
            return f"^[{chr(point - 0x40)}" if point >= 0x80 else f"^{chr(point ^ 0x40)}"
        case "Cs":
            return "\ufffd"
        case "Cf" | "Zl" | "Zp" | "Cn" | "Co" if character not in _SHOWN_FORMAT_CHARACTERS:
            return f"<U+{point:04X}>"
        case _:
            return character


def safe_lines(text: str) -> str:
    """`text` made safe line by line: its line breaks stay."""
    return "\n".join(map(safe_text, text.split("\n")))


def to_json(value: object, *, indent: int | None = None) -> str:
    """JSON whose bytes cannot drive a terminal: control and format characters stay escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))
    return _NOT_PLAIN.sub(lambda found: _json_character(found.group()), text)


def _json_character(character: str) -> str:
    if unicodedata.category(character) not in {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}:
        return character
    return json.dumps(character)[1:-1]


_SPREADSHEET_TRIGGERS = ("=", "+", "-", "@", "\t", "\r", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""First characters of a cell that a spreadsheet would run (OWASP ASVS 1.2.10, CWE-1236).

The last four are the full-width forms of the first, which East Asian versions take for the same.
"""


_BELOW_ZERO = re.compile(r"-[0-9]+(?:\.[0-9]+)?", re.ASCII)


def csv_cell(text: str) -> str:
    """`text` as a cell of a CSV file: safe line by line, and with `'` before what a spreadsheet would run.

    Blanks before it change nothing: some programs drop them. A plain number below zero, like a credit's
    total, runs nothing and stays a number.
    """
    if _BELOW_ZERO.fullmatch(text):
        return text
    runs = text.startswith(_SPREADSHEET_TRIGGERS) or text.lstrip().startswith(_SPREADSHEET_TRIGGERS)
    return f"'{safe_lines(text)}" if runs else safe_lines(text)


_INVISIBLE = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols without ink (Unicode's Default_Ignorable_Code_Point, and the empty Braille cell)."""


def visible_length(text: str) -> int:
    """Characters of `text` that can be read: no blanks, controls, marks or characters without ink."""
    return sum(unicodedata.category(c)[0] in "LNPS" and c not in _INVISIBLE for c in text)


_KNOWN_SECRETS: set[str] = set()
_SHORTEST_KNOWN = 12
"""Characters; a shorter secret would be found by chance in any text. No gateway's key is as short."""


def never_show(secret: str) -> None:
    """Let `find_secret` and `mask` know `secret` by its value too, until the program ends."""
    if len(secret) >= _SHORTEST_KNOWN:
        _KNOWN_SECRETS.add(secret)


def find_secret(text: str) -> str | None:
    """What secret `text` seems to hold (`a card number`, `an API key`), or None."""
    if holds_key(text):
        return "an API key"
    if _LONG_ENOUGH.search(text) and next(_card_numbers(text), None):
        return "a card number"
    return None


def holds_key(text: str) -> bool:
    """Whether `text` seems to hold an API key; for an id, which may be as long a number as a card's."""
    known = any(secret in text for secret in _KNOWN_SECRETS)
    return known or bool(_LONG_ENOUGH.search(text) and _SECRETS.search(text))


def mask(text: str) -> str:
    """`text` with card numbers cut to their last four digits and keys to their first word."""
    for secret in _KNOWN_SECRETS:
        if secret in text:
            text = text.replace(secret, _stub(secret))
    if not _LONG_ENOUGH.search(text):
        return text
    if cards := list(_card_numbers(text)):
        text = _cut(text, cards)
    return _SECRETS.sub(lambda found: _stub(found.group()), text)


def _cut(text: str, cards: list[tuple[int, int]]) -> str:
    masked = list(text)
    for start, end in cards:
        digits = [i for i in range(start, end) if text[i].isdigit()]
        for i in digits[:-4]:
            masked[i] = "*"
    return "".join(masked)


def _stub(secret: str) -> str:
    head = re.match(r"(?:sk|rk)_(?:live|test|org)_|whsec_|c[ks]_|access_token\$|\w+\s", secret)
    return f"{head.group() if head else ''}…"


def _card_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where digits stand that a card number could be: right length, first digit and Luhn sum."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [(m.start() + run.start(), m.end() + run.start()) for m in re.finditer(r"\d+", run.group())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is None:
                first += 1
            else:
                yield groups[first][0], groups[last][1]
                first = last + 1


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The group that ends a card number beginning with group `first`; the longest if there are several."""
    digits = ""
    found = None
    for last in range(first, len(groups)):
        start, end = groups[last]
        digits += "".join(str(unicodedata.decimal(c)) for c in text[start:end])
        if len(digits) > _CARD_LENGTHS[-1]:
            break
        if len(digits) in _CARD_LENGTHS and digits[0] in _CARD_FIRST_DIGITS and _luhn(digits):
            found = last
    return found


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B."""
    doubled = (sum(divmod(int(d) * 2, 10)) if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0
