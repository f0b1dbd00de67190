"""The HTTP session under the SDK: what requests leaves open, closed.

- requests' read timeout starts again with every byte: here a call also has a limit in all.
- urllib3 reports a TLS handshake that failed and a connection that broke later as the same classes, but
  only the first proves that no byte of a request was sent: here it is a `NewConnectionError`.
- no redirect is followed: an answer from elsewhere is no answer.
- no credentials are taken from `~/.netrc`: requests would put them in the key's place.
- for a loopback address no proxy is taken from the environment: the key would travel to it in the clear.
"""

from typing import TYPE_CHECKING, Any

from billctl.parallel import Job

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session
    from requests.adapters import HTTPAdapter


def bounded_session(limit: float, *, connections: int, loopback: bool) -> "Session":
    """A session for one account: every call ends within `limit` seconds, up to `connections` stay open."""
    import requests

    class BoundedSession(requests.Session):
        def send(self, request: "PreparedRequest", **kwargs: Any) -> "Response":
            send = super().send
            try:
                return Job(lambda: send(request, **kwargs)).result(limit)
            except TimeoutError as error:
                raise requests.ReadTimeout(f"no whole answer within {limit} s") from error

    session = BoundedSession()
    session.max_redirects = 0
    session.auth = _no_other_credentials
    session.trust_env = not loopback
    adapter = _proving_adapter(connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _no_other_credentials(request: "PreparedRequest") -> "PreparedRequest":
    return request


def _proving_adapter(connections: int) -> "HTTPAdapter":
    """An adapter whose HTTPS connections raise `NewConnectionError` for whatever fails before they stand.

    Behind a proxy requests builds connections of its own: their TLS failures stay ambiguous.
    """
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import NewConnectionError

    class ProvingConnection(HTTPSConnection):
        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, ValueError) as error:
                raise NewConnectionError(self, f"TLS: {error}") from error

    class ProvingPool(HTTPSConnectionPool):
        ConnectionCls = ProvingConnection

    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": ProvingPool}
    return adapter
