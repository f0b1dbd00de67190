"""The text of a record: canonical, and the same for everyone who seals the same fields."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.audit.chain import HEAD, canonical, digest, seal
from billctl.store.interface import GENESIS

TEXTS = st.text() | st.text(st.characters(codec=None, categories=["Cs", "Cc", "Lo", "So"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    (TEXTS | st.sampled_from(HEAD)).filter(lambda name: name not in ("prev", "seq")),
    VALUES.filter(lambda value: value is not None),
)


def joined(value: Any) -> Any:
    """`value` with surrogate pairs as the characters that they mean; JSON cannot tell the two apart."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        case list():
            return [joined(item) for item in value]
        case dict():
            return {joined(name): joined(item) for name, item in value.items()}
        case _:
            return value


@given(VALUES)
def test_canonical_json_reads_back_as_what_it_was(value: Any) -> None:
    assert json.loads(canonical(value)) == joined(value)


@given(FIELDS)
def test_the_order_in_which_fields_were_given_does_not_show(fields: dict[str, Any]) -> None:
    backwards = dict(reversed(fields.items()))
    assert seal(7, GENESIS, fields) == seal(7, GENESIS, backwards)


@given(FIELDS, st.integers(min_value=1))
def test_a_record_is_one_line_of_valid_utf_8_with_all_its_fields(fields: dict[str, Any], seq: int) -> None:
    body = seal(seq, GENESIS, fields)
    assert "\n" not in body
    assert body.encode("utf-8").startswith(f'{{"prev":"{GENESIS}","seq":{seq}'.encode())
    assert json.loads(body) == {"prev": GENESIS, "seq": seq} | joined(fields)


def test_fields_of_the_operation_stand_first_and_the_rest_is_sorted() -> None:
    fields = {
        "b": 1,
        "state": "done",
        "a": {"d": 1, "c": []},
        "operation": "op_1",
        "phase": "outcome",
        "x": None,
    }
    expected = '"seq":1,"phase":"outcome","operation":"op_1","state":"done","a":{"c":[],"d":1},"b":1}'
    assert seal(1, GENESIS, fields) == f'{{"prev":"{GENESIS}",{expected}'


def test_text_is_written_as_itself_and_a_lone_surrogate_as_its_escape() -> None:
    assert canonical("أ€💶\n\x7f") == '"أ€💶\\n\x7f"'
    assert canonical("\udcff") == '"\\udcff"'


@pytest.mark.parametrize("value", [1.5, float("nan"), {"a": [0.0]}, {1: "a"}, b"x", {"a": {1, 2}}, object()])
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize("name", ["prev", "seq"])
def test_a_writer_cannot_number_its_own_record(name: str) -> None:
    with pytest.raises(ValueError, match="chain"):
        seal(1, GENESIS, {name: "x"})


def test_the_hash_is_sha_256_of_the_bytes() -> None:
    assert digest("é") == hashlib.sha256(b"\xc3\xa9").hexdigest()
