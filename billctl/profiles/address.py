"""Addresses that replace a gateway's own: where keys and money orders would go, so held tightly."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.parse import SplitResult

Problem = tuple[str, str]
"""What is wrong, and what to do."""

_UNFIT = re.compile(r"[^\x21-\x7e]|[\\%?#;]")
_PLAIN_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[^/]+)*/?")

NO_ADDRESS = ("is not a plain web address", 'Write it like "http://127.0.0.1:12111".')
USER_NAME = ("holds a user name", "Leave it out; secrets come from `billctl auth add`.")
CROOKED_PATH = ("has a path with empty, . or .. steps", "Write the path plainly.")
NOT_HERE = (
    "is not on this machine, and a live account's requests go only to its gateway",
    'Leave base_url out, or set mode = "test".',
)
NOT_ENCRYPTED = ("is http, which is only for this machine", "Use https.")


def base_url_problem(url: str, *, live: bool) -> Problem | None:
    """What is wrong with `url` as a `base_url`, or None.

    http only on loopback; loopback in any mode; anything else only in test mode. No user name, no
    query, no escapes, no empty, `.` or `..` steps in the path.
    """
    if "@" in url:
        return USER_NAME
    parts = _split(url)
    if parts is None:
        return NO_ADDRESS
    if not _PLAIN_PATH.fullmatch(parts.path):
        return CROOKED_PATH
    if _is_loopback(parts.hostname or ""):
        return None
    if live:
        return NOT_HERE
    return NOT_ENCRYPTED if parts.scheme == "http" else None


def _split(url: str) -> "SplitResult | None":
    from urllib.parse import urlsplit

    if _UNFIT.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    good = parts.scheme in ("http", "https") and parts.hostname and port != 0 and parts.netloc[-1:] != ":"
    return parts if good else None


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
