"""Where each key of a TOML document stands. tomllib reads values and forgets their lines.

The text must be one that tomllib accepts: nothing is checked here, only found.
"""

import re
import tomllib
from bisect import bisect_right
from typing import cast

from billctl.frozen import frozen_value
from billctl.profiles.words import KeyPath

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"{3,5}'  # up to two quotes may stand before the closing three
    r"|'''[\s\S]*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*")


@frozen_value
class Place:
    """Where a key stands: its line, from 1, and its value as text[start:end] (empty for a table's header)."""

    line: int
    start: int
    end: int


def places(text: str) -> dict[KeyPath, Place]:
    """The place of every key, table and array element; of a table written in parts, the first part's."""
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[KeyPath, Place] = {}
        self.last_of: dict[KeyPath, int] = {}  # arrays of tables: the element that headers now add to
        self.newlines = [i for i, character in enumerate(text) if character == "\n"]

    def document(self) -> dict[KeyPath, Place]:
        table: KeyPath = ()
        while self.skip(_BLANK_LINES) < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
        return self.found

    def skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"not the TOML that tomllib read, at character {self.at}")
        self.at = match.end()
        return self.at

    def note(self, path: KeyPath, key_at: int, start: int, end: int) -> None:
        self.found.setdefault(path, Place(bisect_right(self.newlines, key_at - 1) + 1, start, end))

    def note_ways(self, path: KeyPath, base: int, key_at: int) -> None:
        """Tables that exist only because a dotted key or header passes through them."""
        for length in range(base + 1, len(path)):
            self.note(path[:length], key_at, key_at, key_at)

    def header(self) -> KeyPath:
        key_at = self.at
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        self.at += brackets
        path: KeyPath = ()
        parts = self.key()
        for number, part in enumerate(parts, 1):
            path += (part,)
            if brackets == 2 and number == len(parts):
                self.last_of[path] = self.last_of.get(path, -1) + 1
            if path in self.last_of:
                path += (self.last_of[path],)
        self.at += brackets
        self.note_ways(path, 0, key_at)
        self.note(path, key_at, key_at, key_at)
        return path

    def key(self) -> list[str]:
        parts = []
        while True:
            start = self.skip(_BLANK)
            if self.text[start] in "\"'":
                end = self.skip(_STRING)
                parts.append(cast(str, tomllib.loads(f"key = {self.text[start:end]}")["key"]))
            else:
                parts.append(self.text[start : self.skip(_BARE)])
            self.skip(_BLANK)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def pair(self, table: KeyPath) -> None:
        key_at = self.at
        path = table + tuple(self.key())
        self.at += 1  # the equals sign
        self.note_ways(path, len(table), key_at)
        start = self.skip(_BLANK)
        # Noted before what it holds, so that keys stay in the order of the file.
        self.note(path, key_at, start, start)
        self.value(path)
        known = self.found[path]
        self.found[path] = Place(known.line, start, self.at)

    def value(self, path: KeyPath) -> None:
        match self.text[self.at]:
            case '"' | "'":
                self.skip(_STRING)
            case "[":
                self.array(path)
            case "{":
                self.inline_table(path)
            case _:
                self.skip(_SCALAR)

    def array(self, path: KeyPath) -> None:
        self.at += 1
        number = 0
        while self.text[self.skip(_BLANK_LINES)] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            start = self.at
            element = (*path, number)
            self.value(element)
            self.note(element, start, start, self.at)
            number += 1
        self.at += 1

    def inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while self.text[self.skip(_BLANK_LINES)] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self.pair(path)
        self.at += 1
