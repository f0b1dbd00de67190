"""Faults on purpose: armed in one process, met by the next matching request of any process.

They lie in the gateway's state file and disarm themselves after `times` requests.
"""

from pathlib import Path
from typing import Any

from billctl.sandbox.fault_table import Fault, listed
from billctl.sandbox.registry import GATEWAYS
from billctl.sandbox.state import opened

KINDS: dict[str, str] = {
    "answer-lost": "acts, then drops the connection without an answer",
    "connection-dropped": "reads the request and drops the connection without acting",
    "hang-before": "never acts: silent for --seconds (or until the client gives up), then drops",
    "hang-after": "acts, then silent for --seconds (or until the client gives up), then drops",
    "late": "silent for --seconds, then acts and answers: a client that gave up is wrong about it",
    "500-before": "does not act, answers 500; at Stripe and Recurly the idempotency key keeps it",
    "500-after": "acts, answers 500; at Stripe and Recurly the idempotency key keeps it",
    "cut-body": "acts, then drops the connection in the middle of the answer",
    "html": "does not act; a captive portal answers 200 with HTML",
    "html-502": "does not act; a proxy answers 502 with HTML",
    "html-502-after": "acts, and a proxy loses the answer: 502 with HTML",
    "409": "does not act: says that a request with the same key is still under way",
    "429": "does not act: rate limited, with Retry-After when a delay is given",
    "401": "does not act: the key is refused",
    "403": "does not act: the key lacks the permission",
    "refuse": "does not act: refuses as the gateway does, with a chosen code",
    "slow": "acts, and sends the answer byte by byte over --seconds",
    "wrong-amount": "acts correctly, and answers with another amount",
    "wrong-currency": "acts correctly, and answers with another currency",
}
"""Name → what it does, in a line."""


def arm(
    state_dir: Path,
    gateway: str,
    kind: str,
    *,
    match: str = "*",
    times: int = 1,
    seconds: float | None = None,
    status: int | None = None,
    code: str | None = None,
    retry_after: int | None = None,
) -> dict[str, Any]:
    """Arm a fault for the next `times` requests that match, and return it.

    `match` is a method and a path pattern (`POST /v1/refunds`, `* /v1/charges/*`) or `*` for every
    request. `seconds` is for the kinds that wait; `status` and `code` for `refuse` (the gateway's
    usual refusal of a refund unless given); `retry_after` in seconds for `429`.
    Raises `ValueError` for an unknown kind, gateway or pattern, or for `times` below 1.
    """
    if kind not in KINDS:
        raise ValueError(f"no such fault: {kind}; there are {', '.join(KINDS)}")
    if times < 1:
        raise ValueError("a fault strikes at least once")
    if match != "*" and len(match.split()) != 2:
        raise ValueError(f"{match!r} is not `METHOD PATH`, like `POST /v1/refunds`")
    _known(gateway)
    with opened(state_dir, gateway) as database, database.transaction(write=True):
        row = database.execute(
            "INSERT INTO faults(kind, match, remaining, seconds, status, code, retry_after) "
            "VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (kind, match, times, seconds, status, code, retry_after),
        ).fetchone()
    return Fault(*row)._asdict()


def clear(state_dir: Path, gateway: str, kind: str | None = None) -> int:
    """Disarm the faults of `kind` (None: all), and return how many there were."""
    _known(gateway)
    with opened(state_dir, gateway) as database, database.transaction(write=True):
        return database.execute("DELETE FROM faults WHERE ? IN (kind, '*')", (kind or "*",)).rowcount


def armed(state_dir: Path, gateway: str) -> list[dict[str, Any]]:
    """The armed faults in the order they were armed; the keys are the fields of `Fault`."""
    _known(gateway)
    with opened(state_dir, gateway) as database:
        return listed(database)


def _known(gateway: str) -> None:
    if gateway not in GATEWAYS:
        raise ValueError(f"no sandbox for {gateway}; there is one for {', '.join(GATEWAYS)}")
