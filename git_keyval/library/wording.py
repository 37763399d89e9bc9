"""How errors name inputs in Python: as the arguments of methods."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from keyword import iskeyword

from git_keyval.errors import GitKeyvalError

_INPUT = re.compile(r"(\bInput )?`([a-z-]+)(?:: ([^`]*))?`")
_WORDS = {"true": "True", "false": "False"}


def as_arguments(text: str) -> str:
    """Return a text in which inputs are named as arguments."""
    return _INPUT.sub(_named, text)


@contextmanager
def speaking_of_arguments() -> Iterator[None]:
    """Have the errors that are raised within speak of arguments."""
    try:
        yield
    except GitKeyvalError as exc:
        exc.wording = as_arguments
        raise


def _named(found: re.Match[str]) -> str:
    name = found[2].replace("-", "_") + ("_" if iskeyword(found[2]) else "")
    if found[3] is not None:
        return f"{name}={_WORDS.get(found[3]) or repr(found[3])}"
    return f"{'Argument ' if found[1] else ''}'{name}'"
