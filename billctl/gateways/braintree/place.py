"""Where an account is at Braintree: its environment, and the forms of what names it.

Nothing in Braintree's keys says test or live, only the environment they are used at: it follows from the
profile's mode. The SDK takes https for port 443 alone (its `environment.py`, `protocol`) and would send the
keys in the clear to any other: another address than Braintree's own says here which it is, and clear text
stays on the machine.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from billctl.errors import AuthFailed, ConfigError
from billctl.gateway import Account

ENVIRONMENTS = {False: "sandbox", True: "production"}
"""By whether the profile is live."""

HOSTS = {False: "api.sandbox.braintreegateway.com", True: "api.braintreegateway.com"}

DOMAINS = frozenset({"braintreegateway.com", "braintree-api.com"})
"""All that is Braintree's own."""

REFUSED = {
    "development": "it turns the check of TLS certificates off; use sandbox",
    "integration": "it turns the check of TLS certificates off; use sandbox",
    "qa": "it is Braintree's own; use sandbox",
}

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""Of a merchant id, which becomes part of every URL, and of a public key, part of a header."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def settings_faults(settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
    """What is wrong with an account's settings in a profile of this mode: name → why."""
    faults = {
        name: "it is letters, digits, - and _, as Braintree's control panel shows it"
        for name in ("merchant_id", "public_key")
        if name in settings and not NAME.fullmatch(settings[name])
    }
    named = settings.get("environment")
    if named is not None and named != ENVIRONMENTS[live]:
        faults["environment"] = _environment_fault(named, live=live)
    return faults


def _environment_fault(named: str, *, live: bool) -> str:
    if named in REFUSED:
        return REFUSED[named]
    modes = {False: "test", True: "live"}
    if named in ENVIRONMENTS.values():
        return f"{named} contradicts mode = {modes[live]!r}, whose environment is {ENVIRONMENTS[live]}"
    return "it is sandbox (mode test) or production (mode live)"


def checked_settings(account: Account) -> tuple[str, str]:
    """The account's merchant id and public key.

    Raises `ConfigError` (`bad_settings`) for ones that are missing or ill-formed, for an environment that is
    refused, and for an address to which the keys would travel in the clear. Nothing was sent then.
    """
    settings = account.settings
    faults = dict(settings_faults(settings, live=account.live))
    faults |= {name: "it is missing" for name in ("merchant_id", "public_key") if not settings.get(name)}
    if account.base_url is not None and (fault := _address_fault(account.base_url)):
        faults["base_url"] = fault
    if faults:
        told = "; ".join(f"{name}: {why}" for name, why in faults.items())
        raise ConfigError(told, code="bad_settings", account=account.name)
    return settings["merchant_id"], settings["public_key"]


def _address_fault(base_url: str) -> str | None:
    parts = urlsplit(base_url)
    clear = parts.scheme != "https"
    return "without https only a loopback address" if clear and parts.hostname not in LOOPBACK else None


def checked_private_key(account: Account) -> str:
    """The account's private key. Raises `AuthFailed` (`bad_key`) for none, or an impossible one."""
    key = str(account.secrets.get("private_key", "")).strip()
    if key and key.isascii() and key.isprintable() and not any(character.isspace() for character in key):
        return key
    raise AuthFailed(
        f"the private_key is {'not one of Braintree' if key else 'missing'}",
        code="bad_key",
        hint="Store it with `billctl auth add`; it is under API keys in Braintree's control panel.",
        account=account.name,
    )


def host_of(account: Account) -> str:
    """The host that answers for the account, as messages name it."""
    return urlsplit(account.base_url).netloc if account.base_url else HOSTS[account.live]


def live(account: Account) -> bool | None:
    """Whether real money moves at the account's host; None where that is not Braintree's own.

    By the host and not by the profile, whose base_url may name Braintree's production in test mode.
    """
    host = urlsplit(account.base_url or f"https://{HOSTS[account.live]}").hostname or ""
    labels = host.rstrip(".").split(".")
    return "sandbox" not in labels if ".".join(labels[-2:]) in DOMAINS else None


def is_loopback(account: Account) -> bool:
    """Whether the account is at a loopback address."""
    return urlsplit(account.base_url or "").hostname in LOOPBACK


def environment(account: Account) -> Any:
    """The SDK's environment for `account`, whose settings were checked."""
    import braintree

    if account.base_url is None:
        return braintree.Environment.Production if account.live else braintree.Environment.Sandbox
    scheme, rest = account.base_url.rstrip("/").split("//", 1)

    class Elsewhere(braintree.Environment):  # type: ignore[misc]  # the SDK has no types
        protocol = f"{scheme}//"
        server_and_port = rest

    return Elsewhere("elsewhere", rest, "443", "", scheme == "https:", None)
