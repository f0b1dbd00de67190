"""What a person sees: lines and aligned tables as data, and their rendering. Only this knows Rich."""

import io
import re
from collections.abc import Sequence
from typing import Any

from billctl.frozen import frozen_value
from billctl.text import safe_text

COMMAND = re.compile(r"`[^`]+`")


@frozen_value
class Cell:
    """A piece of a table: text from anywhere (made safe when printed) and what to stress in it.

    `style` is one of bold, dim, red, yellow, green; it only repeats what the words say.
    """

    text: str
    style: str = ""


@frozen_value
class Line:
    """One line of a view, made of cells with two blanks between them."""

    cells: tuple[Cell | str, ...] = ()
    indent: int = 0


@frozen_value
class Column:
    """A table's column.

    `whole` columns (ids, money, dates, statuses) are never cut nor left out: what does not fit stands on
    a line below its row. The others are cut or left out, unless `kept`: then they too go below. Digits at
    the end of what is cut stay: by them a customer knows his card.
    """

    title: str = ""
    right: bool = False
    whole: bool = True
    kept: bool = False


@frozen_value
class Grid:
    """Aligned rows, with a heading where a column has a title."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    indent: int = 0


View = Sequence[Line | Grid]


def render(view: View, *, colour: bool, width: int | None) -> str:
    """`view` as text. `width` None means a pipe or a file: nothing is cut or folded."""
    from rich.console import Console

    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width or 100_000,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for block in view:
        rows = [_line(block, width)] if isinstance(block, Line) else _grid(block, width)
        for row in rows:
            for text in row.texts:
                console.print(text, soft_wrap=True)
    lines = buffer.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)


def _cell_text(cell: Cell | str) -> Any:
    from rich.text import Text

    if isinstance(cell, str):
        return Text(safe_text(cell))
    return Text(safe_text(cell.text), style=cell.style)


GAP = 2
"""Blanks between two columns."""

UNDER = 2
"""How much deeper than its row stands what does not fit beside it."""

NARROWEST = 6
"""A flexible cell that cannot have so many characters is left out."""

READABLE = 24
"""With so many characters a kept or a wrapped text stays in the row; with fewer it goes below."""


class _Row:
    """One row on its way to the screen: cells side by side while they fit, the rest on lines below."""

    def __init__(self, indent: int, width: int | None) -> None:
        self.indent = indent
        self.width = width or 100_000
        self.texts: list[Any] = [_cell_text("")]

    def add(self, cell: Any, column: Column, *, start: int = 0, last: bool = False) -> None:
        """Put `cell` at `start` if that is free and fits, else after what stands there, else below."""
        begin = self._begin(cell, column, start, last=last)
        room = self.width - begin
        if cell.cell_len <= room:
            self._put(cell, begin)
        elif not column.whole:
            self._add_flexible(cell, column, room)
        elif last and self._wraps(cell, begin):
            self._wrap(cell, begin)
        else:
            self._below()
            self._wrap(cell, self._free())

    def begin_early(self, cell: Any, start: int, end: int) -> int:
        """Where a flexible `cell` of the column from `start` to `end` begins: further left where it is too
        long for its column, and what its own row leaves free there would be lost."""
        if len(self.texts) > 1:
            return start
        return min(start, max(self._free(), end - int(cell.cell_len)))

    def _begin(self, cell: Any, column: Column, start: int, *, last: bool) -> int:
        """`start` where `cell` can stand there, on one line or wrapped; else what is free before it."""
        free = self._free()
        begin = max(start, free) if len(self.texts) == 1 else free
        if begin + cell.cell_len <= self.width:
            return begin
        only_wrapped = free + cell.cell_len > self.width
        return begin if only_wrapped and column.whole and last and self._wraps(cell, begin) else free

    def _wraps(self, cell: Any, begin: int) -> bool:
        room = self.width - begin
        return room >= READABLE and _longest_word(cell) <= room

    def _add_flexible(self, cell: Any, column: Column, room: int) -> None:
        if column.kept and room < READABLE:
            self._below()
            room = self.width - self._free()
        if room >= NARROWEST:
            self._put(_cut(cell, room), self._free())

    def add_if_it_fits(self, cell: Any, *, start: int) -> None:
        """Put `cell`, whose column has no room of its own, at `start` or after what stands there; else leave
        it out."""
        for begin in (max(start, self._free()), self._free()):
            if cell.cell_len and begin + cell.cell_len <= self.width:
                self._put(cell, begin)
                return

    def _free(self) -> int:
        used = int(self.texts[-1].cell_len)
        return used + GAP if used else self.indent + (UNDER if len(self.texts) > 1 else 0)

    def _below(self) -> None:
        if self.texts[-1].cell_len:
            self.texts.append(_cell_text(""))

    def _put(self, cell: Any, begin: int) -> None:
        self.texts[-1].append(" " * (begin - self.texts[-1].cell_len))
        self.texts[-1].append_text(cell)

    def _wrap(self, cell: Any, begin: int) -> None:
        """`cell` at `begin`, going on at the same place below; a word is never parted, however long it is,
        nor is a command in backticks, so that it can be copied whole."""
        line = _cell_text("")
        for word in _words(cell):
            if line.cell_len and begin + line.cell_len + 1 + word.cell_len > self.width:
                self._put(line, begin)
                self.texts.append(_cell_text(""))
                line = _cell_text("")
            line.append(" " if line.cell_len else "")
            line.append_text(word)
        self._put(line, begin)


def _cut(cell: Any, room: int) -> Any:
    """`cell` in `room` characters, with an ellipsis before the digits at its end or, where it has none or
    they have no room, after what is left of it."""
    text = str(cell)
    digits = len(text) - len(text.rstrip("0123456789"))
    if cell.cell_len <= room or not 0 < digits < room:
        cell.truncate(room, overflow="ellipsis")
        return cell
    begin, end = cell[:-digits], cell[-digits:]
    begin.truncate(room - digits, overflow="ellipsis")
    return begin.append_text(end)


def _longest_word(cell: Any) -> int:
    return max((word.cell_len for word in _words(cell)), default=0)


def _words(cell: Any) -> list[Any]:
    """What stands between the blanks of `cell`; a command in backticks is one word, blanks and all."""
    text = str(cell)
    within = [match.span() for match in COMMAND.finditer(text)]
    blanks = [at for at, c in enumerate(text) if c == " " and not any(a < at < b for a, b in within)]
    begins = [0, *(at + 1 for at in blanks)]
    return [cell[begin:end] for begin, end in zip(begins, [*blanks, len(text)], strict=True)]


def _line(line: Line, width: int | None) -> _Row:
    row = _Row(line.indent, width)
    for cell in map(_cell_text, line.cells):
        row.add(cell, Column())
    return row


def _grid(grid: Grid, width: int | None) -> list[_Row]:
    cells = [[_cell_text(cell) for cell in row] for row in grid.rows]
    widths = _column_widths(grid, cells, None if width is None else width - grid.indent)
    if any(column.title and given for column, given in zip(grid.columns, widths, strict=True)):
        cells = [[_cell_text(Cell(column.title, "dim")) for column in grid.columns], *cells]
    return [_grid_row(grid, row, widths, width) for row in cells]


def _grid_row(grid: Grid, cells: list[Any], widths: list[int], width: int | None) -> _Row:
    row, start = _Row(grid.indent, width), grid.indent
    for i, (column, cell) in enumerate(zip(grid.columns, cells, strict=True)):
        if not widths[i]:
            row.add_if_it_fits(cell, start=start)
            continue
        begin, end = start, start + widths[i]
        shown = cell
        if not column.whole:
            begin = row.begin_early(cell, start, end)
            shown = _cut(cell, end - begin)
        if shown.cell_len:
            shift = widths[i] - shown.cell_len if column.right else 0
            row.add(shown, column, start=begin + shift, last=i == len(cells) - 1)
        start = end + GAP
    return row


def _column_widths(grid: Grid, cells: list[list[Any]], width: int | None) -> list[int]:
    """Each column's width; 0 leaves it out.

    Whole columns have all they need, kept ones what is readable, the flexible ones share what is left,
    the earlier first: what stands last matters least. Of a column left out, what fits beside its row is
    shown all the same. Where even the whole and the kept do not fit, every column keeps its place and rows
    go on below themselves.
    """
    natural = [
        max([len(column.title), *(row[i].cell_len for row in cells)]) for i, column in enumerate(grid.columns)
    ]
    if width is None:
        return natural
    least = [_least(column, needs) for column, needs in zip(grid.columns, natural, strict=True)]
    left = width + GAP - sum(needs + GAP for needs in least if needs)
    if left < 0:
        within = [
            needs if column.whole else min(needs, READABLE)
            for column, needs in zip(grid.columns, natural, strict=True)
        ]
        return [*within[:-1], natural[-1]]
    for i, needs in enumerate(natural):
        given = min(needs, least[i] + left - (0 if least[i] else GAP))
        if given >= min(NARROWEST, needs) and given > least[i]:
            left -= given - least[i] + (0 if least[i] else GAP)
            least[i] = given
    return least


def _least(column: Column, needs: int) -> int:
    if column.whole:
        return needs
    return min(needs, READABLE) if column.kept else 0
