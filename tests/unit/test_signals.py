"""Which signals are held back, and that all is afterwards as it was."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from billctl.errors import Terminated
from billctl.signals import ENDING, first_held, last_words, one_interruption


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in ENDING]


def test_one_signal_interrupts_and_those_after_it_do_not() -> None:
    before = handlers()
    with one_interruption():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert handlers() == before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_none_interrupts_once_that_is_ended() -> None:
    with one_interruption() as end:
        end()
        os.kill(os.getpid(), signal.SIGINT)


def test_handlers_come_back_after_a_failure() -> None:
    before = handlers()
    with pytest.raises(ValueError, match="wrong"), one_interruption():
        raise ValueError("wrong")
    with pytest.raises(ValueError, match="wrong"), last_words():
        raise ValueError("wrong")
    assert handlers() == before


def test_what_the_program_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with one_interruption(), last_words():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_first_signal_is_only_noted_and_a_second_one_interrupts() -> None:
    before = handlers()
    with first_held() as first:
        seen = [first.number]
        os.kill(os.getpid(), signal.SIGINT)
        assert [*seen, first.number] == [None, signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert handlers() == before


def test_a_signal_while_a_person_is_asked_ends_the_question_and_is_the_first_one() -> None:
    def terminate(number: int, _frame: object) -> None:
        raise Terminated(number)

    signal.signal(signal.SIGTERM, terminate)
    asked = []
    with first_held() as first:
        with first.raised():
            os.kill(os.getpid(), signal.SIGTERM)
            asked.append("never")
        assert (first.number, asked) == (signal.SIGTERM, [])
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_last_words_are_cut_short_by_the_system_itself() -> None:
    with last_words():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_a_thread_that_cannot_handle_signals_leaves_them_alone() -> None:
    def work() -> list[object]:
        with one_interruption(), last_words():
            return handlers()

    with ThreadPoolExecutor() as pool:
        assert pool.submit(work).result() == handlers()
