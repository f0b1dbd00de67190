"""`billctl audit verify`: whether the record is whole."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from billctl.cli.audit_log import log_path
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.options import choices
from billctl.cli.output import Result
from billctl.errors import StoreError
from billctl.store.interface import Head

if TYPE_CHECKING:
    from billctl.audit.verify import Verdict

VERDICT_COLUMNS = ("records", "whole", "head.hash")


def verify(
    context: typer.Context,
    integrity: Annotated[
        bool, typer.Option("--integrity", help="Also check the database's own pages and indexes (slower).")
    ] = False,
) -> Result:
    """Prove the log from its bytes.

    \b
    Examples:
      billctl audit verify
      billctl audit verify -o json --jq .data.head.hash

    Every number, hash, link and operation is checked. A chain by itself cannot show that records were
    cut off at the end, or that everything was written anew with new hashes: keep the head that this
    prints somewhere else, and compare.
    Exit codes: 0 whole, 9 broken.
    """
    from billctl.audit.verify import verify as prove

    chosen = choices(context)
    try:
        verdict = prove(log_path(), integrity=integrity)
    except StoreError as error:
        if error.code != "store_missing":
            raise
        return _verified(0, None, chosen.profile)
    if verdict.ok:
        return _verified(verdict.records, verdict.head, chosen.profile)
    return _broken(verdict, chosen.profile)


def _broken(verdict: "Verdict", profile: str | None) -> Result:
    where = f" at record {verdict.broken}" if verdict.broken else ""
    data = _verdict_data(verdict.records, verdict.head, whole=False)
    data |= {"broken": verdict.broken, "why": verdict.why}
    error = StoreError(
        f"the audit log is broken{where}: {verdict.why}",
        code="chain_broken",
        hint=f"{verdict.records} records before it are whole. Keep the file as it is; find who changed it.",
    )
    return Result(
        data=data,
        records=[{"type": "verdict"} | data],
        columns=(*VERDICT_COLUMNS, "broken", "why"),
        error=error,
        profile=profile,
    )


def _verified(records: int, head: Head | None, profile: str | None) -> Result:
    data = _verdict_data(records, head, whole=True)
    digest = data["head"]["hash"]
    text = f"{records:,} record{'' if records == 1 else 's'}, chain whole"
    told = f"{text}, head {digest[:8]}…{digest[-4:]}" if digest and records else "nothing recorded yet"
    return Result(
        data=data,
        records=[{"type": "verdict"} | data],
        columns=VERDICT_COLUMNS,
        view=[Line((told,))],
        profile=profile,
        success_is_silent=True,
    )


def _verdict_data(records: int, head: Head | None, *, whole: bool) -> dict[str, Any]:
    return {
        "whole": whole,
        "records": records,
        "head": {"seq": records, "hash": head.hash if head else None},
    }


app = single(verify)
