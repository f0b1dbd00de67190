"""What each fault does to a refund, the same at every rehearsal gateway."""

import http.client

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
