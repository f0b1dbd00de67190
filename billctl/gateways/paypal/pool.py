"""Many reads at a time, but never more than a few: PayPal publishes no limit and asks not to be flooded."""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

from billctl.parallel import gather

T = TypeVar("T")

WORKERS = 4
"""Reads under way at once for one search."""


def spread(calls: Sequence[Callable[[], T]], workers: int = WORKERS) -> list[T]:
    """The results of `calls` in their order, up to `workers` of them running at once.

    Raises the first failure; what has not begun by then does not begin.
    """
    if len(calls) <= workers:
        return gather(calls) if calls else []
    results: dict[int, T] = {}
    lock, left = Lock(), list(enumerate(calls))
    left.reverse()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                number, call = left.pop()
            try:
                results[number] = call()
            except BaseException:
                with lock:
                    left.clear()
                raise

    gather([work] * workers)
    return [results[number] for number in range(len(calls))]
