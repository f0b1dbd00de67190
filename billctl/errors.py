"""The error family: each class carries its exit code, its word, and what it says about sending.

Every failure that billctl expects is one of these. The program prints it as one line: what was
wrong, whether anything was sent, what to do next. A gateway plugin raises `Refused`, `NotSent`,
`NoAnswer`, `NotFound`, `AuthFailed`, `Unsupported` and `OutcomeUnknown`, and before a change is sent `Busy`
where another host has the object in hand, `StoreError` where it cannot keep what it must; the rest belong to
billctl.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

NOTHING_SENT = "Nothing was sent."
NOTHING_CHANGED = "Nothing changed."


class BillctlError(Exception):
    """A failure with an exit code.

    `message` is one sentence without a secret in it and without a final period. `code` is a stable
    machine-readable word (the gateway's own where it has one). `hint` says what to do next.
    `account` is the account's name in the profile, where one is concerned. `approval` is the request for
    approval that it is about, as the audit log keeps it.
    """

    exit_code: int = 1
    word: ClassVar[str] = "internal"
    sent: str = ""
    default_hint: ClassVar[str] = ""
    shows_code: ClassVar[bool] = False
    """Whether a person's line names the code: where it is the gateway's own, to be looked up there."""
    approval: Mapping[str, Any] | None = None

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, account: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.word
        self.hint = self.default_hint if hint is None else hint
        self.account = account

    def line(self) -> str:
        """What was wrong, whether anything was sent, what to do next, as one line."""
        code = f" ({self.code})" if self.shows_code and self.code != self.word else ""
        end = "" if self.message.endswith("?") and not code else "."
        parts = [f"{self.message.rstrip('.')}{code}{end}", self.sent, self.hint]
        return " ".join(part for part in parts if part)

    def lines(self) -> list[str]:
        """What to print of it: its line, or one line for each of its faults."""
        return [self.line()]


class InternalError(BillctlError):
    """A fault in billctl itself."""

    default_hint = "This is a fault in billctl: run again with -v for where it happened."


class UsageError(BillctlError):
    """The call is wrong: an argument missing, ill-formed or out of range."""

    exit_code = 2
    word = "usage"
    sent = NOTHING_SENT


class Unsupported(UsageError):
    """The gateway cannot do this at all; another call will not help."""


class NotFound(BillctlError):
    """The gateway looked and has no such object."""

    exit_code = 3
    word = "not_found"
    sent = NOTHING_CHANGED


class AuthFailed(BillctlError):
    """Credentials are missing, or the gateway refused them."""

    exit_code = 4
    word = "auth"
    sent = NOTHING_CHANGED


class Refused(BillctlError):
    """The gateway said no, or would certainly say no; nothing changed there."""

    exit_code = 5
    word = "refused"
    sent = NOTHING_CHANGED
    shows_code = True


class OutcomeUnknown(BillctlError):
    """A change may or may not have happened; only a look at the gateway can tell."""

    exit_code = 6
    word = "unknown"
    sent = "It may have happened."
    default_hint = "Do not send it again: run `billctl audit reconcile`."


class Partial(BillctlError):
    """Some accounts or rows failed; the rest is done."""

    exit_code = 7
    word = "partial"


class PolicyDenied(BillctlError):
    """billctl refused before sending: a limit, the live guard, no `--yes`, or the operator said no."""

    exit_code = 8
    word = "policy"
    sent = NOTHING_SENT


class StoreError(BillctlError):
    """The audit log cannot be read or written, or is broken; without it nothing is sent."""

    exit_code = 9
    word = "store"
    sent = NOTHING_SENT


class Busy(BillctlError):
    """Another run holds the object, or an identical operation is open."""

    exit_code = 10
    word = "busy"
    sent = NOTHING_SENT


class NetworkError(BillctlError):
    """The gateway could not be asked."""

    exit_code = 11
    word = "network"
    sent = NOTHING_CHANGED


class NotSent(NetworkError):
    """Proved not to have reached the gateway: DNS, connection refused, TLS, connect timeout, 429."""

    sent = NOTHING_SENT


class NoAnswer(NetworkError):
    """A read got no usable answer: read timeout, 5xx, a cut or foreign body. Reads change nothing."""


class ConfigError(BillctlError):
    """A profile or a plugin is invalid."""

    exit_code = 12
    word = "config"
    sent = NOTHING_SENT


class Findings(BillctlError):
    """A check found something to look at."""

    exit_code = 14
    word = "findings"


class ApprovalRequired(BillctlError):
    """Recorded; waits for a second person."""

    exit_code = 15
    word = "approval"
    sent = NOTHING_SENT


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived; as `KeyboardInterrupt`, it passes what catches exceptions."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupted(BillctlError):
    """A signal (its `number`) ended the run. `sent` says what is known of a change under way."""

    word = "interrupted"

    def __init__(
        self, number: int, message: str = "interrupted", *, sent: str = NOTHING_SENT, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = 128 + number
        self.sent = sent


GRAVITY: tuple[type[BillctlError], ...] = (
    InternalError,
    StoreError,
    OutcomeUnknown,
    ConfigError,
    AuthFailed,
    Refused,
    NetworkError,
    NotFound,
    UsageError,
)
"""Gravest first; decides the exit code when several accounts fail in different ways."""


def gravest(errors: list[BillctlError]) -> BillctlError:
    """The error whose class stands first in `GRAVITY`; the earliest of equals. `errors` is not empty."""

    def rank(error: BillctlError) -> int:
        return next((i for i, kind in enumerate(GRAVITY) if isinstance(error, kind)), len(GRAVITY))

    return min(errors, key=rank)
