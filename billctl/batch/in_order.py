"""Work on many items in parallel, with the results in the items' order and no more of them in memory than
asked for."""

import queue
from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    items: Iterable[T], work: Callable[[T], R], *, lane: Callable[[T], str], workers: int, ahead: int
) -> Iterator[R]:
    """What `work` returns for each of `items`, in their order; raises what it raised, in its turn.

    Items of one `lane` are worked on by up to `workers` threads of its own, so that a slow lane holds up no
    other before `ahead` items are begun or wait to be given out. The threads are daemons: leaving early does
    not wait for them.
    """
    lanes = _Lanes(work, workers)
    finished: dict[int, tuple[R | None, BaseException | None]] = {}
    begun = given = 0
    try:
        for item in items:
            lanes.put(lane(item), begun, item)
            begun += 1
            finished.update(lanes.answers(wait=False))
            while given in finished or begun - given >= ahead:
                yield _next(finished, given, lanes)
                given += 1
        while given < begun:
            yield _next(finished, given, lanes)
            given += 1
    finally:
        lanes.end()


def _next(
    finished: "dict[int, tuple[R | None, BaseException | None]]", number: int, lanes: "_Lanes[T, R]"
) -> R:
    while number not in finished:
        finished.update(lanes.answers(wait=True))
    value, error = finished.pop(number)
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # None only where R has it


class _Lanes(Generic[T, R]):
    """A queue and its threads for each lane."""

    def __init__(self, work: Callable[[T], R], workers: int) -> None:
        self._work = work
        self._workers = workers
        self._answered: queue.SimpleQueue[tuple[int, tuple[R | None, BaseException | None]]] = (
            queue.SimpleQueue()
        )
        self._queues: dict[str, queue.SimpleQueue[tuple[int, T] | None]] = {}
        self._threads: dict[str, int] = {}
        self._ended = False

    def put(self, lane: str, number: int, item: T) -> None:
        waiting = self._queues.setdefault(lane, queue.SimpleQueue())
        waiting.put((number, item))
        started = self._threads.get(lane, 0)
        if started < self._workers:
            self._threads[lane] = started + 1
            Thread(target=self._run, args=(waiting,), name=f"batch-{lane}", daemon=True).start()

    def answers(self, *, wait: bool) -> "Iterator[tuple[int, tuple[R | None, BaseException | None]]]":
        """What was answered since; with `wait` at least one."""
        if wait:
            yield self._answered.get()
        while True:
            try:
                yield self._answered.get_nowait()
            except queue.Empty:
                return

    def end(self) -> None:
        """Let every thread end after the item that it works on."""
        self._ended = True
        for lane, waiting in self._queues.items():
            for _ in range(self._threads[lane]):
                waiting.put(None)

    def _run(self, waiting: "queue.SimpleQueue[tuple[int, T] | None]") -> None:
        while (found := waiting.get()) is not None:
            number, item = found
            if self._ended:
                continue
            try:
                self._answered.put((number, (self._work(item), None)))
            except BaseException as error:  # noqa: BLE001  # raised where its turn comes
                self._answered.put((number, (None, error)))
