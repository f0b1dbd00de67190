"""What a store says of itself: whose it is, which parts its API has, what the key may do.

No answer names a key's permission. It is told by a request that would change something if it led anywhere:
`_method` makes a GET count as the POST that is checked, and the path leads nowhere, so that nothing can
change. A key that may not write is refused before the path is looked at (`check_user_permissions`).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from billctl.errors import AuthFailed, ConfigError, NoAnswer
from billctl.gaps import attempted
from billctl.gateway import Account, Identity
from billctl.gateways.woocommerce import place
from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import NO_ROUTE, Forbidden, reading_answer
from billctl.parallel import gather

STATUS_FIELDS = (
    "environment.home_url", "environment.version", "settings.currency", "settings.number_of_decimals",
)  # fmt: skip

NOWHERE = "billctl"
"""A path that no store has."""

ORDER = "/wc/v3/orders/(?P<id>[\\d]+)"
SUBSCRIPTIONS = "/wc/v3/subscriptions"
SEND_DETAILS = "send_order_details"
SEND_EMAIL = "send_email"
ACTIONS = {name: f"{ORDER}/actions/{name}" for name in (SEND_EMAIL, SEND_DETAILS)}
"""The routes that e-mail an order, as the index names them: since WooCommerce 9.8 and 9.5."""

READ_ONLY = "the key may only read: no refund, cancellation or e-mail can be sent with it"
NO_STATUS = "the key's user may not read the store's status, so its version and decimals are not known"
NOT_TOLD = "not told"


def check(client: Client) -> Identity:
    """Whom the key opens, by the store's own home address. Raises `AuthFailed`, and the errors of a read; of
    what is only worth knowing, what the store does not tell is `NOT_TOLD`. Raises `ConfigError`
    (`wrong_mode`) in test mode for a store of which the profile does not say that it is one for tests."""
    _check_mode(client.account)
    nothing: Any = None
    calls: list[Callable[[], Any]] = [
        partial(_status, client),
        partial(attempted, partial(index, client), nothing),
        partial(attempted, partial(_may_write, client), nothing),
    ]
    status, (site, no_site), (may_write, _) = gather(calls)
    if status is None and no_site:
        raise no_site
    with reading_answer(client.account.name, change=False):
        home = status["environment"]["home_url"] if status else _home_of(site)
        identity = place.name_of_home(home)
        about = {**_described(status), **_parts(site)}
    lacking = [*([READ_ONLY] if may_write is False else []), *([] if status else [NO_STATUS])]
    may = {True: "reads and writes", False: "reads only", None: NOT_TOLD}
    return Identity(
        id=identity,
        name=None,
        live=place.live(client.account),
        lacking=tuple(lacking),
        about={**about, "key": may[may_write], "permalinks": "pretty"},
    )


def _check_mode(account: Account) -> None:
    if place.live(account) and not account.live:
        raise ConfigError(
            f"the profile is for mode test, and {place.host_of(account)} counts as a live store",
            code="wrong_mode",
            hint='If no real money moves there, say so in the account\'s table: store = "test".',
            account=account.name,
        )


def _status(client: Client) -> Mapping[str, Any] | None:
    """The store's status; None where the key's user may not see it."""
    try:
        found: Mapping[str, Any] = client.get("system_status", {"_fields": STATUS_FIELDS})
    except Forbidden:
        return None
    return found


def index(client: Client) -> Mapping[str, Any]:
    """The index of the store's API, which is told to everybody."""
    found: Mapping[str, Any] = client.get("")
    return found


def routes(site: Mapping[str, Any]) -> frozenset[str]:
    """The routes that an index names, as WordPress writes them: `ORDER` is one."""
    return frozenset(site["routes"])


def _may_write(client: Client) -> bool:
    try:
        client.get(NOWHERE, {"_method": "POST"})
    except AuthFailed:
        return False
    except NoAnswer as error:
        if error.code != NO_ROUTE:
            raise
        return True
    raise NoAnswer(
        f"{client.host} answered where it has nothing", code="bad_answer", account=client.account.name
    )


def _home_of(site: Mapping[str, Any]) -> str:
    """The home address, from where an index says that the whole API is."""
    up: str = site["_links"]["up"][0]["href"]
    return up.rstrip("/").removesuffix("/wp-json")


def _described(status: Mapping[str, Any] | None) -> dict[str, str]:
    if status is None:
        return {"WooCommerce": NOT_TOLD}
    settings = status["settings"]
    return {
        "WooCommerce": str(status["environment"]["version"]),
        "currency": str(settings["currency"]),
        "decimals": str(settings["number_of_decimals"]),
    }


def _parts(site: Mapping[str, Any] | None) -> dict[str, str]:
    if site is None:
        return {"e-mails": NOT_TOLD, "subscriptions": NOT_TOLD}
    there = routes(site)
    mails = [name for name, route in ACTIONS.items() if route in there]
    return {
        "e-mails": ", ".join(mails) or "none, WooCommerce is older than 9.5",
        "subscriptions": "yes" if SUBSCRIPTIONS in there else "no, the extension is not installed",
    }
