"""Braintree's XML: what clients send, and what the gateway answers.

Clients write snake_case tags and list members as `item`; answers have kebab-case tags, and carry the types
that the SDK's parser knows: integer, boolean, datetime, date, symbol, array, collection, and `nil`.
"""

from time import gmtime, strftime
from typing import Any, NamedTuple

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

DEEPEST = 30
"""Elements inside one another that a request may have; the SDK's signatures need seven."""

NOT_XML = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
"""Characters that no XML 1.0 document can hold, not even as references; they are left out."""


class BadXml(Exception):
    """The body is no document that this server reads."""


class Typed(NamedTuple):
    """A text with a type attribute."""

    kind: str
    text: str


class Items(NamedTuple):
    """`type="array"`: members under one tag."""

    tag: str
    members: list[Any]


class Collection(NamedTuple):
    """`type="collection"`: a page of members, with its counts."""

    tag: str
    members: list[Any]
    page: int
    page_size: int
    total: int


def at(seconds: int | None) -> Typed | None:
    """An instant, given in Unix seconds."""
    return None if seconds is None else Typed("datetime", strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(seconds)))


def day(text: str | None) -> Typed | None:
    """A date, given as `YYYY-MM-DD`."""
    return None if text is None else Typed("date", text)


def render(tag: str, value: Any) -> str:
    """An answer's document. A dict becomes children, None `nil`, int and bool typed texts."""
    parts = [DECLARATION]
    _write(parts, tag, value)
    return "".join(parts)


def _write(parts: list[str], tag: str, value: Any) -> None:
    if value is None:
        parts.append(f'<{tag} nil="true"/>')
    elif type(value) is str:
        parts.append(f"<{tag}>{_escaped(value)}</{tag}>")
    elif type(value) is dict:
        _write_all(parts, tag, "", list(value.items()))
    elif type(value) is Items:
        _write_all(parts, tag, ' type="array"', [(value.tag, member) for member in value.members])
    elif type(value) is Collection:
        _write_all(parts, tag, ' type="collection"', _page(value))
    else:
        kind, text = _typed(value)
        parts.append(f'<{tag} type="{kind}">{_escaped(text)}</{tag}>')


def _write_all(parts: list[str], tag: str, attribute: str, children: list[tuple[str, Any]]) -> None:
    if not children:
        parts.append(f"<{tag}{attribute}/>")
        return
    parts.append(f"<{tag}{attribute}>")
    for name, child in children:
        _write(parts, name, child)
    parts.append(f"</{tag}>")


def _page(value: Collection) -> list[tuple[str, Any]]:
    counts = [
        ("current-page-number", value.page),
        ("page-size", value.page_size),
        ("total-items", value.total),
    ]
    return [*counts, *((value.tag, member) for member in value.members)]


def _typed(value: Any) -> tuple[str, str]:
    if type(value) is bool:
        return "boolean", "true" if value else "false"
    if type(value) is int:
        return "integer", str(value)
    if type(value) is Typed:
        return value
    raise TypeError(f"{type(value).__name__} has no form in Braintree's XML")


def _escaped(text: str) -> str:
    if not text.isprintable():
        text = text.translate(NOT_XML)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def parse(body: bytes) -> dict[str, Any]:
    """A request's document as `{root: value}`; an empty body is `{}`.

    An element is a dict of its children, a list where its type is array, a bool or an int where its type
    says so, None where it is empty, and its text otherwise. Raises `BadXml`.
    """
    if not body.strip():
        return {}
    from xml.parsers import expat

    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.doctype  # entities could grow without bound
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError) as error:
        raise BadXml(str(error)) from error
    return reader.document


class _Reader:
    """Builds the values while the parser reads."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self._open: list[tuple[str, str, list[tuple[str, Any]], list[str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) == DEEPEST:
            raise BadXml("the document is too deep")
        self._open.append((tag.replace("-", "_"), attributes.get("type", ""), [], []))

    def text(self, text: str) -> None:
        self._open[-1][3].append(text)

    def end(self, _tag: str) -> None:
        tag, kind, children, texts = self._open.pop()
        value = _value(kind, children, "".join(texts))
        if self._open:
            self._open[-1][2].append((tag, value))
        else:
            self.document[tag] = value

    def doctype(self, *_declared: object) -> None:
        raise BadXml("a document type is not read")


def _value(kind: str, children: list[tuple[str, Any]], text: str) -> Any:
    if kind == "array":
        return [value for _, value in children]
    if children:
        return dict(children)
    if kind == "boolean":
        return text.strip() in ("true", "1")
    if kind == "integer" and text.strip().lstrip("-").isdecimal():
        return int(text)
    return text or None
