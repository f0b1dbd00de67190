"""What an operator must say with everything that is recorded under his name: a reason, perhaps a ticket."""

import re

from billctl.errors import UsageError
from billctl.text import find_secret, visible_length

MIN_REASON = 3
MAX_REASON = 2000
TICKET = re.compile(r"[\x21-\x7e]{1,200}")
REASON_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def check_reason(reason: str | None, *, ticket: str | None = None, reason_code: str | None = None) -> str:
    """The reason, once it, the ticket and the reason code proved acceptable.

    Raises `UsageError` for a reason that is missing or cannot be read, for a secret in any of the three, and
    for a ticket or a code of another form.
    """
    if reason is None:
        raise UsageError(
            "--reason is missing",
            code="no_reason",
            hint='Say why in 3 characters or more: --reason "charged twice".',
        )
    if visible_length(reason) < MIN_REASON or len(reason) > MAX_REASON:
        raise UsageError(
            f"--reason needs {MIN_REASON} to {MAX_REASON} characters that can be read",
            code="bad_reason",
            hint='For example --reason "charged twice".',
        )
    for name, text in (("--reason", reason), ("--ticket", ticket), ("--reason-code", reason_code)):
        secret = find_secret(text or "")
        if secret:
            raise UsageError(
                f"{name} seems to hold {secret}, which must not be recorded",
                code="secret_in_text",
                hint="Leave it out; the last four digits are enough.",
            )
    for name, word, form, example in (
        ("--ticket", ticket, TICKET, "zendesk:35436"),
        ("--reason-code", reason_code, REASON_CODE, "billing_error"),
    ):
        if word is not None and not form.fullmatch(word):
            raise UsageError(f"{name} {word[:40]!r} is not of the form {example}", code="bad_form")
    return reason
