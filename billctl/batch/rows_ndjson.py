"""Rows of NDJSON: one object a line, a request or a record that a list of billctl's printed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from billctl.batch.faults import FaultList
from billctl.batch.rows_columns import (
    NAMES,
    OBJECT_TYPES,
    REQUEST,
    Found,
    is_known,
    mistaken,
    own_beside,
    unknown,
)
from billctl.batch.rows_text import Lines
from billctl.text import mask, safe_text

ERROR = "error"
"""The type of the record that a list ends with where an account failed."""

MOST_WARNINGS = 100
LONGEST_WARNING = 300
"""Characters."""
PLAN = "plan"
"""The type of a plan's first line."""


class _Wrong(ValueError):
    """What is wrong with a line, in words."""


def read_ndjson(lines: Lines, faults: FaultList, verb: str, warnings: list[str]) -> Iterator[Found]:
    """The rows; `warnings` gets what a list could not read, `faults` what is wrong with their form."""
    for line in lines:
        if not line.strip() or lines.spoilt == lines.number:
            continue
        try:
            found = _object(line)
            if found.get("type") == ERROR:
                _warn(warnings, found)
                continue
            yield Found(line=lines.number, cells=_cells(found, verb))
        except _Wrong as error:
            faults.add(lines.number, str(error), code="bad_json")


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line, object_pairs_hook=_pairs, parse_int=_Number, parse_float=_Number)
    except _Wrong:
        raise
    except (ValueError, RecursionError):
        raise _Wrong("this is no JSON object in one line") from None
    if not isinstance(found, dict):
        raise _Wrong("this is no JSON object; write one object a line, like billctl's -o ndjson")
    if "billctl" in found and "exit" in found:
        raise _Wrong("this is the document of -o json; give the list -o ndjson or -o csv")
    return found


class _Number(str):
    """A number's digits as they stand there: none is read as a float."""

    __slots__ = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Wrong("a name stands there twice")
    return found


def _warn(warnings: list[str], found: Mapping[str, Any]) -> None:
    """Keep what a list could not read: it is written into the plan."""
    if len(warnings) >= MOST_WARNINGS:
        return
    account = found.get("account")
    named = f"{account}: " if isinstance(account, str) else ""
    why, _, _ = str(found.get("message") or "an account failed").partition(". ")
    text = safe_text(mask(f"the input is not whole: {named}{why}"))
    warnings.append(text if len(text) <= LONGEST_WARNING else f"{text[: LONGEST_WARNING - 1]}…")


def _cells(found: Mapping[str, Any], verb: str) -> dict[str, str]:
    kind = OBJECT_TYPES[verb]
    made_by_a_list = "type" in found
    if found.get("type") == PLAN:
        raise _Wrong("this is a plan, not rows: `billctl batch apply` does what it says")
    if made_by_a_list and found["type"] != kind:
        raise _Wrong(f"a record of type {str(found['type'])[:40]!r} where {kind!r} is needed")
    if unknown_names := [name for name in found if not is_known(name)]:
        raise _Wrong(unknown(unknown_names[0]).replace("column", "name", 1))
    if made_by_a_list:
        _nothing_asked_for(found)
    elif wrong := next((wrong for name in found if (wrong := mistaken(verb, name))), None):
        raise _Wrong(wrong)
    names = NAMES if made_by_a_list else REQUEST
    return {name: text for name in names if (text := _text(name, found.get(name)))}


def _nothing_asked_for(found: Mapping[str, Any]) -> None:
    """A list's record says what an object is: nothing in it is a request, but for what somebody put there."""
    for name in REQUEST:
        value = found.get(name)
        if name not in NAMES and value is not None and not (name == "amount" and isinstance(value, dict)):
            raise _Wrong(own_beside(name))


def _text(name: str, value: object) -> str:
    match value:
        case None:
            return ""
        case bool() if name == "full":
            return "true" if value else "false"
        case _Number():
            raise _Wrong(f'{name} is a number; write it as text, like "12.50"')
        case str():
            return _encodable(name, value).strip()
        case _:
            raise _Wrong(f"{name} is no text")


def _encodable(name: str, text: str) -> str:
    if "\0" in text:
        raise _Wrong(f"{name} has a NUL in it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _Wrong(f"{name} has half a character in it (a lone surrogate)") from None
    return text
