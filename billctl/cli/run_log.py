"""What a run from cron leaves behind where nobody looks on: lines in a file, and word to a monitor."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from billctl.audit.masking import cleaned
from billctl.cli.options import Choices
from billctl.cli.output import Result, talk
from billctl.cli.ping import Ping
from billctl.errors import BillctlError, InternalError, Terminated, UsageError
from billctl.models import rfc3339
from billctl.text import mask, to_json

LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="PATH", help="Append what happens to PATH, one JSON object a line."),
]
PingUrl = Annotated[
    str | None,
    typer.Option("--ping-url", metavar="URL", help="Ask URL at the end; URL/fail where it did not succeed."),
]

APPENDING = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
)


class CronRun:
    """One run that logs and pings; `cron_run` makes it."""

    def __init__(self, chosen: Choices) -> None:
        self._chosen = chosen
        self._started = time.monotonic()
        self._file: int | None = None
        self._broken = False
        self._result: Result | None = None
        self._summary: dict[str, Any] = {}

    def open(self, path: Path) -> None:
        """Begin to append to `path`, which is made 0600 where it is missing. Raises `UsageError`.

        Nothing is ever waited for: a pipe that nobody reads is an error, one that is full ends the log.
        """
        try:
            self._file = os.open(path, APPENDING, 0o600)
        except OSError as error:
            raise UsageError(
                f"--log-file {path} cannot be written: {error.strerror}", code="bad_log_file"
            ) from None
        self.log("start", command=self._chosen.command, pid=os.getpid())

    def log(self, kind: str, **fields: Any) -> None:
        """Append one line, its texts masked, where there is a log. That it cannot be written is told once.

        Each is one write to a file that is only appended to, so lines of several runs do not mix.
        """
        if self._file is None or self._broken:
            return
        record = {"type": kind, "time": rfc3339(datetime.now(UTC))} | (cleaned(fields) or {})
        line = (to_json(record) + "\n").encode("utf-8", "backslashreplace")
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            self._broken = True
            self._warn(f"--log-file cannot be written any more ({error.strerror}); the run goes on")

    def ends_with(self, result: Result, **summary: Any) -> Result:
        """The command's answer, which decides how the run ended; `summary` stands in the log's last line."""
        self._result = result
        self._summary = summary
        return result

    def end(self, raised: BaseException | None, ping: Ping | None) -> None:
        """Log the end, tell the monitor, close the log."""
        error = raised or (self._result.error if self._result else None)
        code, word = _exit_of(error)
        said = mask(error.line()) if isinstance(error, BillctlError) else None
        self.log(
            "end",
            exit={"code": code, "class": word},
            seconds=round(time.monotonic() - self._started, 3),
            **({"message": said} if said else {}),
            **self._summary,
        )
        if ping and (warning := ping.send(code)):
            self.log("warning", message=warning)
            self._warn(warning)
        if self._file is not None:
            os.close(self._file)

    def _warn(self, text: str) -> None:
        if self._result is not None:
            self._result.warnings.append(text)
        elif not self._chosen.quiet:
            talk(text)


def _exit_of(error: BaseException | None) -> tuple[int, str]:
    """The exit code that the program will end with, and its class, as `cli.app` has them."""
    match error:
        case None:
            return 0, "ok"
        case BillctlError():
            return error.exit_code, error.word
        case KeyboardInterrupt():
            return 128 + signal.SIGINT, "interrupted"
        case Terminated():
            return 128 + error.number, "interrupted"
        case _:
            return InternalError.exit_code, InternalError.word


@contextmanager
def cron_run(chosen: Choices, *, log_file: Path | None, ping_url: str | None) -> Iterator[CronRun]:
    """A run that appends to `log_file` and asks `ping_url` when it ends, however it ends; both may be None.

    The block says how it ended by `CronRun.ends_with`, or raises. Not known yet at that point: an answer that
    standard output does not take, which changes the program's exit code afterwards. Raises `UsageError` for
    an address or a file that cannot be used; the first is checked first, so that it learns of the second.
    """
    ping = Ping(ping_url) if ping_url is not None else None
    run = CronRun(chosen)
    raised: BaseException | None = None
    try:
        if log_file is not None:
            run.open(log_file)
        yield run
    except BaseException as error:
        raised = error
        raise
    finally:
        run.end(raised, ping)
