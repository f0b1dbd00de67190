"""The order in which a secret is looked for, and what is said when it is nowhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from billctl.credentials.clean import LONGEST, clean, decode, mask_secret, unreadable
from billctl.credentials.command import LIMIT, WHERE, run_command
from billctl.credentials.keychain import Keyring, KeyringFailed, NoKeyring, service_of, switched_off, user_of
from billctl.errors import AuthFailed, ConfigError
from billctl.frozen import frozen
from billctl.gateway import Secret, Setting
from billctl.profiles.model import Profile, env_name


@frozen
class FoundSecret:
    """A secret and where it was. `note` says what the operator should know of that place."""

    value: Secret
    source: str
    note: str | None = None


@frozen
class SecretStatus:
    """What `auth status` shows of one secret: never the value. Without a source, `problem` says why."""

    account: str
    secret: str
    source: str | None = None
    mask: str | None = None
    note: str | None = None
    problem: AuthFailed | None = None


class Finder:
    """Looks for the secrets of one profile's accounts.

    `env` is the environment that names the places, holds the last one, and is given without the accounts'
    secrets to `credential_command`, which has `command_limit` seconds.
    """

    def __init__(
        self,
        profile: Profile,
        env: Mapping[str, str],
        *,
        keyring: Keyring | None = None,
        command_limit: float = LIMIT,
    ) -> None:
        self.profile = profile
        self.env = env
        self.keyring = keyring or Keyring()
        self.command_limit = command_limit

    def find(self, account: str, secret: str) -> FoundSecret:
        """The secret called `secret` of an account of the profile: the first place that has one decides.

        `$CREDENTIALS_DIRECTORY/billctl.PROFILE.ACCOUNT.NAME`, the profile's `credential_command`,
        the keyring, the environment variable. A place that has it but cannot be read, and a command
        that fails, end the search: going on would use another key than the one meant. A keyring that
        gives no answer does not, because many machines have none; the note says so. In a sandbox
        profile none of them is read.

        Raises `AuthFailed` where there is none or the one found cannot be a key, `ConfigError` for a
        gateway that the sandbox does not rehearse.
        """
        if self.profile.sandbox:
            return self._sandbox_key(account, secret)
        silence: KeyringFailed | None = None
        try:
            found = self._in_directory(account, secret) or self._from_command(account, secret)
            if found is None:
                try:
                    found = self._in_keyring(account, secret)
                except KeyringFailed as failure:
                    silence = failure
            found = found or self._in_environment(account, secret, silence)
        except AuthFailed as failure:
            failure.account = account
            raise
        if found is None:
            raise self._missing(account, secret, silence)
        return found

    def status(self, account: str, settings: Sequence[Setting]) -> tuple[SecretStatus, ...]:
        """Where each secret among an account's `settings` is, in their order."""
        return tuple(self._status(account, setting.name) for setting in settings if setting.secret)

    def _status(self, account: str, secret: str) -> SecretStatus:
        try:
            found = self.find(account, secret)
        except AuthFailed as problem:
            return SecretStatus(account=account, secret=secret, problem=problem)
        return SecretStatus(
            account=account,
            secret=secret,
            source=found.source,
            mask=mask_secret(found.value),
            note=found.note,
        )

    def _sandbox_key(self, account: str, secret: str) -> FoundSecret:
        from billctl.sandbox import KEYS

        gateway = self.profile.accounts[account].gateway
        key = KEYS.get(gateway, {}).get(secret)
        if key is None:
            raise ConfigError(
                f"the sandbox has no {gateway} with a {secret}",
                hint=f"Take account {account} out of profile {self.profile.name}.",
                account=account,
            )
        return FoundSecret(value=Secret(key), source="sandbox")

    def _in_directory(self, account: str, secret: str) -> FoundSecret | None:
        directory = self.env.get("CREDENTIALS_DIRECTORY")
        if not directory:
            return None
        name = f"billctl.{self.profile.name}.{account}.{secret}"
        where = f"the credentials directory's {name}"
        try:
            with (Path(directory) / name).open("rb") as file:
                data = file.read(LONGEST + 2)
        except FileNotFoundError:
            return None
        except OSError as failure:
            raise unreadable(where, failure) from None
        value = clean(decode(data, where), where)
        if value is None:
            raise AuthFailed(f"{where} is empty", hint="Put the key into it, or remove it.")
        return FoundSecret(value=value, source="credentials directory")

    def _from_command(self, account: str, secret: str) -> FoundSecret | None:
        if not self.profile.credential_command:
            return None
        names = {"profile": self.profile.name, "account": account, "secret": secret}
        line = run_command(
            self.profile.credential_command, names, self._env_without_secrets(), self.command_limit
        )
        value = clean(line, WHERE)
        return FoundSecret(value=value, source="credential_command") if value else None

    def _env_without_secrets(self) -> dict[str, str]:
        """The environment for a program that needs no key of this profile: /proc would show them."""
        own = tuple(env_name(account, "") for account in self.profile.accounts)
        return {name: value for name, value in self.env.items() if not name.startswith(own)}

    def _in_keyring(self, account: str, secret: str) -> FoundSecret | None:
        if switched_off(self.env):
            return None
        kept = self.keyring.get(service_of(self.profile.name), user_of(account, secret))
        value = clean(kept or "", "the keyring's secret")
        return FoundSecret(value=value, source="keyring") if value else None

    def _in_environment(self, account: str, secret: str, silence: KeyringFailed | None) -> FoundSecret | None:
        name = env_name(account, secret)
        value = clean(self.env.get(name, ""), f"the environment variable {name}")
        if value is None:
            return None
        notes = []
        if silence and not isinstance(silence, NoKeyring):
            notes.append(f"the keyring was asked first, but {silence}")
        if self.profile.live:
            notes.append("a live key in the environment can be read by every program run by this user")
        return FoundSecret(value=value, source=f"environment {name}", note="; ".join(notes) or None)

    def _missing(self, account: str, secret: str, silence: KeyringFailed | None) -> AuthFailed:
        why = f" (the keyring was asked, but {silence})" if silence else ""
        profile = self.profile.name
        command = f"billctl --profile {profile} auth add {account}"
        return AuthFailed(
            f"there is no {secret} for account {account} of profile {profile}{why}",
            code="no_credentials",
            hint=f"Add it: `{command}`, or set {env_name(account, secret)}.",
            account=account,
        )
