"""Rows of CSV: comma, semicolon or tab, quoted cells, a header line."""

import csv
from collections.abc import Iterator, Sequence

from billctl.batch.faults import FaultList
from billctl.batch.rows_columns import NAMES, REQUEST, Found, is_known, mistaken, own_beside, unknown
from billctl.batch.rows_text import Lines, Unreadable
from billctl.text import csv_cell, safe_lines

DELIMITERS = (",", ";", "\t")
MOST_COLUMNS = 200


def read_csv(lines: Lines, faults: FaultList, verb: str) -> Iterator[Found]:
    """The rows below the header, without blank ones; what is wrong with their form goes to `faults`."""
    first = lines.first()
    if first is None:
        return
    delimiter = _delimiter(first)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    records = _records(reader, lines, faults)
    header = next(records, None)
    if header is None:
        return  # its fault is noted
    columns = _columns(*header, faults, verb)
    wanted = _wanted(columns)
    for line, cells in records:
        if not any(map(str.strip, cells)) or lines.spoilt >= line:
            continue
        if len(cells) != len(columns):
            faults.add(line, f"{_count(len(cells))} where the header has {len(columns)}", code="bad_cells")
            continue
        yield Found(line=line, cells={name: text for i, name in wanted if (text := _said(cells[i]))})


def _records(reader: Iterator[list[str]], lines: Lines, faults: FaultList) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line that it begins in; stops where a quote is open to the end."""
    while True:
        begin = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if not _goes_on(str(error), begin, faults):
                return
            continue
        if cells:
            yield begin, cells


def _goes_on(error: str, line: int, faults: FaultList) -> bool:
    """Note what the reader met, by the words of CPython's `_csv`; whether the next line can be read."""
    if "expected after" in error:
        faults.add(line, 'text stands after a cell\'s closing quote; write "" for a quote', code="bad_quote")
        return True
    if "field larger" in error:
        most = csv.field_size_limit()
        what = f"a cell of more than {most:,} characters (a quote not closed?), from here on nothing was read"
        faults.add(line, what, code="bad_quote")
        return False
    if "unexpected end" in error:
        faults.add(line, "a quote is opened and not closed, from here on nothing was read", code="bad_quote")
        return False
    faults.add(line, f"this is no CSV: {error}; from here on nothing was read", code="bad_csv")
    return False


def _delimiter(first: str) -> str:
    """The one that parts the header into the most known columns, the earlier of equals."""

    def score(delimiter: str) -> int:
        try:
            cells = next(csv.reader([first], delimiter=delimiter), [])
        except csv.Error:
            return 0  # told where the header is read
        return sum(is_known(_name(cell)) for cell in cells)

    return max(DELIMITERS, key=score)


def _name(cell: str) -> str:
    return cell.strip().lower()


def _columns(line: int, header: Sequence[str], faults: FaultList, verb: str) -> list[str]:
    """The columns' names. Raises `Unreadable` for a header with faults: no row can be read by it."""
    before = faults.count
    if len(header) > MOST_COLUMNS:
        faults.add(line, f"{len(header):,} columns; a list has {MOST_COLUMNS} at most", code="bad_header")
        raise Unreadable
    columns = [_name(cell) for cell in header]
    for number, name in enumerate(columns, 1):
        if not name:
            faults.add(line, f"column {number} has no name", code="bad_header")
        elif name in columns[: number - 1]:
            faults.add(line, f"column {name[:60]!r} stands there twice", code="bad_header")
        elif name in REQUEST and name not in NAMES and _is_list(columns):
            faults.add(line, own_beside(name), code="bad_column")
        elif not _is_list(columns) and (wrong := mistaken(verb, name)):
            faults.add(line, wrong, code="bad_column")
        elif not is_known(name):
            faults.add(line, _unknown(name, columns), code="bad_column")
    if faults.count == before and not {"ref", "id"} & set(columns):
        faults.add(line, "there is no column ref", code="bad_header")
    if faults.count > before:
        raise Unreadable
    return columns


def _unknown(name: str, columns: Sequence[str]) -> str:
    if ":" in name and name == columns[0]:
        return "the first line names no columns; billctl's lists do with -o csv or -o ndjson"
    return unknown(name)


def _wanted(columns: Sequence[str]) -> list[tuple[int, str]]:
    """Which cells of a row are read: of a list only what names the object."""
    names = NAMES if _is_list(columns) else REQUEST
    return [(i, name) for i, name in enumerate(columns) if name in names]


def _is_list(columns: Sequence[str]) -> bool:
    return any("." in name for name in columns)


def _said(cell: str) -> str:
    """A cell's text without the blanks around it, and without the quote that `csv_cell` puts before a
    formula."""
    text = cell.strip()
    rest = text[1:]
    return rest if text.startswith("'") and csv_cell(rest) != safe_lines(rest) else text


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"
