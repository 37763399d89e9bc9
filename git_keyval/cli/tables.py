"""Tables of text: their rows are never broken, so that what is in them can be copied."""

import sys
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def drawn(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int], *, coloured: bool) -> str:
    """Return a table, with numbers in some of its columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(heads):
        table.add_column(Text(head), justify="right" if place in numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    # No column is made narrower than its widest cell.
    width = sum(2 * max(map(len, column)) + 2 for column in zip(heads, *rows, strict=True))
    console = Console(file=sys.stdout, color_system="auto" if coloured else None, width=width)
    with console.capture() as captured:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
