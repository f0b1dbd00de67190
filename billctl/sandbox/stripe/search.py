"""Search (docs.stripe.com/search): Stripe's query language over the fields each resource documents.

`field:value` is exact and ignores case for text; `field~value` finds a part of at least three
characters; `<`, `<=`, `>`, `>=` compare numbers; `-` in front negates; AND and OR do not mix; at most ten
clauses. Whether a bare word (`metadata['key']:null`) behaves otherwise than here could not be verified,
nor Stripe's texts for broken queries.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from billctl.sandbox.database import Record
from billctl.sandbox.stripe import params as p
from billctl.sandbox.stripe.call import Call, Page
from billctl.sandbox.stripe.errors import ApiError, invalid
from billctl.sandbox.stripe.shapes import Shapes

MOST_CLAUSES = 10
SEARCH: dict[str, p.Check] = {**p.EXPAND, "limit": p.integer(1, 100), "page": p.text(), "query": p.text()}

CARD = "payment_method_details.card."
TEXT, TOKEN, NUMBER = "text", "token", "number"
"""Text takes `:` and `~`, a token only `:`, a number `:` and comparisons."""

FIELDS: dict[str, dict[str, str]] = {
    "customer": {"created": NUMBER, "email": TEXT, "name": TEXT, "phone": TEXT},
    "charge": {
        "amount": NUMBER,
        "billing_details.address.postal_code": TOKEN,
        "created": NUMBER,
        "currency": TOKEN,
        "customer": TOKEN,
        "disputed": TOKEN,
        "refunded": TOKEN,
        "status": TOKEN,
        f"{CARD}brand": TOKEN,
        f"{CARD}exp_month": NUMBER,
        f"{CARD}exp_year": NUMBER,
        f"{CARD}fingerprint": TOKEN,
        f"{CARD}last4": TOKEN,
    },
    "invoice": {
        "created": NUMBER,
        "currency": TOKEN,
        "customer": TOKEN,
        "number": TOKEN,
        "receipt_number": TOKEN,
        "status": TOKEN,
        "subscription": TOKEN,
        "total": NUMBER,
    },
    "subscription": {"created": NUMBER, "status": TOKEN, "canceled_at": NUMBER},
    "payment_intent": {
        "amount": NUMBER,
        "created": NUMBER,
        "currency": TOKEN,
        "customer": TOKEN,
        "status": TOKEN,
    },
}
"""What can be searched, per resource; `metadata['key']` always can."""

MOVED = {("invoice", "subscription"): "parent.subscription_details.subscription"}


class Clause(NamedTuple):
    """`-field:"value"`: where the value lies in the object, and the test."""

    negated: bool
    path: tuple[str, ...]
    operator: str
    value: str


def search(kind: str) -> Callable[[Call], Page]:
    """The Search endpoint of a resource."""

    def run(call: Call) -> Page:
        clauses, either = parse(call.params["query"], kind)
        newest = call.now - call.settings["search_lag"]
        shapes = Shapes(call.objects)

        def hit(record: Record) -> bool:
            if record["created"] > newest or record.get("deleted"):
                return False
            wire = shapes.wire(record)
            return (any if either else all)(_holds(clause, wire) for clause in clauses)

        found = [record for record in call.objects.select(kind, {}) if hit(record)]
        start = _page_start(call.params.get("page"))
        end = start + call.params.get("limit", 10)
        more = end < len(found)
        return Page(found[start:end], more, f"sbx_page_{end}" if more else None, search=True)

    return run


def _page_start(name: str | None) -> int:
    if name is None:
        return 0
    number = name.removeprefix("sbx_page_")
    if number == name or not number.isdecimal():
        raise invalid("Invalid page: it is not a `next_page` of this search.", param="page")
    return int(number)


def parse(query: str, kind: str) -> tuple[list[Clause], bool]:
    """The clauses of a query, and whether any of them is enough. Raises Stripe's 400."""
    rest = query.strip()
    clauses: list[Clause] = []
    joints: set[str] = set()
    while True:
        clause, rest = _clause(rest, kind)
        clauses.append(clause)
        if not rest:
            break
        joint, _, following = rest.partition(" ")
        known = joint.upper() in ("AND", "OR")
        joints.add(joint.upper() if known else "AND")
        rest = following.strip() if known else rest
    if len(joints) > 1:
        raise _bad("You cannot mix AND and OR in one query.")
    if len(clauses) > MOST_CLAUSES:
        raise _bad(f"A query can have at most {MOST_CLAUSES} clauses.")
    return clauses, joints == {"OR"}


def _clause(text: str, kind: str) -> tuple[Clause, str]:
    negated = text.startswith("-")
    body = text.removeprefix("-")
    start = body.find("]") if body.startswith("metadata[") else 0  # a key may hold any character
    at = next((i for i in range(start, len(body)) if body[i] in ":~<>"), -1)
    if start < 0 or at < 1:
        raise _bad(f"We were unable to parse your search query: `{text}`.")
    operator = body[at : at + 2] if body[at : at + 2] in ("<=", ">=") else body[at]
    value, rest = _value(body[at + len(operator) :])
    name = body[:at].strip()
    path, sort = _field(name, kind)
    _check_operator(name, sort, operator, value)
    return Clause(negated, path, operator, value), rest.strip()


def _field(name: str, kind: str) -> tuple[tuple[str, ...], str]:
    if name.startswith("metadata[") and name.endswith("]"):
        return ("metadata", name[9:-1].strip("'\"")), TEXT
    sort = FIELDS[kind].get(name)
    if sort is None:
        raise _bad(f"Field `{name}` is an unsupported search field for resource `{kind}s`.")
    return tuple(MOVED.get((kind, name), name).split(".")), sort


def _check_operator(name: str, sort: str, operator: str, value: str) -> None:
    allowed = {TEXT: ":~", TOKEN: ":", NUMBER: ":<>"}[sort]
    if operator[0] not in allowed:
        raise _bad(f"Operator `{operator}` cannot be used with field `{name}`.")
    if operator == "~" and len(value) < 3:
        raise _bad("Substring searches need at least 3 characters.")
    if sort == NUMBER and not value.lstrip("-").isdecimal():
        raise _bad(f"Field `{name}` needs a number.")


def _value(text: str) -> tuple[str, str]:
    """The value at the beginning of `text` (quoted with escapes, or bare), and what follows it."""
    quote = text[:1]
    if quote not in ("'", '"'):
        bare, _, rest = text.partition(" ")
        if not bare:
            raise _bad("A clause has no value.")
        return bare, rest
    value: list[str] = []
    at = 1
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
        elif text[at] == quote:
            return "".join(value), text[at + 1 :]
        value.append(text[at])
        at += 1
    raise _bad("A quoted value does not end.")


def _holds(clause: Clause, wire: dict[str, Any]) -> bool:
    here: Any = wire
    for step in clause.path:
        here = here.get(step) if isinstance(here, dict) else None
    return _test(here, clause.operator, clause.value) != clause.negated


def _test(actual: Any, operator: str, wanted: str) -> bool:
    if actual is None:
        return wanted == "null" and operator == ":"
    if isinstance(actual, bool):
        return str(actual).lower() == wanted.lower()
    if isinstance(actual, int):
        number = int(wanted)
        compare = {":": int.__eq__, "<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__}
        return compare[operator](actual, number)
    found, sought = str(actual).casefold(), wanted.casefold()
    return sought in found if operator == "~" else sought == found


def _bad(message: str) -> ApiError:
    return invalid(message, param="query")
