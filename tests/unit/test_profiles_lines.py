"""The line of every key is found, however the TOML is written."""

import tomllib
from typing import Any

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from billctl.profiles.lines import places
from billctl.profiles.words import KeyPath

EVERY_FORM = '''\
# a = [ "comment" ]
top = 1
"quoted.key" = "has # [ and ] and = inside"   # comment with "quotes" and [brackets]
'literal' = 'C:\\path \\'
dotted.a . "b c".d = { x = 1, y.z = [1, 2] }
long = """
[not.a.table]
key = "not a key" \\""" still ""\"""
raw = \'\'\'
[nor.this]
\'\'\'
array = [
    1, # ] in a comment
    [2, "]"],
    { inner = "}" },
]
when = 1979-05-27 07:32:00
[table]  # comment
a = 1
  [table.sub]
  b = 2
[[shops]]
name = "one"
[shops.address]
city = "x"
[[shops]]
name = "two"
[shops.address]
city = "y"
[[shops.till]]
id = 1
[ spaced . "out" ]
z = 1
'''

LINES: dict[KeyPath, int] = {
    ("top",): 2,
    ("quoted.key",): 3,
    ("literal",): 4,
    ("dotted",): 5,
    ("dotted", "a"): 5,
    ("dotted", "a", "b c"): 5,
    ("dotted", "a", "b c", "d"): 5,
    ("dotted", "a", "b c", "d", "x"): 5,
    ("dotted", "a", "b c", "d", "y"): 5,
    ("dotted", "a", "b c", "d", "y", "z"): 5,
    ("dotted", "a", "b c", "d", "y", "z", 0): 5,
    ("dotted", "a", "b c", "d", "y", "z", 1): 5,
    ("long",): 6,
    ("raw",): 9,
    ("array",): 12,
    ("array", 0): 13,
    ("array", 1): 14,
    ("array", 1, 0): 14,
    ("array", 1, 1): 14,
    ("array", 2): 15,
    ("array", 2, "inner"): 15,
    ("when",): 17,
    ("table",): 18,
    ("table", "a"): 19,
    ("table", "sub"): 20,
    ("table", "sub", "b"): 21,
    ("shops",): 22,
    ("shops", 0): 22,
    ("shops", 0, "name"): 23,
    ("shops", 0, "address"): 24,
    ("shops", 0, "address", "city"): 25,
    ("shops", 1): 26,
    ("shops", 1, "name"): 27,
    ("shops", 1, "address"): 28,
    ("shops", 1, "address", "city"): 29,
    ("shops", 1, "till"): 30,
    ("shops", 1, "till", 0): 30,
    ("shops", 1, "till", 0, "id"): 31,
    ("spaced",): 32,
    ("spaced", "out"): 32,
    ("spaced", "out", "z"): 33,
}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_form_of_key_is_found_on_its_line(ending: str) -> None:
    text = EVERY_FORM.replace("\n", ending)
    assert paths_of(tomllib.loads(text)) <= LINES.keys()
    assert {path: place.line for path, place in places(text).items()} == LINES


def test_a_value_is_found_to_its_last_character() -> None:
    text = 'a = 1\nprofile = "sh\\"op"  # mine\n[t]\nb = [1,\n 2]\n'
    found = places(text)
    assert [text[p.start : p.end] for p in (found["profile",], found["t", "b"])] == ['"sh\\"op"', "[1,\n 2]"]


KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=8
) | st.sampled_from(["a", "b-c", "a.b", "[x]", '"', "'", "#", "=", "\n", "\\", "0"])
NOISE = (
    st.text(st.sampled_from(list("ab\"'\\#[]{}=,.\n\t é"))) | st.booleans() | st.dates() | st.floats(-9, 9)
)
MARK = object()
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        st.just(MARK) | NOISE,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=25,
    ),
    max_size=6,
)


@given(DOCUMENTS, st.booleans())
def test_the_line_found_for_a_key_holds_its_value(document: dict[str, Any], multiline: bool) -> None:
    marks: dict[KeyPath, int] = {}
    numbered = number_the_marks(document, (), marks)
    text = tomli_w.dumps(numbered, multiline_strings=multiline)
    found = places(text)
    lines = text.split("\n")
    assert found.keys() == paths_of(tomllib.loads(text))
    for path, number in marks.items():
        place = found[path]
        assert text[place.start : place.end].strip() == str(number)
        assert str(number) in lines[place.line - 1]


def number_the_marks(value: Any, path: KeyPath, marks: dict[KeyPath, int]) -> Any:
    """`value` with a number of its own in the place of each mark; `marks` is told which."""
    if value is MARK:
        marks[path] = 700_000_000 + len(marks)
        return marks[path]
    if isinstance(value, dict):
        return {key: number_the_marks(inner, (*path, key), marks) for key, inner in value.items()}
    if isinstance(value, list):
        return [number_the_marks(inner, (*path, i), marks) for i, inner in enumerate(value)]
    return value


def paths_of(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every key and array element of a document."""
    inner: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    found = {path} if path else set()
    return found.union(*(paths_of(item, (*path, key)) for key, item in inner))
