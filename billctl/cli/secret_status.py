"""Where the secrets of a profile's accounts are found: source and mask, never the value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from billctl.credentials import Finder, SecretStatus
from billctl.errors import AuthFailed, ConfigError, UsageError
from billctl.frozen import frozen
from billctl.gateway import Setting
from billctl.profiles import Profile
from billctl.session import installed_gateways

OF_A_MODE = re.compile(r"[a-z]+_(test|live)_")
"""The beginning of a mask that tells the key's mode."""


@frozen
class SecretRow:
    """One secret of one account. `error` is set where it is needed and cannot be had."""

    account: str
    gateway: str
    secret: str
    source: str | None
    mask: str | None
    note: str | None
    error: AuthFailed | None

    def data(self) -> dict[str, Any]:
        """The secret's row; the value is nowhere in it."""
        return {
            "type": "secret",
            "account": self.account,
            "gateway": self.gateway,
            "secret": self.secret,
            "status": "missing" if self.source is None else "found",
            "source": self.source,
            "mask": self.mask,
            "note": self.error.line() if self.error else self.note,
        }


def secrets_of(profile: Profile, account: str, env: Mapping[str, str]) -> tuple[Setting, ...]:
    """The secrets that an account's gateway takes. Raises `ConfigError` where it cannot be loaded."""
    gateway = profile.accounts[account].gateway
    settings = installed_gateways(env).settings_of(gateway)
    if settings is None:
        raise ConfigError(
            f"no gateway called {gateway} is installed", hint="See `billctl gateways`.", account=account
        )
    return tuple(setting for setting in settings if setting.secret)


def secret_rows(finder: Finder, accounts: Sequence[str]) -> list[SecretRow]:
    """A row for each secret of these accounts of the finder's profile."""
    profile = finder.profile
    rows = []
    for account in accounts:
        settings = secrets_of(profile, account, finder.env)
        required = {setting.name for setting in settings if setting.required}
        for found in finder.status(account, settings):
            optional = found.secret not in required and getattr(found.problem, "code", "") == "no_credentials"
            rows.append(
                SecretRow(
                    account=account,
                    gateway=profile.accounts[account].gateway,
                    secret=found.secret,
                    source=found.source,
                    mask=found.mask,
                    note="not needed" if optional else _of_other_mode(profile, found) or found.note,
                    error=None if optional else found.problem,
                )
            )
    return rows


def _of_other_mode(profile: Profile, found: SecretStatus) -> str | None:
    """What to say of a key that names the other mode, like Stripe's `sk_test_…`: that comes first."""
    named = OF_A_MODE.match(found.mask or "")
    if named is None or named[1] == str(profile.mode):
        return None
    return f"a {named[1]} key, but the profile says {profile.mode}"


def chosen_secrets(
    profile: Profile, account: str, secret: str | None, env: Mapping[str, str]
) -> list[Setting]:
    """The secret called `secret` of an account, or all of them.

    Raises `UsageError` where the profile has no such account, or its gateway no such secret.
    """
    if account not in profile.accounts:
        raise UsageError(
            f"profile {profile.name} has no account called {account[:60]!r}",
            code="no_such_account",
            hint=f"Its accounts: {', '.join(profile.accounts)}.",
        )
    settings = secrets_of(profile, account, env)
    chosen = [setting for setting in settings if secret in (None, setting.name)]
    if not chosen:
        gateway = profile.accounts[account].gateway
        names = ", ".join(setting.name for setting in settings) or "none"
        raise UsageError(
            f"{gateway} takes no secret of that name",  # which may be a key given in the wrong place
            code="no_such_secret",
            hint=f"Its secrets: {names}.",
        )
    return chosen
