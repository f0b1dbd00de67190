"""Checks of single values, shared by every table of a profile."""

from collections.abc import Collection, Mapping

from billctl import text
from billctl.profiles.faults import Faults, suggestion
from billctl.profiles.words import NAME, KeyPath, shown

Table = Mapping[str, object]

SECRET_NAMES = frozenset(
    (
        *("api_key", "apikey", "api_secret", "secret", "secret_key", "client_secret", "private_key"),
        *("consumer_key", "consumer_secret", "password", "passwd", "token", "access_token", "auth_token"),
    )
)
"""Keys whose value is a secret at whatever gateway; a gateway's own secret settings count besides."""

SECRET_PREFIXES = ("sk_", "rk_", "whsec_")
LONGEST_VALUE = 500

_TYPE_WORDS = {
    str: "a string",
    bool: "true or false",
    int: "a number",
    float: "a number",
    dict: "a table",
    list: "a list",
}


def note_secret_values(data: Table, faults: Faults) -> None:
    """Secrets recognised by their form, wherever they stand."""
    waiting: list[tuple[KeyPath, object]] = [((), data)]
    while waiting:  # not by recursion: dotted keys nest deeper than Python calls do
        path, value = waiting.pop()
        if isinstance(value, str):
            if value.startswith(SECRET_PREFIXES) or text.find_secret(value) == "an API key":
                note_secret(path, faults)
        elif isinstance(value, dict):
            waiting += (((*path, key), inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting += (((*path, number), inner) for number, inner in enumerate(value))


def note_secret(path: KeyPath, faults: Faults) -> None:
    """The key at `path` is or holds a secret; said once."""
    if faults.at(path):
        return
    in_account = len(path) > 2 and path[0] == "accounts" and NAME.fullmatch(str(path[1]))
    account = str(path[1]) if in_account else "ACCOUNT"
    faults.add(path, "secrets do not belong in a profile", f"Use `billctl auth add {account}`.")


def note_unknown_keys(table: Table, path: KeyPath, known: Collection[str], faults: Faults) -> None:
    """Keys of the table at `path` that are not `known`."""
    for key in table:
        if key in known or faults.at((*path, key)):
            continue
        if key.lower() in SECRET_NAMES:
            note_secret((*path, key), faults)
        else:
            todo = suggestion(key, known, f"Known here: {', '.join(known)}.")
            faults.add((*path, key), "there is no such key", todo)


def note_type(path: KeyPath, value: object, wanted: str, todo: str, faults: Faults) -> None:
    """The value at `path` has the wrong type; `wanted` says the right one."""
    kind = _TYPE_WORDS.get(type(value), "a date or time")
    faults.add(path, f"must be {wanted}, not {kind}", todo)


def word(table: Table, path: KeyPath, key: str, faults: Faults) -> str | None:
    """A setting's text, or None where it is missing or unfit."""
    value = table.get(key)
    here = (*path, key)
    if value is None or faults.at(here):
        return None
    if not isinstance(value, str):
        note_type(here, value, "a string", f'Put it in quotes: {shown(key)} = "…".', faults)
    elif not value.strip():
        faults.add(here, "is empty", "Fill it in, or take it out.")
    elif value != value.strip() or not value.isprintable():
        faults.add(here, "holds blanks around it, or a control or invisible character", "Write it again.")
    elif len(value) > LONGEST_VALUE:
        faults.add(here, f"is longer than {LONGEST_VALUE} characters", "Write it again.")
    else:
        return value
    return None
