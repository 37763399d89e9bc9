"""No error advises an input that the command does not take: every error with every command, against the registry."""

import inspect
import re
from collections.abc import Sequence
from typing import get_args, get_origin, get_type_hints

import pytest

from git_keyval import errors
from git_keyval.action.runner import OutputTooLargeError
from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.advice import advised
from git_keyval.interface.commands import COMMANDS, COMMON
from git_keyval.interface.inputs import INPUTS

LOST = errors.OutcomeUnknownError("the connection broke", "What was taken away is on the branch gc/x until purge. To see it: git")
PLAIN: dict[object, object] = {str: "X", int: 5, float: 5.0, bool: True, GitKeyvalError: LOST, Exception: ValueError("x")}


def sample_of(hint: object) -> object:
    """Make something of a type."""
    parts = [sample_of(part) for part in get_args(hint) if part is not type(None)]
    if not parts:
        return PLAIN[hint]
    return tuple(parts) if get_origin(hint) is tuple else parts if get_origin(hint) is Sequence else parts[0]


def made(kind: type[GitKeyvalError]) -> GitKeyvalError:
    """Make an error of a kind, with something for every argument."""
    hints = {name: hint for name, hint in get_type_hints(kind.__init__).items() if name != "return"}
    return kind(**{name: sample_of(hint) for name, hint in hints.items()})  # type: ignore[arg-type]


KINDS = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, GitKeyvalError)]
SAMPLES = (
    *(made(kind) for kind in KINDS if not issubclass(kind, InputError)),
    *(LOST, errors.OutcomeUnknownError("it broke"), errors.MissingEncryptionKeyError("a"), OutputTooLargeError("value")),
    errors.RedirectNotFollowedError("a/b", "it is of another owner", "If you trust it, name it in the input 'redirect-allow'."),
    errors.RedirectRefusedError("increments wait", "Run 'gather' first; with 'grace-period: 0s' it takes all of them."),
)


def quoted(text: str, of: object) -> set[str]:
    """Return the names in quotes, alone or with a value, that are in a table."""
    return {name for name in re.findall(r"'([a-z-]+)(?:: [^']*)?'", text) if name in of}  # type: ignore[operator]


def copied(sample: GitKeyvalError) -> GitKeyvalError:
    made = GitKeyvalError(sample.what, sample.next_step)
    assert str(made) == str(sample)
    return made


@pytest.mark.parametrize("command", COMMANDS)
def test_an_error_advises_only_what_the_command_takes(command: str) -> None:
    """Or what another command takes, which it names beside."""
    for sample in SAMPLES:
        error = advised(copied(sample), COMMANDS[command])
        for sentence in error.next_step.split(". "):
            others = {name for other in quoted(sentence, COMMANDS) for name in COMMANDS[other].inputs}
            assert quoted(sentence, INPUTS) <= {*COMMON, *COMMANDS[command].inputs} | others, sample
        assert str(error).startswith(sample.what)
        assert error.what == sample.what


@pytest.mark.parametrize("command", COMMANDS)
def test_what_can_be_followed_stays(command: str) -> None:
    for sample in SAMPLES:
        error = advised(copied(sample), COMMANDS[command])
        assert bool(error.next_step) or not sample.next_step or quoted(sample.next_step, INPUTS), sample
    assert advised(copied(LOST), COMMANDS[command]).next_step.endswith("To see it: git")


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("incr", {"op-id"}),
        ("set", {"op-id", "if-version"}),
        ("apush", {"op-id", "if-version"}),
        ("mset", {"op-id"}),
        ("lock", set()),
        ("sweep", set()),
    ],
)
def test_a_lost_reply_is_met_with_what_makes_this_step_repeatable(command: str, advice: set[str]) -> None:
    error = advised(errors.OutcomeUnknownError("it broke"), COMMANDS[command])
    assert quoted(error.next_step, INPUTS) == advice
    assert error.next_step.startswith("Read the key, then decide.")


def test_the_texts_of_all_errors_are_sentences_of_their_own() -> None:
    """A sentence that is left out takes nothing along."""
    for sample in SAMPLES:
        assert all(re.match(r"[A-Z']", sentence) for sentence in re.split(r"(?<=\.) ", sample.next_step) if sentence), sample
