"""What of a record may name a person, kept in a line beside it; and what stays in the record for ever."""

import hashlib
import json
from typing import Any

import pytest

from billctl.audit.chain import seal
from billctl.audit.entry import read
from billctl.audit.private import hash_named, merge, purged_ranges, split
from billctl.errors import StoreError
from billctl.store.interface import GENESIS, StoredRecord

SALT = bytes(range(16))

ENTRY: dict[str, Any] = {
    "phase": "outcome",
    "time": "2026-11-21T12:00:00.000000Z",
    "action": "refund",
    "customer": "cus_1",
    "reason": "moved to 12 Main Street",
    "reason_code": "duplicate",
    "ticket": "zendesk:7",
    "amount": {"amount": "12.50", "minor": 1250, "currency": "USD"},
    "argv": ["billctl", "stripe", "refund"],
    "params": {"to": "rana@example.com"},
    "before": {"status": "paid"},
    "after": {"status": "refunded"},
    "result": {"to": "rana@example.com"},
    "error": {"class": "refused", "code": "no_such_card", "message": "rana's card is gone"},
    "approval": {"id": "apr_1", "requester": "layla", "approver": "omar", "reason": "she called", "hm": 1},
    "resolution": {"as": "done", "reason": "she has the e-mail"},
    "actor": {"login": "layla", "host": "billing-1"},
    "live": None,
}


def stored(entry: dict[str, Any]) -> StoredRecord:
    stays, line = split(entry, SALT)
    body = seal(1, GENESIS, stays)
    return StoredRecord(seq=1, hash=hashlib.sha256(body.encode()).hexdigest(), body=body, private=line)


def test_what_may_name_a_person_is_in_the_line_and_the_rest_in_the_record() -> None:
    stays, line = split(ENTRY, SALT)
    assert line
    private = json.loads(line)
    assert next(iter(private)) == "salt"
    whole = {"customer", "reason", "argv", "params", "before", "after", "result"}
    assert private.keys() == whole | {"salt", "error", "approval", "resolution"}
    assert private["error"] == {"message": "rana's card is gone"}
    assert private["approval"] == {"reason": "she called", "hm": 1}
    assert private["resolution"] == {"reason": "she has the e-mail"}
    kept = ("phase", "time", "action", "amount", "reason_code", "ticket", "actor")
    assert stays == {name: ENTRY[name] for name in kept} | {
        "error": {"class": "refused", "code": "no_such_card"},
        "approval": {"id": "apr_1", "requester": "layla", "approver": "omar"},
        "resolution": {"as": "done"},
        "private": hashlib.sha256(line.encode()).hexdigest(),
    }
    for word in ("rana", "cus_1", "Main Street", "she "):
        assert word not in stored(ENTRY).body


def test_the_line_begins_with_its_salt_and_the_record_ends_with_its_hash() -> None:
    record = stored({"phase": "note", "zzz": 1, "reason": "رد 💶\nline"})
    assert record.private == '{"salt":"000102030405060708090a0b0c0d0e0f","reason":"رد 💶\\nline"}'
    named = hashlib.sha256(record.private.encode()).hexdigest()
    assert record.body.endswith(f'"zzz":1,"private":"{named}"}}')
    assert hash_named(record.body) == named


def test_another_salt_gives_another_hash_for_the_same_words() -> None:
    assert split(ENTRY, SALT)[0]["private"] != split(ENTRY, bytes(16))[0]["private"]


def test_what_names_nobody_has_no_private_part() -> None:
    stays, line = split({"phase": "note", "customer": None, "error": {"class": "auth"}}, SALT)
    assert (stays, line) == ({"phase": "note", "error": {"class": "auth"}}, None)
    assert hash_named(seal(1, GENESIS, stays)) is None


@pytest.mark.parametrize(
    "text", [',"private":"' + "0" * 64 + '"}', ',\\"private\\":\\"' + "0" * 64 + '"}', '"}' * 40]
)
def test_no_text_in_a_record_passes_for_the_name_of_a_private_part(text: str) -> None:
    assert hash_named(seal(1, GENESIS, {"phase": "note", "zzz": text})) is None
    assert hash_named(seal(1, GENESIS, {"phase": "note", "zzz": {"private": "0" * 64}})) is None


@pytest.mark.parametrize("action", ["audit export", "auth add", "approve", "deny"])
def test_the_result_of_what_concerns_no_customer_stays(action: str) -> None:
    entry = {"phase": "note", "action": action, "result": {"file": "x"}, "reason": "why"}
    stays, line = split(entry, SALT)
    assert stays["result"] == {"file": "x"}
    assert json.loads(str(line)) == {"salt": SALT.hex(), "reason": "why"}


def test_a_reader_sees_the_record_as_one() -> None:
    entry = read(stored(ENTRY))
    said = {name: value for name, value in ENTRY.items() if value is not None}
    assert entry.fields == {"prev": GENESIS, "seq": 1} | said
    assert (entry.customer, entry.reason, entry.purged) == ("cus_1", "moved to 12 Main Street", False)
    assert entry.error == ENTRY["error"]


def test_a_reader_of_a_purged_record_sees_what_is_left_and_that_it_was_purged() -> None:
    record = stored(ENTRY)
    entry = read(StoredRecord(seq=1, hash=record.hash, body=record.body))
    assert entry.purged
    assert entry.fields["purged"] is True
    assert (entry.customer, entry.reason, entry.ticket, entry.login) == (None, None, "zendesk:7", "layla")
    assert entry.error == {"class": "refused", "code": "no_such_card"}


def test_a_record_of_an_older_billctl_reads_as_it_did() -> None:
    body = seal(1, GENESIS, ENTRY)
    entry = read(StoredRecord(seq=1, hash="", body=body))
    assert (entry.customer, entry.purged) == ("cus_1", False)


@pytest.mark.parametrize("line", ["", "[]", "{}", "5", '{"reason":"no salt"}'])
def test_a_private_part_that_is_none_is_a_store_error(line: str) -> None:
    record = stored(ENTRY)
    with pytest.raises(StoreError, match="cannot be read"):
        read(StoredRecord(seq=1, hash=record.hash, body=record.body, private=line))


def test_merging_keeps_what_the_record_says_of_a_field_that_both_have() -> None:
    assert merge({"error": {"class": "auth"}}, '{"salt":"","error":{"message":"no"}}') == {
        "error": {"class": "auth", "message": "no"}
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"phase": "note", "action": "audit purge", "result": {"ranges": [[1, 4], [7, 7]]}},
            ((1, 4), (7, 7)),
        ),
        ({"phase": "note", "action": "audit purge"}, ()),
        ({"phase": "denied", "action": "audit purge", "result": {"ranges": [[1, 4]]}}, ()),
        ({"phase": "note", "action": "refund", "result": {"ranges": [[1, 4]]}}, ()),
    ],
)
def test_only_the_note_of_a_purge_says_what_was_purged(
    fields: dict[str, Any], expected: tuple[tuple[int, int], ...]
) -> None:
    assert purged_ranges(fields) == expected
