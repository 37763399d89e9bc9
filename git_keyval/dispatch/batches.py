"""From the commands of a batch, as they are written, to commands with their fields."""

import re
from collections.abc import Iterable, Mapping, Sequence

from git_keyval.commands.transactions import MAX_ITEMS, Item
from git_keyval.database.ciphers import Cipher
from git_keyval.database.command import Command
from git_keyval.dispatch.binding import bind
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.errors import InputError, as_inputs
from git_keyval.interface.commands import OF_DATABASE, Signature
from git_keyval.interface.inputs import REQUIRED, Inputs
from git_keyval.interface.parsing import find_command, parse_inputs, refuse_unencrypted

_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_OF_STEP = {*OF_DATABASE, "repository", "output-file", "mask", "wait"}
"""The inputs that belong to the step as a whole."""


def items_of(written: Sequence[Mapping[str, str]], inputs: Inputs, surroundings: Surroundings, cipher: Cipher) -> list[Item]:
    """Return the commands of a batch, for a database of this cipher.

    Raises InputError, which says for which of them: for what one does not take, and for a key that two of them write.
    """
    _refuse_too_many(len(written))
    items = [_item(str(place), texts, inputs, surroundings, cipher) for place, texts in enumerate(written, start=1)]
    _refuse_repeated("has an id twice", [item.id for item in items])
    return items if inputs.atomic is False else as_one(items)


def as_one(items: list[Item]) -> list[Item]:
    """Return the commands of one transaction. Raises InputError if there are too many, or two of them write a key."""
    _refuse_too_many(len(items))
    _refuse_repeated("writes a key twice", [key.id for item in items if item.writes for key in item.command.keys_used])
    return items


def _item(place: str, texts: Mapping[str, str], inputs: Inputs, surroundings: Surroundings, cipher: Cipher) -> Item:
    name = texts.get("id", place)
    try:
        command = find_command(texts.get("command", ""))
        parsed = Inputs(_parsed(command, texts, inputs, surroundings))
        assert issubclass(command.kind, Command)
        bound = bind(command.kind, parsed.over(_shard_length(inputs)), surroundings, cipher).form()
    except InputError as exc:
        mistake = as_inputs(exc.what).removesuffix(".")
        raise InputError("commands", f"has a mistake in the command '{name}': {mistake}", as_inputs(exc.accepted)) from exc
    return Item(name, bound, command.outputs, parsed.default, required=parsed.on_missing == "fail")


def _parsed(command: Signature, texts: Mapping[str, str], inputs: Inputs, surroundings: Surroundings) -> dict[str, object]:
    if "id" in texts and _ID.fullmatch(texts["id"]) is None:
        raise InputError("id", "is not accepted", "up to 64 of A-Z a-z 0-9 _ -, beginning with a letter or _")
    if command.maintains or command.kind.stands_alone:
        raise InputError(
            "command", f"is '{command.name}', which has to be a step of its own", "one that names its keys and does not wait"
        )
    given = {name: text for name, text in texts.items() if name not in {"id", "command"}}
    for name in given.keys() & _OF_STEP:
        raise InputError(name, "is given for one command", "the same input of the step, which is for all of them")
    parsed = parse_inputs(command, given, surroundings.environ)
    if inputs.encryption == REQUIRED:
        refuse_unencrypted(command, parsed)
    return parsed


def _shard_length(inputs: Inputs) -> dict[str, int]:
    return {} if inputs.shard_length is None else {"shard-length": inputs.shard_length}


def _refuse_too_many(count: int) -> None:
    if count > MAX_ITEMS:
        raise InputError("commands", f"has {count} of them", f"at most {MAX_ITEMS}")


def _refuse_repeated(problem: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError("commands", problem, "each one once")
        seen.add(name)
