"""The lines of a plan: from its header and its rows to text and back, refusing what no billctl wrote.

What a reviewer reads in a line must be what is done. So a line is taken only where every field is of its
type, and where what was read of it would be written as the very same line (`is_canonical`): it has no second
account, no amount that says two things, no field that is not read.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from billctl.batch.model import VERBS, Header, PlannedAccount, PlannedRow, RowState
from billctl.errors import UsageError
from billctl.frozen import fields
from billctl.gateway import When
from billctl.models import data
from billctl.money import Money
from billctl.text import to_json

FORMAT = 1
BATCH_ID = re.compile(r"bat_[0-9A-HJKMNP-TV-Z]{26}")
"""As an operation's id: Crockford's base 32 after the prefix. It names files."""
MOST = 10**9
"""Above every number that counts rows or lines."""
BROKEN = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError, UsageError)
"""What reading a line raises that no billctl wrote."""

Fits = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_name(value: Any) -> bool:
    return _is_text(value) and value != ""


def _is_id(value: Any) -> bool:
    return _is_text(value) and bool(BATCH_ID.fullmatch(value))


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST


def _is_ordinal(value: Any) -> bool:
    return _is_count(value) and value > 0


def _are_texts(value: Any) -> bool:
    return type(value) is list and all(map(_is_text, value))


def _are_facts(value: Any) -> bool:
    return type(value) is list and all(_are_texts(fact) and len(fact) == 2 for fact in value)


def _is_table(value: Any) -> bool:
    return type(value) is dict


def _are_words(value: Any) -> bool:
    return _is_table(value) and all(map(_is_text, value.values()))


def _is_state(value: Any) -> bool:
    return value is None or type(value) in {str, int, bool}


def _are_states(value: Any) -> bool:
    return _is_table(value) and all(map(_is_state, value.values()))


def _is_money(value: Any) -> bool:
    return _is_table(value) and value == Money(value["minor"], value["currency"]).data()


def _are_moneys(value: Any) -> bool:
    return type(value) is list and all(map(_is_money, value))


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _or_none(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


ROW: Mapping[str, Fits] = {
    **dict.fromkeys(("account", "object_id", "state"), _is_name),
    **dict.fromkeys(("reason", "object", "key"), _is_text),
    **dict.fromkeys(("reason_code", "ticket", "customer", "code", "word", "message"), _is_text),
    **dict.fromkeys(("n", "line", "again"), _is_ordinal),
    **dict.fromkeys(("params", "typed"), _are_words),
    "amount": _is_money,
    "before": _are_states,
    "facts": _are_facts,
    "rules": _are_texts,
}
HEADER: Mapping[str, Fits] = {
    "id": _is_id,
    "verb": VERBS.__contains__,
    **dict.fromkeys(("profile", "mode", "created", "source"), _is_text),
    "by": _is_table,
    "reason": _or_none(_is_text),
    **dict.fromkeys(("rows", "ready", "already_done", "left_out"), _is_count),
    "totals": _are_moneys,
    **dict.fromkeys(("rules", "why", "warnings"), _are_texts),
}
ACCOUNT: Mapping[str, Fits] = {
    **dict.fromkeys(("name", "gateway", "place"), _is_text),
    "account_id": _or_none(_is_text),
    "live": _is_flag,
    "rows": _is_count,
    "totals": _are_moneys,
}
CHOICES: Mapping[str, Mapping[str, Fits]] = {
    "refund": {"amount": _is_text, "full": _is_text},
    "void": {},
    "cancel": {"when": frozenset(When).__contains__},
    "resend": {"to": _is_text},
}
"""What can be chosen for each verb (`verbs.Verb.params`)."""


def _check(found: Mapping[str, Any], table: Mapping[str, Fits]) -> None:
    """Raise `ValueError` for a field that is not in the table, or not of its type there."""
    for name, value in found.items():
        if name not in table or not table[name](value):
            raise ValueError(name)


# Writing


def line_of(value: Mapping[str, Any]) -> bytes:
    """A line of a plan; a terminal shows it and does not obey it."""
    return to_json(value).encode() + b"\n"


def row_line(row: PlannedRow) -> bytes:
    """A row's line. `account` stands first: one account's rows are found without parsing the others'."""
    found = {name: data(value) for name, value in fields(row).items() if value not in (None, "", (), {})}
    account = found.pop("account")
    return line_of({"type": "row", "account": account, "ref": row.ref} | found)


def row_lead(account: str) -> bytes:
    """How the lines of an account's rows begin."""
    return f'{{"type":"row","account":{to_json(account)},'.encode()


def header_line(header: Header) -> bytes:
    """The first line."""
    found = {name: data(value) for name, value in fields(header).items() if name != "accounts"}
    accounts = [{name: data(value) for name, value in fields(account).items()} for account in header.accounts]
    return line_of({"type": "plan", "format": FORMAT} | found | {"accounts": accounts})


# Reading


def row_of(line: bytes, verb: str) -> PlannedRow:
    """The row in a line of a plan for `verb`. Raises one of `BROKEN` for any other line."""
    found = json.loads(line)
    del found["type"], found["ref"]
    _check(found, ROW)
    _check(found.setdefault("params", {}), CHOICES[verb])
    if "amount" in found:
        found["amount"] = _money(found["amount"])
    found["state"] = RowState(found["state"])
    found["facts"] = tuple((label, text) for label, text in found.get("facts", ()))
    found["rules"] = tuple(found.get("rules", ()))
    return PlannedRow(**found)


def is_canonical(row: PlannedRow, line: bytes) -> bool:
    """Whether a row would be written as the line that it was read from."""
    return row_line(row) == line


def format_of(line: bytes) -> tuple[dict[str, Any], object]:
    """The fields of a first line, and the format it names. Raises one of `BROKEN` where it is no plan's."""
    found = json.loads(line)
    if not isinstance(found, dict) or found.pop("type") != "plan":
        raise ValueError("no plan")
    return found, found.pop("format", None)


def header_of(found: dict[str, Any], line: bytes) -> Header:
    """The header in the fields of a first line. Raises one of `BROKEN` for one that no billctl wrote."""
    accounts = found.pop("accounts")
    _check(found, HEADER)
    for account in accounts:
        _check(account, ACCOUNT)
    found |= {"created": datetime.fromisoformat(found["created"]), "totals": _moneys(found["totals"])}
    found |= {name: tuple(found[name]) for name in ("rules", "why", "warnings")}
    planned = tuple(
        PlannedAccount(**(account | {"totals": _moneys(account["totals"])})) for account in accounts
    )
    header = Header(**found, accounts=planned)
    if header_line(header) != line:
        raise ValueError("not as it was written")
    return header


def _money(found: Mapping[str, Any]) -> Money:
    return Money(found["minor"], found["currency"])


def _moneys(found: list[Mapping[str, Any]]) -> tuple[Money, ...]:
    return tuple(_money(each) for each in found)
