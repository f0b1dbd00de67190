"""What a store's REST API can be asked: by its own index, which grows with the store's version."""

from threading import Lock

from billctl.gateways.woocommerce.client import Client
from billctl.gateways.woocommerce.errors import reading_answer


class Routes:
    """The routes of a store, read once in a run. Safe in many threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = Lock()
        self._known: frozenset[str] | None = None

    def has(self, end: str) -> bool:
        """Whether one of the routes ends so. Raises the errors of a read."""
        with self._lock:
            if self._known is None:
                self._known = self._read()
        return any(route.endswith(end) for route in self._known)

    def _read(self) -> frozenset[str]:
        index = self._client.get("", {"_fields": ("routes",)})
        with reading_answer(self._client.account.name, change=False):
            return frozenset(map(str, dict(index["routes"])))
