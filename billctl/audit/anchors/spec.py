"""Anchors by specification: `git:/path`, `syslog`, `syslog:/file`, `file:/path`, `rfc3161:URL#ca=/file`."""

from collections.abc import Callable

from billctl.errors import UsageError
from billctl.frozen import frozen

LONGEST = 500
EXAMPLES = (
    "git:/var/lib/billctl-anchor, syslog, file:/mnt/worm/billctl, rfc3161:https://tsa.example/tsr#ca=/file"
)


@frozen
class Spec:
    """One anchor. `target` is its path or URL, empty where there is none; `ca` the certificates' file."""

    text: str
    kind: str
    target: str = ""
    ca: str | None = None


class BadSpec(UsageError):
    """A specification that names no anchor: the message says what is wrong, the hint what to write."""


def parse(text: str) -> Spec:
    """The anchor that `text` specifies; nothing is looked at. Raises `BadSpec`."""
    kind, colon, target = text.partition(":")
    reader = KINDS.get(kind)
    if reader is None:
        raise BadSpec("names no kind of anchor", code="bad_anchor", hint=f"Write it like {EXAMPLES}.")
    if not text.isprintable() or text != text.strip() or len(text) > LONGEST:
        raise BadSpec("holds blanks around it, control characters or too many", code="bad_anchor")
    return reader(text, kind, target if colon else None)


def _path(text: str, kind: str, target: str | None) -> Spec:
    if not target or not target.startswith("/") or ".." in target.split("/"):
        raise BadSpec("needs a whole path", code="bad_anchor", hint=f"Write it like {kind}:/path/to/it.")
    return Spec(text=text, kind=kind, target=target)


def _syslog(text: str, kind: str, target: str | None) -> Spec:
    return Spec(text=text, kind=kind) if target is None else _path(text, kind, target)


def _rfc3161(text: str, kind: str, target: str | None) -> Spec:
    from billctl.profiles.address import base_url_problem

    url, hash_, rest = (target or "").partition("#")
    if problem := base_url_problem(url, live=False):
        raise BadSpec(f"its address {problem[0]}", code="bad_anchor", hint=problem[1])
    name, _, ca = rest.partition("=")
    if hash_ and (name != "ca" or not ca.startswith("/")):
        raise BadSpec(
            "has something else than ca=/path after its #",
            code="bad_anchor",
            hint=f"Write it like {kind}:{url}#ca=/etc/billctl/tsa.pem.",
        )
    return Spec(text=text, kind=kind, target=url, ca=ca or None)


KINDS: dict[str, Callable[[str, str, str | None], Spec]] = {
    "git": _path,
    "syslog": _syslog,
    "file": _path,
    "rfc3161": _rfc3161,
}
