"""The audit log of a batch as it is on disk, followed from one death of billctl to the next.

It is read in a copy of the files: billctl would repair what it opens. What was once there must still be.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from billctl.audit.chain import digest, lead
from billctl.audit.private import hash_named
from billctl.store.interface import GENESIS


@dataclass(frozen=True)
class Intent:
    """What the log says of an operation before it was sent."""

    operation: str
    account: str
    object_id: str
    action: str
    key: str
    minor: int
    reason: str
    batch: str | None
    plan_hash: str | None
    login: str | None

    @property
    def ref(self) -> str:
        """`ACCOUNT:ID` of its object."""
        return f"{self.account}:{self.object_id}"


@dataclass
class FollowedLog:
    """The log of `state_dir` as far as `follow` has read it.

    `intents` and `states` are by operation; it has a state once an outcome of it is recorded. `denied` are
    the records of attempts that were refused here, `notes` those of neither.
    """

    state_dir: Path
    intents: dict[str, Intent] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)
    denied: list[dict[str, Any]] = field(default_factory=list)
    seq: int = 0
    hash: str = GENESIS

    def follow(self) -> None:
        """Read the records that are new, each of which must be whole and follow the one before it."""
        with self._copied() as database:
            if database is None:
                assert not self.seq, "the log is gone"
                return
            if self.seq:
                (known,) = database.execute("SELECT hash FROM record WHERE seq=?", (self.seq,)).fetchone()
                assert known == self.hash, "a record that was there is another one now"
            rows = database.execute(
                "SELECT seq, hash, record.body, private.body FROM record LEFT JOIN private USING (seq) "
                "WHERE seq>? ORDER BY seq",
                (self.seq,),
            )
            for row in rows:
                self._take(*row)

    def _take(self, seq: int, named: str, body: str, private: str | None) -> None:
        assert body.startswith(lead(self.seq + 1, self.hash) + ","), f"record {seq} does not follow"
        assert digest(body) == named, f"record {seq} is not what was hashed"
        assert private is None or digest(private) == hash_named(body), f"record {seq}: its private part"
        self.seq, self.hash = seq, named
        said = json.loads(body) | json.loads(private or "{}")
        if said["phase"] == "intent":
            self._begin(said)
        elif said["phase"] == "outcome":
            assert said["operation"] in self.intents, "an outcome without its intent"
            self.states[said["operation"]] = said["state"]
        elif said["phase"] == "denied":
            self.denied.append(said)
        else:
            self.notes.append(said)

    def _begin(self, said: dict[str, Any]) -> None:
        assert said["operation"] not in self.intents
        self.intents[said["operation"]] = Intent(
            operation=said["operation"],
            account=said["account"],
            object_id=said["object_id"],
            action=said["action"],
            key=said["key"],
            minor=(said.get("amount") or {"minor": 0})["minor"],
            reason=said["reason"],
            batch=said.get("batch"),
            plan_hash=said.get("plan_hash"),
            login=said["actor"].get("login"),
        )

    @contextmanager
    def _copied(self) -> Iterator[sqlite3.Connection | None]:
        with TemporaryDirectory(dir=self.state_dir.parent) as folder:
            for path in self.state_dir.glob("audit.sqlite*"):
                shutil.copy2(path, folder)
            log = Path(folder) / "audit.sqlite"
            if not log.exists() or not log.stat().st_size:
                yield None
                return
            with closing(sqlite3.connect(log)) as database:
                made = database.execute("SELECT 1 FROM sqlite_schema WHERE name='record'").fetchone()
                yield database if made else None
