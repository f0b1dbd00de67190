"""The private part of a record: what may name a person, kept beside the chain so that it can be purged.

It is one line of canonical JSON that begins with 16 random bytes in hex (`{"salt":"…"`), and its record
names the SHA-256 of exactly that line. Without the line its words cannot be guessed from the hash: the
salt goes with it. What stays in the record answers who acted, what, when, from where, on which object,
how much, with what success (PCI DSS 4.0, 10.2.2).
"""

import json
from collections.abc import Mapping
from typing import Any

from billctl.audit.chain import TAIL, canonical, digest
from billctl.store.interface import Ranges
from billctl.store.schema import PURGE

PRIVATE = frozenset({"customer", "reason", "argv", "params", "result", "before", "after"})
"""Fields that go to the private part as a whole."""

STAYS_WITHIN: Mapping[str, frozenset[str]] = {
    "error": frozenset({"class", "code"}),
    "approval": frozenset({"id", "requester", "approver", "approver_uid", "decided", "plan_hash"}),
    "resolution": frozenset({"as", "ticket"}),
}
"""Of these fields only what is named stays in the record."""

RESULT_STAYS = ("audit ", "auth ", "approve", "deny")
"""How actions begin whose result names no customer (files, hashes, where a secret is kept): it stays."""

SALT = "salt"
_MARK = f',"{TAIL}":"'
_HASH = slice(-66, -2)


def split(entry: Mapping[str, Any], salt: bytes) -> tuple[dict[str, Any], str | None]:
    """An entry's fields for the record, and the line of its private part; None where nothing is private."""
    stays: dict[str, Any] = {}
    private: dict[str, Any] = {}
    result_stays = str(entry.get("action") or "").startswith(RESULT_STAYS)
    for name, value in entry.items():
        if value is None:
            continue
        if name in STAYS_WITHIN:
            _put(stays, name, {key: value[key] for key in value if key in STAYS_WITHIN[name]})
            _put(private, name, {key: value[key] for key in value if key not in STAYS_WITHIN[name]})
        elif name in PRIVATE and not (name == "result" and result_stays):
            private[name] = value
        else:
            stays[name] = value
    if not private:
        return stays, None
    line = f'{{"{SALT}":"{salt.hex()}",{canonical(private)[1:]}'
    return stays | {TAIL: digest(line)}, line


def _put(fields: dict[str, Any], name: str, value: dict[str, Any]) -> None:
    if value:
        fields[name] = value


def merge(fields: Mapping[str, Any], line: str) -> dict[str, Any]:
    """A record's fields with those of its private part. Raises `ValueError` for what is none."""
    private = json.loads(line)
    del private[SALT]
    merged = {name: value for name, value in fields.items() if name != TAIL}
    for name, value in private.items():
        merged[name] = fields[name] | value if name in fields else value
    return merged


def hash_named(body: str) -> str | None:
    """The hash of its private part that a record's text ends with, None where it has none."""
    return body[_HASH] if body.endswith('"}') and body[: _HASH.start].endswith(_MARK) else None


def purged_ranges(fields: Mapping[str, Any]) -> Ranges:
    """The records whose private parts the record with these fields says were purged; mostly none."""
    if fields.get("action") != PURGE or fields.get("phase") != "note":
        return ()
    ranges = (fields.get("result") or {}).get("ranges") or ()
    return tuple((first, last) for first, last in ranges)
