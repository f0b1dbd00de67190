"""From a batch's FILE and options to a plan."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from billctl.batch.faults import RowFaults
from billctl.batch.planning import WORKERS, BatchRequest, Made, Tick, make_plan
from billctl.batch.reading import Chosen
from billctl.batch.rows import KindOf, RowDefaults, read_rows
from billctl.batch.shelf import Shelf
from billctl.cli import progress
from billctl.cli.act import ordinal
from billctl.cli.batch_options import VERBS, Asked
from billctl.cli.output import Result
from billctl.cli.times import age
from billctl.errors import NOTHING_SENT, BillctlError, Partial, UsageError
from billctl.gateway import When
from billctl.profiles.faults import suggestion
from billctl.reasons import check_reason
from billctl.session import Session

STDIN = "-"


def check_asked(asked: Asked) -> None:
    """Raise `UsageError` for what does not go together."""
    if asked.verb not in VERBS:
        raise UsageError(
            f"a batch cannot {asked.verb[:40]!r}",
            code="bad_verb",
            hint=suggestion(asked.verb, VERBS, f"It can {', '.join(VERBS)}."),
        )
    for option, chosen, verb in (
        ("--full", asked.full, "refund"),
        ("--at-period-end", asked.at_period_end, "cancel"),
        ("--now", asked.now, "cancel"),
        ("--again-after", asked.again_after, "resend"),
    ):
        if chosen and asked.verb != verb:
            raise UsageError(f"{option} is for {verb}, not for {asked.verb}", code="bad_option")
    if asked.at_period_end and asked.now:
        raise UsageError("--at-period-end and --now exclude each other", code="bad_when")


def plan_of(
    session: Session,
    asked: Asked,
    options: Mapping[str, Any],
    *,
    path: Path | None = None,
    dry_run: bool = False,
    workers: int = WORKERS,
    tick: Tick = lambda _done, _rows: None,
) -> Made | None:
    """The plan of what is asked for, on disk unless `dry_run`; None where the input has no rows.

    `options` are the action options (`Choices.action`), `path` where the plan is to lie. Raises `RowFaults`
    with all that is wrong with the input, what `make_plan` raises, and `Partial` where there are no rows
    because a list could not read them.
    """
    check_asked(asked)
    defaults, chosen = _defaults(session, asked, options), _chosen(asked, options)
    kinds = {name: _kind_of(session, name) for name in session.profile.accounts}
    folder = Shelf(session.state_dir).folder()
    with _opened(asked.file) as stream:
        spool = read_rows(
            stream, source=asked.file, verb=asked.verb, accounts=kinds, defaults=defaults, folder=folder
        )
    with spool:
        if not len(spool):
            if spool.warnings:
                raise _no_rows(spool.warnings)
            return None
        request = BatchRequest(
            chosen=chosen,
            source=asked.file,
            reason=defaults.reason,
            live=tuple(options.get("live") or ()),
        )
        return make_plan(session, spool, request, path=path, dry_run=dry_run, workers=workers, tick=tick)


def faults_result(faults: RowFaults, session: Session) -> Result:
    """What a command prints of an input with faults: each with its line."""
    found = [{"line": fault.line, "code": fault.code, "message": fault.what} for fault in faults.faults]
    return Result(
        data={"faults": found, "count": faults.count},
        error=faults,
        profile=session.profile.name,
        mode=str(session.profile.mode),
    )


def _defaults(session: Session, asked: Asked, options: Mapping[str, Any]) -> RowDefaults:
    defaults = RowDefaults(
        account=options.get("account"),
        full=asked.full,
        reason=options.get("reason"),
        reason_code=options.get("reason_code"),
        ticket=options.get("ticket"),
    )
    if defaults.account is not None:
        session.gateway_of(defaults.account)
    check_reason(
        "in the rows" if defaults.reason is None else defaults.reason,
        ticket=defaults.ticket,
        reason_code=defaults.reason_code,
    )
    return defaults


def _chosen(asked: Asked, options: Mapping[str, Any]) -> Chosen:
    again = options.get("again")
    if again is not None and asked.again_after is not None:
        raise UsageError("--again and --again-after exclude each other", code="bad_again")
    return Chosen(
        verb=asked.verb,
        when=When.NOW if asked.now else When.PERIOD_END,
        again=ordinal(again),
        again_after=age(asked.again_after, "--again-after"),
    )


def _kind_of(session: Session, account: str) -> KindOf:
    """What the ids of an account tell by their form; nothing where it cannot be used, which is told later."""
    known: list[KindOf] = []

    def kind_of(object_id: str) -> str | None:
        if not known:
            try:
                known.append(session.gateway(account).kind_of)
            except BillctlError:
                known.append(lambda _object_id: None)
        return known[0](object_id)

    return kind_of


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        if sys.stdin is None:
            raise UsageError("standard input is closed", code="bad_file", hint="Name the file of the rows.")
        if sys.stdin.isatty():
            progress.end()  # rows are typed
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115  # closed below
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}", code="bad_file", hint="`-` reads standard input."
        ) from error
    with stream:
        yield stream


def _no_rows(warnings: tuple[str, ...]) -> Partial:
    error = Partial(f"there are no rows, and {'; '.join(warnings)}", hint="See why, then run it again.")
    error.sent = NOTHING_SENT
    return error
