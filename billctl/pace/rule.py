"""When a request may leave: the arithmetic of a pace. Pure; times are seconds of one clock.

A bucket is the time from which its next request may leave (GCRA, the virtual scheduling of ITU-T I.371,
without a burst allowance). A request that passes moves that time on by one interval, so requests leave
evenly spaced; what is late by less than `SLACK` of an interval is made up for, or a busy machine would lose
a little of the rate with every request. Nothing is reserved ahead: no bucket is further than one interval
from now, and a time that is comes from a clock that was set, or from a broken file.
"""

from dataclasses import dataclass, field

from billctl.gateway import RateLimit

IN_ALL = ""
"""The bucket that all endpoints share."""

SLACK = 0.9
MOST_SLACK = 0.050
"""Seconds that a bucket may lag behind at most: how much too close two requests may come."""

LEAST_HOLD = 1.0
"""Seconds that nobody sends after a 429 without a longer `Retry-After`."""
MOST_HOLD = 300.0
"""Seconds after which it is tried again, whatever the gateway asked for."""
CLOCK_SET = 2.0
"""Seconds that a time may lie in the future before the clock counts as set back."""
HOLD_AFTER_CLOCK_SET = 3.0

SLOWER = 0.75
SLOWEST = 0.1
RECOVERY = 0.05
RECOVERY_SECONDS = 10.0
"""After so many seconds without a 429 the share of the full rate grows by `RECOVERY`, and so on."""


@dataclass(slots=True)
class State:
    """What the runs of one account share.

    `free`: by bucket, from when its next request may leave. `share`: of the full rate that is used, since
    `share_at`. Nobody sends from `held_from` on for `held_for` seconds.
    """

    free: dict[str, float] = field(default_factory=dict)
    share: float = 1.0
    share_at: float = 0.0
    held_from: float = 0.0
    held_for: float = 0.0


def admit(state: State, now: float, endpoint: str, limit: RateLimit) -> float:
    """0 where a request to `endpoint` may leave now, and is counted; else the seconds to the next look."""
    _recover(state, now)
    wait = _hold(state, now)
    buckets = [
        (name, 1 / (rate * state.share))
        for name, rate in ((IN_ALL, limit.in_all), (endpoint or "-", limit.endpoint))
        if rate is not None and rate > 0
    ]
    for name, interval in buckets:
        if name in state.free:
            state.free[name] = min(state.free[name], now + interval)
            wait = max(wait, state.free[name] - now)
    if wait > 0:
        return wait
    state.free = {name: free for name, free in state.free.items() if free > now - MOST_SLACK}
    for name, interval in buckets:
        slack = min(interval * SLACK, MOST_SLACK)
        state.free[name] = max(state.free.get(name, now), now - slack) + interval
    return 0.0


def turn_away(state: State, now: float, seconds: float | None) -> None:
    """A request was turned away as one too many; the gateway asked to wait `seconds`, or did not say.

    While nobody sends, only requests that had left before can still be turned away: they make the pause
    longer, not the pace slower.
    """
    asked = min(max(seconds or 0.0, LEAST_HOLD), MOST_HOLD)
    _recover(state, now)
    left = _hold(state, now)
    if left <= 0:
        state.share = max(state.share * SLOWER, SLOWEST)
    state.share_at = now
    if asked > left:
        state.held_from, state.held_for = now, asked


def held(state: State, now: float) -> float:
    """The seconds for which nobody may send, because a request was turned away; 0 where anybody may."""
    return max(0.0, _hold(state, now))


def _hold(state: State, now: float) -> float:
    """Seconds for which nobody may send."""
    if state.held_from > now + CLOCK_SET:
        state.held_from, state.held_for = now, min(state.held_for, HOLD_AFTER_CLOCK_SET)
    return state.held_from + min(state.held_for, MOST_HOLD) - now


def _recover(state: State, now: float) -> None:
    if state.share >= 1:
        return
    if state.share_at > now + CLOCK_SET:
        state.share_at = now
    steps = int((now - state.share_at) // RECOVERY_SECONDS)
    if steps > 0:
        state.share = min(state.share + steps * RECOVERY, 1.0)
        state.share_at += steps * RECOVERY_SECONDS
