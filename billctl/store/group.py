"""Threads of one process that write at the same time commit together: one sync of the disk for all of them.

Whoever finds nobody writing leads: he takes along all that wait, in the order in which they came. Who comes
meanwhile waits, and the first of those leads next. A writer who is alone waits for nobody.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Member(Generic[T]):
    """One writer's work, and what became of it: a value, or an error that is raised for him."""

    def __init__(self, work: Callable[[Any], T]) -> None:
        self.work = work
        self.over = False
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._turn = Lock()
        self._turn.acquire()

    def succeed(self, value: T) -> None:
        """The work is done, if it is committed."""
        self._value = [value]

    def fail(self, error: BaseException) -> None:
        """The work is undone; the first reason counts."""
        self._error = self._error or error

    def begin_again(self) -> None:
        """Forget what became of it: its transaction never was."""
        self._value, self._error = [], None

    def outcome(self) -> T:
        """The value. Raises the error."""
        if self._error is not None:
            raise self._error
        return self._value[0]

    def wait(self) -> None:
        """Return when `wake` was called."""
        self._turn.acquire()

    def wake(self) -> None:
        """Let it go on: its work is over, or it is to lead."""
        self._turn.release()


class Group:
    """Gathers writers. `commit` does the work of some in one transaction, and lets each succeed or fail.

    What `commit` raises ends the leader only, as Ctrl-C does: then nothing was written, and the others are
    taken along by the next.
    """

    def __init__(self, commit: Callable[[Sequence[Member[Any]]], None]) -> None:
        self._commit = commit
        self._lock = Lock()
        self._waiting: list[Member[Any]] = []
        self._leader: Member[Any] | None = None

    def write(self, work: Callable[[Any], T]) -> T:
        """What `work` returns or raises, when it is durable or undone."""
        member = Member(work)
        try:
            with self._lock:
                self._waiting.append(member)
                leads = self._leader is None
                if leads:
                    self._leader = member
            if not leads:
                member.wait()
            if not member.over:
                self._lead(member)
        finally:
            self._leave(member)
        return member.outcome()

    def _lead(self, leader: Member[Any]) -> None:
        members: list[Member[Any]] = []
        try:
            with self._lock:
                members, self._waiting = self._waiting, []
            self._commit(members)
        except BaseException:
            others = [member for member in members if member is not leader]
            for member in others:
                member.begin_again()
            with self._lock:
                self._waiting[:0] = others
            raise
        for member in members:
            member.over = True
            if member is not leader:
                member.wake()

    def _leave(self, member: Member[Any]) -> None:
        """Hand the lead on, and wait no longer where an interruption ended the wait."""
        with self._lock:
            if member in self._waiting:
                self._waiting.remove(member)
            if self._leader is member:
                self._leader = self._waiting[0] if self._waiting else None
                if self._leader:
                    self._leader.wake()
