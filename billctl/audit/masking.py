"""What keeps card numbers and keys out of the log: every text is masked that a person or a gateway wrote.

Ids and hashes are kept as they are: a record is found by its ids, and a masked hash proves nothing.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from billctl.errors import BillctlError
from billctl.models import data
from billctl.text import mask

ID_NAMES = frozenset({"id", "ref", "key", "operation", "number"})


def masked(text: str | None) -> str | None:
    """`text` without card numbers and keys."""
    return None if text is None else mask(text)


def masked_words(words: Sequence[str]) -> list[str]:
    """`words` masked one by one, and once more together: a card number may be spread over several."""
    alone = [mask(word) for word in words]
    line = mask(" ".join(alone))
    if line == " ".join(alone):
        return alone
    if len(line) != sum(map(len, alone)) + len(alone) - 1:
        return [line]
    ends = list(accumulate(len(word) + 1 for word in alone))
    return [line[end - len(word) - 1 : end - 1] for word, end in zip(alone, ends, strict=True)]


def error_data(error: BaseException | None) -> dict[str, str] | None:
    """The failure's class, code and words; nothing of a traceback, which may hold anything."""
    if error is None:
        return None
    if isinstance(error, BillctlError):
        return {"class": error.word, "code": mask(error.code), "message": mask(error.message)}
    return {"class": "internal", "code": type(error).__name__, "message": mask(str(error))}


def cleaned(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """`fields` as JSON knows them, with every text masked that is not an id."""
    if fields is None:
        return None
    return {
        name: value if _is_id(name) else _mask_within(value) for name, value in data(dict(fields)).items()
    }


def _mask_within(value: Any) -> Any:
    match value:
        case str():
            return mask(value)
        case dict():
            return cleaned(value)
        case list():
            return [_mask_within(item) for item in value]
        case _:
            return value


def _is_id(name: str) -> bool:
    return name in ID_NAMES or name.endswith(("_id", "_hash"))
