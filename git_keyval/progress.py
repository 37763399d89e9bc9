"""Showing progress to a person who waits."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done or waited for, how much of it is over, and how much there is (0 where that is not known yet)."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Show nothing."""
