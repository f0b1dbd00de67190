"""What a secret's text must be, and how little of it is ever shown."""

import os
import re
import stat
import sys
from pathlib import Path

from billctl.errors import AuthFailed
from billctl.gateway import Secret

LONGEST = 8192
"""Characters; no gateway's key comes near."""

_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")
_KNOWN_HEAD = re.compile(r"(?:sk|rk|pk|ck|cs)_(?:(?:live|test|org)_)?")
_ENOUGH_TO_SHOW_FOUR = 16


def clean(text: str, where: str) -> Secret | None:
    """`text` without the blanks around it, or None if nothing is left.

    Raises `AuthFailed`, naming `where` it came from, for text that cannot be one key: several lines,
    control or invisible characters, anything beyond ASCII (which would only fail later, inside an
    HTTP header, with the key in the message).
    """
    stripped = text.strip()
    if not stripped:
        return None
    if len(stripped) > LONGEST:
        raise AuthFailed(f"{where} is longer than {LONGEST} characters", hint="A key is one line of text.")
    if not _PRINTABLE_ASCII.fullmatch(stripped):
        raise AuthFailed(
            f"{where} holds a line break, or a control, invisible or non-ASCII character",
            hint="Copy the key again, alone and whole.",
        )
    return Secret(stripped)


def mask_secret(secret: str) -> str:
    """What may be shown: a known first word, and the last four characters of a long one: `sk_test_…4f2a`."""
    head = _KNOWN_HEAD.match(secret)
    start = head.end() if head else 0
    tail = secret[-4:] if len(secret) - start >= _ENOUGH_TO_SHOW_FOUR else ""
    return f"{secret[:start]}…{tail}"


def read_secret_file(path: Path) -> Secret:
    """The secret that the file holds, for `auth add --from-file`.

    Raises `AuthFailed` where it cannot be read, is empty, or can be read or written by anyone else.
    """
    where = f"the file {path}"
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if problem := _exposed(status):
                raise AuthFailed(f"{where} {problem}", hint=f"Make it yours alone: chmod 600 {path}")
            data = file.read(LONGEST + 2)
    except OSError as failure:
        raise unreadable(where, failure) from None
    secret = clean(decode(data, where), where)
    if secret is None:
        raise AuthFailed(f"{where} is empty", hint="Put the key into it.")
    return secret


def _exposed(status: os.stat_result) -> str | None:
    if sys.platform == "win32":
        return None  # access there is a matter of ACLs, which a mode does not show
    if status.st_uid not in (os.geteuid(), 0):
        return "belongs to another user"
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return "can be read or written by other users"
    return None


def decode(data: bytes, where: str) -> str:
    """`data` as text. Raises `AuthFailed` without it where it is none."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        problem = AuthFailed(f"{where} is not text", hint="A key is one line of text.")
    raise problem  # outside the handler: UnicodeDecodeError carries the bytes


def unreadable(where: str, failure: OSError) -> AuthFailed:
    """`where` cannot be read, and why."""
    reason = failure.strerror or type(failure).__name__
    return AuthFailed(f"{where} cannot be read: {reason}", hint="Make it a file that you can read.")
