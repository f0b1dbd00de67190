"""What an endpoint gets and gives."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from billctl.sandbox import WOOCOMMERCE_URL
from billctl.sandbox.database import Database, Record
from billctl.sandbox.fault_table import Fault
from billctl.sandbox.http import Pause
from billctl.sandbox.woocommerce.access import Access
from billctl.sandbox.woocommerce.errors import WpError
from billctl.sandbox.woocommerce.params import Args
from billctl.sandbox.woocommerce.store import Store

HOME = WOOCOMMERCE_URL
"""What the store calls its own address, in every link it gives, wherever it was asked."""

API = f"{HOME}/wp-json/wc/v3"
MOST_DECIMALS = 20
MILLISECOND = 0.001


class Reply(NamedTuple):
    """An answer: a JSON document, its status and what is in its head."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Call:
    """One request: what was sent and by whom, the objects of its mode, the settings, the time (Unix seconds).

    `params` are the checked parameters of address, query and body; `sent` names those in the body or query.
    """

    def __init__(
        self,
        database: Database,
        user: Access,
        now: int,
        *,
        ids: Mapping[str, str],
        params: Mapping[str, Any],
        query: Mapping[str, Any],
        settings: Mapping[str, int],
        agent: str,
        pause: Pause,
        fault: Fault | None,
    ) -> None:
        self.database = database
        self.store = Store(database, live=user.live)
        self.user = user
        self.now = now
        self.ids = ids
        self.params = params
        self.query = query
        self.settings = settings
        self.agent = agent
        self.pause = pause
        self.fault = fault

    @property
    def decimals(self) -> int:
        """Of the amounts in this answer: those asked for (`dp`, on routes that know it), else the store's."""
        asked = self.params.get("dp")
        return min(asked, MOST_DECIMALS) if isinstance(asked, int) else self.settings["woo_decimals"]

    @property
    def version(self) -> int:
        """WooCommerce's: 100002 is 10.0.2."""
        return self.settings["woo_version"]

    def order(self, key: str) -> Record | None:
        """An order, or a subscription: both are found among the orders, a refund is not."""
        return self.store.get("order", key) or self.store.get("subscription", key)


class Endpoint(NamedTuple):
    """A row of a resource's table. In `path`, `{name}` stands for digits and `<name>` for a word.

    `changes` is whether it writes; `apart` that it opens its transactions itself; `attempt` is the error of
    who may not (a key of `errors.GENERIC`), None where everybody may; `since` is the first version of
    WooCommerce that has it; `extension` that WooCommerce Subscriptions has it.
    """

    method: str
    path: str
    run: Callable[[Call], Reply]
    attempt: str | None
    args: Args = {}  # noqa: RUF012 a tuple's default, never written to
    changes: bool = False
    apart: bool = False
    since: int = 0
    extension: bool = False


def invalid_id(code: str, message: str = "Invalid ID.") -> WpError:
    """404 for an object that is not there."""
    return WpError(404, code, message)
