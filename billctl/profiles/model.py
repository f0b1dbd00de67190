"""What a profile is once read."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

from billctl.frozen import field, frozen
from billctl.gateway import Setting, Timeouts
from billctl.profiles.audit import AuditSettings
from billctl.profiles.policy import Policy

SettingsOf = Callable[[str], tuple[Setting, ...] | None]
"""The settings of the gateway with that name, or None where no such gateway is installed."""


class Mode(StrEnum):
    """What every account of a profile must answer to."""

    TEST = "test"
    LIVE = "live"


@frozen
class AccountConfig:
    """One `[accounts.NAME]` table: no secrets. `base_url` has no trailing slash."""

    name: str
    gateway: str
    settings: Mapping[str, str] = field(default_factory=dict)
    account_id: str | None = None
    base_url: str | None = None


@frozen
class Profile:
    """A profile that has no fault. `accounts` are by name, in the file's order.

    `credential_command` is an argv, empty where there is none. With `sandbox` the rehearsal gateways
    are brought up for the command, and accounts have neither address nor credentials of their own.
    `policy` is the profile's own; a central one binds too (`billctl.profiles.central.policies_of`).
    """

    name: str
    path: Path
    mode: Mode
    accounts: Mapping[str, AccountConfig]
    allow_unattended: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    credential_command: tuple[str, ...] = ()
    sandbox: bool = False
    policy: Policy | None = None
    audit: AuditSettings = field(default_factory=AuditSettings)

    @property
    def live(self) -> bool:
        """Whether the accounts are to be live ones."""
        return self.mode is Mode.LIVE


def env_name(account: str, secret: str) -> str:
    """The variable of an account's secret: `stripe-eu`, `api_key` → `BILLCTL_STRIPE_EU_API_KEY`."""
    return "BILLCTL_" + re.sub(r"[^A-Z0-9]", "_", f"{account}_{secret}".upper())
