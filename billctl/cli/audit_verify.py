"""`billctl audit verify`: whether the record is whole, and as it was when it was anchored."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.audit_anchor import specs_of
from billctl.cli.audit_log import log_path, reading
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import Choices, choices
from billctl.cli.output import Result
from billctl.cli.views import local_time
from billctl.errors import BillctlError, ConfigError, StoreError
from billctl.models import rfc3339
from billctl.paths import state_dir

if TYPE_CHECKING:
    from billctl.audit.anchors.compare import Comparison, Reading
    from billctl.audit.anchors.spec import Spec
    from billctl.audit.verify import Verdict

VERDICT_COLUMNS = ("records", "whole", "head.hash")
LIMIT = 30.0
"""Seconds in which all anchors together must have been read."""


def verify(
    context: typer.Context,
    integrity: Annotated[
        bool, typer.Option("--integrity", help="Also check the database's own pages and indexes (slower).")
    ] = False,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor", metavar="SPEC", help="Compare with this anchor, and fail without it; repeatable."
        ),
    ] = None,
) -> Result:
    """Prove the log from its bytes.

    \b
    Examples:
      billctl audit verify
      billctl audit verify --anchor git:/var/lib/billctl-anchor
      billctl audit verify -o json --jq .data.head.hash

    Every number, hash, link and operation is checked. A chain by itself cannot show that records were
    cut off at the end, or that everything was written anew with new hashes: the checkpoints that
    `billctl audit anchor` left elsewhere can, back to the last one. Without --anchor those of the
    chosen profile are compared, and one that cannot be read is a warning.
    Exit codes: 0 whole, 9 broken, changed since it was anchored, or not comparable with --anchor.
    """
    from billctl.audit.verify import verify as prove

    chosen = choices(context)
    warnings: list[str] = []
    specs = specs_of(anchor, "--anchor") if anchor else _of_profile(chosen, warnings)
    readings = _readings(specs)
    try:
        verdict = prove(log_path(), integrity=integrity)
    except StoreError as error:
        if error.code != "store_missing":
            raise
        verdict = None
    comparisons = _compared(readings, verdict)
    found = _Found(verdict, comparisons, named=bool(anchor))
    return Result(
        data=found.data(),
        records=[{"type": "verdict"} | found.data()],
        columns=(*VERDICT_COLUMNS, "broken", "why") if found.error else VERDICT_COLUMNS,
        view=[] if found.error else [Line((found.told(),))],
        warnings=[*warnings, *found.remarks()],
        error=found.error,
        profile=chosen.profile,
        success_is_silent=True,
    )


def _of_profile(chosen: Choices, warnings: list[str]) -> "list[Spec]":
    """The anchors of the chosen profile; none where there is no profile, or none that can be read."""
    from billctl.audit.anchors.spec import parse
    from billctl.profiles import chosen_profile, load_profile
    from billctl.session import installed_gateways

    try:
        name = chosen_profile(chosen.profile, os.environ)
        if name is None:
            return []
        profile = load_profile(name, env=os.environ, gateways=installed_gateways(os.environ))
    except ConfigError as error:
        warnings.append(f"the profile's anchors were not compared: {error.message}")
        return []
    return [parse(text) for text in profile.audit.anchors]


def _readings(specs: "Sequence[Spec]") -> "list[Reading]":
    if not specs:
        return []
    from billctl.audit.anchors.compare import read_anchors

    return read_anchors(specs, state_dir=state_dir(os.environ), limit=LIMIT)


def _compared(readings: "list[Reading]", verdict: "Verdict | None") -> "list[Comparison]":
    if not readings or (verdict and not verdict.ok and not verdict.records):
        return []  # with no record proved it is not known whose checkpoints to look for
    from billctl.audit.anchors.compare import compare
    from billctl.audit.checkpoint import origin_of

    with reading() as store:
        if store is None or verdict is None or not verdict.records:
            return compare(readings, origin=None, records=0, hash_of=lambda _: None)
        log = store

        def hash_of(seq: int) -> str | None:
            record = log.record(seq)
            return record.hash if record else None

        return compare(readings, origin=origin_of(log), records=verdict.records, hash_of=hash_of)


class _Found:
    """What was proved, and what the anchors say to it; no `verdict` means that there is no log."""

    def __init__(self, verdict: "Verdict | None", comparisons: "list[Comparison]", *, named: bool) -> None:
        self.verdict = verdict
        self.records = verdict.records if verdict else 0
        self.head = verdict.head if verdict else None
        self.comparisons = comparisons
        self.named = named
        self.error: BillctlError | None = self._broken() or self._changed() or self._unproved()

    def _broken(self) -> StoreError | None:
        if self.verdict is None or self.verdict.ok:
            return None
        broken = self.verdict.broken
        where = f" at record {broken}" if broken else ""
        # What is wrong beside the chain, as with a private part, leaves the chain proved beyond it.
        end = " before it" if broken and broken > self.records else ""
        proved = (
            f"The chain is whole for {_records(self.records)}{end}" if self.records else "No record is proved"
        )
        return StoreError(
            f"the audit log is broken{where}: {self.verdict.why}",
            code="chain_broken",
            hint=f"{proved}{self._last_agreeing('; ')}. Keep the file as it is; find who changed it.",
        )

    def _changed(self) -> StoreError | None:
        if not self.comparisons:
            return None
        from billctl.audit.anchors.compare import disagreement, told

        found = disagreement(self.comparisons, records=self.records)
        if found is None:
            return None
        what, good = found
        last = f"The last anchoring that agrees: {good[0].size:,} records {told(good)}" if good else ""
        return StoreError(
            what,
            code="anchor_disagrees",
            hint=f"{last or 'No anchoring agrees'}. Keep the log and the anchors; find who changed it.",
        )

    def _unproved(self) -> StoreError | None:
        if not self.named:
            return None
        remarks = self.remarks(always=True)
        if not remarks:
            return None
        return StoreError(remarks[0], code="not_compared", hint="Nothing else was found to be wrong.")

    def remarks(self, *, always: bool = False) -> list[str]:
        """What could not be compared, as warnings; with named anchors that is the error."""
        if not self.comparisons or (self.named and not always):
            return []
        from billctl.audit.anchors.compare import remarks

        return list(remarks(self.comparisons))

    def _last_agreeing(self, before: str) -> str:
        if not self.comparisons:
            return ""
        from billctl.audit.anchors.compare import last_agreeing, told

        good = last_agreeing(self.comparisons)
        return f"{before}anchored at {good[0].size:,} {told(good)}" if good else ""

    def told(self) -> str:
        """The one line of a log that is whole."""
        if not self.records or self.head is None:
            return "nothing recorded yet"
        digest = self.head.hash
        head = f"{digest[:8]}…{digest[-4:]}"
        return f"{_records(self.records)}, chain whole, head {head}{self._anchored()}"

    def _anchored(self) -> str:
        if not self.comparisons:
            return ""
        from billctl.audit.anchors.compare import last_agreeing

        good = last_agreeing(self.comparisons)
        if not good:
            return " · not anchored"
        times = [mark.anchored.time for mark in good if mark.anchored.time]
        when = f" {local_time(max(times))}" if times else ""
        kinds = ", ".join(dict.fromkeys(mark.spec.kind for mark in good))
        return f" · last anchored{when} ({kinds}), {_records(self.records - good[0].size)} since"

    def data(self) -> dict[str, Any]:
        """The verdict for machines."""
        broken = {} if self.verdict is None or self.verdict.ok else {"broken": self.verdict.broken}
        why = (
            {"why": self.verdict.why if broken and self.verdict else self.error.message} if self.error else {}
        )
        return {
            "whole": self.error is None,
            "records": self.records,
            "head": {"seq": self.records, "hash": self.head.hash if self.head else None},
            **broken,
            **why,
            "anchors": [_anchor_data(each) for each in self.comparisons],
        }


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _anchor_data(comparison: "Comparison") -> dict[str, Any]:
    wrong = (*comparison.changed, *comparison.cut)
    error = comparison.reading.error
    last = comparison.agreeing[-1] if comparison.agreeing else None
    time = last.anchored.time if last else None
    status = "unreachable" if error else "disagrees" if wrong else "agrees" if last else "none"
    return {
        "anchor": comparison.reading.spec.text,
        "status": status,
        "checkpoints": len(comparison.held),
        "last": {"size": last.size, "time": rfc3339(time) if time else None} if last else None,
        "disagree": [mark.size for mark in wrong],
        "note": error.message if error else None,
    }


app = single(verify)
