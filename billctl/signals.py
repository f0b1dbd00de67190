"""Signals that end a run: held back while what was sent is recorded, left to the system at the very end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from billctl.errors import Terminated

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""There is no SIGHUP on Windows."""

Handler = Callable[[int, FrameType | None], object]


def _handlers() -> dict[int, Handler]:
    """The program's own handlers; a signal that it ignores has none, nor has any outside the main thread,
    which alone runs them."""
    import threading

    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {number: signal.getsignal(number) for number in ENDING}
    return {number: handler for number, handler in found.items() if callable(handler)}


def _install(handlers: dict[int, Handler]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def one_interruption() -> Iterator[Callable[[], None]]:
    """Let one signal interrupt the block by what its handler raises, and none after it.

    The function that the block gets ends that: from then on signals are dropped until the block's end, so
    the rest of the block must not wait for anything but the disk.
    """
    handlers = _handlers()
    may_interrupt = True

    def end() -> None:
        nonlocal may_interrupt
        may_interrupt = False

    def arrived(number: int, frame: FrameType | None) -> None:
        if may_interrupt:
            end()
            handlers[number](number, frame)

    _install(dict.fromkeys(handlers, arrived))
    try:
        yield end
    finally:
        _install(handlers)


class FirstSignal:
    """The first signal of a block, held back: its `number`, None while none came."""

    def __init__(self, handlers: dict[int, Handler]) -> None:
        self.number: int | None = None
        self._handlers = handlers

    def arrived(self, number: int, frame: FrameType | None) -> None:
        """Hold the first one back; a second one does what it would have done without the block."""
        if self.number is None:
            self.number = number
        else:
            self._handlers[number](number, frame)

    @contextmanager
    def raised(self) -> Iterator[None]:
        """While a person is asked something, a signal ends the question at once, and is the first one."""
        _install(self._handlers)
        try:
            yield
        except KeyboardInterrupt:
            self.number = signal.SIGINT
        except Terminated as ending:
            self.number = ending.number
        finally:
            _install(dict.fromkeys(self._handlers, self.arrived))


@contextmanager
def first_held() -> Iterator[FirstSignal]:
    """Let the first signal end the block in good order: it is only noted. A second one interrupts."""
    handlers = _handlers()
    first = FirstSignal(handlers)
    _install(dict.fromkeys(handlers, first.arrived))
    try:
        yield first
    finally:
        _install(handlers)


def let_kill() -> dict[int, Handler]:
    """From now on a signal ends the program at once and without a word; returns the handlers there were."""
    handlers = _handlers()
    for number in handlers:
        signal.signal(number, signal.SIG_DFL)
    return handlers


@contextmanager
def last_words() -> Iterator[None]:
    """What is said in the block a further signal cuts short instead of raising in the middle of it."""
    handlers = let_kill()
    try:
        yield
    finally:
        _install(handlers)
