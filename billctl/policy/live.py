"""What billctl refuses by itself before anything is sent: the live guard and unattended use."""

from billctl.errors import PolicyDenied
from billctl.gateway import Identity


def check_live_assertion(asserted: str | None, identity: Identity | None) -> None:
    """Raise `PolicyDenied` when `--live ACCOUNT_ID` is not what the credentials answer to."""
    actual = identity.id if identity else None
    if asserted is not None and asserted != actual:
        raise PolicyDenied(
            f"--live names {asserted[:60]!r}, but the credentials answer to {actual or 'nobody'}",
            code="wrong_live_account",
            hint="Check which account this is: `billctl profile check`.",
        )


def check_unattended(*, yes: bool, live: bool, asserted: str | None, allowed: bool, profile: str) -> None:
    """Raise `PolicyDenied` unless a change may go ahead with nobody there to ask.

    `--yes` always; in live mode also `--live ACCOUNT_ID` and the profile's `allow_unattended`.
    """
    if not yes:
        raise PolicyDenied(
            "there is no terminal to ask on, and --yes is not given",
            code="not_confirmed",
            hint="Add --yes, or look first with --dry-run.",
        )
    if live and asserted is None:
        raise PolicyDenied(
            "without a terminal, live mode needs --live ACCOUNT_ID",
            code="no_live_account",
            hint="`billctl profile check` shows the id.",
        )
    if live and not allowed:
        raise PolicyDenied(
            f"profile {profile} does not allow live changes without a terminal",
            code="unattended_not_allowed",
            hint="Set allow_unattended = true in the profile, if that is meant.",
        )
