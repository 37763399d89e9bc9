"""A key-value database kept in a git repository: values are git objects, keys are refs, a write is one ref transaction.

``git_keyval.open`` returns a database for a program (docs/library.md).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_keyval.library.arguments import Ref
    from git_keyval.library.database import Database, Transaction, open  # noqa: A004  # as users call it
    from git_keyval.library.results import Result

__all__ = ["Database", "Ref", "Result", "Transaction", "open"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import what programs use when they use it: a step of a workflow does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from git_keyval.library import database  # noqa: PLC0415

    return getattr(database, name)
