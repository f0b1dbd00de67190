"""The manners of a run from cron: its log, and word to a monitor however it ends."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from billctl.cli import ping as ping_module
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.cli.ping import Ping
from billctl.cli.run_log import cron_run
from billctl.errors import BillctlError, Partial, PolicyDenied, Terminated, UsageError
from billctl.text import mask


class Monitor:
    """A monitor on loopback that keeps what it is asked for and answers `status`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.silent = threading.Event()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                monitor.asked.append(self.path)
                monitor.silent.wait(0 if monitor.status else 5)
                self.send_response(monitor.status or 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/4b1c-capability"


@pytest.fixture
def monitor() -> Iterator[Monitor]:
    found = Monitor()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.silent.set()
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.mark.parametrize(
    ("tail", "code", "asked"),
    [
        ("", 0, ""),
        ("", 7, "/fail"),
        ("/", 7, "/fail"),
        ("?create=1", 7, "/fail?create=1"),
        ("/{code}", 0, "/0"),
        ("/{code}", 130, "/130"),
        ("?status={code}", 7, "?status=7"),
    ],
)
def test_a_monitor_is_told_how_the_run_ended(monitor: Monitor, tail: str, code: int, asked: str) -> None:
    assert Ping(monitor.url + tail).send(code) is None
    assert monitor.asked == ["/4b1c-capability" + asked]


@pytest.mark.parametrize(
    ("status", "said"), [(404, "HTTP 404"), (302, "TooManyRedirects"), (500, "HTTP 500")]
)
def test_an_answer_other_than_yes_is_a_warning_and_no_redirect_is_followed(
    monitor: Monitor, status: int, said: str
) -> None:
    monitor.status = status
    warning = Ping(monitor.url).send(0)
    assert warning is not None
    assert said in warning
    assert len(monitor.asked) == 1


def test_a_silent_monitor_is_given_up(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ping_module, "LIMIT", 0.1)
    monitor.status = 0
    warning = Ping(monitor.url).send(0)
    assert warning == "the --ping-url gave no usable answer (ReadTimeout)"


def test_a_monitor_that_is_not_there_is_a_warning_that_does_not_name_it(monitor: Monitor) -> None:
    monitor.server.server_close()
    warning = Ping(monitor.url).send(0)
    assert warning is not None
    assert "no usable answer" in warning
    assert "127.0.0.1" not in warning


@pytest.mark.parametrize(
    "url",
    ["", "hc.example/1", "http://hc.example/1", "ftp://hc.example/1", "https://me:pw@hc.example/1",
     "https://hc.example/1#x", "https://hc.example/a b", "https://hc.example/\n1", "https:///1",
     "file:///etc/passwd", "http://127.0.0.1.example/1"],
)  # fmt: skip
def test_an_address_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--ping-url"):
        Ping(url)


def test_the_address_is_masked_from_then_on() -> None:
    url = "https://hc.example/c0ffee-4b1c"
    Ping(url)
    assert mask(f"billctl batch run resend - --ping-url={url}") == "billctl batch run resend - --ping-url=…"


# The run around it


def ended(monitor: Monitor, log: Path | None, error: BaseException | None, **summary: Any) -> Result:
    """A run that ends with `error`: raised where it is no part of an answer."""
    with cron_run(Choices(command="batch run"), log_file=log, ping_url=monitor.url) as run:
        if error and not isinstance(error, Partial):
            raise error
        run.log("row", ref="stripe:ch_1", message="card 4242 4242 4242 4242")
        return run.ends_with(Result(data={}, error=error if isinstance(error, Partial) else None), **summary)


def lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_run_is_logged_from_start_to_end_and_nothing_secret_in_between(
    monitor: Monitor, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    ended(monitor, log, None, counts={"succeeded": 3})
    start, row, end = lines(log)
    assert (start["type"], start["command"]) == ("start", "batch run")
    assert row["message"] == "card **** **** **** 4242"
    assert (end["exit"], end["counts"]) == ({"code": 0, "class": "ok"}, {"succeeded": 3})
    assert all(line["time"].endswith("Z") for line in (start, row, end))
    assert log.stat().st_mode & 0o777 == 0o600
    ended(monitor, log, None)
    assert [line["type"] for line in lines(log)] == ["start", "row", "end"] * 2
    assert "capability" not in log.read_text()


@pytest.mark.parametrize(
    ("error", "code", "word"),
    [
        (Partial("2 rows failed"), 7, "partial"),
        (PolicyDenied("--yes is missing"), 8, "policy"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (Terminated(15), 143, "interrupted"),
        (RuntimeError("sk_live_0123456789abcdef"), 1, "internal"),
    ],
)
def test_a_run_that_did_not_succeed_says_so_to_log_and_monitor(
    monitor: Monitor, tmp_path: Path, error: BaseException, code: int, word: str
) -> None:
    log = tmp_path / "log"
    if isinstance(error, Partial):
        ended(monitor, log, error)
    else:
        with pytest.raises(type(error)):
            ended(monitor, log, error)
    end = lines(log)[-1]
    assert end["exit"] == {"code": code, "class": word}
    assert end.get("message", "").startswith(error.message if isinstance(error, BillctlError) else "")
    assert "0123456789abcdef" not in log.read_text()
    assert monitor.asked[-1].endswith("/fail")


def test_a_failed_ping_is_a_warning_of_the_answer_and_changes_nothing_else(monitor: Monitor) -> None:
    monitor.status = 503
    result = ended(monitor, None, None)
    assert result.error is None
    assert result.warnings == ["the --ping-url was answered with HTTP 503"]


def test_a_log_that_cannot_be_written_stops_the_run_before_it_begins_and_the_monitor_learns_of_it(
    monitor: Monitor, tmp_path: Path
) -> None:
    with (
        pytest.raises(UsageError, match="--log-file"),
        cron_run(Choices(), log_file=tmp_path / "no" / "log", ping_url=monitor.url),
    ):
        pytest.fail("the run began")
    assert monitor.asked == ["/4b1c-capability/fail"]


def test_a_pipe_that_nobody_reads_is_no_log(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        pytest.raises(UsageError, match="--log-file"),
        cron_run(Choices(), log_file=pipe, ping_url=None),
    ):
        pytest.fail("the run began")


def test_a_pipe_that_is_full_is_told_once_and_nothing_waits_for_it(
    monitor: Monitor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with cron_run(Choices(), log_file=pipe, ping_url=None) as run:
        for _ in range(2_000):
            run.log("row", message="x" * 100)
        run.ends_with(Result(data={}))
    os.close(reader)
    assert capsys.readouterr().err.count("cannot be written any more") == 1


def test_a_log_on_a_full_disk_is_told_once_and_the_run_goes_on(
    monitor: Monitor, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(monitor, Path("/dev/full"), None).error is None
    said = "--log-file cannot be written any more (No space left on device); the run goes on"
    assert capsys.readouterr().err == f"billctl: {said}\n"
