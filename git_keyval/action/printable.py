"""Text that others wrote, on one visible line: for the log and the job summary."""

from git_keyval.interface.lines import lines_of


def printable(text: str) -> str:
    """Return the text on one line, with an escape for each character that cannot be seen (control, format, lone surrogates)."""
    return "".join(char if char.isprintable() else _escape(char) for char in " ".join(lines_of(text)))


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
