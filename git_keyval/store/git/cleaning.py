"""What is said by programs that nobody here knows, made safe to print."""

import re

from git_keyval.store.messages import one_line

MAX_LENGTH = 500
"""How many characters of it a message shows."""

# https://www.ecma-international.org/publications-and-standards/standards/ecma-48/: control sequences, and strings up to their end.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_LINE_ENDS = re.compile(r"[\r\n]+")
_PREFIXES = re.compile(r"(?:remote: ?)+")
# What git draws while it works (progress.c): "Unpacking objects:  50% (1/2)".
_PROGRESS = re.compile(r"[\w ]+: +\d+% \(\d+/\d+\)")
# The advice that git adds when it finds a lock (lockfile.c); before it, the message names the file.
_ADVICE = re.compile(r"\.?\s*Another git process seems to be running.*?to continue\.", re.DOTALL)
# A server that echoes requests repeats the credentials: RFC 7617, RFC 6750, and GitHub's tokens by their prefixes
# (https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github).
_CREDENTIALS = re.compile(r"(?<=\bbasic )[\w+/=.~-]{4,}|(?<=\bbearer )[\w+/=.~-]{4,}|\b(?:gh[a-z]_|github_pat_)\w+", re.IGNORECASE)
_ENDED = re.compile(r"(?<=[.,:;!?]);(?= )")


def cleaned(text: str) -> str:
    """Return what a server says as one line that is safe to print, of at most MAX_LENGTH characters."""
    plain = _CREDENTIALS.sub("***", _ADVICE.sub("", _ESCAPES.sub("", text)))
    lines = (_PREFIXES.sub("", line.strip(), count=1).strip() for line in _LINE_ENDS.split(plain))
    return one_line(_ENDED.sub("", "; ".join(line for line in lines if line and not _PROGRESS.match(line))), MAX_LENGTH)
