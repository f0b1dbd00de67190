"""Records of one kind from one account or several at once, merged newest first, under one deadline.

An account that is down, slow or unable never hides what the others listed, and what an account listed
before it failed is kept.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from billctl.errors import BillctlError, NoAnswer, Partial, Unsupported, UsageError, gravest
from billctl.fanout import Deadline, ask_each
from billctl.filters import Keep
from billctl.frozen import frozen, replace
from billctl.gateway import Capability, Gateway, Selection
from billctl.models import Record
from billctl.session import Opened, Session

UNABLE = frozenset({"unsupported", "bad_filter", "extension_missing", "too_old"})
"""Codes of what a gateway cannot do: it has no such list, or cannot filter so; or this account of it lacks
what that takes (a store's extension, or its version)."""

ENDLESS = 1_000_000
"""Records that are read of an account at most, to find those that are wanted."""

Reader = Callable[[Selection], Iterator[Record]]


@frozen
class Part:
    """What one account listed, newest first, and why that is not all, where it is not.

    `notes` say what its gateway never lists. `unable`: nothing went wrong, its gateway cannot list that.
    """

    account: str
    records: tuple[Record, ...]
    error: BillctlError | None = None
    notes: tuple[str, ...] = ()

    @property
    def unable(self) -> bool:
        """Whether the account's gateway cannot list that at all."""
        return isinstance(self.error, UsageError) and self.error.code in UNABLE and not self.records


@frozen
class Listing:
    """The newest records of all accounts, at most as many as were asked for; `more`: there are more."""

    kind: str
    records: tuple[Record, ...]
    more: bool
    parts: tuple[Part, ...]

    @property
    def errors(self) -> list[BillctlError]:
        """Why accounts failed, wholly or after a part."""
        return [part.error for part in self.parts if part.error and not part.unable]

    @property
    def warnings(self) -> list[str]:
        """Which accounts cannot list that, and what the others do not list."""
        unable = [(part.account, part.error.message) for part in self.parts if part.error and part.unable]
        limited = [(part.account, note) for part in self.parts for note in part.notes]
        return [why if why.startswith(f"{name} ") else f"{name}: {why}" for name, why in (*unable, *limited)]


def list_records(
    session: Session, kind: str, selection: Selection, accounts: Sequence[str], *, keep: Keep | None = None
) -> Listing:
    """The `selection.limit` newest records of `kind` (`charges`, `customers`, …) at `accounts`, of those
    only that `keep` wants.

    Of one instant, those of the earlier account come first. What goes wrong at an account is in its part.
    """
    session.prepare()
    deadline = Deadline(session)
    wanted = _Wanted(selection=replace(selection, limit=selection.limit + 1), keep=keep)
    read = {name: _Read() for name in accounts}
    asked = ask_each(
        session, accounts, lambda name: _read(session, name, kind, wanted, read[name]), deadline=deadline
    )
    parts = tuple(_part(session, name, answer, read[name], deadline) for name, answer in asked)
    merged = sorted((record for part in parts for record in part.records), key=_created, reverse=True)
    return Listing(
        kind=kind,
        records=tuple(merged[: selection.limit]),
        more=len(merged) > selection.limit,
        parts=parts,
    )


@frozen
class _Wanted:
    """What is read of each account: one record more than asked for, which tells whether there are more."""

    selection: Selection
    keep: Keep | None

    def of(self, records: Iterator[Record], opening: Callable[[], Opened]) -> Iterator[Record]:
        """The records that are wanted, as many as are."""
        if self.keep is None:
            return records
        kept = (record for record in records if self.keep(opening(), record))
        return islice(kept, self.selection.limit)

    @property
    def asked(self) -> Selection:
        """What is asked of the gateway: without end where only here can be told what counts."""
        return self.selection if self.keep is None else replace(self.selection, limit=ENDLESS)


class _Read:
    """What came from an account so far, and what its gateway says of the list."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.notes: tuple[str, ...] = ()


def exit_error(listing: Listing) -> BillctlError | None:
    """The error that decides a list's exit code, None when every account that can list answered."""
    unable = [part.error for part in listing.parts if part.error and part.unable]
    if len(unable) == len(listing.parts):
        return gravest(unable)
    wrong = [part for part in listing.parts if part.error and not part.unable]
    failed = [part.account for part in wrong if not part.records]
    partly = [part.account for part in wrong if part.records]
    if failed and len(failed) + len(unable) == len(listing.parts):
        return gravest(listing.errors)
    if len(listing.parts) == 1 and partly:
        (error,) = listing.errors
        return Partial(error.message, code=error.code, hint=error.hint, account=error.account)
    if failed or partly:
        missing = [f"no answer from {', '.join(failed)}"] if failed else []
        missing += [f"not everything could be read at {', '.join(partly)}"] if partly else []
        return Partial(f"{'; '.join(missing)}; the rest is complete", code="partial")
    return None


def _created(record: Record) -> datetime:
    """When the record was made; what does not say comes last."""
    created = getattr(record, "created", None)
    return created if isinstance(created, datetime) else datetime.min.replace(tzinfo=UTC)


def _read(session: Session, name: str, kind: str, wanted: _Wanted, into: _Read) -> None:
    """Add what the account lists to `into`, as it comes."""
    gateway = session.gateway(name)
    if Capability(f"list_{kind}") not in gateway.capabilities:
        raise Unsupported(f"{gateway.account.gateway} cannot list {kind}", code="unsupported")
    opening = session.opening(name)
    try:
        for record in wanted.of(_reader(gateway, kind)(wanted.asked), opening):
            into.records.append(record)
        into.notes = gateway.list_notes(kind, wanted.asked)
    finally:
        _prove(opening, into.records)


def _prove(opening: Callable[[], Opened], into: list[Record]) -> None:
    """Raise what opening the account raises: credentials of the wrong mode or account outrank what was
    read with them."""
    try:
        opening()
    except BillctlError:
        into.clear()
        raise


def _part(session: Session, name: str, answer: BillctlError | None, read: _Read, deadline: Deadline) -> Part:
    if answer is None or answer.code != "deadline":
        return Part(account=name, records=tuple(read.records), error=answer, notes=read.notes)
    proved = name in {opened.account.name for opened in session.opened()}
    records = tuple(read.records) if proved else ()
    if records:
        answer = NoAnswer(
            f"only the newest {len(records)} could be read within {deadline.seconds:g} s",
            code="deadline",
            hint="Narrow the list (--since, --limit), or raise the profile's deadline.",
            account=name,
        )
    return Part(account=name, records=records, error=answer)


def _reader(gateway: Gateway, kind: str) -> Reader:
    readers: dict[str, Reader] = {
        "customers": gateway.list_customers,
        "charges": gateway.list_charges,
        "refunds": gateway.list_refunds,
        "subscriptions": gateway.list_subscriptions,
        "invoices": gateway.list_invoices,
        "disputes": gateway.list_disputes,
    }
    return readers[kind]
