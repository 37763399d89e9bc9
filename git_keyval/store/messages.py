"""What servers and git say, made safe to show."""

import re

_MAX_LENGTH = 200
_GAP = " ... "
_CREDENTIALS = re.compile(r"[^/\s'\"()]*:[^/\s'\"()]*@")


def without_credentials(text: str) -> str:
    """Return a text without what is, or looks like, the ``user:password@`` of an address."""
    return _CREDENTIALS.sub("", text)


def one_line(text: str, limit: int = _MAX_LENGTH) -> str:
    """Return a server's message as one line of at most ``limit`` printable characters, in which no runner finds a command.

    No program of ours finds the name of an input in it. A longer message keeps its beginning and its end. Credentials in addresses
    are left out.
    """
    printable = "".join(char if char.isprintable() else " " for char in without_credentials(text))
    line = " ".join(printable.split()).replace("##[", "## [").replace("::", ": :").replace("`", "'")
    half = (limit - len(_GAP)) // 2
    return line if len(line) <= limit else line[:half] + _GAP + line[-half:]
