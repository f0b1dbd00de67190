"""The session under the SDKs: calls in threads that are used again, and let go."""

import threading
import time

import pytest
import requests

from billctl import transport
from billctl.testing.servers import LoopbackServer, answer, in_turn, silent
from billctl.transport import bounded_session


@pytest.fixture
def others() -> set[threading.Thread]:
    """Threads that were there before."""
    return set(threading.enumerate())


def callers(others: set[threading.Thread]) -> set[threading.Thread]:
    """The threads that make calls."""
    return {thread for thread in threading.enumerate() if "_work" in thread.name} - others


def test_calls_one_after_the_other_share_a_thread(others: set[threading.Thread]) -> None:
    with LoopbackServer(answer(200, "{}")) as server:
        session = bounded_session(5, connections=4, loopback=True)
        for _ in range(20):
            session.get(server.url)
        assert len(callers(others)) == 1
        session.close()


def test_a_call_that_is_late_holds_up_no_other() -> None:
    with LoopbackServer(in_turn(silent, answer(200, "{}"))) as server:
        session = bounded_session(0.3, connections=4, loopback=True)
        with pytest.raises(requests.ReadTimeout, match="no whole answer"):
            session.get(server.url)
        assert session.get(server.url).status_code == 200
        session.close()


def test_an_idle_thread_ends_and_another_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, others: set[threading.Thread]
) -> None:
    monkeypatch.setattr(transport, "IDLE", 0.01)
    with LoopbackServer(answer(200, "{}")) as server:
        session = bounded_session(5, connections=4, loopback=True)
        for pause in (0.0, 0.005, 0.01, 0.015, 0.02, 0.1):
            assert session.get(server.url).status_code == 200
            time.sleep(pause)
        for thread in callers(others):
            thread.join(2)
        assert callers(others) == set()
        session.close()


def test_what_waits_when_a_session_is_closed_ends_at_once() -> None:
    ended: list[BaseException] = []

    def call() -> None:
        try:
            session.get(server.url)
        except requests.ReadTimeout as error:
            ended.append(error)

    with LoopbackServer(silent) as server:
        session = bounded_session(60, connections=4, loopback=True)
        waiting = threading.Thread(target=call)
        waiting.start()
        while not server.requests:
            time.sleep(0.001)
        session.close()
        waiting.join(5)
        assert [str(error) for error in ended] == ["closed before an answer was there"]
        with pytest.raises(requests.ReadTimeout, match="closed"):
            session.get(server.url)
