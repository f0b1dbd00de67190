"""Form-encoded nested parameters: decoding, and checking against an endpoint's table.

A `Check` takes a decoded value (text, list or mapping) and its name, and returns the typed value or
raises the 400 that Stripe answers. Texts and codes follow Stripe's error-code page and recorded
answers; for a wrong enum word Stripe sends no code.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote_plus

from billctl.sandbox.stripe.errors import invalid

Check = Callable[[Any, str], Any]
MAX_INT = 2**63 - 1


def decode(*encoded: str) -> dict[str, Any]:
    """`a[b][]=1&a[c]=2` → nested dicts and lists of text; the last of equal names wins."""
    root: dict[str, Any] = {}
    for pair in "&".join(part for part in encoded if part).split("&"):
        if pair:
            name, _, value = pair.partition("=")
            _put(root, unquote_plus(name), unquote_plus(value))
    return {name: _lists(value) for name, value in root.items()}


def _put(root: dict[str, Any], name: str, value: str) -> None:
    head, bracket, rest = name.partition("[")
    if not bracket or not rest.endswith("]"):
        root[name] = value
        return
    keys = [head, *rest[:-1].split("][")]
    here = root
    for key, following in pairwise(keys):
        step = _slot(here, key, following)
        if not isinstance(here.get(step), dict):
            here[step] = {}
        here = here[step]
    here[str(len(here)) if keys[-1] == "" else keys[-1]] = value


def _slot(here: dict[str, Any], key: str, following: str) -> str:
    """The place that `[]` means: the last element while it lacks `following`, else a new one."""
    if key:
        return key
    last = str(len(here) - 1)
    return (
        last
        if following and isinstance(here.get(last), dict) and following not in here[last]
        else str(len(here))
    )


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    plain = {key: _lists(inner) for key, inner in value.items()}
    if plain and all(key.isdecimal() for key in plain):
        return [plain[key] for key in sorted(plain, key=int)]
    return plain


def text(longest: int = 5000, *, unset: bool = False) -> Check:
    """A text; with `unset`, an empty one is None, else an empty one is refused."""

    def check(value: Any, name: str) -> str | None:
        if not isinstance(value, str):
            raise invalid(f"Invalid string: {value}", param=name)
        if not value and unset:
            return None
        if not value:
            raise invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request "
                "or supply a non-empty value.",
                param=name,
                code="parameter_invalid_empty",
            )
        if len(value) > longest:
            raise invalid(
                f"Invalid string: {value[:20]}...; must be at most {longest} characters", param=name
            )
        return value

    return check


def integer(least: int | None = None, most: int = MAX_INT) -> Check:
    """A whole number within bounds."""

    def check(value: Any, name: str) -> int:
        digits = value[1:] if isinstance(value, str) and value.startswith("-") else value
        if not (isinstance(digits, str) and digits.isascii() and digits.isdigit() and len(digits) < 20):
            raise invalid(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
        number = int(value)
        if least is not None and number < least:
            bound = f"greater than or equal to {least}"
        elif number > most:
            bound = f"less than or equal to {most}"
        else:
            return number
        raise invalid(f"This value must be {bound}.", param=name, code="parameter_invalid_integer")

    return check


def boolean(value: Any, name: str) -> bool:
    """`true` or `false`."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def choice(*words: str, unset: bool = False) -> Check:
    """One of Stripe's words."""

    def check(value: Any, name: str) -> str | None:
        if value == "" and unset:
            return None
        if value not in words:
            shown = words[0] if len(words) == 1 else f"{', '.join(words[:-1])}, or {words[-1]}"
            raise invalid(f"Invalid {name}: must be one of {shown}", param=name)
        return str(value)

    return check


def mapping(fields: Mapping[str, Check], *, required: str = "", unset: bool = False) -> Check:
    """A nested object with these fields."""

    def check(value: Any, name: str) -> dict[str, Any] | None:
        if value == "" and unset:
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=name)
        return checked(value, fields, required=required, prefix=name)

    return check


def listing(item: Check, *, unset: bool = False) -> Check:
    """An array; a single `name[]=…` counts."""

    def check(value: Any, name: str) -> list[Any]:
        if value == "" and unset:
            return []
        if not isinstance(value, list):
            raise invalid("Invalid array", param=name)
        return [item(inner, f"{name}[{index}]") for index, inner in enumerate(value)]

    return check


def anything(value: Any, _name: str) -> Any:
    """Whatever was sent, kept as it is."""
    return value


def metadata(value: Any, name: str) -> dict[str, str] | None:
    """Key-value pairs: at most 50, keys of 40 and values of 500 characters; `""` clears them all."""
    if value == "":
        return None
    if isinstance(value, list):
        value = {str(index): inner for index, inner in enumerate(value)}
    if not isinstance(value, dict):
        raise invalid("Invalid object", param=name)
    if len(value) > 50:
        raise invalid("Metadata cannot have more than 50 keys.", param=name)
    for key, inner in value.items():
        if not isinstance(inner, str):
            raise invalid(f"Metadata value for {key} must be a string.", param=f"{name}[{key}]")
        if len(key) > 40:
            raise invalid(f"Metadata keys must be up to 40 characters long: {key}", param=name)
        if len(inner) > 500:
            raise invalid(
                "Metadata values can have up to 500 characters, but you passed in a value that is "
                f"{len(inner)} characters. Invalid value: {inner[:20]}...",
                param=f"{name}[{key}]",
            )
    return value


RANGE = mapping({word: integer() for word in ("gt", "gte", "lt", "lte")})


def span(value: Any, name: str) -> dict[str, int]:
    """An instant, or a range `{gt, gte, lt, lte}` of Unix seconds."""
    if isinstance(value, str):
        return {"eq": integer()(value, name)}
    bounds: dict[str, int] = RANGE(value, name)
    return bounds


EXPAND: dict[str, Check] = {"expand": listing(text())}
PAGE: dict[str, Check] = {
    **EXPAND,
    "limit": integer(1, 100),
    "starting_after": text(),
    "ending_before": text(),
}
ADDRESS: Check = mapping(
    {part: text(unset=True) for part in ("city", "country", "line1", "line2", "postal_code", "state")},
    unset=True,
)


def checked(
    given: Mapping[str, Any], table: Mapping[str, Check], *, required: str = "", prefix: str = ""
) -> dict[str, Any]:
    """`given` in types, or the 400 for what is unknown, missing or invalid (looked for in that order)."""

    def full(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    unknown = [name for name in given if name not in table]
    if unknown:
        many = "s" if len(unknown) > 1 else ""
        shown = ", ".join(map(full, unknown))
        raise invalid(
            f"Received unknown parameter{many}: {shown}", param=full(unknown[0]), code="parameter_unknown"
        )
    for name in required.split():
        if name not in given:
            raise invalid(
                f"Missing required param: {full(name)}.", param=full(name), code="parameter_missing"
            )
    return {name: table[name](value, full(name)) for name, value in given.items()}


def merge_metadata(old: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """`given` over `old`; an empty value removes its key, None removes them all."""
    if given is None:
        return {}
    return {key: value for key, value in {**old, **given}.items() if value != ""}


def not_modelled(names: str) -> dict[str, Check]:
    """Parameters that Stripe knows and this sandbox does not act on: refused by name, never ignored."""

    def check(_value: Any, name: str) -> Any:
        raise invalid(
            f"The billctl sandbox does not model the parameter {name}, which Stripe knows.", param=name
        )

    return dict.fromkeys(names.split(), check)
