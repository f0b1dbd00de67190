"""What a person sees: lines and aligned tables as data, and their rendering. Only this knows Rich."""

import io
from collections.abc import Sequence
from typing import Any

from billctl.frozen import frozen_value
from billctl.text import safe_text


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
    """A table's column. `whole` columns (ids, money, dates) are never cut; the others give way."""

    title: str = ""
    right: bool = False
    whole: bool = True


@frozen_value
class Grid:
    """Aligned rows, with a heading where a column has a title."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell | str, ...], ...]
    indent: int = 0


View = Sequence[Line | Grid]


def render(view: View, *, colour: bool, width: int | None) -> str:
    """`view` as text. `width` None means a pipe or a file: nothing is cut."""
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
        console.print(_line_text(block) if isinstance(block, Line) else _grid_table(block, width))
    lines = buffer.getvalue().splitlines()
    return "".join(line.rstrip() + "\n" for line in lines)


def _line_text(line: Line) -> Any:
    from rich.text import Text

    text = Text(" " * line.indent, no_wrap=False, overflow="fold")
    for position, cell in enumerate(line.cells):
        text.append("  " if position else "")
        text.append_text(_cell_text(cell))
    return text


def _cell_text(cell: Cell | str) -> Any:
    from rich.text import Text

    if isinstance(cell, str):
        return Text(safe_text(cell))
    return Text(safe_text(cell.text), style=cell.style)


GAP = 2
"""Blanks between two columns."""

NARROWEST = 6
"""A flexible column that cannot have so many characters is left out."""


def _grid_table(grid: Grid, width: int | None) -> Any:
    from rich.padding import Padding
    from rich.table import Table

    cells = [[_cell_text(cell) for cell in row] for row in grid.rows]
    widths = _column_widths(grid, cells, None if width is None else width - grid.indent)
    shown = [i for i, column_width in enumerate(widths) if column_width]
    titled = any(grid.columns[i].title for i in shown)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=titled, header_style="dim")
    for i in shown:
        justify: Any = "right" if grid.columns[i].right else "left"
        table.add_column(
            grid.columns[i].title, justify=justify, no_wrap=True, overflow="ellipsis", width=widths[i]
        )
    for row in cells:
        table.add_row(*(row[i] for i in shown))
    return Padding(table, (0, 0, 0, grid.indent)) if grid.indent else table


def _column_widths(grid: Grid, cells: list[list[Any]], width: int | None) -> list[int]:
    """Each column's width; 0 leaves it out. Whole columns have all they need, the rest share what is left.

    Earlier flexible columns are served first: what stands last matters least.
    """
    natural = [
        max([len(column.title), *(row[i].cell_len for row in cells)]) for i, column in enumerate(grid.columns)
    ]
    if width is None:
        return natural
    left = width - sum(natural[i] + GAP for i, column in enumerate(grid.columns) if column.whole)
    for i, column in enumerate(grid.columns):
        if not column.whole:
            given = min(natural[i], left - GAP)
            natural[i] = given if given >= min(NARROWEST, natural[i]) else 0
            left -= natural[i] + GAP if natural[i] else 0
    return natural
