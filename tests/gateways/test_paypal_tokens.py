"""PayPal's access tokens: asked for once by many, kept between runs for their owner only, renewed once."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import pytest

from billctl.gateways.paypal import PaypalGateway
from billctl.gateways.paypal.tokens import MARGIN, TokenStore
from billctl.parallel import gather
from billctl.testing.servers import Behaviour, LoopbackServer, Request
from tests.gateways import paypal_wire as wire
from tests.gateways.paypal_accounts import CLIENT_SECRET, account, gateway
from tests.gateways.paypal_routes import asked, routes, said, tokens_asked, told

NOW = 1_800_000_000
READ_REFUND = f"GET /v2/payments/refunds/{wire.REFUND}"


def answered(value: str, life: int = 32_400) -> dict[str, object]:
    return {"access_token": value, "token_type": "Bearer", "expires_in": life}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "gateways" / "paypal"


def store(
    folder: Path | None, *, endpoint: str = "http://x", client: str = "one", secret: str = "s", now: int = NOW
) -> TokenStore:
    return TokenStore(
        folder, endpoint=endpoint, client_id=client, secret=secret, patience=1.0, now=lambda: now
    )


class Asking:
    """Answers with a new token every time; `times` counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> object:
        self.times += 1
        return answered(f"token{self.times}")


def test_a_token_is_kept_for_the_next_run(folder: Path) -> None:
    ask = Asking()
    assert [store(folder).token(ask), store(folder).token(ask)] == ["token1", "token1"]
    assert ask.times == 1


def test_a_token_is_kept_for_its_owner_only_and_without_a_secret(folder: Path) -> None:
    store(folder, secret="canarySecret").token(Asking())
    files = list(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not any("canarySecret" in path.read_text() + path.name for path in files)


def test_where_nothing_may_be_kept_nothing_is(tmp_path: Path) -> None:
    ask = Asking()
    kept = store(None)
    assert [kept.token(ask), kept.token(ask), store(None).token(ask)] == ["token1", "token1", "token2"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [{"endpoint": "http://y"}, {"client": "two"}, {"secret": "t"}])
def test_other_credentials_never_meet_the_token(folder: Path, other: dict[str, str]) -> None:
    ask = Asking()
    mine = store(folder).token(ask)
    given = {"endpoint": "http://x", "client": "one", "secret": "s"} | other
    theirs = store(folder, endpoint=given["endpoint"], client=given["client"], secret=given["secret"])
    assert theirs.token(ask) != mine


def test_a_token_is_not_used_in_its_last_minutes(folder: Path) -> None:
    ask = Asking()
    store(folder).token(ask)
    assert store(folder, now=NOW + 32_400 - MARGIN - 1).token(ask) == "token1"
    assert store(folder, now=NOW + 32_400 - MARGIN).token(ask) == "token2"


def test_a_token_from_the_future_is_not_believed(folder: Path) -> None:
    ask = Asking()
    store(folder, now=NOW + 10 * 365 * 86_400).token(ask)
    assert store(folder).token(ask) == "token2"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"access_token": 5, "until": 1}', '{"access_token": "a b", "until": 1900000000}',
     '{"access_token": "a", "until": "soon"}', "\x00\xff"],
)  # fmt: skip
def test_a_broken_file_is_no_token(folder: Path, content: str) -> None:
    ask = Asking()
    store(folder).token(ask)
    (path,) = folder.glob("*.json")
    path.write_text(content)
    assert store(folder).token(ask) == "token2"
    assert store(folder).token(ask) == "token2"


def test_a_file_that_others_can_read_or_that_is_a_link_is_no_token(folder: Path, tmp_path: Path) -> None:
    ask = Asking()
    store(folder).token(ask)
    (path,) = folder.glob("*.json")
    path.chmod(0o644)
    assert store(folder).token(ask) == "token2"
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert store(folder).token(ask) == "token3"


def test_a_folder_that_cannot_be_written_costs_a_token_call_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ask = Asking()
    kept = store(tmp_path / "file" / "paypal")
    assert [kept.token(ask), kept.token(ask)] == ["token1", "token1"]


@pytest.mark.parametrize(
    "bad",
    [None, [], {}, answered(""), answered("a b"), answered("a\nb"), answered("é"), answered("a", 0),
     {"access_token": "a"}, {"access_token": "a", "expires_in": "32400"}],
)  # fmt: skip
def test_an_answer_without_a_usable_token_is_none_and_is_not_kept(folder: Path, bad: object) -> None:
    with pytest.raises(ValueError, match="token answer"):
        store(folder).token(lambda: bad)
    assert list(folder.glob("*.json")) == []


def test_a_refused_token_is_replaced_and_what_others_renewed_is_taken(folder: Path) -> None:
    ask = Asking()
    one, two = store(folder), store(folder)
    first = one.token(ask)
    assert two.token(ask) == first
    assert one.token(ask, refused=first) == "token2"
    assert two.token(ask, refused=first) == "token2"
    assert ask.times == 2


def test_threads_share_the_failure_of_the_one_that_asked() -> None:
    times = []

    def ask() -> object:
        times.append(1)
        time.sleep(0.1)
        raise OSError("no")

    kept = store(None)

    def attempt() -> bool:
        with pytest.raises(OSError, match="no"):
            kept.token(ask)
        return True

    assert all(gather([attempt] * 8))
    assert len(times) == 1


# With the real SDK


class Sessions:
    """A server whose tokens end: `expire` refuses those given so far."""

    def __init__(self) -> None:
        self.given = 0
        self.good = ""
        self._lock = Lock()

    def expire(self) -> None:
        self.good = ""

    def behaviour(self) -> Behaviour:
        def behave(connection, request: Request, closing) -> bool:  # type: ignore[no-untyped-def]
            return self._answer(request)(connection, request, closing)

        return behave

    def _answer(self, request: Request) -> Behaviour:
        with self._lock:
            if request.target == "/v1/oauth2/token":
                time.sleep(0.05)
                self.given += 1
                self.good = f"Bearer A21AAtoken{self.given}"
                return said(200, answered(self.good.removeprefix("Bearer ")))
            if request.headers.get("authorization") != self.good:
                return told(401, "AUTHENTICATION_FAILURE")
        return routes({READ_REFUND: wire.refund()})


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def server(sessions: Sessions) -> Iterator[LoopbackServer]:
    with LoopbackServer(sessions.behaviour()) as running:
        yield running


def reading(paypal: PaypalGateway) -> str:
    return paypal.get_refund(wire.REFUND).id


def test_twelve_threads_on_a_cold_account_ask_for_one_token(
    sessions: Sessions, server: LoopbackServer
) -> None:
    paypal = gateway(server.url)
    assert gather([lambda: reading(paypal)] * 12) == [wire.REFUND] * 12
    paypal.close()
    assert sessions.given == 1


def test_a_token_that_ends_in_the_middle_is_renewed_once_for_all_threads(
    sessions: Sessions, server: LoopbackServer, folder: Path
) -> None:
    paypal = gateway(server.url, state_dir=folder)
    reading(paypal)
    sessions.expire()
    assert gather([lambda: reading(paypal)] * 8) == [wire.REFUND] * 8
    paypal.close()
    assert sessions.given == 2
    assert json.loads(next(folder.glob("*.json")).read_text())["access_token"] == "A21AAtoken2"


def test_a_kept_token_that_paypal_has_forgotten_is_renewed(
    sessions: Sessions, server: LoopbackServer, folder: Path
) -> None:
    for _ in range(2):
        paypal = gateway(server.url, state_dir=folder)
        reading(paypal)
        paypal.close()
        sessions.expire()
    assert sessions.given == 2
    assert len([name for name in asked(server) if name == READ_REFUND]) == 3


PROGRAM = """
import sys
from pathlib import Path
from tests.gateways.paypal_accounts import gateway
paypal = gateway(sys.argv[1], state_dir=Path(sys.argv[2]))
print(paypal.get_refund(sys.argv[3]).id)
"""


@pytest.mark.slow
def test_two_processes_at_once_ask_for_one_token(
    sessions: Sessions, server: LoopbackServer, folder: Path
) -> None:
    command = [sys.executable, "-c", PROGRAM, server.url, str(folder), wire.REFUND]
    root = Path(__file__).resolve().parents[2]
    running = [
        subprocess.Popen(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, stdout=-1, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=30)[0].strip() for process in running] == [wire.REFUND] * 2
    assert sessions.given == 1
    assert tokens_asked(server) == 1


def test_the_secret_stays_out_of_every_file(server: LoopbackServer, folder: Path) -> None:
    paypal = PaypalGateway(account(server.url, state_dir=folder))
    reading(paypal)
    paypal.close()
    assert not any(CLIENT_SECRET in path.read_text() for path in folder.iterdir())
