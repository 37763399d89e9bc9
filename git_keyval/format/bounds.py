"""Numbers that only grow, and the largest of each that a record can hold: what has reached it is refused by name."""

from git_keyval.errors import BoundError


def added(number: int, more: int, bound: int, subject: str) -> int:
    """Return a number that a record holds, with more added. Raises BoundError, which names the subject, beyond the bound."""
    if number + more > bound:
        raise BoundError(subject, bound)
    return number + more
