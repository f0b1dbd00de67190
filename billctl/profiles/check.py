"""From a parsed TOML document to a `Profile`, noting every fault on the way."""

from pathlib import Path

from billctl.gateway import Timeouts
from billctl.profiles.accounts import AccountReader, Gateways
from billctl.profiles.audit import audit_settings
from billctl.profiles.faults import Faults
from billctl.profiles.model import AccountConfig, Mode, Profile
from billctl.profiles.policy import Policy
from billctl.profiles.values import Table, note_secret_values, note_type, note_unknown_keys
from billctl.profiles.words import KeyPath, shown

EXAMPLES = {
    "mode": 'mode = "test"',
    "allow_unattended": "allow_unattended = false",
    "sandbox": "sandbox = true",
    "credential_command": 'credential_command = ["pass", "show", "billctl/{account}/{secret}"]',
    "network": "[network]",
    "accounts": "[accounts.stripe]",
    "policy": "[policy]",
    "audit": "[audit]",
}
"""How each top-level key is written; the keys are the ones a profile may have."""

NETWORK = {
    "connect_timeout": ("connect", 0.05, 120.0),
    "read_timeout": ("read", 0.05, 600.0),
    "deadline": ("deadline", 0.05, 3600.0),
}
"""Key → field of `Timeouts`, least and most seconds."""


def profile_of(data: Table, name: str, path: Path, gateways: Gateways, faults: Faults) -> Profile:
    """The profile that `data` describes; to be used only if nothing was added to `faults`."""
    note_secret_values(data, faults)
    note_unknown_keys(data, (), EXAMPLES, faults)
    mode = _mode(data, faults)
    sandbox = _flag(data, "sandbox", faults)
    if sandbox and mode is Mode.LIVE:
        faults.add(("sandbox",), "the sandbox is never live", 'Set mode = "test", or take sandbox out.')
    if sandbox and "credential_command" in data:
        faults.add(("credential_command",), "the sandbox uses no credentials", "Take it out.")
    reader = AccountReader(live=mode is Mode.LIVE, sandbox=sandbox, gateways=gateways, faults=faults)
    return Profile(
        name=name,
        path=path,
        mode=mode,
        accounts=_accounts(data, reader),
        allow_unattended=_flag(data, "allow_unattended", faults),
        timeouts=_timeouts(data, faults),
        credential_command=_command(data, faults),
        sandbox=sandbox,
        policy=_policy(data, name, faults),
        audit=audit_settings(data, faults),
    )


def _mode(data: Table, faults: Faults) -> Mode:
    value = data.get("mode")
    if isinstance(value, str) and value in tuple(Mode):
        return Mode(value)
    todo = 'Write mode = "test" or mode = "live".'
    if value is None:
        faults.add(("mode",), "is missing", todo)
    elif not isinstance(value, str):
        note_type(("mode",), value, "a string", todo, faults)
    elif not faults.at(("mode",)):
        faults.add(("mode",), f'must be "test" or "live", not "{shown(value)}"', todo)
    return Mode.TEST


def _flag(data: Table, key: str, faults: Faults) -> bool:
    value = data.get(key, False)
    if isinstance(value, bool):
        return value
    note_type((key,), value, "true or false", f"Write {EXAMPLES[key]}.", faults)
    return False


def _table(data: Table, key: str, faults: Faults) -> dict[str, object]:
    value = data.get(key, {})
    if isinstance(value, dict):
        return value
    note_type((key,), value, "a table", f"Write it as {EXAMPLES[key]}.", faults)
    return {}


def _timeouts(data: Table, faults: Faults) -> Timeouts:
    table = _table(data, "network", faults)
    note_unknown_keys(table, ("network",), NETWORK, faults)
    seconds = {}
    for key, (field, least, most) in NETWORK.items():
        value = table.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            todo = f"Write {key} = {getattr(Timeouts(), field)}."
            note_type(("network", key), value, "a number of seconds", todo, faults)
        elif not least <= value <= most:  # nan is not either
            what = f"must be from {least:g} to {most:g} seconds"
            faults.add(("network", key), what, f"The default is {getattr(Timeouts(), field):g}.")
        else:
            seconds[field] = float(value)
    return Timeouts(**seconds)


def _command(data: Table, faults: Faults) -> tuple[str, ...]:
    value = data.get("credential_command")
    if value is None:
        return ()
    path: KeyPath = ("credential_command",)
    todo = f"Write {EXAMPLES['credential_command']}."
    if not isinstance(value, list):
        note_type(path, value, "a list of strings", f"{todo} No shell reads it.", faults)
        return ()
    if not value or not value[0]:
        faults.add(path, "names no program", todo)
    for number, part in enumerate(value):
        if not isinstance(part, str):
            note_type((*path, number), part, "a string", todo, faults)
        elif not part.isprintable():
            faults.add((*path, number), "holds a control or invisible character", "Take it out.")
    return tuple(part for part in value if isinstance(part, str))


def _policy(data: Table, name: str, faults: Faults) -> Policy | None:
    if "policy" not in data:
        return None
    from billctl.profiles.policy_table import policy_of

    return policy_of(data["policy"], f"policy {name}", faults)


def _accounts(data: Table, reader: AccountReader) -> dict[str, AccountConfig]:
    tables = _table(data, "accounts", reader.faults)
    if not tables and not reader.faults.at(("accounts",)):
        todo = 'Add one: [accounts.stripe] with gateway = "stripe".'
        reader.faults.add(("accounts",), "there is no account", todo)
    accounts = (reader.read(name, table) for name, table in tables.items())
    return {account.name: account for account in accounts if account}
