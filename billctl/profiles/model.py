"""What a profile is once read, and what is said when it cannot be."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from billctl import text
from billctl.errors import ConfigError
from billctl.gateway import Setting, Timeouts

KeyPath = tuple[str | int, ...]
"""A key's way down from the top of a TOML document; numbers are places in arrays."""

SettingsOf = Callable[[str], tuple[Setting, ...] | None]
"""The settings of the gateway with that name, or None where no such gateway is installed."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Names of profiles and accounts: lower case, so that no file system and no environment merges two."""

NAME_RULE = "lower-case letters, digits, - and _, at most 64, beginning with a letter or digit"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Mode(StrEnum):
    """What every account of a profile must answer to."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountConfig:
    """One `[accounts.NAME]` table: no secrets. `base_url` has no trailing slash."""

    name: str
    gateway: str
    settings: Mapping[str, str] = field(default_factory=dict)
    account_id: str | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile that has no fault. `accounts` are by name, in the file's order.

    `credential_command` is an argv, empty where there is none. With `sandbox` the rehearsal gateways
    are brought up for the command, and accounts have neither address nor credentials of their own.
    """

    name: str
    path: Path
    mode: Mode
    accounts: Mapping[str, AccountConfig]
    allow_unattended: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    credential_command: tuple[str, ...] = ()
    sandbox: bool = False

    @property
    def live(self) -> bool:
        """Whether the accounts are to be live ones."""
        return self.mode is Mode.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a file: where, what, and what to do. `line` counts from 1."""

    file: str
    line: int | None
    key: str
    what: str
    todo: str

    def place_and_what(self) -> str:
        """`shop.toml line 12, accounts.paypal.client_secret: secrets do not belong in a profile`."""
        line = f" line {self.line}" if self.line else ""
        key = f", {self.key}" if self.key else ""
        return f"{self.file}{line}{key}: {self.what}"

    def __str__(self) -> str:
        return f"{self.place_and_what()}. {self.todo}"


class ProfileError(ConfigError):
    """A profile or `config.toml` with faults: the message holds the first, `faults` all, in file order."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        more = len(faults) - 1
        rest = f" (and {more} more {'fault' if more == 1 else 'faults'})" if more else ""
        super().__init__(faults[0].place_and_what() + rest, hint=faults[0].todo)
        self.faults = faults


def env_name(account: str, secret: str) -> str:
    """The variable of an account's secret: `stripe-eu`, `api_key` → `BILLCTL_STRIPE_EU_API_KEY`."""
    return "BILLCTL_" + re.sub(r"[^A-Z0-9]", "_", f"{account}_{secret}".upper())


def shown(word: str) -> str:
    """A word from a file, fit for a message: one line, cut, no key or card number in it."""
    safe = text.mask(text.safe_text(word))
    return safe if len(safe) <= 60 else safe[:59] + "…"


def dotted(path: KeyPath) -> str:
    """A key as TOML writes it: `accounts."my shop".gateway`, `credential_command[2]`; six steps at most."""
    out = ""
    for part in path[:6]:
        if isinstance(part, int):
            out += f"[{part}]"
        else:
            bare = _BARE_KEY.fullmatch(part) is not None
            out += "." * bool(out) + (shown(part) if bare else json.dumps(shown(part), ensure_ascii=False))
    return out
