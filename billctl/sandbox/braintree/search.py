"""Searches in two steps: all ids that match, then the objects, fifty ids at a time.

Text criteria ignore case here; whether Braintree's do is not verified. The upper bound of a time takes in
its whole minute (Braintree's page on search fields). A criterion that this sandbox does not know is refused
with 422, which the SDK takes for a request that is no search.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from billctl.sandbox.braintree.amounts import loose
from billctl.sandbox.braintree.call import Call, Tree
from billctl.sandbox.braintree.errors import Refused
from billctl.sandbox.braintree.search_fields import FIELDS, Field, Values
from billctl.sandbox.braintree.shapes import SHAPES
from billctl.sandbox.braintree.xml import Collection, Items
from billctl.sandbox.database import Record

PAGE_SIZE = 50
ROOTS = {
    "customer": "customers",
    "dispute": "disputes",
    "subscription": "subscriptions",
    "transaction": "credit-card-transactions",
}

COLUMNS: dict[str, dict[str, tuple[str, Callable[[str], str]]]] = {
    "dispute": {"customer_id": ("customer", str)},
    "transaction": {"customer_id": ("customer", str), "customer_email": ("email", str.casefold)},
}
"""Kind → search field → the database's column for it, and the form a text has there."""


def ids(kind: str) -> Callable[[Call], Tree]:
    """POST …/advanced_search_ids: the ids of everything that matches, newest first."""

    def run(call: Call) -> Tree:
        found = Items("item", [record["id"] for record in matching(call, kind)])
        return Tree("search-results", {"page-size": PAGE_SIZE, "ids": found})

    return run


def members(kind: str) -> Callable[[Call], Tree]:
    """POST …/advanced_search: the first fifty that match, which the SDK narrows by `ids`."""

    def run(call: Call) -> Tree:
        return listed(call, kind, matching(call, kind), page=1)

    return run


def pages(kind: str) -> Callable[[Call], Tree]:
    """POST …/advanced_search?page=N: a page of everything that matches (disputes)."""
    return lambda call: listed(call, kind, matching(call, kind), page=call.page())


def listed(call: Call, kind: str, records: list[Record], *, page: int) -> Tree:
    """A page of records, rendered."""
    tag, shape = SHAPES[kind]
    here = records[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    found = [shape(call.store, record) for record in here]
    return Tree(ROOTS[kind], Collection(tag, found, page, PAGE_SIZE, len(records)))


def matching(call: Call, kind: str) -> list[Record]:
    """Everything of a kind that matches the request's criteria and is not too new to be found."""
    criteria = call.given("search")
    values = Values(call.store)
    tests = [_test(kind, name, criterion) for name, criterion in criteria.items()]
    newest = call.now - call.settings["search_lag"]
    return [
        record
        for record in _candidates(call, kind, criteria)
        if record["created"] <= newest and all(test(values, record) for test in tests)
    ]


def _candidates(call: Call, kind: str, criteria: Mapping[str, Any]) -> list[Record]:
    """The records that can match at all: those with the ids, the customer or the e-mail asked for."""
    wanted = criteria.get("ids")
    if isinstance(wanted, list):
        found = [call.store.get(kind, str(key)) for key in wanted]
        return [record for record in found if record]
    for name, (column, form) in COLUMNS.get(kind, {}).items():
        criterion = criteria.get(name)
        if isinstance(criterion, dict) and criterion.get("is"):
            return call.store.all(kind, **{column: form(str(criterion["is"]))})
    return call.store.all(kind)


Test = Callable[[Values, Record], bool]


def _test(kind: str, name: str, criterion: Any) -> Test:
    field = FIELDS[kind].get(name)
    if field is None:
        raise _unknown(f"{name} is no search field of the sandbox.")
    return MAKERS[field.kind](field, criterion)


def _unknown(text: str) -> Refused:
    return Refused("search", text=text)


def _text(field: Field, criterion: Any) -> Test:
    if isinstance(criterion, list):
        return _multiple(field, criterion)
    checks = [(_comparison(name), _folded(wanted)) for name, wanted in _mapping(criterion).items()]

    def test(values: Values, record: Record) -> bool:
        found = [_folded(value) for value in field.get(values, record) if value]
        return all(comparison(found, wanted) for comparison, wanted in checks)

    return test


COMPARISONS: dict[str, Callable[[list[str], str], bool]] = {
    "is": lambda found, wanted: wanted in found,
    "is_not": lambda found, wanted: wanted not in found,
    "contains": lambda found, wanted: any(wanted in one for one in found),
    "starts_with": lambda found, wanted: any(one.startswith(wanted) for one in found),
    "ends_with": lambda found, wanted: any(one.endswith(wanted) for one in found),
}


def _comparison(name: str) -> Callable[[list[str], str], bool]:
    if name not in COMPARISONS:
        raise _unknown(f"{name} is no comparison of a text.")
    return COMPARISONS[name]


def _folded(value: Any) -> str:
    return str(value or "").casefold()


def _mapping(criterion: Any) -> Mapping[str, Any]:
    if not isinstance(criterion, dict):
        raise _unknown("A criterion has a comparison.")
    return criterion


def _number(field: Field, criterion: Any) -> Test:
    """A card number, of which only the first six digits and the last four are kept."""
    wanted = dict(_mapping(criterion))
    if "contains" in wanted:
        raise _unknown("A card number is searched by its beginning or its end.")
    for name in ("is", "is_not"):
        if name in wanted:
            wanted[name] = f"{str(wanted[name])[:6]}******{str(wanted[name])[-4:]}"
    return _text(field, wanted)


def _multiple(field: Field, criterion: Any) -> Test:
    wanted = {str(one) for one in (criterion if isinstance(criterion, list) else [criterion])}
    return lambda values, record: any(str(one) in wanted for one in field.get(values, record))


def _flag(field: Field, criterion: Any) -> Test:
    return lambda values, record: any(one is criterion for one in field.get(values, record))


def _quantities(field: Field, criterion: Any) -> Test:
    return _range(field, criterion, _amount, width=(0, 0))


def _amount(text: Any) -> tuple[int, int]:
    found = loose(str(text))
    if found is None:
        raise _unknown(f"{text} is no amount.")
    return found


def _times(field: Field, criterion: Any) -> Test:
    return _range(field, criterion, _seconds, width=(59, 0))


def _seconds(value: Any) -> tuple[int, int]:
    if isinstance(value, int):
        return value, 0
    try:
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise _unknown(f"{value} is no time.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()), 0


def _range(
    field: Field, criterion: Any, read: Callable[[Any], tuple[int, int]], *, width: tuple[int, int]
) -> Test:
    """`min`, `max` and `is`; the last value taken in is `width` after the one named."""
    bounds = {name: read(value) for name, value in _mapping(criterion).items() if value is not None}
    if bounds.keys() - {"min", "max", "is"}:
        raise _unknown("A range has min, max or is.")
    least = bounds.get("min", bounds.get("is"))
    most = bounds.get("max", bounds.get("is"))

    def within(value: tuple[int, int]) -> bool:
        late = most is not None and value > (most[0] + width[0], most[1] + width[1])
        return not late and (least is None or value >= least)

    def test(values: Values, record: Record) -> bool:
        return any(within(read(value)) for value in field.get(values, record) if value is not None)

    return test


MAKERS: dict[str, Callable[[Field, Any], Test]] = {
    "text": _text,
    "number": _number,
    "multiple": _multiple,
    "flag": _flag,
    "amount": _quantities,
    "time": _times,
    "count": _quantities,
}
"""Kind of field → how its criterion becomes a test of a record."""
