"""Advice that can be followed: an error names no input that the command does not take."""

import re
from collections.abc import Collection

from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.commands import COMMANDS, COMMON, Signature

_SENTENCE_END = re.compile(r"(?<=\.) (?=[A-Z])")
_INPUT = re.compile(r"`([a-z-]+)(?:: [^`]*)?`")
_COMMAND = re.compile(r"'([a-z-]+)'")


def advised(error: GitKeyvalError, command: Signature) -> GitKeyvalError:
    """Return an error without the sentences of its next step that name an input, which this command does not take.

    What a sentence says of another command, which it names in quotes, may name the inputs of that one. An InputError speaks of
    what was given, and stays as it is.
    """
    if not isinstance(error, InputError):
        taken = {*COMMON, *command.inputs}
        error.next_step = " ".join(sentence for sentence in _SENTENCE_END.split(error.next_step) if _fits(sentence, taken))
    return error


def _fits(sentence: str, taken: Collection[str]) -> bool:
    others = set(_COMMAND.findall(sentence)) & COMMANDS.keys()
    elsewhere = {name for other in others for name in COMMANDS[other].inputs}
    return set(_INPUT.findall(sentence)) <= elsewhere.union(taken)
