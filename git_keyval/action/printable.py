"""Text of others on one line that can be seen: for the log and the job summary."""


def printable(text: str) -> str:
    """Give the text on one line; what cannot be seen (control and format characters, lone surrogates) as its escape."""
    return "".join(char if char.isprintable() else _escape(char) for char in " ".join(text.splitlines()))


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
