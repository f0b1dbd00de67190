"""The text of a record and its place in the hash chain. Pure.

A record is one line of canonical JSON: UTF-8, no blanks, `prev` and `seq` first at fixed places, then
what ties it to its operation (`HEAD`), then the other fields sorted by name, and last, where there is one,
the hash of its private part (`TAIL`). What has no value is left out. The record's hash is the SHA-256 of
exactly these bytes, and the next record's `prev`.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from billctl.store.interface import GENESIS, Head

HEAD = ("phase", "operation", "key", "object", "state")
"""Fields that stand right after `seq`, in this order, where a verifier finds them without parsing."""

TAIL = "private"
"""The field that stands last: the SHA-256 of the line that holds what may name a person."""

_PLACED = frozenset({*HEAD, TAIL})
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = frozenset({str, bool, int, type(None)})
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: object) -> str:
    """`value` as canonical JSON, names sorted at every level.

    Takes dicts with text names, lists, tuples, text, ints, bools and None; anything else, a float
    above all, raises `TypeError`. A lone surrogate is written as its escape, so that the text is
    always valid UTF-8.
    """
    _check(value)
    text = _encode(value)
    return text if text.isascii() else _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _check(value: object) -> None:
    if type(value) in _PLAIN:
        return
    match value:
        case str() | bool() | int() | None:
            return
        case dict():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise TypeError(f"a record's names are text, not {type(name).__name__}")
                _check(item)
        case list() | tuple():
            for item in value:
                _check(item)
        case _:
            raise TypeError(f"a record cannot hold a {type(value).__name__}")


def seal(seq: int, prev: str, entry: Mapping[str, Any]) -> str:
    """The text of record `seq` that holds `entry` and follows the record with the hash `prev`.

    `entry` has neither `prev` nor `seq` (`ValueError`); see `canonical` for what it may hold.
    """
    if "prev" in entry or "seq" in entry:
        raise ValueError("the chain numbers a record, not its writer")
    first = "".join(
        f",{canonical(name)}:{canonical(entry[name])}" for name in HEAD if entry.get(name) is not None
    )
    rest = canonical({n: value for n, value in entry.items() if n not in _PLACED and value is not None})[1:-1]
    last = f"{canonical(TAIL)}:{canonical(entry[TAIL])}" if entry.get(TAIL) is not None else ""
    return ",".join(filter(None, (lead(seq, prev) + first, rest, last))) + "}"


def lead(seq: int, prev: str) -> str:
    """How the text of every record begins: its predecessor's hash and its number."""
    return f'{{"prev":"{prev}","seq":{seq}'


def digest(body: str) -> str:
    """The hash of a record: SHA-256 of its text in UTF-8, lower hex."""
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


EMPTY = Head(seq=0, hash=GENESIS)
"""The head of a log without records."""
