"""The input of a batch: what is read of it, and every way in which it can be wrong, each with its line."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billctl.batch.faults import KEPT, Fault
from billctl.batch.model import Row
from billctl.batch.rows import RowDefaults, RowFaults, read_rows
from billctl.errors import UsageError
from billctl.frozen import fields
from billctl.sandbox import STRIPE_KEY
from billctl.text import csv_cell, visible_length


def kind_of(object_id: str) -> str | None:
    kinds = {"ch": "charge", "in": "invoice", "sub": "subscription", "cus": "customer"}
    return kinds.get(object_id.split("_", maxsplit=1)[0])


ACCOUNTS = {"stripe": kind_of, "paypal": lambda _object_id: None}
WHY = RowDefaults(reason="charged twice")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where rows wait; nothing is ever left there."""
    path = tmp_path_factory.mktemp("rows")
    yield path
    assert list(path.iterdir()) == []


def rows(
    folder: Path, text: str | bytes, verb: str = "refund", defaults: RowDefaults = WHY, **more: Any
) -> list[Row]:
    """The rows of an input."""
    stream = io.BytesIO(text.encode() if isinstance(text, str) else text)
    settings: dict[str, Any] = {"accounts": ACCOUNTS, "source": "rows.csv"} | more
    with read_rows(stream, verb=verb, defaults=defaults, folder=folder, **settings) as spool:
        assert len(spool) == len(list(spool))
        return list(spool)


def faults(folder: Path, text: str | bytes, verb: str = "refund", **more: Any) -> list[str]:
    """The faults of an input, as they are told, without the line that sums them up."""
    with pytest.raises(RowFaults) as caught:
        rows(folder, text, verb, **more)
    return caught.value.lines()[:-1]


def short(row: Row) -> dict[str, Any]:
    """What a row says."""
    return {name: value for name, value in fields(row).items() if value not in (None, False)}


FIRST = {"line": 2, "account": "stripe", "object_id": "ch_1", "amount": "12.50", "reason": "charged twice"}
SECOND = {"line": 3, "account": "paypal", "object_id": "2GG279541U471931P", "full": True, "reason": "broken"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_stand_in_any_order_between_any_of_three_delimiters(
    folder: Path, delimiter: str, end: str
) -> None:
    lines = ("amount,Ref,full,reason", "12.50,stripe:ch_1,,", ',paypal:2GG279541U471931P,true,"broken"', "")
    text = end.join(lines).replace(",", delimiter)
    assert [short(row) for row in rows(folder, text)] == [FIRST, SECOND]
    assert [short(row) for row in rows(folder, "\ufeff" + text)] == [FIRST, SECOND]


def test_ndjson_says_the_same(folder: Path) -> None:
    text = (
        '{"ref": "stripe:ch_1", "amount": "12.50"}\n\n'
        '{"account": "paypal", "id": "2GG279541U471931P", "full": true, "reason": "broken", "ticket": null}\n'
    )
    assert [short(row) for row in rows(folder, text)] == [FIRST | {"line": 1}, SECOND]


def test_blank_lines_and_rows_of_empty_cells_are_no_rows(folder: Path) -> None:
    assert [row.line for row in rows(folder, "\n\nref,amount\n\n,\nstripe:ch_1,1\n  ,\n")] == [6]


def test_a_row_counts_from_the_line_that_it_begins_in(folder: Path) -> None:
    text = 'ref,reason,amount\nstripe:ch_1,"one\ntwo\r\nthree",1\nstripe:ch_2,next one,1\n'
    assert [(row.line, row.reason) for row in rows(folder, text)] == [
        (2, "one\ntwo\r\nthree"),
        (5, "next one"),
    ]


@pytest.mark.parametrize("text", ["", "\n \n", "ref,amount\n", "\ufeff"])
def test_an_input_may_have_no_rows(folder: Path, text: str) -> None:
    assert rows(folder, text) == []


def test_what_a_list_prints_names_objects_and_asks_for_nothing_else(folder: Path) -> None:
    full = RowDefaults(reason="charged twice", full=True)
    of_charges = (
        "ref,created,amount.amount,amount.currency,status,refundable.amount,customer_id,description\n"
        "stripe:ch_1,2026-11-01T00:00:00Z,49.00,USD,paid,49.00,cus_1,Pro\n"
    )
    record = {"type": "charge", "ref": "stripe:ch_1", "account": "stripe", "id": "ch_1"}
    record["amount"] = {"amount": "49.00", "minor": 4900, "currency": "USD"}  # type: ignore[assignment]
    for text in (of_charges, json.dumps(record)):
        (row,) = rows(folder, text, defaults=full)
        assert short(row) | {"line": 0} == {
            "line": 0, "account": "stripe", "object_id": "ch_1", "full": True, "reason": "charged twice"
        }  # fmt: skip


def test_what_a_list_could_not_read_is_a_warning(folder: Path) -> None:
    text = (
        b'{"type":"invoice","ref":"stripe:in_1"}\n{"type":"error","account":"paypal","message":"no answer"}\n'
    )
    with read_rows(
        io.BytesIO(text), source="-", verb="resend", accounts=ACCOUNTS, defaults=WHY, folder=folder
    ) as spool:
        assert (len(spool), spool.warnings) == (1, ("the input is not whole: paypal: no answer",))


def test_a_warning_holds_no_secret_and_there_are_not_many(folder: Path) -> None:
    line = {
        "type": "error",
        "account": "stripe",
        "message": f"bad {STRIPE_KEY}, \x1b 4242424242424242 " + "x" * 999,
    }
    text = "".join(json.dumps(line) + "\n" for _ in range(150))
    with read_rows(
        io.BytesIO(text.encode()), source="-", verb="void", accounts=ACCOUNTS, defaults=WHY, folder=folder
    ) as spool:
        assert (len(spool.warnings), len(spool.warnings[0])) == (100, 300)
        assert spool.warnings[0].startswith(
            "the input is not whole: stripe: bad sk_test_…, ^[ ************4242 x"
        )


def test_a_failures_file_is_read_again_as_what_was_asked_for(folder: Path) -> None:
    text = (
        "ref,amount,full,currency,reason_code,reason,ticket,to,outcome,code,error\n"
        "stripe:in_1,,,,,'=charged twice,zendesk:1,a@example.com,refused,gone,it is gone\n"
    )
    (row,) = rows(folder, text, "resend")
    assert (row.reason, row.ticket, row.to) == ("=charged twice", "zendesk:1", "a@example.com")


def test_only_what_guards_a_formula_is_taken_off(folder: Path) -> None:
    text = "ref,amount,reason\nstripe:ch_1,1,'tis double\nstripe:ch_2,1,''\n"
    assert faults(folder, text) == ["line 3: reason needs 3 to 2000 characters that can be read"]
    assert [row.reason for row in rows(folder, text.rsplit("stripe", 1)[0])] == ["'tis double"]


def test_what_a_row_does_not_say_is_the_batchs(folder: Path) -> None:
    defaults = RowDefaults(reason="overdue", reason_code="other", ticket="zendesk:1", full=True)
    text = "ref,amount,reason,ticket\nstripe:ch_1,1,,\nstripe:ch_2,,lost it,front:2\n"
    first, second = rows(folder, text, defaults=defaults)
    assert (first.amount, first.full, first.reason, first.ticket) == ("1", False, "overdue", "zendesk:1")
    assert (second.full, second.reason, second.reason_code, second.ticket) == (
        True, "lost it", "other", "front:2"
    )  # fmt: skip


def test_an_id_alone_is_of_the_account_that_was_named_or_of_the_only_one(folder: Path) -> None:
    text = "id,amount\nch_1,1\n"
    named = RowDefaults(reason="charged twice", account="stripe")
    assert rows(folder, text, defaults=named)[0].account == "stripe"
    assert rows(folder, text, accounts={"shop": kind_of})[0].account == "shop"
    assert faults(folder, text) == ["line 2: it names no account; write ACCOUNT:ID"]


def test_an_amount_is_kept_as_it_was_typed_in_any_digits(folder: Path) -> None:
    text = "ref,amount,currency\nstripe:ch_1,١٢٫٥٠,usd\n"
    (row,) = rows(folder, text)
    assert (row.amount, row.currency) == ("١٢٫٥٠", "USD")


REF = "ref,amount\nstripe:ch_1,1\n"
WRONG: dict[str, tuple[str | bytes, list[str]]] = {
    "a misspelt column": (
        "ref,amount,tiket\nstripe:ch_1,1,zendesk:1\n",
        ["line 1: there is no column 'tiket': did you mean ticket?"],
    ),
    "a column twice": ("ref,amount,Amount\n", ["line 1: column 'amount' stands there twice"]),
    "a column without a name": ("ref,,amount\n", ["line 1: column 2 has no name"]),
    "no reference at all": ("amount,reason\n1,because\n", ["line 1: there is no column ref"]),
    "a list without its header": (
        "stripe:ch_1\t2026-11-01\n",
        ["line 1: the first line names no columns; billctl's lists do with -o csv or -o ndjson"],
    ),
    "a reference missing": (
        "ref,amount\n,12.50\n:ch_1,1\nstripe:,1\n",
        ["line 2: it names no object: ref is missing",
         "line 3: the profile has no account ''; its accounts: stripe, paypal",
         "line 4: 'stripe:' is no reference; write ACCOUNT:ID"],
    ),
    "an account that is not there": (
        "ref,amount\nstrip:ch_1,1\n",
        ["line 2: the profile has no account 'strip'; its accounts: stripe, paypal"],
    ),
    "account and id that say something else": (
        "ref,id,account,amount\nstripe:ch_1,ch_2,stripe,1\n",
        ["line 2: ref 'stripe:ch_1' is not what account and id say"],
    ),
    "an id of another kind": (
        "ref,amount\nstripe:in_1,1\n",
        ["line 2: in_1 is an invoice; refund takes a charge"],
    ),
    "an id with a blank": ("ref,amount\nstripe:ch 1,1\n", ["line 2: 'ch 1' is no id"]),
    "an id that is a key": (
        f"ref,amount\nstripe:{STRIPE_KEY},1\n",
        ["line 2: the id is an API key, which must not be recorded"],
    ),
    "amounts that are none": (
        "ref,amount,currency\nstripe:ch_1,-1,\nstripe:ch_2,0.00,\nstripe:ch_3,\"1,50\",\n"
        "stripe:ch_4,1.5,JPY\nstripe:ch_5,1e3,\nstripe:ch_6,1.23456,\n",
        ["line 2: '-1' is not an amount: an amount has no sign",
         "line 3: '0.00' is not an amount: it is zero",
         "line 4: '1,50' is not an amount: separators are ambiguous; write it like 1234.50",
         "line 5: '1.5' is not an amount: JPY has no decimals",
         "line 6: '1e3' is not an amount: exponents are not read; write all the digits",
         "line 7: '1.23456' is not an amount: CLF has 4 decimals"],
    ),
    "amount and full": (
        "ref,amount,full\nstripe:ch_1,1,true\nstripe:ch_2,,maybe\n",
        ["line 2: amount and full exclude each other",
         "line 3: full is 'maybe'; write true or nothing"],
    ),
    "neither amount nor full": (
        "ref\nstripe:ch_1\nstripe:ch_2\nstripe:ch_3\n",
        ["line 2: it says neither amount nor full, and --full is not given (and 2 more rows)"],
    ),
    "full denied, and no amount": (
        "ref,amount,full\nstripe:ch_1,,no\nstripe:ch_2,1,no\n",
        ["line 2: full is false, and it says no amount"],
    ),
    "an object's column that could be taken for a request's": (
        "ref,total,email\nstripe:ch_1,5.00,x@y.example\n",
        ["line 1: total is the object's own and asks for nothing: write amount, or leave it out"],
    ),
    "a request's column in a list": (
        "ref,amount.amount,amount.currency,amount,ticket\nstripe:ch_1,49.00,USD,5.00,zendesk:1\n",
        [f"line 1: {name} stands beside a list's own columns: keep only ref of those and "
         "what you ask for" for name in ("amount", "ticket")],
    ),
    "a request's name in a list's record": (
        '{"type":"charge","ref":"stripe:ch_1","amount":"5.00"}\n'
        '{"type":"charge","ref":"stripe:ch_2","amount":{"amount":"5.00"},"to":"x@y.example"}\n',
        [f"line {line}: {name} stands beside a list's own columns: keep only ref of those and "
         "what you ask for" for line, name in ((1, "amount"), (2, "to"))],
    ),
    "no currency": (
        "ref,amount,currency\nstripe:ch_1,1,XXQ\n",
        ["line 2: 'XXQ' is not an ISO 4217 currency"],
    ),
    "what the verb does not take": (
        "ref,amount,to\nstripe:ch_1,1,a@b.example\n",
        ["line 2: refund takes no to"],
    ),
    "a bad reason, ticket and code": (
        "ref,amount,reason,ticket,reason_code\nstripe:ch_1,1,x,,\nstripe:ch_2,1,,two words,\n"
        "stripe:ch_3,1,,,No\n",
        ["line 2: reason needs 3 to 2000 characters that can be read",
         "line 3: ticket 'two words' is not of the form zendesk:35436",
         "line 4: reason-code 'No' is not of the form billing_error"],
    ),
    "a card number in a reason": (
        "ref,amount,reason\nstripe:ch_1,1,card 4242 4242 4242 4242\n",
        ["line 2: reason seems to hold a card number, which must not be recorded"],
    ),
    "too few and too many cells": (
        "ref,amount\nstripe:ch_1\nstripe:ch_2,1,2\n",
        ["line 2: 1 cell where the header has 2", "line 3: 3 cells where the header has 2"],
    ),
    "the same row twice": (
        "ref,amount\nstripe:ch_1,1\nstripe:ch_2,1\nstripe:ch_1,1\n",
        ["line 4: the same row as line 2"],
    ),
    "two rows on one object": (
        "ref,amount\nstripe:ch_1,1\nstripe:ch_1,2\nstripe:ch_1,3\n",
        ["line 3: stripe:ch_1 stands in line 2 already", "line 4: stripe:ch_1 stands in line 2 already"],
    ),
    "a quote that is not closed": (
        'ref,amount\nstripe:ch_1,x\nstripe:ch_2,"1\nstripe:ch_3,1\n',
        ["line 2: 'x' is not an amount: write digits and at most one point, like 12.50",
         "line 3: a quote is opened and not closed, from here on nothing was read"],
    ),
    "a quote that is not closed in much text": (
        'ref,amount\nstripe:ch_1,"' + "1\n" * 100_000,
        ["line 2: a cell of more than 131,072 characters (a quote not closed?), "
         "from here on nothing was read"],
    ),
    "a cell of the header that is too long": (
        "ref" * 50_000 + ",amount\n",
        ["line 1: a cell of more than 131,072 characters (a quote not closed?), "
         "from here on nothing was read"],
    ),
    "a header of many columns": ("ref," + "x," * 300, ["line 1: 302 columns; a list has 200 at most"]),
    "text after a quote": (
        'ref,amount,reason\nstripe:ch_1,1,"so" called\nstripe:ch_2,x,\n',
        ["line 2: text stands after a cell's closing quote; write \"\" for a quote",
         "line 3: 'x' is not an amount: write digits and at most one point, like 12.50"],
    ),
    "bytes that are no UTF-8": (
        b"ref,amount,reason\nstripe:ch_1,1,caf\xe9 closed\nstripe:ch_2,0,\n",
        ["line 2: not UTF-8 (byte 18 of the line): save it as UTF-8",
         "line 3: '0' is not an amount: it is zero"],
    ),
    "UTF-16": (REF.encode("utf-16"), ["line 1: the text is UTF-16: save it as UTF-8"]),
    "UTF-16, the other way round": (
        b"\xfe\xff" + REF.encode("utf-16-be"),
        ["line 1: the text is UTF-16: save it as UTF-8"],
    ),
    "a spreadsheet's own file": (
        b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\xff",
        ["line 1: this is a spreadsheet's own file or a ZIP: save it as CSV (UTF-8)"],
    ),
    "NUL": (
        "ref,amount\nstripe:ch_1\0,1\n",
        ["line 2: a NUL byte stands in it: is this UTF-16 or no text?"],
    ),
    "a line without an end": (
        "ref,amount\n" + "x" * (1 << 20) + "y\n",
        ["line 2: the line is longer than 1,048,576 characters"],
    ),
    "no JSON": (
        '{"ref":"stripe:ch_1","amount":"1"}\n{"ref":"stripe:ch_2",}\n["x"]\n',
        ["line 2: this is no JSON object in one line",
         "line 3: this is no JSON object; write one object a line, like billctl's -o ndjson"],
    ),
    "JSON without an end": (
        '{"ref":' + "[" * 100_000 + "\n",
        ["line 1: this is no JSON object in one line"],
    ),
    "the document of -o json": (
        '{"billctl":1,"command":"charges","exit":{"code":0},"data":[]}\n',
        ["line 1: this is the document of -o json; give the list -o ndjson or -o csv"],
    ),
    "a plan": (
        '{"type":"plan","format":1}\n',
        ["line 1: this is a plan, not rows: `billctl batch apply` does what it says"],
    ),
    "a record of another kind": (
        '{"type":"refund","ref":"stripe:re_1"}\n',
        ["line 1: a record of type 'refund' where 'charge' is needed"],
    ),
    "values that are no text": (
        '{"ref":"stripe:ch_1","amount":12.50}\n{"ref":"stripe:ch_2","amount":{"minor":1}}\n'
        '{"ref":["stripe:ch_3"],"amount":"1"}\n{"ref":"stripe:ch_4","full":"ja"}\n{"ref":"a\\ud800"}\n'
        '{"ref":"stripe:ch_5\\u0000","amount":"1"}\n{"ref":"stripe:ch_6","ref":"stripe:ch_7"}\n'
        '{"ref":"stripe:ch_8","amount":"1","tikcet":"x"}\n{"ref":"stripe:ch_9","amount":NaN}\n',
        ['line 1: amount is a number; write it as text, like "12.50"',
         "line 2: amount is no text", "line 3: ref is no text",
         "line 4: full is 'ja'; write true or nothing",
         "line 5: ref has half a character in it (a lone surrogate)",
         "line 6: ref has a NUL in it", "line 7: a name stands there twice",
         "line 8: there is no name 'tikcet': did you mean ticket?", "line 9: amount is no text"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_every_fault_is_told_with_its_line(folder: Path, name: str) -> None:
    text, told = WRONG[name]
    assert faults(folder, text) == told


@pytest.mark.parametrize(
    ("verb", "text", "told"),
    [
        ("void", "ref,amount\nstripe:ch_1,1\n", "void takes no amount"),
        ("cancel", "ref,full\nstripe:sub_1,true\n", "cancel takes no full"),
        (
            "cancel",
            "\nref,cancel_at_period_end\nstripe:sub_1,false\n",
            "cancel_at_period_end is the object's own and asks for nothing: write --now or --at-period-end "
            "on the command line, or leave it out",
        ),
        ("resend", "ref,to\nstripe:in_1,nobody\n", "'nobody' is not an e-mail address"),
        ("resend", f"ref,to\nstripe:in_1,{'x' * 250}@b.example\n", f"'{'x' * 80}' is not an e-mail address"),
        ("resend", "ref,currency\nstripe:in_1,USD\n", "resend takes no currency"),
        (
            "resend",
            '\n{"ref":"stripe:in_1","email":"x@y.example"}\n',
            "email is the object's own and asks for nothing: write to, or leave it out",
        ),
        ("resend", "ref\nstripe:ch_1\n", "ch_1 is a charge; resend takes an invoice"),
    ],
)
def test_each_verb_takes_its_own_columns(folder: Path, verb: str, text: str, told: str) -> None:
    assert faults(folder, text, verb) == [f"line 2: {told}"]


def test_a_column_that_says_nothing_is_no_fault(folder: Path) -> None:
    assert [row.account for row in rows(folder, "ref,amount,full,to\nstripe:in_1,,no,\n", "resend")] == [
        "stripe"
    ]


def test_a_row_of_another_account_than_the_one_named_is_a_fault(folder: Path) -> None:
    named = RowDefaults(reason="charged twice", account="paypal")
    assert faults(folder, REF, defaults=named) == [
        "line 2: it is of account stripe, not of paypal (--account)"
    ]


def test_an_explicit_no_is_not_made_a_yes_by_an_option(folder: Path) -> None:
    full = RowDefaults(reason="charged twice", full=True)
    assert faults(folder, "ref,full\nstripe:ch_1,no\n", defaults=full) == [
        "line 2: full is false, and it says no amount"
    ]


def test_rows_without_a_reason_are_told_once(folder: Path) -> None:
    text = "ref,amount,reason\nstripe:ch_1,1,lost it\nstripe:ch_2,1,\nstripe:ch_3,1,\n"
    assert faults(folder, text, defaults=RowDefaults()) == [
        "line 3: it has no reason, and --reason is not given (and 1 more row)"
    ]


def test_of_many_faults_the_first_are_told_and_all_are_counted(folder: Path) -> None:
    text = "ref,amount\n" + "stripe:ch_1,x\n" * (KEPT + 5)
    with pytest.raises(RowFaults) as caught:
        rows(folder, text)
    told = caught.value.lines()
    assert (len(told), caught.value.count) == (KEPT + 1, KEPT + 5)
    assert told[-1] == (
        "rows.csv has 1,005 faults, of which the first 1,000 are told. Nothing was sent. "
        "Correct the rows and run it again."
    )


def test_of_many_duplicates_the_first_are_told_and_all_are_counted(folder: Path) -> None:
    text = "ref,amount\n" + "stripe:ch_1,1\n" * (KEPT + 6)
    with pytest.raises(RowFaults) as caught:
        rows(folder, text)
    assert (caught.value.count, caught.value.faults[0].line) == (KEPT + 5, 3)


def test_what_is_told_of_a_row_drives_no_terminal_and_shows_no_card(folder: Path) -> None:
    (told,) = faults(folder, "ref,amount\nstripe:\x1b[31m4242424242424242,1\n")
    assert told == "line 2: '\\x1b[31m************4242' is no id"


def test_a_file_that_cannot_be_read_is_told_as_that(folder: Path) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _buffer: Any) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(UsageError, match="the rows cannot be read: Input/output error"):
        read_rows(
            io.BufferedReader(Broken()),
            source="-", verb="void", accounts=ACCOUNTS, defaults=WHY, folder=folder,
        )  # fmt: skip


CHILD = """
import io, resource, sys
from pathlib import Path
from billctl.batch.rows import RowDefaults, read_rows

class Rows(io.RawIOBase):
    def __init__(self, count, head, form):
        self.left = head.encode()
        self.rows = ((form % ((n * 7919) % count, n)).encode() for n in range(count))
    def readable(self):
        return True
    def readinto(self, buffer):
        while len(self.left) < len(buffer) and (row := next(self.rows, b"")):
            self.left += row
        given = min(len(buffer), len(self.left))
        buffer[:given], self.left = self.left[:given], self.left[given:]
        return given

count, head, form, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
settings = dict(source="-", verb="refund", accounts={"a": lambda _: None}, folder=folder)
with read_rows(io.BufferedReader(Rows(count, head, form)), defaults=RowDefaults(), **settings) as spool:
    assert sum(1 for _ in spool) == count
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
FORMS = {
    "csv": ("ref,amount,reason\n", 'a:ch_%09d,12.50,"charged twice, see %d"\n'),
    "ndjson": ("", '{"ref":"a:ch_%09d","amount":"12.50","reason":"charged twice, see %d"}\n'),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_rows(folder: Path, form: str) -> None:
    def peak(count: int) -> int:
        """In KiB, as Linux counts it (getrusage(2))."""
        command = [sys.executable, "-c", CHILD, str(count), *FORMS[form], str(folder)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak(100_000) - peak(1_000) <= 8 * 1024


# Whatever is typed

REASONS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0'"), min_size=3, max_size=30
).map(str.strip).filter(
    lambda text: visible_length(text) >= 3 and csv_cell(text)[:1] != "'" and not text[-1:].isspace()
)  # fmt: skip
IDS = st.lists(st.integers(0, 99_999), unique=True, min_size=1, max_size=8)


WRITERS: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict,
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL]),
    lineterminator=st.sampled_from(["\n", "\r\n", "\r"]),
)


@given(
    ids=IDS,
    reasons=st.lists(REASONS, min_size=8, max_size=8),
    settings=WRITERS,
    mark=st.sampled_from(("", "\ufeff")),
)
def test_what_a_csv_writer_writes_is_read_back_and_ndjson_says_the_same(
    folder: Path, ids: list[int], reasons: list[str], settings: dict[str, Any], mark: str
) -> None:
    if settings["quoting"] == csv.QUOTE_MINIMAL:  # which leaves an end of line bare that is not its own
        reasons = [reason.replace("\r", "x").replace("\n", "x") for reason in reasons]
    meant = [(f"ch_{number}", f"{number + 1}.50", reasons[i]) for i, number in enumerate(ids)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, **settings)
    writer.writerow(["ref", "amount", "reason"])
    writer.writerows([f"stripe:{name}", amount, reason] for name, amount, reason in meant)
    as_json = [
        json.dumps({"ref": f"stripe:{name}", "amount": amount, "reason": reason})
        for name, amount, reason in meant
    ]
    for text in (mark + out.getvalue(), "\n".join(as_json)):
        found = rows(folder, text)
        assert [(row.object_id, row.amount, row.reason) for row in found] == meant


PIECES = st.lists(
    st.sampled_from(
        [b"ref", b"amount", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b'"', b'""', b"stripe:ch_1", b"1",
         b"stripe:ch_2", b"12.50", b"\0", b"\xff", b"\xef\xbb\xbf", b"{", b"}",
         b'{"ref":"stripe:ch_1","amount":"1"}',
         b"[", b":", b" ", b"\xe2\x80\xa8", b"full", b"true", b"'=", b"\\ud800"]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


@given(st.one_of(st.binary(max_size=200), PIECES))
def test_no_bytes_give_anything_but_whole_rows_or_faults_with_lines(folder: Path, raw: bytes) -> None:
    told: tuple[Fault, ...] = ()
    found: list[Row] = []
    try:
        found = rows(folder, raw)
    except RowFaults as error:
        told = error.faults
    lines = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    assert [fault for fault in told if not 1 <= fault.line <= lines] == []
    for row in found:
        assert row.account in ACCOUNTS
        assert row.amount or row.full
        assert row.object_id.encode() in raw
