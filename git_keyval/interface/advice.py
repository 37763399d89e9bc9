"""Advice that can be followed: an error names no input that the command does not take."""

import re
from collections.abc import Collection

from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.commands import COMMANDS, COMMON, Signature
from git_keyval.interface.inputs import INPUTS

_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")
_QUOTED = re.compile(r"'([a-z-]+)(?:: [^']*)?'")


def advised(error: GitKeyvalError, command: Signature) -> GitKeyvalError:
    """Return an error without the sentences of its next step that name an input, in quotes, which this command does not take.

    What a sentence says of another command, which it names in quotes too, may name the inputs of that one. An InputError speaks of
    what was given, and stays as it is.
    """
    if not isinstance(error, InputError):
        taken = {*COMMON, *command.inputs}
        error.next_step = " ".join(sentence for sentence in _SENTENCE_END.split(error.next_step) if _fits(sentence, taken))
    return error


def _fits(sentence: str, taken: Collection[str]) -> bool:
    quoted = set(_QUOTED.findall(sentence))
    elsewhere = {name for other in quoted & COMMANDS.keys() for name in COMMANDS[other].inputs}
    return quoted & INPUTS.keys() <= elsewhere.union(taken)
