"""Calls in threads that never outlive their program and never hold it back.

The threads are daemons: an executor's would be joined at exit, and a silent server would keep a
finished command alive until its read timeout.
"""

from collections.abc import Callable, Sequence
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """`call`, started in a thread of its own."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asks for the result
            self._error = error

    def result(self, timeout: float | None = None) -> T:
        """What `call` returned or raised. Raises `TimeoutError` after `timeout` seconds; the call goes on."""
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        if not self._value:
            raise TimeoutError(f"no end within {timeout} s")
        return self._value[0]


def gather(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of `calls`, run at the same time, in their order; raises the first failure among them."""
    if len(calls) == 1:
        return [calls[0]()]
    jobs = [Job(call) for call in calls]
    return [job.result() for job in jobs]
