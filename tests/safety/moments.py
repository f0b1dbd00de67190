"""The moments of a change: every call of one whole run, traced once, and those around what is sent."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from billctl.audit.chain import digest, seal
from billctl.store import connection, files
from billctl.store.interface import GENESIS
from billctl.store.schema import MIGRATIONS, instant
from tests.safety import programs
from tests.safety.acts import ACTS, Act, opened
from tests.safety.aftermath import environment, program
from tests.safety.sampling import SAMPLE
from tests.safety.strace import WHOLE, Call, calls, traced
from tests.shop import Shop

PARTS = 8
"""Into how many parts the moments of a change are dealt."""
SHARE = SAMPLE // 2 % PARTS
"""Which of them the slow run takes, two days long: what is halved besides comes by with each of them."""


def _nothing(shop: Shop) -> None:
    del shop


def _a_record(shop: Shop) -> None:
    assert (
        shop.run(*MISSING[getattr(shop, "gateway", "stripe")], "--full", "--reason", "first", "--yes").code
        == 3
    )


def _of_the_first_version(shop: Shop) -> None:
    log = shop.state_dir / "audit.sqlite"
    files.create(log)
    body = seal(1, GENESIS, {"phase": "created", "action": "log created", "time": instant(OLD), "format": 1})
    with closing(connection.connect(log, readonly=False)) as database:
        connection.migrate(database, MIGRATIONS[:1])
        database.execute("INSERT INTO record (seq, hash, body) VALUES (1, ?, ?)", (digest(body), body))


OLD = datetime(2026, 11, 1, tzinfo=UTC)
MISSING: Mapping[str, tuple[str, ...]] = {
    "stripe": ("stripe", "refund", "ch_1"),
    "paypal": ("paypal", "refund", "0AA00000AA0000000"),
    "braintree": ("braintree", "refund", "nothing1"),
    "woocommerce": ("woocommerce", "refund", "99999999"),
    "recurly": ("recurly", "refund", "nothing00001"),
}
LOGS: Mapping[str, Callable[[Shop], None]] = {
    "new": _nothing,
    "used": _a_record,
    "old": _of_the_first_version,
}
"""The log before: none, so that the change makes it; one with another attempt's record; or one of the first
schema, which the change brings up to date."""


@dataclass(frozen=True)
class Moments:
    """Every call of a whole run of a change, in their order."""

    act: Act
    calls: tuple[Call, ...]

    def _first(self, name: str, text: str, *, after: int = -1) -> int:
        """The place of the first such call; fails where there is none."""
        return next(
            place
            for place, call in enumerate(self.calls)
            if place > after and call.name == name and text in call.text
        )

    def _synced(self, write: int) -> int:
        """The place of the call that made a write durable."""
        file = self.calls[write].file
        return next(
            place
            for place, call in enumerate(self.calls)
            if place > write and call.name == "fdatasync" and call.file == file and call.result == 0
        )

    @property
    def written(self) -> int:
        """Where the intent is written."""
        return self._first("pwrite64", r"\"phase\":\"intent\"")

    @property
    def durable(self) -> int:
        """Where the intent's write has reached the disk."""
        return self._synced(self.written)

    @property
    def sent(self) -> int:
        """Where the change's request begins to leave."""
        return self._first("sendto", self.act.request)

    @property
    def answered(self) -> int:
        """Where its answer is waited for."""
        return self._first("recvfrom", "", after=self.sent)

    @property
    def recorded(self) -> int:
        """Where the outcome's write has reached the disk."""
        return self._synced(self._first("pwrite64", r"\"phase\":\"outcome\"", after=self.answered))

    @property
    def decisive(self) -> tuple[Call, ...]:
        """What makes the difference: the intent's sync, all that is sent and received, the outcome's sync."""
        between = (call for call in self.calls[self.durable : self.recorded + 1] if call.name != "pwrite64")
        return tuple(between)

    def parts(self) -> list[Sequence[Call]]:
        """All calls, dealt into PARTS; the sample has the decisive ones besides its share of the others."""
        others = [call for call in self.calls if call not in self.decisive]
        dealt: list[Sequence[Call]] = [others[part::PARTS] for part in range(PARTS)]
        dealt[SHARE] = (*self.decisive, *dealt[SHARE])
        return dealt


@cache
def moments(act: str, log: str, *, name: str = programs.RIGHT) -> Moments:
    """The moments of an act in one of the programs."""
    chosen = ACTS[act]
    with TemporaryDirectory() as folder, opened(chosen, Path(folder) / "shop") as shop:
        LOGS[log](shop)
        trace = Path(folder) / "trace"
        ran = traced(program(chosen, name=name), environment(shop), trace, shown=WHOLE)
        assert ran.code == 0, ran
        return Moments(chosen, tuple(calls(trace)))
