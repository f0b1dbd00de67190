"""A secret on its way in: from a prompt that shows nothing, a pipe, or a file that nobody else can read;
and what is asked of it before it takes another's place."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from billctl import registry
from billctl.cli.prompts import ask_secret, somebody_is_there
from billctl.credentials import Keyring, KeyringFailed
from billctl.errors import AuthFailed, UsageError
from billctl.frozen import frozen
from billctl.gateway import Account, Secret, Setting
from billctl.profiles import Profile
from billctl.session import Session


@frozen
class SecretInput:
    """Where `auth add` was told to read: standard input, a file, or (neither) a prompt."""

    stdin: bool
    file: Path | None

    def check(self, settings: Sequence[Setting], *, account: str) -> None:
        """Raise `UsageError` unless each of the account's `settings` can be read from there."""
        if self.stdin and self.file:
            raise UsageError("--stdin and --from-file exclude each other", code="two_sources")
        if self.stdin and sys.stdin is not None and sys.stdin.isatty():
            raise UsageError(
                "--stdin reads a pipe, and standard input is a terminal, which would show the secret",
                code="stdin_is_terminal",
                hint="Leave --stdin out to be asked.",
            )
        if not (self.stdin or self.file):
            if not somebody_is_there():
                raise UsageError(
                    "there is no terminal to ask for the secret on",
                    code="no_terminal",
                    hint="Use --stdin or --from-file FILE.",
                )
        elif len(settings) > 1:
            names = ", ".join(setting.name for setting in settings)
            raise UsageError(
                f"{account} has {len(settings)} secrets, and one value is given",
                code="which_secret",
                hint=f"Say which with --secret: {names}.",
            )

    def read(self, setting: Setting, *, account: str, profile: Profile) -> Secret | None:
        """The secret's text; None where it is optional and the answer blank.

        Raises `AuthFailed` for what cannot be a key, `PolicyDenied` where the prompt gets no answer.
        """
        from billctl.credentials import clean, read_secret_file

        if self.file:
            return read_secret_file(self.file)
        where = "standard input" if self.stdin else "the answer"
        value = clean(_piped() if self.stdin else _asked(setting, account, profile), where)
        if value is None and (self.stdin or setting.required):
            raise AuthFailed(f"{where} is empty", code="empty_secret", hint="No secret was kept.")
        return value


def _piped() -> str:
    from billctl.credentials.clean import LONGEST, decode

    if sys.stdin is None:
        raise UsageError("standard input is closed", code="no_stdin", hint="Pipe the secret in.")
    return decode(sys.stdin.buffer.read(LONGEST + 2), "standard input")


def _asked(setting: Setting, account: str, profile: Profile) -> str:
    blank = "" if setting.required else ", blank if there is none"
    question = f"{setting.name} of {account} (profile {profile.name}, {profile.mode}; not shown{blank}):"
    return ask_secret(question)


def check_form(session: Session, account: str, secrets: Mapping[str, Secret]) -> None:
    """Let the account's gateway judge new `secrets` by their form; nothing is sent.

    Raises `AuthFailed` for one that cannot open the account, or is of the other mode.
    """
    config, profile = session.profile.accounts[account], session.profile
    gateway = registry.load(registry.installed(session.state_dir)[config.gateway])
    new = Account(
        name=config.name,
        gateway=config.gateway,
        live=profile.live,
        settings=config.settings,
        secrets=secrets,
        account_id=config.account_id,
        base_url=config.base_url,
        timeouts=profile.timeouts,
    )
    gateway(new).check_secrets()


def kept_secret(keyring: Keyring, profile: str, account: str, secret: str) -> str | None:
    """What the keyring holds in the place of a secret that is to be kept there. Raises `AuthFailed`."""
    from billctl.credentials.keychain import service_of, user_of

    try:
        return keyring.get(service_of(profile), user_of(account, secret))
    except KeyringFailed as failure:
        raise AuthFailed(
            f"the keyring keeps nothing: {failure}",
            code="keyring",
            hint="Keep it in another place: see `billctl help secrets`.",
            account=account,
        ) from None
