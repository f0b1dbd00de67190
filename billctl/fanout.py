"""Several accounts asked at once: one thread an account, one deadline for all of them.

Nobody waits longer than the deadline, and nothing that was left waiting keeps the program alive: the
threads are daemons, and the connections of an account that is given up are closed.
"""

import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from billctl.errors import BillctlError, InternalError, NoAnswer
from billctl.parallel import Job
from billctl.session import Session

T = TypeVar("T")


class Deadline:
    """When the reads of one command end: the profile's `deadline`, from now on."""

    def __init__(self, session: Session) -> None:
        self.seconds = session.profile.timeouts.deadline
        self._until = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """The seconds that are left, at least 0."""
        return max(0.0, self._until - time.monotonic())


def chosen_accounts(session: Session, names: Iterable[str]) -> list[str]:
    """The accounts of `names`, or all where there is none, in the profile's order however they were named.

    Raises `UsageError` for one that the profile does not have.
    """
    wanted = {name: session.gateway_of(name) for name in names}
    return [name for name in session.profile.accounts if name in wanted or not wanted]


def ask_each(
    session: Session, accounts: Sequence[str], ask: Callable[[str], T], *, deadline: Deadline
) -> Iterator[tuple[str, T | BillctlError]]:
    """What `ask` returned or raised for each account, in their order.

    An adapter's fault is that account's failure, an `InternalError`. An account without an answer at the
    deadline is given up with `NoAnswer` (`deadline`), and its connections are closed; those of all accounts
    are when the session ends, by a signal too.
    """
    answers = _gathered(session, accounts, ask, deadline)
    late = [name for name in accounts if name not in answers]
    session.leave(late)
    for name in late:
        answers[name] = NoAnswer(
            f"no answer within {deadline.seconds:g} s",
            code="deadline",
            hint="Run it again later, or raise the deadline in the profile.",
        )
    for name in accounts:
        answer = answers[name]
        if isinstance(answer, BillctlError):
            answer.account = answer.account or name
        yield name, answer


def _gathered(
    session: Session, accounts: Sequence[str], ask: Callable[[str], T], deadline: Deadline
) -> dict[str, T | BillctlError]:
    answered: queue.SimpleQueue[tuple[str, T | BillctlError]] = queue.SimpleQueue()

    def answer_for(name: str) -> Callable[[], None]:
        return lambda: answered.put((name, _asked(session, name, ask)))

    for name in accounts:
        Job(answer_for(name))
    answers: dict[str, T | BillctlError] = {}
    while len(answers) < len(accounts):
        try:
            name, answer = answered.get(timeout=deadline.left)
        except queue.Empty:
            break
        answers[name] = answer
    return answers


def _asked(session: Session, name: str, ask: Callable[[str], T]) -> T | BillctlError:
    try:
        return ask(name)
    except BillctlError as error:
        return error
    except BaseException as error:  # noqa: BLE001  # whatever a plugin raises is its account's failure
        adapter = f"the {session.gateway_of(name)} adapter"
        return InternalError(f"unexpected {type(error).__name__} in {adapter}")
