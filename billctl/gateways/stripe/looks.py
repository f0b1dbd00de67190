"""What was read a moment ago, for whoever decides by it right after: a resend needs one read, not three."""

from collections.abc import Callable
from threading import Lock
from typing import Any, NamedTuple

FRESH = 5.0
"""Seconds for which what was read still counts as just read. A person who is asked takes longer."""


class Look(NamedTuple):
    """An object as it was read at an instant of the clock, with all of `expanded`."""

    data: dict[str, Any]
    expanded: tuple[str, ...]
    at: float


class Looks:
    """The last looks at objects, by id. Safe in many threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[str, Look] = {}

    def keep(self, data: dict[str, Any], expanded: tuple[str, ...] = ()) -> None:
        """Remember an object that was just read."""
        look = Look(data, expanded, self._clock())
        with self._lock:
            for object_id in list(self._kept):  # the oldest first
                if self._kept[object_id].at > look.at - FRESH:
                    break
                del self._kept[object_id]
            self._kept.pop(data["id"], None)
            self._kept[data["id"]] = look

    def fresh(self, object_id: str, expanded: tuple[str, ...] = ()) -> dict[str, Any] | None:
        """The object, if it was read with all of `expanded` no more than `FRESH` seconds ago."""
        with self._lock:
            look = self._kept.get(object_id)
        if look is None or look.at < self._clock() - FRESH or not set(expanded) <= set(look.expanded):
            return None
        return look.data

    def forget(self, object_id: str) -> None:
        """The object is no longer as it was read."""
        with self._lock:
            self._kept.pop(object_id, None)
