"""The session of a command: the chosen profile, and with `--verbose` what was opened."""

from collections.abc import Iterator
from contextlib import contextmanager

from billctl.cli.options import Choices
from billctl.cli.output import talk
from billctl.errors import UsageError
from billctl.session import Session, open_session


@contextmanager
def session_of(chosen: Choices) -> Iterator[Session]:
    """The session of the chosen profile, closed after the block. Raises what `open_session` raises."""
    with open_session(chosen.profile) as session:
        profile = session.profile
        chosen.opened = (profile.name, str(profile.mode))
        if chosen.verbose:
            talk(f"profile {profile.name} ({profile.mode}), read from {profile.path}")
        try:
            yield session
        finally:
            chosen.sending = session.sending
            if chosen.verbose:
                for opened in session.opened():
                    name, who = opened.identity.name, opened.identity.id or "id not told"
                    talk(f"{opened.account.name} answers as {f'{name} ({who})' if name else who}")


def object_of(session: Session, gateway: str, object_id: str, account: str | None) -> tuple[str, str]:
    """The account's name and the bare id of an object that is named by its id or by `ACCOUNT:ID`.

    Raises `UsageError` where `--account` names another account than the reference, or none fits.
    """
    name, colon, rest = object_id.partition(":")
    is_reference = bool(colon) and name in session.profile.accounts
    chosen = session.account_for(gateway, account or (name if is_reference else None))
    if not is_reference:
        return chosen, object_id
    if chosen != name:
        raise UsageError(
            f"{object_id[:80]} is of account {name}, not of {chosen}",
            code="wrong_account",
            hint="Leave --account out, or take an id of that account.",
        )
    return chosen, rest


def split_reference(text: str) -> tuple[str | None, str]:
    """The account's name and the id of `ACCOUNT:ID`, None and the text where it is an id alone.

    For commands that open no profile, and so cannot know which names are accounts.
    """
    name, colon, rest = text.partition(":")
    return (name, rest) if colon and name and rest else (None, text)
