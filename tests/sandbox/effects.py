"""What each fault does to a refund, the same at every rehearsal gateway."""

import http.client
import time
from collections.abc import Callable

Effect = tuple[bool, object]

EFFECTS: dict[str, Effect] = {
    "answer-lost": (True, http.client.RemoteDisconnected),
    "connection-dropped": (False, http.client.RemoteDisconnected),
    "hang-before": (False, TimeoutError),
    "hang-after": (True, TimeoutError),
    "late": (True, TimeoutError),
    "500-before": (False, 500),
    "500-after": (True, 500),
    "cut-body": (True, http.client.IncompleteRead),
    "html": (False, 200),
    "html-502": (False, 502),
    "html-502-after": (True, 502),
    "409": (False, 409),
    "429": (False, 429),
    "401": (False, 401),
    "403": (False, 403),
    "refuse": (False, 422),
    "slow": (True, 201),
    "wrong-amount": (True, 201),
    "wrong-currency": (True, 201),
}
"""Kind → whether the refund happens, and what the client sees: an exception or a status."""


def patience(seen: object) -> float:
    """Seconds after which the client gives up: soon where that is what it is to see."""
    return 0.2 if seen is TimeoutError else 10.0


def silence(seen: object) -> float:
    """Seconds for which a fault keeps silent or trickles: far longer than such a client waits."""
    return 10 * patience(seen) if seen is TimeoutError else 0.2


def comes_to_be(look: Callable[[], bool]) -> bool:
    """Whether `look` tells true now or within ten seconds: a gateway acts without the client that gave up."""
    end = time.monotonic() + 10
    while not look() and time.monotonic() < end:
        time.sleep(0.02)
    return look()
