"""No error advises an input that the command does not take: every error with every command, against the registry."""

import ast
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
from tests.action.steps import ROOT

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
    errors.RedirectNotFollowedError("a/b", "it is of another owner", "If you trust it, name it in `redirect-allow`."),
    errors.RedirectRefusedError("increments wait", "Run 'gather' first; with `grace-period: 0s` it takes all of them."),
)


def named(text: str) -> set[str]:
    """Return the inputs that a text names, alone or with a value."""
    return set(re.findall(r"`([a-z-]+)(?:: [^`]*)?`", text))


def commands_in(text: str) -> set[str]:
    """Return the commands that a text names."""
    return set(re.findall(r"'([a-z-]+)'", text)) & COMMANDS.keys()


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
            others = {name for other in commands_in(sentence) for name in COMMANDS[other].inputs}
            assert named(sentence) <= {*COMMON, *COMMANDS[command].inputs} | others, sample
        assert error.text.startswith(sample.what)
        assert error.what == sample.what


@pytest.mark.parametrize("command", COMMANDS)
def test_what_can_be_followed_stays(command: str) -> None:
    for sample in SAMPLES:
        error = advised(copied(sample), COMMANDS[command])
        assert bool(error.next_step) or not sample.next_step or named(sample.next_step), sample
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
    assert named(error.next_step) == advice
    assert error.next_step.startswith("Read the key, then decide.")


def test_what_an_error_names_as_an_input_is_one() -> None:
    for sample in SAMPLES:
        assert named(sample.text) <= INPUTS.keys(), sample


OF_FILES = {"interface/config.py", "interface/batches.py"}
"""What is written in these files are inputs, whoever reads them."""


def test_the_texts_of_errors_mark_every_input() -> None:
    """By backticks, so that each program can name it in its own way: quotes are for commands, outputs and what was given."""
    for file in sorted((ROOT / "git_keyval").rglob("*.py")):
        if file.relative_to(ROOT / "git_keyval").as_posix() in OF_FILES:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and re.search(r"(Error|Refused|refusal)$", ast.unparse(node.func)):
                for text in (each.value for each in ast.walk(node) if isinstance(each, ast.Constant)):
                    found = set(re.findall(r"(?<!output )'([a-z-]+)(?:: [^']*)?'", str(text))) & INPUTS.keys()
                    assert found <= COMMANDS.keys() | {"atomic"}, (file, text)


def test_the_texts_of_all_errors_are_sentences_of_their_own() -> None:
    """A sentence that is left out takes nothing along."""
    for sample in SAMPLES:
        assert all(re.match(r"[A-Z'`]", sentence) for sentence in re.split(r"(?<=\.) ", sample.next_step) if sentence), sample
