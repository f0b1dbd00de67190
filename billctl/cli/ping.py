"""Word to a monitor when a run has ended: one GET, so that a job that fails, or never runs, is noticed."""

import re
from urllib.parse import SplitResult, urlsplit

from billctl.errors import Terminated, UsageError
from billctl.text import never_show

LIMIT = 10.0
"""Seconds that the monitor has to answer."""
CODE = "{code}"
FAILED = "/fail"
"""What a failure adds to the path: the convention of healthchecks.io and of what speaks its protocol."""

_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Ping:
    """Who is told how a run ended.

    `url` is asked as it is after exit code 0, with `/fail` behind its path after any other; where it holds
    `{code}`, that is replaced by the exit code and nothing is added. Whoever knows the URL can speak for the
    job, so it counts as a secret from here on: it is masked wherever billctl writes. Raises `UsageError` for
    what is neither https nor http on this machine, or holds a user name.
    """

    def __init__(self, url: str) -> None:
        never_show(url)
        problem = _problem(url)
        if problem:
            raise UsageError(
                f"--ping-url {problem}",
                code="bad_ping_url",
                hint="Write https://… as the monitor shows it; http is only for this machine.",
            )
        self._url = url

    def send(self, code: int) -> str | None:
        """Tell how the run ended; returns a warning where that did not arrive, and raises nothing.

        A signal while it waits ends only the waiting: what the run did is still to be told.
        """
        try:
            return self._send(self._address(code))
        except (KeyboardInterrupt, Terminated):
            return "the --ping-url was given up when a signal came"

    def _address(self, code: int) -> str:
        if CODE in self._url:
            return self._url.replace(CODE, str(code))
        if code == 0:
            return self._url
        parts = urlsplit(self._url)
        return parts._replace(path=parts.path.rstrip("/") + FAILED).geturl()

    def _send(self, address: str) -> str | None:
        """No words of an error are passed on: they hold the URL."""
        import requests

        from billctl.transport import bounded_session

        try:
            with bounded_session(LIMIT, connections=1, loopback=_is_http(address)) as session:
                status = session.get(address, timeout=LIMIT, allow_redirects=False, stream=True).status_code
        except (requests.RequestException, OSError, ValueError) as error:
            return f"the --ping-url gave no usable answer ({type(error).__name__})"
        return None if 200 <= status < 300 else f"the --ping-url was answered with HTTP {status}"


def _problem(url: str) -> str | None:
    """What is wrong with the URL, or None."""
    from billctl.profiles.address import base_url_problem

    if not _PRINTABLE.fullmatch(url) or "#" in url:
        return "is not a plain web address"
    found = base_url_problem(url.partition("?")[0], live=False)
    return found[0] if found else None


def _is_http(address: str) -> bool:
    """Whether it is http, which is loopback: no proxy may come in between."""
    parts: SplitResult = urlsplit(address)
    return parts.scheme == "http"
