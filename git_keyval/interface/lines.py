"""Lines of a text that people gave: the one place that says what ends a line."""

import re

_END = re.compile(r"\r?\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends, LF or CR LF. Other line separators of Unicode are part of a line."""
    return _END.split(text)
