"""What a request says, as PHP reads it and as WordPress checks it.

A name that comes twice counts once, with its last value; `name[]` collects. A parameter that the route does
not know is ignored without a word. Messages are those of WordPress's `rest_validate_value_from_schema`.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.times import boundary

EMAIL = re.compile(r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", re.ASCII)
"""About WordPress's `is_email`; mind the `*`, which its user search takes for a wildcard."""

INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
TRUE = frozenset({"true", "1"})
FALSE = frozenset({"false", "0"})
LARGEST_PAGE = 100


class Arg(NamedTuple):
    """What a route accepts under a name; `kind` is a JSON type, `email`, `date` or `list` (of texts)."""

    kind: str = "string"
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None


Args = Mapping[str, Arg]
PAGING: Args = {
    "page": Arg("integer", 1, least=1),
    "per_page": Arg("integer", 10, least=1, most=LARGEST_PAGE),
    "offset": Arg("integer"),
    "search": Arg(),
    "include": Arg("ids"),
    "exclude": Arg("ids"),
    "order": Arg(default="desc", choices=("asc", "desc")),
}
"""What every paged list knows."""


def query(text: str) -> dict[str, Any]:
    """The parameters of a query or a form."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        base, bracket, _ = name.partition("[")
        if bracket:
            held = found.get(base)
            found[base] = [*(held if isinstance(held, list) else ()), value]
        else:
            found[base] = value
    return found


def checked(given: Mapping[str, Any], args: Args) -> dict[str, Any]:
    """Every parameter of `args`, read and checked, and the unknown ones as sent. Raises `WpError` 400."""
    missing = [name for name, arg in args.items() if arg.required and given.get(name) is None]
    if missing:
        raise WpError(
            400,
            "rest_missing_callback_param",
            f"Missing parameter(s): {', '.join(missing)}",
            {"status": 400, "params": missing},
        )
    values = dict(given)
    wrong: dict[str, _Wrong] = {}
    for name, arg in args.items():
        if given.get(name) is None:
            values[name] = arg.default
            continue
        try:
            values[name] = _read(name, given[name], arg)
        except _Wrong as error:
            wrong[name] = error
    if wrong:
        raise _invalid(wrong)
    return values


class _Wrong(Exception):
    def __init__(self, code: str, message: str, *, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def _invalid(wrong: Mapping[str, _Wrong]) -> WpError:
    details = {
        name: {"code": error.code, "message": str(error), "data": error.data} for name, error in wrong.items()
    }
    texts = {name: str(error) for name, error in wrong.items()}
    data = {"status": 400, "params": texts, "details": details}
    return WpError(400, "rest_invalid_param", f"Invalid parameter(s): {', '.join(wrong)}", data)


def _read(name: str, value: Any, arg: Arg) -> Any:
    found = READERS[arg.kind](name, value)
    if arg.choices:
        for place, one in enumerate(found if isinstance(found, list) else [found]):
            _chosen(f"{name}[{place}]" if isinstance(found, list) else name, one, arg.choices)
    if isinstance(found, int) and not isinstance(found, bool):
        _bounded(name, found, arg)
    return found


def _chosen(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        listed = f"{', '.join(choices[:-1])}, and {choices[-1]}"
        raise _Wrong("rest_not_in_enum", f"{name} is not one of {listed}.")


def _bounded(name: str, value: int, arg: Arg) -> None:
    if arg.least is not None and arg.most is not None:
        if not arg.least <= value <= arg.most:
            said = f"{name} must be between {arg.least} (inclusive) and {arg.most} (inclusive)"
            raise _Wrong("rest_out_of_bounds", said)
    elif arg.least is not None and value < arg.least:
        raise _Wrong("rest_out_of_bounds", f"{name} must be greater than or equal to {arg.least}")


def _type_of(kind: str, name: str) -> _Wrong:
    return _Wrong("rest_invalid_type", f"{name} is not of type {kind}.", data={"param": name})


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _type_of("string", name)
    return value


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not INTEGER.fullmatch(str(value)):
        raise _type_of("integer", name)
    return int(value)


def _boolean(name: str, value: Any) -> bool:
    said = str(value).lower() if isinstance(value, (str, int)) else None
    if said not in TRUE | FALSE:
        raise _type_of("boolean", name)
    return said in TRUE


def _list(name: str, value: Any) -> list[str]:
    if isinstance(value, str):
        return [part for part in re.split(r"[\s,]+", value) if part]
    if not isinstance(value, list):
        raise _type_of("array", name)
    return [str(one) for one in value]


def _ids(name: str, value: Any) -> list[int]:
    return [_integer(f"{name}[{place}]", one) for place, one in enumerate(_list(name, value))]


def _email(name: str, value: Any) -> str:
    if not EMAIL.fullmatch(_text(name, value)):
        raise _Wrong("rest_invalid_email", "Invalid email address.")
    return str(value)


def _date(name: str, value: Any) -> str:
    try:
        boundary(_text(name, value), gmt_column=True)
    except (ValueError, OverflowError):
        raise _Wrong("rest_invalid_date", "Invalid date.") from None
    return str(value)


def _object(name: str, value: Any) -> Any:
    if not isinstance(value, (dict, list)):
        raise _type_of("array", name)
    return value


READERS = {
    "string": _text,
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
    "ids": _ids,
    "email": _email,
    "date": _date,
    "array": _object,
}
