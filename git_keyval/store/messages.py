"""What servers and git say, made safe to show."""

import re

_MAX_LENGTH = 200
_UNSAFE = re.compile(r"[^\x20-\x7e]+")


def one_line(text: str) -> str:
    """Give a server's message as one short line of printable ASCII that no runner takes for a command."""
    line = _UNSAFE.sub(" ", text).strip().replace("##[", "## [").replace("::", ": :")
    return line if len(line) <= _MAX_LENGTH else line[: _MAX_LENGTH - 3] + "..."
