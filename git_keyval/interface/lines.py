"""Lines of a text that people gave: the one place that says what ends a line."""

import re

_END = re.compile(r"\r?\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without their ends, LF or CR LF. Whatever else Unicode calls the end of a line is part of one."""
    return _END.split(text)
