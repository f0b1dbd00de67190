"""The `[accounts.NAME]` tables of a profile."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from billctl.errors import ConfigError
from billctl.frozen import frozen
from billctl.gateway import Setting
from billctl.profiles.address import base_url_problem
from billctl.profiles.faults import Faults, suggestion
from billctl.profiles.model import AccountConfig, SettingsOf, env_name
from billctl.profiles.values import (
    SECRET_NAMES,
    Table,
    note_secret,
    note_type,
    note_unknown_keys,
    word,
)
from billctl.profiles.words import NAME, NAME_RULE, KeyPath, shown

KEYS = ("gateway", "account_id", "base_url")
"""What an account of any gateway may say; the gateway's own settings come besides."""


def _always(_gateway: str) -> bool:
    return True


def _faultless(_gateway: str, _settings: Mapping[str, str], _live: bool) -> Mapping[str, str]:
    return {}


@frozen
class Gateways:
    """What is known of the installed gateways without opening any.

    `settings_of` is asked only for gateways that a profile names; `names` serve suggestions only;
    `tells_account` says whether a gateway can name the account its credentials open; `settings_faults`
    what is wrong with the settings given for one in a mode (`live`), name → why.
    """

    settings_of: SettingsOf
    names: Collection[str] = ()
    tells_account: Callable[[str], bool] = _always
    settings_faults: Callable[[str, Mapping[str, str], bool], Mapping[str, str]] = _faultless


@dataclass(slots=True, kw_only=True)
class AccountReader:
    """Reads account tables under one profile's mode, noting faults."""

    live: bool
    sandbox: bool
    gateways: Gateways
    faults: Faults
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variable of a secret → the account it belongs to."""

    def read(self, name: str, table: object) -> AccountConfig | None:
        """One account, or None where `table` is none; to be used only if no fault was noted."""
        path: KeyPath = ("accounts", name)
        if not NAME.fullmatch(name):
            self.faults.add(path, "is no name for an account", f"A name is {NAME_RULE}.")
        if not isinstance(table, dict):
            note_type(path, table, "a table", f"Write it as [accounts.{shown(name)}].", self.faults)
            return None
        settings = self._settings(table, path)
        if settings is None:
            self._note_secret_names(table, path, SECRET_NAMES)
            settings = ()
        else:
            secret_names = [setting.name for setting in settings if setting.secret]
            self._note_secret_names(table, path, secret_names)
            self._note_shared_variables(name, secret_names)
            known = (*KEYS, *(setting.name for setting in settings if not setting.secret))
            note_unknown_keys(table, path, known, self.faults)
            self._note_missing(table, path, settings)
        values = {key: word(table, path, key, self.faults) for key in KEYS}
        own = self._own_settings(table, path, settings)
        if settings:
            faults = self.gateways.settings_faults(values["gateway"] or "", own, self.live)
            for key, why in faults.items():
                self.faults.add((*path, key), why, "Correct it.")
        return AccountConfig(
            name=name,
            gateway=values["gateway"] or "",
            settings=own,
            account_id=values["account_id"],
            base_url=self._base_url(values["base_url"], (*path, "base_url")),
        )

    def _settings(self, table: Table, path: KeyPath) -> tuple[Setting, ...] | None:
        """What the account's gateway knows; None where the gateway is not known."""
        gateway = table.get("gateway")
        here = (*path, "gateway")
        todo = 'Write gateway = "stripe", or another that `billctl gateways` shows.'
        if gateway is None:
            self.faults.add(here, "is missing", todo)
            return None
        if not isinstance(gateway, str):
            return None  # its type is noted with those of the other words
        try:
            settings = self.gateways.settings_of(gateway)
        except ConfigError as failure:
            self.faults.add(here, failure.message, failure.hint)
            return None
        if settings is None and not self.faults.at(here):
            todo = suggestion(gateway, self.gateways.names, "See `billctl gateways`.")
            self.faults.add(here, f'no gateway called "{shown(gateway)}" is installed', todo)
        return settings

    def _note_secret_names(self, table: Table, path: KeyPath, names: Collection[str]) -> None:
        for key in table:
            if key in names:
                note_secret((*path, key), self.faults)

    def _note_shared_variables(self, name: str, secret_names: Collection[str]) -> None:
        """Two accounts whose secrets would come from one variable: one would act with the other's key."""
        for secret in secret_names:
            variable = env_name(name, secret)
            owner = self.variables.setdefault(variable, name)
            if owner != name:
                what = f"shares the environment variable {variable} with account {shown(owner)}"
                self.faults.add(("accounts", name), what, "Rename one of them.")

    def _note_missing(self, table: Table, path: KeyPath, settings: tuple[Setting, ...]) -> None:
        for setting in settings:
            if setting.required and not setting.secret and setting.name not in table and not self.sandbox:
                what = f"is missing ({shown(setting.help)})"
                self.faults.add((*path, setting.name), what, f'Write {setting.name} = "…".')
        if self.live and "account_id" not in table and self.gateways.tells_account(str(table["gateway"])):
            what = "is missing, and in live mode it says whom the key must answer to"
            self.faults.add((*path, "account_id"), what, 'Write account_id = "…", as the gateway shows it.')

    def _own_settings(self, table: Table, path: KeyPath, settings: tuple[Setting, ...]) -> dict[str, str]:
        values = {s.name: word(table, path, s.name, self.faults) for s in settings if not s.secret}
        return {key: value for key, value in values.items() if value is not None}

    def _base_url(self, url: str | None, path: KeyPath) -> str | None:
        if url is None:
            return None
        if self.sandbox:
            self.faults.add(path, "the sandbox brings its own address", "Take base_url or sandbox out.")
        elif problem := base_url_problem(url, live=self.live):
            self.faults.add(path, *problem)
        return url.rstrip("/")
