"""Gathering everything that is wrong with a file before saying any of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from billctl.errors import ConfigError
from billctl.frozen import frozen
from billctl.profiles.words import KeyPath, dotted, shown

if TYPE_CHECKING:
    from billctl.profiles.lines import Place


@frozen
class Fault:
    """One thing wrong with a file: where, what, and what to do. `line` counts from 1."""

    file: str
    line: int | None
    key: str
    what: str
    todo: str

    def place_and_what(self) -> str:
        """`shop.toml line 12, accounts.paypal.client_secret: secrets do not belong in a profile`."""
        line = f" line {self.line}" if self.line else ""
        key = f", {self.key}" if self.key else ""
        return f"{self.file}{line}{key}: {self.what}"

    def __str__(self) -> str:
        return f"{self.place_and_what()}. {self.todo}"


class ProfileError(ConfigError):
    """A profile or `config.toml` with faults: the message holds the first, `faults` all, in file order."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        more = len(faults) - 1
        rest = f" (and {more} more {'fault' if more == 1 else 'faults'})" if more else ""
        super().__init__(faults[0].place_and_what() + rest, hint=faults[0].todo)
        self.faults = faults


class Faults:
    """The faults found so far, by key."""

    def __init__(self) -> None:
        self._found: list[tuple[KeyPath, str, str]] = []

    def add(self, path: KeyPath, what: str, todo: str) -> None:
        """Note that the key at `path` (a missing one too) is wrong: `what`, and what `todo`."""
        self._found.append((path, what, todo))

    def at(self, path: KeyPath) -> bool:
        """Whether the key, or anything under it, already has a fault."""
        return any(found[: len(path)] == path for found, _, _ in self._found)

    def raise_any(self, file: str, text: str) -> None:
        """Raise `ProfileError` with all faults, in the order of `file`, whose text is `text`."""
        if not self._found:
            return
        from billctl.profiles.lines import places

        where = places(text)
        faults = [
            Fault(file=file, line=_line(path, where), key=dotted(path), what=what, todo=todo)
            for path, what, todo in self._found
        ]
        raise ProfileError(tuple(sorted(faults, key=lambda fault: fault.line or 0)))


def _line(path: KeyPath, where: "dict[KeyPath, Place]") -> int | None:
    """The key's line; for a key that is missing, that of the table it is missing from."""
    for length in range(len(path), 0, -1):
        if place := where.get(path[:length]):
            return place.line
    return None


def suggestion(word: str, known: Iterable[str], otherwise: str) -> str:
    """`Did you mean mode?` where a known word is close to `word`, else `otherwise`."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f"Did you mean {shown(close[0])}?" if close else otherwise
