"""The same repository by git, which most steps on GitHub never use."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_keyval.store.git import GitStore


class LateGit:
    """A store by git that is opened, and what it takes imported, when it is first used."""

    def __init__(self, open_git: "Callable[[], GitStore]") -> None:
        """Open it with this function, once."""
        self._open_git = open_git
        self.has_listed = False
        """Whether all refs below a prefix were listed by git."""

    @cached_property
    def store(self) -> "GitStore":
        """Return the store."""
        return self._open_git()

    @property
    def requests(self) -> int:
        """Count its requests."""
        return self.store.requests if self._is_open else 0

    @property
    def has_read(self) -> bool:
        """Return whether anything was read by git."""
        return self._is_open and self.store.has_read

    @property
    def _is_open(self) -> bool:
        return "store" in vars(self)
