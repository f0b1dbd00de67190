"""`billctl GATEWAY pdf`: an invoice as a PDF file."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from billctl.cli.action_options import AccountName
from billctl.cli.layout import Line
from billctl.cli.lazy import single
from billctl.cli.opening import session_of
from billctl.cli.options import Choices, choices
from billctl.cli.output import Result
from billctl.cli.resend import invoice_ids
from billctl.errors import UsageError
from billctl.gateway import Capability
from billctl.models import Invoice
from billctl.session import Session

ACTION = "pdf"
STDOUT = "-"
TO_A_FILE = "Name a file: --out invoice.pdf."

Write = Callable[[bytes], object]


def pdf(
    context: typer.Context,
    invoice: Annotated[
        str, typer.Argument(metavar="INVOICE", help="The invoice's id.", autocompletion=invoice_ids)
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE|-", help="A new file, or - (the default) for standard output in a pipe."
        ),
    ] = STDOUT,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it is there.")] = False,
    account: AccountName = None,
) -> Result:
    """Write an invoice as a PDF file.

    \b
    Examples:
      billctl GATEWAY pdf INVOICE --out invoice.pdf
      billctl GATEWAY pdf INVOICE > invoice.pdf

    The file is readable by this user only, and whole or not there at all. Exit codes: 0 written, 2 FILE
    cannot be made or this gateway makes no PDF, 3 no such invoice, 9 the file cannot be written.
    """
    from billctl.cli.invoice_reading import of_invoice

    chosen = choices(context)
    gateway = str(context.parent.info_name) if context.parent else ""
    with session_of(chosen) as session, _target(out, chosen, replace=force) as write:
        found, content = of_invoice(
            session,
            (gateway, invoice, account),
            Capability.INVOICE_PDF,
            "make a PDF of an invoice",
            lambda at, record: at.invoice_pdf(record),
        )
        if session.profile.audit.reads:
            session.log.note(
                ACTION, account=found.account, gateway=gateway, object_type="invoice", object_id=found.id
            )
        write(content)
        return _result(session, found, out, len(content))


@contextmanager
def _target(out: str, chosen: Choices, *, replace: bool) -> Iterator[Write]:
    """What writes the PDF; the file is there once the block has ended well."""
    from billctl.audit.new_file import new_file

    if out != STDOUT:
        with new_file(Path(out), replace=replace) as target:
            yield target.write
        return
    if sys.stdout.isatty():
        raise UsageError("a PDF is nothing for a terminal", code="no_file", hint=TO_A_FILE)
    if chosen.output or chosen.fields or chosen.jq:
        raise UsageError(
            "the PDF itself is the output: -o, --fields and --jq do not go with it",
            code="bad_output",
            hint=TO_A_FILE,
        )
    chosen.output = "tsv"  # whatever $BILLCTL_OUTPUT says: no other document may follow the PDF
    yield sys.stdout.buffer.write
    sys.stdout.flush()


def _result(session: Session, invoice: Invoice, out: str, size: int) -> Result:
    mode = str(session.profile.mode)
    if out == STDOUT:
        return Result(data={}, profile=session.profile.name, mode=mode)
    data: dict[str, Any] = {"ref": invoice.ref, "number": invoice.number, "file": out, "bytes": size}
    return Result(
        data=data,
        records=[{"type": "pdf"} | data],
        columns=("ref", "number", "file", "bytes"),
        view=[Line((f"invoice {invoice.number or invoice.id}, {size:,} bytes, written to {out}",))],
        profile=session.profile.name,
        mode=mode,
        success_is_silent=True,
    )


app = single(pdf)
