"""Numbers that only grow: each has a largest one that its record can hold, beyond which an error names the number."""

from git_keyval.errors import BoundError


def added(number: int, more: int, bound: int, subject: str) -> int:
    """Return a number that a record holds, with more added. Raises BoundError, which names the subject, beyond the bound."""
    if number + more > bound:
        raise BoundError(subject, bound)
    return number + more
