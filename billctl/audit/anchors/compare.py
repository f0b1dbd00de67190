"""A log that was proved, compared with what its anchors kept: cut off, written anew, or as it was."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from billctl.audit.anchors import anchor_of
from billctl.audit.anchors.base import Anchored, AnchorUnreachable, broken, too_slow
from billctl.audit.anchors.spec import Spec
from billctl.frozen import frozen
from billctl.parallel import Job


@frozen
class Reading:
    """What one anchor gave back; `error` where it could not be read."""

    spec: Spec
    found: tuple[Anchored, ...] = ()
    error: AnchorUnreachable | None = None


@frozen
class Mark:
    """One checkpoint and the anchor that has it."""

    spec: Spec
    anchored: Anchored

    @property
    def size(self) -> int:
        """How many records the log had."""
        return self.anchored.checkpoint.size


@frozen
class Comparison:
    """One anchor against the log. `others` counts the checkpoints there of other logs."""

    reading: Reading
    agreeing: tuple[Mark, ...] = ()
    changed: tuple[Mark, ...] = ()
    """Checkpoints whose record is there and is another one."""
    cut: tuple[Mark, ...] = ()
    """Checkpoints of more records than the log has."""
    others: int = 0

    @property
    def held(self) -> tuple[Mark, ...]:
        """Every checkpoint of this log there."""
        return (*self.agreeing, *self.changed, *self.cut)


def read_anchors(specs: Sequence[Spec], *, state_dir: Path, limit: float) -> list[Reading]:
    """What every anchor gives back, asked at the same time; `limit` is in seconds, for all of them.

    To be called before the log is proved: an anchoring in between would look like records cut off.
    """
    # A little less for each, so that it ends its programs before it is left behind.
    jobs = [Job(_reader(spec, state_dir, limit * 0.9)) for spec in specs]
    until = time.monotonic() + limit
    readings = []
    for spec, job in zip(specs, jobs, strict=True):
        try:
            found = job.result(max(until - time.monotonic(), 0.0))
            readings.append(Reading(spec=spec, found=tuple(found)))
        except AnchorUnreachable as error:
            readings.append(Reading(spec=spec, error=error))
        except TimeoutError:
            readings.append(Reading(spec=spec, error=too_slow(spec.text, limit)))
        except Exception as error:  # noqa: BLE001 - what others left there hides no other anchor's word
            readings.append(Reading(spec=spec, error=broken(spec.text, error)))
    return readings


def _reader(spec: Spec, state_dir: Path, limit: float) -> Callable[[], Sequence[Anchored]]:
    return lambda: anchor_of(spec, state_dir=state_dir).read(limit=limit)


def compare(
    readings: Sequence[Reading], *, origin: str | None, records: int, hash_of: Callable[[int], str | None]
) -> list[Comparison]:
    """Each reading against the log called `origin`, of which `records` were proved.

    `hash_of` gives a proved record's hash (lower hex) by its number; it is not asked for others. No
    origin means that there is no log: every checkpoint is another's.
    """
    return [_compared(reading, origin, records, hash_of) for reading in readings]


def _compared(
    reading: Reading, origin: str | None, records: int, hash_of: Callable[[int], str | None]
) -> Comparison:
    agreeing, changed, cut = [], [], []
    ours = [Mark(spec=reading.spec, anchored=a) for a in reading.found if a.checkpoint.origin == origin]
    for mark in sorted(ours, key=lambda mark: mark.size):
        if mark.size > records:
            cut.append(mark)
        elif mark.size and hash_of(mark.size) == mark.anchored.checkpoint.hash:
            agreeing.append(mark)
        else:
            changed.append(mark)
    return Comparison(
        reading=reading,
        agreeing=tuple(agreeing),
        changed=tuple(changed),
        cut=tuple(cut),
        others=len(reading.found) - len(ours),
    )


def last_agreeing(comparisons: Sequence[Comparison], *, before: int | None = None) -> list[Mark]:
    """The marks of the largest size at which any anchor agrees, below `before` where that is given."""
    marks = [m for c in comparisons for m in c.agreeing if before is None or m.size < before]
    largest = max((mark.size for mark in marks), default=0)
    return [mark for mark in marks if mark.size == largest]


def disagreement(comparisons: Sequence[Comparison], *, records: int) -> tuple[str, list[Mark]] | None:
    """What the anchors prove against a log of `records`, in words, and the last marks before it that agree.

    None where nothing disagrees.
    """
    changed = min((m for c in comparisons for m in c.changed), key=lambda mark: mark.size, default=None)
    cut = max((m for c in comparisons for m in c.cut), key=lambda mark: mark.size, default=None)
    if changed:
        good = last_agreeing(comparisons, before=changed.size)
        since = f"after record {good[0].size:,}" if good else "from somewhere before it"
        what = f"record {changed.size:,} is not what was anchored {told([changed])}: rewritten {since}"
    elif cut:
        good = last_agreeing(comparisons)
        what = (
            f"anchored at {cut.size:,} records {told([cut])}, the log has {records:,}: "
            f"{cut.size - records:,} or more were cut off"
        )
    else:
        return None
    return what, good


def told(marks: Sequence[Mark]) -> str:
    """When and where, for a person: `on 2026-11-21 06:00 UTC (git, syslog)`."""
    times = [mark.anchored.time for mark in marks if mark.anchored.time]
    when = f"on {max(times):%Y-%m-%d %H:%M} UTC " if times else ""
    return f"{when}({', '.join(dict.fromkeys(mark.spec.kind for mark in marks))})"


def remarks(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """What of the anchors could not be used for proving anything, a sentence each."""
    for each in comparisons:
        spec = each.reading.spec.text
        if each.reading.error:
            yield f"not compared with {spec}: {each.reading.error.message}"
        elif not each.held:
            others = f", only {each.others:,} of other logs" if each.others else ""
            yield f"not compared with {spec}: it holds no checkpoint of this log{others}"
