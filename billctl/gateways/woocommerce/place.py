"""Where a store is, and with what it is opened.

WooCommerce takes a key pair by HTTP Basic, over TLS only; over plain http it answers as if no key had been
sent (facts observed on 10.0.2). http is for a loopback address, where the rehearsal store is.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from billctl.errors import AuthFailed, ConfigError
from billctl.gateway import Account

API = "/wp-json/wc/v3"
"""What lies between a store's address and a path of its REST API; only so is a key looked at
(`class-wc-rest-authentication.php`, `is_request_to_rest_api`)."""

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

TEST = "test"
"""The only value of the setting `store`."""

KEYS = ("consumer_key", "consumer_secret")
KEY = re.compile(r"[\x21-\x39\x3b-\x7e]{1,128}", re.ASCII)
"""What a header can carry as one half of a Basic pair: printable, no blank, no colon. WooCommerce makes
`ck_` or `cs_` and 40 hexadecimal digits; a plugin may make others."""


def settings_faults(settings: Mapping[str, str], *, live: bool) -> Mapping[str, str]:
    """What is wrong with an account's settings in a profile of this mode: name → why."""
    faults = {}
    if "url" in settings and (fault := _address_fault(settings["url"])):
        faults["url"] = fault
    store = settings.get("store")
    if store is not None and store != TEST:
        faults["store"] = f"it is {TEST!r}, or left out"
    elif store == TEST and live:
        faults["store"] = f"{TEST!r} says that no real money moves there, which contradicts mode = 'live'"
    return faults


def _address_fault(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises for one that is no number
    except ValueError:
        return "it is no address"
    if parts.scheme not in {"https", "http"} or not parts.hostname or not address.isprintable():
        return "it is an address like https://shop.example"
    if parts.username is not None or parts.password is not None:
        return "it holds a name or password; keys do not belong there"
    if parts.query or parts.fragment:
        return "it ends with the store's address: no ? and no #"
    if "/wp-json" in parts.path or "/wp-admin" in parts.path:
        return "it is the store's own address, without wp-json or wp-admin"
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        return "without https only a loopback address"
    return None


def checked_base(account: Account) -> str:
    """The address of the account's API, without a trailing slash.

    Raises `ConfigError` (`bad_settings`) for settings that are missing or refused, and for an address to
    which the keys would travel in the clear. Nothing was sent then.
    """
    faults = dict(settings_faults(account.settings, live=account.live))
    if not account.settings.get("url"):
        faults["url"] = "it is missing"
    if account.base_url is not None and (fault := _address_fault(account.base_url)):
        faults["base_url"] = fault
    if faults:
        told = "; ".join(f"{name}: {why}" for name, why in faults.items())
        raise ConfigError(told, code="bad_settings", account=account.name)
    return address(account) + API


def checked_keys(account: Account) -> tuple[str, str]:
    """The consumer key and its secret. Raises `AuthFailed` (`bad_key`) for none, or impossible ones."""
    return _checked_key(account, "consumer_key"), _checked_key(account, "consumer_secret")


def check_given_keys(account: Account) -> None:
    """Raise `AuthFailed` (`bad_key`) for an impossible one of the keys that the account holds: each may be
    kept on its own."""
    for name in KEYS:
        if name in account.secrets:
            _checked_key(account, name)


def _checked_key(account: Account, name: str) -> str:
    key = str(account.secrets.get(name, "")).strip()
    if not KEY.fullmatch(key):
        raise AuthFailed(
            f"the {name} is {'not one of WooCommerce' if key else 'missing'}",
            code="bad_key",
            hint="Store it with `billctl auth add`; the store's admin makes keys under WooCommerce, "
            "Settings, Advanced, REST API.",
            account=account.name,
        )
    return key


def address(account: Account) -> str:
    """The store's address as it is asked, without a trailing slash: `base_url`, else the setting `url`."""
    return (account.base_url or account.settings.get("url", "")).rstrip("/")


def host_of(account: Account) -> str:
    """The host that answers for the account, as messages name it."""
    return urlsplit(address(account)).netloc or "the store"


def is_loopback(account: Account) -> bool:
    """Whether the account is asked at a loopback address."""
    return urlsplit(address(account)).hostname in LOOPBACK


def live(account: Account) -> bool | None:
    """Whether real money moves at the account's store; None at a loopback address.

    A store cannot say that it is a staging copy or that its payment gateways are in test mode: it counts as
    live unless the profile says `store = "test"`.
    """
    return None if is_loopback(account) else account.settings.get("store") != TEST


def name_of_home(home: str) -> str:
    """What tells a store from others: host, port unless it is the usual one, and path of its home address.

    Two stores may share a host and differ in the path (WordPress installed in folders, a network of sites).
    """
    parts = urlsplit(home)
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    port = f":{parts.port}" if parts.port not in {None, usual} else ""
    if not parts.hostname:
        raise ValueError("a store's home address has a host")
    return f"{parts.hostname}{port}{parts.path.rstrip('/')}"
