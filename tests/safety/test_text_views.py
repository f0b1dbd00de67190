"""No text from outside drives a terminal, Rich, a spreadsheet or a line format, in any view there is.

The views are found by their annotation, and their arguments built from theirs, with any text in every
string: a new view is held to this without being named here. `--hypothesis-profile=thorough` gives each many
more examples.
"""

import ast
import csv
import importlib
import inspect
import io
import json
import pkgutil
import re
import unicodedata
from collections.abc import Callable
from contextlib import redirect_stderr
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import billctl.cli
from billctl.approvals.judge import Verdict
from billctl.approvals.model import ApprovalRequest
from billctl.cli.account_check import STATUS_STYLES
from billctl.cli.doctor_checks import Finding
from billctl.cli.layout import Grid, Line, View, render
from billctl.cli.options import Choices
from billctl.cli.output import Result, cell_text, look, print_result, talk, talk_error
from billctl.cli.views import COLUMNS
from billctl.errors import Refused
from billctl.frozen import replace
from billctl.gateway import Capability
from billctl.models import Charge, Customer, Dispute, Invoice, Record, Refund, Subscription
from billctl.store.interface import StoredRecord
from billctl.text import csv_cell
from tests.built import PLAIN, TEXT, arguments, built
from tests.sources import nodes

FOLDER = Path(billctl.cli.__path__[0])
DRIVING = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
JOINERS = "\u200c\u200d"
UNSHRUNK = settings(
    phases=[Phase.reuse, Phase.generate], max_examples=10 if settings().max_examples < 100 else 100
)
"""A failing record of thirty fields takes minutes to make smaller, and says as much as it is.

Ten views and records by default, a hundred in the thorough run: each has dozens of texts.
"""
STYLE = re.compile(r"\x1b\[[0-9;]*m")


def driving(text: str, *, structure: str = "\n") -> list[str]:
    """The characters of `text` that a terminal would obey, but for those that give it its structure."""
    return [c for c in text if unicodedata.category(c) in DRIVING and c not in structure + JOINERS]


def shows_only(view: View) -> None:
    """Hold a view to being text, on terminals of any width and in a pipe, with colour and without."""
    for width in (None, 40, 100):
        plain = render(view, colour=False, width=width)
        assert driving(plain) == []
        coloured = STYLE.sub("", render(view, colour=True, width=width))
        assert [line.rstrip() for line in coloured.split("\n")] == plain.split("\n")


# Every view

VIEW = (View, list[Line | Grid])
NOT_HERE = {
    "output._fields_view": "see test_chosen_fields_are_shown_and_not_obeyed",
    "views._indented": "its argument is a view",
}


def views() -> dict[str, Callable[..., Any]]:
    """Every function of the command line that makes a view, by module and name."""
    found = {}
    for info in pkgutil.iter_modules(billctl.cli.__path__, "billctl.cli."):
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            ours = inspect.isfunction(function) and function.__module__ == info.name
            if ours and function.__annotations__.get("return") in VIEW:
                found[f"{info.name.rpartition('.')[2]}.{name}"] = function
    return found


VIEWS = {name: view for name, view in views().items() if name not in NOT_HERE}
KINDS = {kind.TYPE: kind for kind in (Customer, Charge, Refund, Subscription, Invoice, Dispute)}
CAPABLE = st.lists(st.sampled_from([str(one) for one in Capability]), max_size=3)
GATEWAY_ROW = st.fixed_dictionaries(
    {
        "name": TEXT,
        "fault": st.none() | TEXT,
        "capabilities": CAPABLE,
        "limits": CAPABLE.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, TEXT))),
    }
)
FAULT_ROW = st.fixed_dictionaries(
    {"gateway": TEXT, "kind": TEXT, "match": TEXT, "remaining": st.integers(1, 9)}
)
PLAN = st.fixed_dictionaries(
    dict.fromkeys(("account", "object_id", "gateway", "account_id", "reason", "customer", "action"), TEXT)
    | dict.fromkeys(("reason_code", "ticket"), st.none() | TEXT)
    | {"facts": st.lists(st.tuples(TEXT, TEXT), max_size=2), "live": st.booleans(), "amount": st.none()}
    | {"object_type": st.sampled_from(["charge", "batch"])}
)
RECORD = st.builds(
    lambda seq, hash, phase, fields: StoredRecord(
        seq=seq, hash=hash, body=json.dumps({"phase": phase, "time": "2026-11-21T14:02:00+00:00"} | fields)
    ),
    st.integers(1, 9),
    TEXT,
    TEXT,
    st.dictionaries(st.sampled_from(["action", "reason", "argv", "result", "before", "ticket"]), PLAIN[Any]),
)
RECONCILED = st.fixed_dictionaries(dict.fromkeys(("operation", "action", "ref", "finding", "note"), TEXT))
ROWS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "approvals_desk.request_view": {
        "request": built(ApprovalRequest).flatmap(
            lambda made: PLAN.map(lambda plan: replace(made, plan=plan))
        ),
        "verdict": built(Verdict),
    },
    "reconciled._view": {"rows": st.lists(RECONCILED, max_size=2)},
    "audit_show._record_view": {"record": RECORD},
    "doctor._view": {
        "findings": st.lists(
            st.builds(
                lambda finding, status: replace(finding, status=status),
                built(Finding),
                st.sampled_from(list(STATUS_STYLES)),
            ),
            max_size=2,
        )
    },
    "views.records_view": {
        "records": st.sampled_from(list(KINDS.values())).flatmap(
            lambda kind: st.lists(built(kind), max_size=2)
        ),
        "now": PLAIN[datetime],
    },
    "gateways._view": {"rows": st.lists(GATEWAY_ROW, max_size=2)},
    "sandbox._faults_view": {"faults": st.lists(FAULT_ROW, max_size=2)},
}
"""Parts of the arguments of views of which their annotations do not say all."""


def given_to(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """The arguments of a view."""
    if name == "audit_report._view":
        return arguments(VIEWS[name]).map(_told)
    return st.fixed_dictionaries(ROWS[name]) if name in ROWS else arguments(VIEWS[name])


def _told(parts: dict[str, Any]) -> dict[str, Any]:
    report = parts["counted"]
    told = tuple(replace(finding, finding="unknown") for finding in report.findings)
    return parts | {"counted": replace(report, findings=told)}


def test_there_are_views() -> None:
    assert len(VIEWS) >= 20
    assert VIEWS.keys() >= ROWS.keys()


@pytest.mark.hypothesis
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_shows_any_text_and_obeys_none(name: str) -> None:
    @UNSHRUNK
    @given(given_to(name))
    def holds(parts: dict[str, Any]) -> None:
        shows_only(VIEWS[name](**parts))

    holds()


@given(st.dictionaries(st.sampled_from("abc"), PLAIN[Any], max_size=3))
def test_chosen_fields_are_shown_and_not_obeyed(record: dict[str, Any]) -> None:
    result = Result(data=record, records=[record])
    shown = printed(result, "table", fields=tuple(record))
    assert driving(shown) == []


# Lines of formats that programs read


def printed(result: Result, output: str, **chosen: Any) -> str:
    """What stands on standard output."""
    stream = io.StringIO()
    print_result(result, Choices(output=output, **chosen), stream)
    return stream.getvalue()


@pytest.mark.hypothesis
@pytest.mark.parametrize("kind", KINDS)
def test_a_record_keeps_its_place_in_every_format(kind: str) -> None:
    columns = COLUMNS[kind]

    @UNSHRUNK
    @given(st.lists(built(KINDS[kind]), max_size=2))
    def holds(records: list[Record]) -> None:
        rows = [record.data() for record in records]
        result = Result(data=rows, records=rows, columns=columns)
        out = {name: printed(result, name) for name in ("json", "ndjson", "csv", "tsv")}
        assert [driving(text, structure="\n\t") for text in out.values()] == [[]] * 4
        assert json.loads(out["json"])["data"] == rows
        assert [json.loads(line) for line in out["ndjson"].splitlines()] == rows
        lines = out["tsv"].split("\n")[:-1]
        assert [line.count("\t") for line in lines] == [len(columns) - 1] * len(rows)
        cells = list(csv.reader(io.StringIO(out["csv"]), strict=True))
        texts = [[cell_text(look(row, column)) for column in columns] for row in rows]
        assert cells == [list(columns), *([csv_cell(text) for text in row] for row in texts)]

    holds()


# Talk


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_line_of_talk_is_one_line_whatever_is_in_it(
    message: str, hint: str, code: str, account: str
) -> None:
    stderr = io.StringIO()
    error = Refused(message, hint=hint, code=code, account=account)
    with redirect_stderr(stderr):
        talk(message)
        talk_error(error)
    lines = stderr.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 1 + len(error.lines())
    assert [line for line in lines if driving(line) or not line.startswith("billctl: ")] == []


# Nothing goes around them

WRITERS = {"print", "echo", "secho", "write", "writelines", "getpass", "input"}
WRITES = {
    # The one place that prints, and what it prints with.
    "output._json: stdout.write(to_json(document, indent=2 if stdout.isatty() else None) + '\\n')",
    "output._ndjson: stdout.write(to_json(record) + '\\n')",
    "output._write_jq: "
    "stdout.write((safe_lines(value) if isinstance(value, str) else to_json(value)) + '\\n')",
    "output._tsv: stdout.write('\\t'.join(cells) + '\\n')",
    "output._table: stdout.write(text)",
    "output.talk: stream.write(fold(f'billctl: {safe_text(mask(text))}', terminal_width(stream)) + '\\n')",
    "layout.render: console.print(text, soft_wrap=True)",
    # Questions, and a sign of life of billctl's own words.
    "prompts.ask: sys.stderr.write(safe_text(question) + ' ')",
    "prompts.ask: sys.stderr.write('\\n')",
    "prompts.ask_secret: getpass.getpass(f'{safe_text(question)} ', stream=sys.stderr)",
    "progress._run: sys.stderr.write(f'{ERASE_LINE}{what}, {seconds} s (Ctrl-C stops)')",
    "progress.end: sys.stderr.write(ERASE_LINE)",
    # Frames made of `batch_progress.Piece`, which makes its texts safe.
    "batch_progress._write: self._stream.write(text)",
    # Typer's help, and the version.
    "app.parse_args: typer.echo(ctx.get_help())",
    "app._print_version: typer.echo(f'billctl {VERSION}')",
    "app._printed: write()",
    # No terminal: another process's pipe, a file.
    "jq_engine._run: sys.stdout.write(line + '\\n')",
    "jq_engine._fail: sys.stdout.write(json.dumps({'error': reason}) + '\\n')",
    "run_log.log: os.write(self._file, line)",
    "batch_views.add: self._file.write(json.dumps(data(record)).encode() + b'\\n')",
    "pdf.pdf: write(content)",
    "completion._write: file.writelines(('\\t'.join(entry) + '\\n' for entry in entries))",
}
RENDERED = "sys.stderr.write(render("


def writes() -> set[str]:
    """Every place of the command line that calls something which could write to a terminal."""
    found = set()
    for path in FOLDER.glob("*.py"):
        functions = [node for node in nodes()[path] if isinstance(node, ast.FunctionDef)]
        for function in functions:
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            called = [ast.unparse(call) for call in calls if _name(call.func) in WRITERS]
            found |= {f"{path.stem}.{function.name}: {text}" for text in called}
    return found


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def test_nothing_is_written_but_what_was_made_safe() -> None:
    """A view goes through `render`, a line through `talk`, a question through `ask`: nothing around them."""
    others = {place for place in writes() if not place.split(": ", 1)[1].startswith(RENDERED)}
    assert others == WRITES
    asking = re.compile(r"(typer|click|rich\.prompt)\.(confirm|prompt|Prompt|Confirm)")
    assert [path.name for path in FOLDER.glob("*.py") if asking.search(path.read_text())] == []
