"""Where an account is at Recurly: its region, its address, and the form of its key.

Nothing in a key says test or live: the site that it opens does (`Identity`). The hosts are those of Recurly's
API description.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from billctl.errors import AuthFailed, ConfigError
from billctl.gateway import Account, Secret

REGIONS = {"us": "https://v3.recurly.com", "eu": "https://v3.eu.recurly.com"}
PAGES = {"us": "recurly.com", "eu": "eu.recurly.com"}
"""Below which name the customers' pages of a site are; that of the EU as public code names sites there, which
is not verified."""
USUAL_REGION = "us"

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def settings_faults(settings: Mapping[str, str]) -> Mapping[str, str]:
    """What is wrong with an account's settings: name → why."""
    region = settings.get("region", USUAL_REGION)
    return {} if region in REGIONS else {"region": "it is us or eu, where Recurly keeps the site"}


def base(account: Account) -> str:
    """The address that the account's requests go to, without a slash at its end.

    Raises `ConfigError` (`bad_settings`) for a region that is none, and for an address to which the key
    would travel in the clear. Nothing was sent then.
    """
    faults = dict(settings_faults(account.settings))
    if account.base_url is not None:
        parts = urlsplit(account.base_url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            faults["base_url"] = "without https only a loopback address"
    if faults:
        told = "; ".join(f"{name}: {why}" for name, why in faults.items())
        raise ConfigError(told, code="bad_settings", account=account.name)
    return (account.base_url or REGIONS[account.settings.get("region", USUAL_REGION)]).rstrip("/")


def host_of(account: Account) -> str:
    """The host that answers for the account, as messages name it."""
    region = account.settings.get("region", USUAL_REGION)
    return urlsplit(account.base_url or REGIONS.get(region, REGIONS[USUAL_REGION])).netloc


def pages_of(account: Account) -> str:
    """Below which name the customers' pages of the account's site are."""
    return PAGES[account.settings.get("region", USUAL_REGION)]


def is_loopback(account: Account) -> bool:
    """Whether the account is at a loopback address."""
    return urlsplit(account.base_url or "").hostname in LOOPBACK


def checked_key(account: Account) -> Secret:
    """The account's key. Raises `AuthFailed` (`bad_key`) for none, or one that no header can carry."""
    key = str(account.secrets.get("api_key", "")).strip()
    if key and key.isascii() and key.isprintable() and not any(c.isspace() or c == ":" for c in key):
        return Secret(key)
    raise AuthFailed(
        f"the api_key is {'not one of Recurly' if key else 'missing'}",
        code="bad_key",
        hint="Store it with `billctl auth add`; Recurly shows it under Integrations, API Credentials.",
        account=account.name,
    )
