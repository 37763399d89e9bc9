"""Errors speak of the arguments of methods."""

from collections.abc import Callable
from pathlib import Path

import pytest

import git_keyval
from git_keyval import errors
from git_keyval.errors import InputError, KeyMissingError, NotARepositoryError, RedirectRefusedError
from git_keyval.library.wording import as_arguments


def test_an_error_names_arguments(bare_repository: Callable[[str], Path]) -> None:
    db = git_keyval.open(str(bare_repository("database.git")))
    with pytest.raises(InputError, match=r"^Argument 'ttl' was given 'soon', which is not accepted\. Accepted: a duration"):
        db.set("a", 1, ttl="soon")
    with pytest.raises(InputError, match=r"^Argument 'if_' was given 'there', which is not accepted\."):
        db.set("a", 1, if_="there")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^Argument 'expiry_granularity' was given"):
        git_keyval.open("./database.git", expiry_granularity="soon")
    with pytest.raises(NotARepositoryError, match=r"Check 'repository', or create one"):
        git_keyval.open("./nowhere.git").get("a")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            errors.GitKeyvalError(KeyMissingError().what, "Set it first. Give `on-missing: ok` to go on without it."),
            "The key does not exist (or has expired). Set it first. Give on_missing='ok' to go on without it.",
        ),
        (InputError("op-id", "does not go with `atomic: false`"), "Argument 'op_id' does not go with atomic=False."),
        (
            RedirectRefusedError("increments wait", "With `grace-period: 0s` all are taken."),
            "The key is not redirected: increments wait. Nothing was written. With grace_period='0s' all are taken.",
        ),
    ],
)
def test_values_are_written_as_python_writes_them(error: errors.GitKeyvalError, text: str) -> None:
    assert as_arguments(error.text) == text
