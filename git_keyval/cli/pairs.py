"""Pairs and lists as they are typed: ``hset m a 1 b 2``, ``mset a 1 b 2``, ``apush a x y``."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from git_keyval.errors import InputError
from git_keyval.format.canonical import JsonValue
from git_keyval.interface.forms import WordList, WordMap

STDIN = "-"
VALUES = "values"

WORDS_INPUT = "words"
"""Under this name click keeps the words."""


class Words(NamedTuple):
    """What the words of a command are in turn, by the names of inputs, as often as a person likes; ``help`` says so."""

    parts: tuple[str, ...]
    help: str


WORDS: Mapping[str, Words] = {
    "hset": Words(
        ("field", "value"),
        "Fields, each with its value. If there is one, its value may be -, which is read from standard input; - in place of all of "
        "them reads a JSON object from there.",
    ),
    "mset": Words(("key", "value"), "Keys, each with its value; or one JSON object, which - reads from standard input."),
    "apush": Words(("value",), "The values. If there is one, it may be -, which is read from standard input."),
}


def inputs_of_words(command: str, words: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs that the words of a command mean, beside those ``given`` by options. Raises InputError.

    One word of mset is a JSON object, and one of hset a field, whose value is given by an option; but ``-``, alone, stands for a
    JSON object from standard input. One value of hset and apush is an input as any other: it may be ``-``, too.
    """
    parts = WORDS[command].parts
    if VALUES in given and words:
        raise InputError(VALUES, "does not go with the same in words", "one of the two")
    if not words and command == "mset" and VALUES not in given:
        raise InputError("key", "is missing", "KEY VALUE in turn, or a JSON object")
    if len(words) == 1 and _is_document(command, words[0], given):
        return {VALUES: words[0]}
    if len(words) <= len(parts) and command != "mset":
        return dict(zip(parts, words, strict=False))
    if len(words) % len(parts):
        pair = " ".join(name.upper() for name in parts)
        raise InputError("value", f"is missing for the last of {len(words)} words", f"{pair} in turn; text with spaces in quotes")
    values = words[len(parts) - 1 :: len(parts)]
    if STDIN in values:
        raise InputError("value", "can be - only where it is the only one", "values, or one JSON document from standard input: -")
    return {VALUES: json.dumps(values if len(parts) == 1 else _members(parts[0], words[::2], values))} if words else {}


def _is_document(command: str, word: str, given: Mapping[str, str]) -> bool:
    if command == "mset":
        return word == STDIN or word.lstrip().startswith(("{", "["))
    return command == "hset" and word == STDIN and "value-file" not in given


def as_typed(values: object) -> object:
    """Return values as what was typed: each is read as what its map or array holds."""
    return WordMap(values) if isinstance(values, dict) else WordList(values) if isinstance(values, list) else values


def _members(name: str, names: Sequence[str], values: Sequence[str]) -> Mapping[str, JsonValue]:
    members = dict(zip(names, values, strict=True))
    if len(members) < len(names):
        raise InputError(name, "is given twice", "each one once")
    return members
