"""From what was given to what a command takes: everything is checked before anything is read or written."""

from collections.abc import Mapping, Sequence

from git_keyval.errors import InputError, quoted
from git_keyval.interface.commands import COMMANDS, COMMON, Signature
from git_keyval.interface.forms import EncryptionKeys
from git_keyval.interface.inputs import INPUTS, REQUIRED

_EXCLUSIVE = (
    ("value", "value-file"),
    ("values", "value"),
    ("values", "value-file"),
    ("values", "field"),
    ("field", "fields"),
    ("ttl", "expires-at"),
    ("ttl", "keep-ttl"),
    ("expires-at", "keep-ttl"),
    ("key", "keys"),
    ("ref", "key"),
    ("ref", "keys"),
    ("ref", "store-key"),  # the ref does not tell the name
)


_VARIABLES = {name for name in INPUTS if name.endswith("-env")}


def find_command(name: str) -> Signature:
    """Return the command of a name. Raises InputError."""
    if name not in COMMANDS:
        raise InputError("command", f"was given {quoted(name[:60])}, which is no command", meant(name, list(COMMANDS)))
    return COMMANDS[name]


def parse_inputs(command: Signature, given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, object]:
    """Parse the inputs that a command was given; what was not given is not in the answer.

    What an input such as ``value-env`` names is taken from the environment. An empty text means not given, but an empty ``value``
    is a value where the command needs one. Raises InputError for an input that is unknown, not taken, malformed or missing, or
    that does not go with another.
    """
    for name in [name for name, text in given.items() if text]:
        if name not in INPUTS:
            raise InputError(name[:60], "is unknown", meant(name, list(INPUTS)))
        if name not in (*COMMON, *command.inputs):
            forgotten = ", which runs where no `command` is given" if command.name == INPUTS["command"].default else ""
            taken = ", ".join(command.inputs) or "no inputs"
            raise InputError(name, f"is not taken by the command '{command.name}'{forgotten}", taken)
    texts = _with_variables(given, environ)
    parsed = {name: command.input(name).read(text) for name, text in texts.items() if text or _is_empty_value(command, name, texts)}
    check_together(command, parsed)
    return parsed


def _with_variables(given: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    texts = dict(given)
    for name in [name for name, text in given.items() if text and name in _VARIABLES]:
        plain, variable = name.removesuffix("-env"), str(INPUTS[name].read(texts.pop(name)))
        if given.get(plain):
            raise InputError(name, f"does not go with `{plain}`", "one of the two")
        if variable not in environ:
            raise InputError(name, f"names the variable {variable}, which is not set", "a variable of the step's 'env'")
        texts[plain] = environ[variable]
    return texts


def _is_empty_value(command: Signature, name: str, given: Mapping[str, str]) -> bool:
    return name == "value" and name in command.inputs and not any(map(given.get, ("value-file", "values")))


def check_together(command: Signature, parsed: Mapping[str, object]) -> None:
    """Raise InputError for an input that does not go with another, and for one that is missing."""
    for one, other in _EXCLUSIVE:
        if one in parsed and parsed.get(other, False) is not False:
            raise InputError(one, f"does not go with `{other}`", "one of the two")
    for group in command.needs:
        if parsed.keys().isdisjoint(group):
            raise InputError(group[0], f"is missing for the command '{command.name}'", _one_of(command, group))
    _check_encryption(parsed)
    if parsed.get("encryption") == REQUIRED:
        _check_required(command, parsed)
    _check_type("media-type", "file", parsed)


def _one_of(command: Signature, group: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in group) if len(group) > 1 else command.input(group[0]).accepted


def _check_type(name: str, kind: str, parsed: Mapping[str, object]) -> None:
    if name in parsed and parsed.get("type") != kind:
        raise InputError(name, f"goes with `type: {kind}` only", f"no `{name}`, or `type: {kind}`")


def _check_encryption(parsed: Mapping[str, object]) -> None:
    keys, kid = parsed.get("encryption-key"), parsed.get("encryption-kid")
    if not isinstance(keys, EncryptionKeys):
        if kid is not None:
            raise InputError("encryption-kid", "names a key, and there is none", "an `encryption-key` with it")
    elif keys.names == ("",):
        if kid is None:
            raise InputError("encryption-kid", "is missing: the encryption key has no name", "a name, such as 2026")
    elif kid is not None and kid not in keys.names:
        raise InputError("encryption-kid", "names none of the keys of `encryption-key`", ", ".join(keys.names))


def _check_required(command: Signature, parsed: Mapping[str, object]) -> None:
    """Refuse what would be in the clear: an empty encryption key is a secret that is missing."""
    if "encryption-key" not in parsed:
        raise InputError(
            "encryption-key", "is missing, and `encryption: required` asks for it", "the encryption key of the database"
        )
    refuse_unencrypted(command, parsed)


def refuse_unencrypted(command: Signature, parsed: Mapping[str, object]) -> None:
    """Raise InputError for a counter, whose number is in the clear."""
    if command.kind.of_counter or parsed.get("type") == "counter":
        raise InputError("encryption", "cannot be required of a counter, whose number is never encrypted", "no `encryption` here")


def meant(name: str, known: list[str]) -> str:
    """Say what may have been meant by a name: the one that is much like it, or else all that there are."""
    from difflib import get_close_matches  # noqa: PLC0415  # only where there is an error to explain

    close = get_close_matches(name, known, n=1)
    return f"'{close[0]}' (was that meant?)" if close else ", ".join(known)
