"""Spreading requests over time: one bucket per account and endpoint, shared by all processes of a machine.

Requests leave evenly spaced, without bursts (GCRA), at the rate that the gateway publishes or the one that
was asked for; a 429 slows all of them down for a while.
"""

from pathlib import Path

from billctl.gateway import Account, Gateway, Pace


class Paces:
    """The paces of a run's accounts. `rate` is rows a second and replaces what the gateway publishes."""

    def __init__(self, state_dir: Path, *, rate: float | None = None) -> None:
        self._state_dir = state_dir
        self._rate = rate

    def of(self, account: Account, kind: type[Gateway]) -> Pace:
        """The pace of one account (`Session.pacing`)."""
        raise NotImplementedError
