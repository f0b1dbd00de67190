"""Batches at gateways of nobody, in this process: plans of a few lines, applied under a recorder's eyes."""

import hashlib
import io
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from billctl.batch.apply import apply
from billctl.batch.model import Pending, Progress, RowResult
from billctl.batch.plan_file import PlanFile, open_plan
from billctl.batch.planning import BatchRequest, make_plan
from billctl.batch.reading import Chosen
from billctl.batch.rows import RowDefaults, read_rows
from billctl.batch.running import Applied, ApplyOptions
from billctl.gateway import Stamp
from billctl.models import Charge, Refund
from billctl.money import Money
from billctl.session import Opened, Session, open_session, utc_now
from tests.unit.acme import Acme, installed

WHY = "charged twice"
Act = Callable[[Charge, Stamp], None]


class Till(Acme):
    """A gateway whose charges can be told what to do when they are read, and when they are refunded.

    `reading` and `sending` are what happens then, by charge id; `*` is for all others. What a refund did is
    in `made`, whatever is raised after it (`after`).
    """

    reading: ClassVar[dict[str, Callable[[], None]]] = {}
    sending: ClassVar[dict[str, Act]] = {}
    after: ClassVar[dict[str, Act]] = {}
    reads: ClassVar[Counter[str]] = Counter()
    lock: ClassVar[threading.Lock] = threading.Lock()

    def get_charge(self, charge_id: str) -> Charge:
        with self.lock:
            self.reads[charge_id] += 1
        act = self.reading.get(charge_id) or self.reading.get("*")
        if act:
            act()
        return super().get_charge(charge_id)

    def refund(self, charge: Charge, amount: Money, *, stamp: Stamp) -> Refund:
        for acts in (self.sending, self.after):
            act = acts.get(charge.id) or acts.get("*")
            if acts is self.after:
                with self.lock:
                    done = super().refund(charge, amount, stamp=stamp)
            if act:
                act(charge, stamp)
        return done

    @classmethod
    def refunded(cls) -> Counter[str]:
        """How often each charge was refunded."""
        return Counter(refund.charge_id for refund in cls.made)


@dataclass
class Recorder:
    """Watches a run, agrees to everything, and does what it is told at each row."""

    agrees: BaseException | None = None
    goes_on: bool = True
    at_row: Callable[[RowResult], None] | None = None
    confirmed: list[int] = field(default_factory=list)
    rows: list[RowResult] = field(default_factory=list)
    looked: list[tuple[int, int]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    ticks: list[Progress] = field(default_factory=list)
    stops: int = 0

    def confirm(self, plan: PlanFile, opened: Mapping[str, Opened], pending: Pending) -> None:
        del plan, opened
        self.confirmed.append(pending.rows)
        if self.agrees:
            raise self.agrees

    def row(self, result: RowResult) -> None:
        self.rows.append(result)
        if self.at_row:
            self.at_row(result)

    def tick(self, progress: Progress) -> None:
        self.ticks.append(progress)

    def look(self, results: Sequence[RowResult], left: int) -> bool:
        self.looked.append((len(results), left))
        return self.goes_on

    def waiting(self, seconds: float) -> None:
        self.waited.append(seconds)

    def stopping(self) -> None:
        self.stops += 1

    def outcomes(self) -> dict[str, str]:
        """What became of each charge: its outcome, with the code where there is one."""
        return {
            result.row.object_id: f"{result.outcome} {result.code}" if result.code else result.outcome
            for result in self.rows
        }


@dataclass
class Desk:
    """Sessions of one profile with accounts `a` and `b`, and the plans made there."""

    folder: Path
    sessions: list[Session] = field(default_factory=list)
    plans: list[PlanFile] = field(default_factory=list)

    def profile(self, *, mode: str = "test", more: str = "", gateway: str = "till", **says: str) -> None:
        """Write the profile; `says` are settings of the accounts by name."""
        folder = self.folder / "config" / "profiles"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        account_id = 'account_id = "acme-1"\n' if mode == "live" else ""
        accounts = "".join(
            f'[accounts.{name}]\ngateway = "{gateway}"\n{account_id}says = "{says.get(name, "nothing")}"\n'
            for name in ("a", "b")
        )
        (folder / "shop.toml").write_text(f'mode = "{mode}"\n{more}\n{accounts}')

    def session(self, clock: Callable[[], Any] = utc_now) -> Session:
        """A new run under the profile."""
        session = open_session("shop", env=os.environ)
        session.clock = clock
        self.sessions.append(session)
        return session

    def plan(
        self,
        text: str,
        *,
        verb: str = "refund",
        path: Path | None = None,
        session: Session | None = None,
        full: bool = False,
    ) -> PlanFile:
        """A plan of CSV."""
        session = session or self.session()
        accounts = {name: session.gateway(name).kind_of for name in session.profile.accounts}
        spool = read_rows(
            io.BytesIO(text.encode()),
            source="rows.csv",
            verb=verb,
            accounts=accounts,
            defaults=RowDefaults(reason=WHY, full=full),
            folder=self.folder,
        )
        with spool:
            request = BatchRequest(chosen=Chosen(verb=verb), source="rows.csv", reason=WHY)
            plan = make_plan(session, spool, request, path=path or self.folder / "it.plan").plan
        self.plans.append(plan)
        return plan

    def edited(self, plan: PlanFile, change: Callable[[str], str]) -> PlanFile:
        """The plan after somebody changed it, hash and all."""
        body = change("".join(plan.path.read_text().splitlines(keepends=True)[:-1]))
        digest = hashlib.sha256(body.encode()).hexdigest()
        plan.path.write_text(f'{body}{{"type":"end","sha256":"{digest}"}}\n')
        found = open_plan(plan.path)
        self.plans.append(found)
        return found

    def apply(
        self,
        plan: PlanFile,
        watcher: Recorder | None = None,
        *,
        session: Session | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> Applied:
        """Apply a plan as a run from cron does, in a session of its own."""
        given: dict[str, Any] = {"yes": True, "workers": 4} | options
        return apply(
            session or self.session(),
            plan,
            ApplyOptions(**given),
            watcher or Recorder(),
            sleep=lambda _seconds: None,
            monotonic=monotonic,
        )


def refunds(*ids: str, account: str = "a", amount: str = "1.00") -> str:
    """The CSV of some refunds."""
    return "ref,amount\n" + "".join(f"{account}:{each},{amount}\n" for each in ids)


@pytest.fixture
def desk(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """A desk with a till."""
    installed(tmp_path_factory, monkeypatch, till=f"{__name__}:Till")
    for name in ("reading", "sending", "after"):
        monkeypatch.setattr(Till, name, {})
    monkeypatch.setattr(Till, "reads", Counter())
    found = Desk(tmp_path)
    found.profile()
    yield found
    for plan in found.plans:
        plan.close()
    for session in found.sessions:
        session.close()
