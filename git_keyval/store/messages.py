"""What servers and git say, made safe to show."""

import re

_MAX_LENGTH = 200
_UNSAFE = re.compile(r"[^\x20-\x7e]+")
_CREDENTIALS = re.compile(r"[^/\s'\"()]*:[^/\s'\"()]*@")


def without_credentials(text: str) -> str:
    """Give a text without what is, or looks like, ``user:password@`` of an address in it."""
    return _CREDENTIALS.sub("", text)


def one_line(text: str) -> str:
    """Give a server's message as one short line of printable ASCII, without credentials, that no runner takes for a command."""
    line = _UNSAFE.sub(" ", without_credentials(text)).strip().replace("##[", "## [").replace("::", ": :")
    return line if len(line) <= _MAX_LENGTH else line[: _MAX_LENGTH - 3] + "..."
