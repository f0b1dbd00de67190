"""`billctl profile show`: every value that a run under a profile would use, and where it comes from."""

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from billctl.cli.layout import Cell, Column, Grid
from billctl.cli.options import Choices
from billctl.cli.output import Result
from billctl.cli.secret_status import SecretRow, secret_rows
from billctl.errors import ConfigError
from billctl.frozen import fields, frozen
from billctl.money import Money
from billctl.paths import config_dir, state_dir
from billctl.profiles import ListedProfile, Profile, find_profile, load_profile
from billctl.profiles.audit import AuditSettings
from billctl.profiles.files import read_text
from billctl.profiles.lines import Place, places
from billctl.profiles.policy import Policy
from billctl.session import installed_gateways
from billctl.text import to_json

OPTION, ARGUMENT, ENVIRONMENT, PROFILE, DEFAULT = "option", "argument", "environment", "profile", "default"
CENTRAL = "central"
SYSTEM = "operating system"

LIMITS = frozenset({"max_refund", "max_void", "daily_refund_total", "approve_above"})
NETWORK = (("connect_timeout", "connect"), ("read_timeout", "read"), ("deadline", "deadline"))


@frozen
class Value:
    """One value: `source` is its kind of origin, `where` the exact place, if there is one."""

    name: str
    value: str | None
    source: str | None
    where: str | None = None

    def data(self) -> dict[str, Any]:
        """The value's row."""
        return {"type": "value"} | fields(self)


def show_result(name: str, chosen: Choices, *, given: bool, env: Mapping[str, str]) -> Result:
    """The values of the profile called `name`, which was `given` as an argument or chosen otherwise.

    Raises `ProfileError` with every fault of its file.
    """
    from billctl.credentials import Finder

    found = find_profile(name, env)
    profile = load_profile(name, env=env, gateways=installed_gateways(env))
    central, untrusted = _central_policy(profile)
    secrets = secret_rows(Finder(profile, env), list(profile.accounts))
    values = [
        _profile_value(profile.name, chosen, given=given, env=env),
        *_run_values(chosen, env),
        *_file_values(profile, _Origins(found, env)),
        *(_central_values(central) if central else ()),
        *map(_secret_value, secrets),
    ]
    return Result(
        data={
            "name": profile.name,
            "path": str(profile.path),
            "from": "shipped" if found.shipped else "yours",
            "mode": str(profile.mode),
            "accounts": list(profile.accounts),
            "values": [value.data() for value in values],
        },
        records=[value.data() for value in values],
        columns=("name", "value", "source", "where"),
        view=[Grid((Column(), Column(), Column(whole=False)), tuple(map(_cells, values)))],
        warnings=[*untrusted, *(row.error.line() for row in secrets if row.error)],
        profile=profile.name,
        mode=str(profile.mode),
    )


def _cells(value: Value) -> tuple[Cell | str, ...]:
    shown = Cell(value.value or "missing", "" if value.value else "yellow")
    if value.name == "mode" and value.value == "live":
        shown = Cell("LIVE", "red")
    return (Cell(value.name, "dim"), shown, value.where or value.source or "")


def _profile_value(name: str, chosen: Choices, *, given: bool, env: Mapping[str, str]) -> Value:
    if given:
        return Value(name="profile", value=name, source=ARGUMENT)
    if chosen.profile is not None:
        return Value(name="profile", value=name, source=OPTION, where="--profile")
    if env.get("BILLCTL_PROFILE"):
        return Value(name="profile", value=name, source=ENVIRONMENT, where="BILLCTL_PROFILE")
    return Value(name="profile", value=name, source=DEFAULT, where="config.toml")


def _run_values(chosen: Choices, env: Mapping[str, str]) -> Iterator[Value]:
    """What is not the profile's to say: output, operator, directories."""
    from billctl.audit.actor import current_actor

    output = chosen.format(terminal=bool(sys.stdout and sys.stdout.isatty()))
    if chosen.output is not None or chosen.jq is not None:
        option = "--output" if chosen.output is not None else "--jq"
        yield Value(name="output", value=output, source=OPTION, where=option)
    else:
        yield _from_environment("output", output, "BILLCTL_OUTPUT", env)
    actor = current_actor(env)
    yield _from_environment("operator", actor.claimed or actor.login, "BILLCTL_OPERATOR", env, SYSTEM)
    yield _from_environment("config_dir", str(config_dir(env)), "BILLCTL_CONFIG_DIR", env)
    yield _from_environment("state_dir", str(state_dir(env)), "BILLCTL_STATE_DIR", env)


def _from_environment(
    name: str, value: str, variable: str, env: Mapping[str, str], otherwise: str = DEFAULT
) -> Value:
    if env.get(variable):
        return Value(name=name, value=value, source=ENVIRONMENT, where=variable)
    return Value(name=name, value=value, source=otherwise)


class _Origins:
    """Where each key of a profile's file stands."""

    def __init__(self, found: ListedProfile, env: Mapping[str, str]) -> None:
        private = () if found.shipped else (config_dir(env), found.path.parent)
        self._file = found.path.name
        self._places: Mapping[tuple[str | int, ...], Place] = places(read_text(found.path, private=private))

    def value(self, *path: str, text: str) -> Value:
        place = self._places.get(path)
        return Value(
            name=".".join(path),
            value=text,
            source=PROFILE if place else DEFAULT,
            where=f"{self._file} line {place.line}" if place else None,
        )


def _file_values(profile: Profile, origins: _Origins) -> Iterator[Value]:
    yield origins.value("mode", text=str(profile.mode))
    yield origins.value("sandbox", text=_flag(profile.sandbox))
    yield origins.value("allow_unattended", text=_flag(profile.allow_unattended))
    for key, field in NETWORK:
        yield origins.value("network", key, text=f"{getattr(profile.timeouts, field):g} s")
    if profile.audit != AuditSettings():
        for key, value in fields(profile.audit).items():
            yield origins.value("audit", key, text=to_json(value))
    if profile.credential_command:
        yield origins.value("credential_command", text=to_json(list(profile.credential_command)))
    for account in profile.accounts.values():
        table = {
            "gateway": account.gateway,
            "account_id": account.account_id,
            "base_url": account.base_url,
            **account.settings,
        }
        for key, text in table.items():
            if text is not None:
                yield origins.value("accounts", account.name, key, text=text)
    if profile.policy:
        for key, text in _rules(profile.policy):
            yield origins.value("policy", key, text=text)


def _central_policy(profile: Profile) -> tuple[Policy | None, list[str]]:
    """The central policy that binds a profile, and what is wrong with one that cannot be used."""
    from billctl.profiles.central import policies_of

    try:
        central = [policy for policy in policies_of(profile) if policy is not profile.policy]
    except ConfigError as error:
        return None, [f"nothing can be changed: {error.line()}"]
    return (central[0] if central else None), []


def _central_values(policy: Policy) -> Iterator[Value]:
    """The rules of the central policy, which hold beside the profile's own."""
    for key, text in _rules(policy):
        yield Value(name=f"policy.{key}", value=text, source=CENTRAL, where=policy.source)


def _rules(policy: Policy) -> Iterator[tuple[str, str]]:
    """Each rule that a policy has, and what it says."""
    for key, value in fields(policy).items():
        if key != "source" and value not in (None, False, {}):
            yield key, _rule_text(key, value)


def _rule_text(key: str, value: Any) -> str:
    match value:
        case dict() if key in LIMITS:
            return ", ".join(str(Money(minor, currency)) for currency, minor in value.items())
        case dict():
            return ", ".join(f"{name} {number}" for name, number in value.items())
        case tuple():
            return ", ".join(value) or "none"
        case bool():
            return _flag(value)
        case _:
            return str(value)


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _secret_value(row: SecretRow) -> Value:
    return Value(
        name=f"accounts.{row.account}.{row.secret}", value=row.mask, source=row.source, where=row.note
    )
