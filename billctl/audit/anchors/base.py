"""What an anchor is: a place elsewhere that keeps checkpoints, and from which they can be read back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from billctl.audit.checkpoint import Checkpoint
from billctl.errors import StoreError
from billctl.frozen import frozen


class AnchorUnreachable(StoreError):
    """An anchor that could not take a checkpoint, or cannot be read back now."""

    sent = ""


@frozen
class Anchored:
    """A checkpoint as an anchor has it. `time` is when, in the anchor's own words (aware UTC), if it says."""

    checkpoint: Checkpoint
    time: datetime | None = None


class Anchor(Protocol):
    """One anchor. Both methods raise `AnchorUnreachable`, and end within `limit` seconds."""

    def put(self, checkpoint: Checkpoint, *, time: datetime, limit: float) -> str:
        """Keep `checkpoint`, made at `time` (aware UTC); returns a few words about where it now is."""

    def read(self, *, limit: float) -> Sequence[Anchored]:
        """All that can be read back, oldest first, of every log that is anchored there.

        What is no checkpoint of a billctl log is passed over: others may write there too.
        """


def broken(spec: str, error: Exception) -> AnchorUnreachable:
    """The error of an anchor that failed as nobody thought: it stops no other, and no action."""
    return AnchorUnreachable(
        f"the anchor {spec} failed: {type(error).__name__}", code="anchor_failed", hint=""
    )


def too_slow(spec: str, limit: float) -> AnchorUnreachable:
    """The error of an anchor that did not end in time."""
    return AnchorUnreachable(
        f"the anchor {spec} did not answer within {limit:.0f} s", code="anchor_timeout", hint=""
    )
