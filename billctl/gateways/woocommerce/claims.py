"""The claim protocol: what the notes of an order say about who may refund it. No request leaves from here.

WooCommerce has no idempotency key, and two refunds that are asked for at one time both move money (observed
on 10.0.2). So each operation first writes a private note on the order, its claim, reads all notes, and goes
on only while its claim is the only open one:

- a claim with a lower note id stands: this operation gives way;
- claims with higher note ids are waited for: whoever wrote one gives way by the rule above.

The second rule is not redundant. Ids are given before a note can be seen by others, so the writer of a
higher one may not have seen the lower; then it goes on, and it is the lower one that must notice.

A claim is open until a note says how its operation ended. It binds billctl's runs on all hosts; it does not
bind people in wp-admin or other programs. Nobody goes on before he sees his own claim: a store that reads
from a copy of its database is waited for. Several copies, each behind by another time, are not tested.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from enum import StrEnum

from billctl.frozen import frozen
from billctl.gateway import Stamp
from billctl.money import Money

OPERATION = r"op_[0-9A-Za-z]{26}"
CLAIM = re.compile(
    rf"\[billctl:({OPERATION}) claim\] refund ([0-9.]{{1,20}} [A-Z]{{3}}) key ([0-9a-f]{{32}})", re.ASCII
)
END = re.compile(rf"\[billctl:({OPERATION}) (done|refused|abandoned)\](?: .*)?", re.ASCII | re.DOTALL)


class End(StrEnum):
    """How a claimed operation ended, as a note of the order says it."""

    DONE = "done"
    REFUSED = "refused"
    """It moved nothing."""
    ABANDONED = "abandoned"
    """No refund was asked for."""


NOTHING_MOVED = frozenset({End.REFUSED, End.ABANDONED})


@frozen
class Note:
    """A note of an order: its id, which grows, its text, when it was written (aware UTC), and whether the
    customer reads it."""

    id: int
    text: str
    created: datetime | None = None
    to_customer: bool = False


@frozen
class Claim:
    """An operation's claim on an order; `note` is the id of the note that made it, `end` None while open."""

    note: int
    operation: str
    key: str
    amount: str
    end: End | None = None


def claim_text(stamp: Stamp, amount: Money) -> str:
    """The note that claims an order: the operation, what it is about, and the key other hosts know it by."""
    return f"[billctl:{stamp.operation} claim] refund {amount} key {stamp.key}"


def end_text(operation: str, end: End, more: str = "") -> str:
    """The note that closes a claim."""
    return f"[billctl:{operation} {end}] {more}".rstrip()


def read_claims(notes: Iterable[Note]) -> tuple[Claim, ...]:
    """The claims in an order's notes, by note id. A note in any other form, whoever wrote it, is none, nor is
    one to the customer: ours are private, and the customer knows operations by their refunds' reasons.

    An end counts wherever it stands: an operation claims once and never asks again after its end.
    """
    ordered = sorted((note for note in notes if not note.to_customer), key=lambda note: note.id)
    ends = {found[1]: End(found[2]) for note in ordered if (found := END.fullmatch(note.text.strip()))}
    claims: dict[str, Claim] = {}
    for note in ordered:
        if found := CLAIM.fullmatch(note.text.strip()):
            operation, amount, key = found.groups()
            end = ends.get(operation)
            claims.setdefault(
                operation, Claim(note=note.id, operation=operation, key=key, amount=amount, end=end)
            )
    return tuple(claims.values())


def claim_of(claims: Iterable[Claim], operation: str) -> Claim | None:
    """The claim of `operation`, if it has one."""
    return next((claim for claim in claims if claim.operation == operation), None)


def same(claims: Iterable[Claim], stamp: Stamp) -> frozenset[str]:
    """The operations that are this one: itself, and those of its key, on this host or another."""
    return frozenset({stamp.operation, *(claim.operation for claim in claims if claim.key == stamp.key)})


def open_claims(claims: Iterable[Claim], *, ended: Collection[str] = ()) -> list[Claim]:
    """Claims whose end nobody wrote down; `ended` are operations known to have ended all the same."""
    return [claim for claim in claims if claim.end is None and claim.operation not in ended]


class Turn(StrEnum):
    """What an operation that has claimed an order may do now."""

    GO = "go"
    WAIT = "wait"
    """Others claimed it later: they give way, or have gone on without having seen this claim."""
    GIVE_WAY = "give_way"
    UNSEEN = "unseen"
    """Its own claim is not among the notes yet, so others may not be, either."""
    LOST = "lost"
    """Its own claim was closed by another hand."""


@frozen
class Judgement:
    """Whose turn it is; `rival` is the claim that stands in the way, where one does."""

    turn: Turn
    rival: Claim | None = None


def judge(claims: Collection[Claim], operation: str, *, ended: Collection[str] = ()) -> Judgement:
    """What `operation` may do, by all claims of the order read after its own was written."""
    own = claim_of(claims, operation)
    if own is None:
        return Judgement(turn=Turn.UNSEEN)
    if own.end is not None:
        return Judgement(turn=Turn.LOST)
    rivals = [claim for claim in open_claims(claims, ended=ended) if claim.operation != operation]
    if not rivals:
        return Judgement(turn=Turn.GO)
    first = min(rivals, key=lambda claim: claim.note)
    return Judgement(turn=Turn.GIVE_WAY if first.note < own.note else Turn.WAIT, rival=first)
