"""Names and keys of configuration files, and how they are written in a message."""

import re

KeyPath = tuple[str | int, ...]
"""A key's way down from the top of a TOML document; numbers are places in arrays."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Names of profiles and accounts: lower case, so that no file system and no environment merges two."""

NAME_RULE = "lower-case letters, digits, - and _, at most 64, beginning with a letter or digit"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def shown(word: str) -> str:
    """A word from a file, fit for a message: one line, cut, no key or card number in it."""
    from billctl import text

    safe = text.mask(text.safe_text(word))
    return safe if len(safe) <= 60 else safe[:59] + "…"


def dotted(path: KeyPath) -> str:
    """A key as TOML writes it: `accounts."my shop".gateway`, `credential_command[2]`; six steps at most."""
    import json

    out = ""
    for part in path[:6]:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            bare = _BARE_KEY.fullmatch(part) is not None
            out += "." * bool(out) + (shown(part) if bare else json.dumps(shown(part), ensure_ascii=False))
    return out
