"""The operating system's secret store, through the `keyring` package, with a limit on every call.

Importing keyring and choosing its backend costs seven to nine bare interpreters, so both happen only
when a secret is really looked for there. Nothing cheaper tells whether a keyring could answer:
backends come as plugins, and the search order is a promise. A user who has none can say so with
PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring (or fail.Keyring), and pays nothing.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from billctl.errors import AuthFailed

LIMIT = 3.0
"""Seconds one call may take; a session bus that hangs would hang billctl with it."""

NO_BACKENDS = ("keyring.backends.null.Keyring", "keyring.backends.fail.Keyring")

_WORDS = {
    "KeyringLocked": "it is locked",
    "PasswordSetError": "it refused to keep the secret",
    "PasswordDeleteError": "it refused to remove the secret",
}


class KeyringFailed(Exception):
    """The keyring gave no answer; the message says why, in words of ours: a backend's may hold anything."""


class NoKeyring(KeyringFailed):
    """There is no keyring on this machine to be asked."""


class Keyring:
    """The user's keyring. After one call without an answer in time, further calls fail at once."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._silent = False

    def get(self, service: str, user: str) -> str | None:
        """The secret kept there, or None. Raises `KeyringFailed`."""
        found = self._call(lambda keyring: keyring.get_password(service, user))
        if found is not None and not isinstance(found, str):
            raise KeyringFailed("it gave something that is no text")
        return found

    def set(self, service: str, user: str, secret: str) -> None:
        """Keep `secret`. That it is really kept is for the caller to read back. Raises `KeyringFailed`."""
        self._call(lambda keyring: keyring.set_password(service, user, secret))

    def delete(self, service: str, user: str) -> None:
        """Forget what is kept. Raises `KeyringFailed`."""
        self._call(lambda keyring: keyring.delete_password(service, user))

    def backend(self) -> str:
        """The name of the backend in use. Raises `KeyringFailed`."""
        return str(self._call(lambda keyring: keyring.get_keyring().name))

    def _call(self, ask: Callable[[Any], Any]) -> Any:
        if self._silent:
            raise KeyringFailed("it did not answer before")
        import keyring

        answers: queue.SimpleQueue[tuple[Any, KeyringFailed | None]] = queue.SimpleQueue()
        # A daemon: a thread that hangs in a backend must not keep the program from ending.
        threading.Thread(target=_ask, args=(keyring, ask, answers), daemon=True).start()
        try:
            answer, failure = answers.get(timeout=self._limit)
        except queue.Empty:
            self._silent = True
            raise KeyringFailed(f"it did not answer within {self._limit:g} s") from None
        if failure:
            raise failure
        return answer


def _ask(
    keyring: Any, ask: Callable[[Any], Any], answers: "queue.SimpleQueue[tuple[Any, KeyringFailed | None]]"
) -> None:
    try:
        answers.put((ask(keyring), None))
    except Exception as failure:  # noqa: BLE001  # a backend is anybody's code
        answers.put((None, _in_our_words(type(failure).__name__)))


def _in_our_words(kind: str) -> KeyringFailed:
    if kind == "NoKeyringError":
        return NoKeyring("this machine has none")
    return KeyringFailed(_WORDS.get(kind, f"it failed ({kind})"))


def switched_off(env: Mapping[str, str]) -> bool:
    """Whether the user chose a backend that keeps nothing, so that it need not be asked."""
    return env.get("PYTHON_KEYRING_BACKEND") in NO_BACKENDS


def service_of(profile: str) -> str:
    """The keyring's service of a profile."""
    return f"billctl:{profile}"


def user_of(account: str, secret: str) -> str:
    """The keyring's user of an account's secret."""
    return f"{account}.{secret}"


def store_secret(keyring: Keyring, profile: str, account: str, secret: str, value: str) -> None:
    """Keep `value` and read it back. Raises `AuthFailed` unless it really is there; never a plain file."""
    service, user = service_of(profile), user_of(account, secret)
    try:
        keyring.set(service, user, value)
        kept = keyring.get(service, user)
    except KeyringFailed as failure:
        raise _unusable(f"the keyring keeps nothing: {failure}", account) from None
    if kept is None:
        raise _unusable("the keyring kept nothing", account)
    if kept != value:
        raise _unusable("the keyring gave back something else than it was given", account)


def remove_secret(keyring: Keyring, profile: str, account: str, secret: str) -> bool:
    """Remove the secret from the keyring; False where it held none. Raises `AuthFailed`."""
    service, user = service_of(profile), user_of(account, secret)
    try:
        if keyring.get(service, user) is None:
            return False
        keyring.delete(service, user)
        left = keyring.get(service, user)
    except KeyringFailed as failure:
        raise _unusable(f"the keyring removes nothing: {failure}", account) from None
    if left is not None:
        raise _unusable("the keyring still holds the secret", account)
    return True


def _unusable(what: str, account: str) -> AuthFailed:
    return AuthFailed(
        what,
        code="keyring",
        hint="Keep it in another place: see `billctl help secrets`.",
        account=account,
    )
