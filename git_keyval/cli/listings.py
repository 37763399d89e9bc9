"""What ls, keys and hkeys answer: one name a line; and of ls a row for each key, in columns for a person, by tabs for a program."""

import sys
from itertools import islice

from git_keyval.cli.tables import drawn
from git_keyval.cli.terminal import harmless_line, write_bytes, write_text
from git_keyval.format.canonical import JsonValue

_HEADS = ("name", "category", "type", "size", "expires", "waiting")
_NUMBERS = {_HEADS.index(name) for name in ("size", "waiting")}
_AT_ONCE = 10_000


def write_names(document: object, *, as_null: bool) -> None:
    """Write a name a line, or exactly as it is before a zero byte. Raises UndeliveredError."""
    names = iter(document if isinstance(document, list) else [])
    while some := list(islice(names, _AT_ONCE)):
        if as_null:
            write_bytes(b"".join(f"{name}\0".encode() for name in some))
        else:
            write_text("".join(f"{harmless_line(name)}\n" for name in some))


def write_entries(document: object, *, coloured: bool) -> None:
    """Write a row for each key: at a terminal a table, elsewhere with tabs and no heading. Raises UndeliveredError."""
    rows = (_row(entry) for entry in document if isinstance(entry, dict)) if isinstance(document, list) else iter(())
    if sys.stdout.isatty():
        write_text(drawn(_HEADS, list(rows), _NUMBERS, coloured=coloured))
        return
    while some := list(islice(rows, _AT_ONCE)):
        write_text("".join("\t".join(row) + "\n" for row in some))


def _row(entry: dict[str, JsonValue]) -> tuple[str, ...]:
    size, expires = entry["size"], entry["expires-at"]
    return (
        harmless_line(str(entry["key"])),
        str(entry["category"]),
        str(entry["type"]),
        "-" if size is None else str(size),
        str(expires) if expires is not None else "unknown" if "problem" in entry else "never",
        str(entry["waiting"]),
    )
