"""PayPal's access tokens, kept between runs: one is good for about nine hours, and PayPal limits clients
that ask for one with every command.

A token lies alone in a file of the account's private folder, readable by its owner only. The file's name
is made from the address, the client id and the client secret: other credentials never meet its token.
What is missing, stale, broken or open to others counts as no token; that a token cannot be kept is no
failure, it is asked for again.
"""

import hashlib
import hmac
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import NamedTuple

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MARGIN = 300
"""Seconds before its end from which a token is not used any more, so that none runs out on its way."""

LONGEST_LIFE = 7 * 24 * 3600
"""Seconds; what claims to live longer was written by a wrong clock or another hand."""

PAUSE = 0.02
PLAIN = frozenset(range(0x21, 0x7F))
"""Characters of which a header can be made."""


class Token(NamedTuple):
    """An access token, and the Unix time from which on it is not used."""

    value: str
    until: int


def token_of(answer: object, now: int) -> Token:
    """The token in the answer of `POST /v1/oauth2/token`. Raises `ValueError` for one that cannot be used."""
    if not isinstance(answer, dict):
        raise ValueError("the token answer is no object")
    value, life = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(value, str) or not value or not set(value.encode()) <= PLAIN:
        raise ValueError("the token answer has no access_token")
    if type(life) is not int or life <= 0:
        raise ValueError("the token answer does not say how long it is good for")
    return Token(value, now + life - min(MARGIN, life // 4))


class TokenStore:
    """The token of one client at one address, shared by threads and processes.

    `folder` None keeps it in memory only. `patience` bounds the wait for another process that asks.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        endpoint: str,
        client_id: str,
        secret: str,
        patience: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        name = hmac.new(secret.encode(), f"{endpoint}\n{client_id}".encode(), hashlib.sha256).hexdigest()[:32]
        self._path = folder / f"token-{name}.json" if folder else None
        self._patience = patience
        self._now = now
        self._lock = Lock()
        self._held: Token | None = None
        self._asked = 0
        self._failure: Exception | None = None

    def token(self, ask: Callable[[], object], *, refused: str | None = None) -> str:
        """A token that is still good and is not `refused`; `ask` brings PayPal's answer with a new one.

        Of many threads and processes that need one at the same time, one asks; threads share its failure.
        Raises what `ask` raises, and `ValueError` for an answer without a token.
        """
        before = self._asked
        with self._lock:
            if self._asked != before and self._failure is not None:
                raise self._failure
            if not self._usable(self._held, refused):
                with self._alone():
                    kept = self._load()
                    self._held = kept if self._usable(kept, refused) else self._fetch(ask)
            assert self._held is not None
            return self._held.value

    def _fetch(self, ask: Callable[[], object]) -> Token:
        self._held = self._failure = None
        try:
            token = token_of(ask(), int(self._now()))
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._asked += 1
        self._save(token)
        return token

    def _usable(self, token: Token | None, refused: str | None) -> bool:
        if token is None or token.value == refused:
            return False
        return 0 < token.until - self._now() < LONGEST_LIFE

    def _load(self) -> Token | None:
        if self._path is None:
            return None
        try:
            descriptor = os.open(self._path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, encoding="utf-8") as file:
                if not _is_private(os.fstat(descriptor)):
                    return None
                data = json.load(file)
            value, until = data["access_token"], data["until"]
            usable = isinstance(value, str) and type(until) is int and set(value.encode()) <= PLAIN
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return Token(value, until) if usable else None

    def _save(self, token: Token) -> None:
        if self._path is None:
            return
        text = json.dumps({"access_token": token.value, "until": token.until})
        part = self._path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a full or read-only disk costs a token call, not the command
            make_private(self._path.parent)
            try:
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                part.replace(self._path)
            finally:
                part.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the file's lock, as far as there is one: after `patience` seconds go on without."""
        if self._path is None or fcntl is None:
            yield
            return
        try:
            make_private(self._path.parent)
            descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield
            return
        try:
            _wait_for_lock(descriptor, self._patience)
            yield
        finally:
            os.close(descriptor)


def _wait_for_lock(descriptor: int, patience: float) -> None:
    latest = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > latest:
                return
            time.sleep(PAUSE)
        else:
            return


def make_private(folder: Path) -> None:
    """Make `folder` where it is missing, for its owner only. Raises `OSError`."""
    if not folder.parent.exists():
        make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def _is_private(status: os.stat_result) -> bool:
    own = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return own and stat.S_ISREG(status.st_mode) and not (os.name == "posix" and status.st_mode & 0o077)
