"""The shelf: where plans lie that nobody gave a place, and what is known of every plan and its last run.

Each plan has a file `ID.json` there (0600), which names it, sums it up and says what came of it. It is a
convenience: what was done is in the audit log, and a plan without it is applied by its path.
"""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from billctl.audit.new_file import new_file
from billctl.batch.model import Header
from billctl.batch.plan_file import PlanFile, open_plan
from billctl.batch.plan_form import BATCH_ID
from billctl.errors import Busy, StoreError, UsageError
from billctl.frozen import field, fields, frozen, replace
from billctl.models import data
from billctl.money import Money
from billctl.paths import ensure_private_dir
from billctl.store.interface import Store
from billctl.text import to_json

FOLDER = "batches"
PREFIX = "bat_"
SUFFIX = ".plan"
LIST = "See `billctl batch list`."
SHORTEST = 8
"""Characters of an id, its prefix among them, that are enough to name a batch."""


class State(StrEnum):
    """How far a plan is, by its last run."""

    PLANNED = "planned"
    RUNNING = "running"
    STOPPED = "stopped"
    """A run ended before its last row; the plan can be applied again."""
    DONE = "done"
    DONE_WITH_FAILURES = "done with failures"


@frozen
class Run:
    """One run of a plan. `ended` None: it goes on, or it died. `counts` are its rows by outcome, `stop` why
    it ended before its last row (`model.Stop`)."""

    started: datetime
    ended: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    not_reached: int = 0
    stop: str | None = None
    results: str | None = None
    failures: str | None = None


@frozen
class Kept:
    """What the shelf says of one plan. `path` is absolute; the plan may not be there any more."""

    id: str
    path: Path
    verb: str
    profile: str
    mode: str
    created: datetime
    rows: int
    ready: int
    already_done: int
    left_out: int
    totals: tuple[Money, ...]
    hash: str
    run: Run | None = None


class Shelf:
    """The shelf in a state directory. Raises `StoreError` where it cannot be read or written."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FOLDER

    def folder(self) -> Path:
        """The folder, made private and created where missing."""
        return ensure_private_dir(self._path)

    def new_path(self, header: Header) -> Path:
        """Where a plan lies that is given no other place."""
        name = f"{header.verb}-{header.created.date().isoformat()}-{header.id[-6:].lower()}"
        return self.folder() / f"{name}{SUFFIX}"

    def add(self, path: Path, header: Header, digest: str) -> Kept:
        """Take a new plan, of the hash `digest`."""
        kept = Kept(
            id=header.id,
            path=path.absolute(),
            verb=header.verb,
            profile=header.profile,
            mode=header.mode,
            created=header.created,
            rows=header.rows,
            ready=header.ready,
            already_done=header.already_done,
            left_out=header.left_out,
            totals=header.totals,
            hash=digest,
        )
        self._write(kept)
        return kept

    def note(self, kept: Kept, run: Run) -> Kept:
        """Keep what came of a plan."""
        noted = replace(kept, run=run)
        self._write(noted)
        return noted

    def get(self, batch_id: str) -> Kept | None:
        """What is known of a batch by its whole id; None where there is no such file, or it is unreadable."""
        if not BATCH_ID.fullmatch(batch_id):
            return None
        try:
            return _read((self._path / f"{batch_id}.json").read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be read: {error.strerror}", code="shelf_unreadable"
            ) from error

    def kept(self) -> list[Kept]:
        """Every plan that is known, newest first: ids sort by the time they were made."""
        return [kept for name in self._ids() if (kept := self.get(name))]

    def open(self, word: str) -> PlanFile:
        """The plan that a person names: by its path or its name on the shelf, its id or the unique beginning
        of one.

        Raises `UsageError` for what begins as an id and is none, or the beginning of several, and where
        another plan lies by now where the named one did; else as `open_plan`.
        """
        path = Path(word)
        if path.exists() or not word.upper().startswith(PREFIX.upper()):
            on_shelf = self._path / path.name
            by_name = word == path.name and not path.exists() and on_shelf.exists()
            return open_plan(on_shelf if by_name else path)
        kept = self._by_id(word)
        plan = open_plan(kept.path)
        if plan.header.id != kept.id:
            plan.close()
            raise UsageError(
                f"{kept.path} holds another plan by now than {kept.id}", code="plan_changed", hint=LIST
            )
        return plan

    def _by_id(self, word: str) -> Kept:
        wanted = PREFIX + word[len(PREFIX) :].upper()
        found = [name for name in self._ids() if name.startswith(wanted)]
        if len(wanted) < SHORTEST or len(found) != 1:
            why = f"is the beginning of {len(found)} batches' ids" if found else "is no batch's id"
            why = "is too short a beginning" if len(wanted) < SHORTEST else why
            raise UsageError(f"{word[:60]!r} {why}", code="no_such_batch", hint=LIST)
        kept = self.get(found[0])
        if kept is None:
            raise UsageError(
                f"{self._path / found[0]}.json cannot be used",
                code="no_such_batch",
                hint="Name the plan by its path.",
            )
        return kept

    def _ids(self) -> list[str]:
        try:
            names = [path.stem for path in self._path.iterdir() if path.suffix == ".json"]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be read: {error.strerror}", code="shelf_unreadable"
            ) from error
        return sorted(filter(BATCH_ID.fullmatch, names), reverse=True)

    def _write(self, kept: Kept) -> None:
        found = {name: data(value) for name, value in fields(kept).items() if name not in {"path", "run"}}
        found |= {"path": os.fspath(kept.path)}
        if kept.run:
            found["run"] = {name: data(value) for name, value in fields(kept.run).items()}
        with new_file(self.folder() / f"{kept.id}.json", replace=True) as file:
            file.write(to_json(found, indent=1).encode() + b"\n")


def state_of(kept: Kept, store: Store) -> State:
    """How far a plan is. One whose run did not say how it ended is being applied if its lock is held."""
    run = kept.run
    if run is None:
        return State.PLANNED
    if run.ended is None:
        return State.RUNNING if _is_held(kept, store) else State.STOPPED
    if run.stop or run.not_reached:
        return State.STOPPED
    return State.DONE_WITH_FAILURES if run.failed else State.DONE


def _is_held(kept: Kept, store: Store) -> bool:
    try:
        with store.lock_object(lock_name(kept.id)):
            return False
    except Busy:
        return True


def lock_name(batch_id: str) -> str:
    """What a run of the batch holds (`Store.lock_object`)."""
    return f"batch|{batch_id}"


def _read(raw: bytes) -> Kept | None:
    try:
        found: dict[str, Any] = json.loads(raw.decode("utf-8", "surrogateescape"))
        run = found.pop("run", None)
        found["path"] = Path(found["path"])
        found["created"] = datetime.fromisoformat(found["created"])
        found["totals"] = tuple(Money(each["minor"], each["currency"]) for each in found["totals"])
        return Kept(**found, run=_run(run) if run else None)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError):
        return None  # a convenience that is broken hides no other


def _run(found: dict[str, Any]) -> Run:
    ended = found["ended"]
    times = {
        "started": datetime.fromisoformat(found["started"]),
        "ended": datetime.fromisoformat(ended) if ended else None,
    }
    return Run(**(found | times))
