"""From the inputs of a command to the arguments and options that click reads, and back to the inputs that were given."""

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

import click
from click.shell_completion import CompletionItem

from git_keyval.cli.credentials import VARIABLES
from git_keyval.cli.pairs import WORDS, WORDS_INPUT, Words
from git_keyval.interface.commands import COMMON, Signature
from git_keyval.interface.forms import Flag, OneOf, SomeOf, WholeNumber
from git_keyval.interface.inputs import INPUTS, Input

# What a person types without naming it, in this order; keys and fields take all that follow.
_POSITIONAL = ("key", "keys", "to", "field", "fields", "index", "start", "stop", "value", "values", "commands", "input-file")
_SEVERAL = {"keys", "fields"}
_NOT_FOR_TERMINALS = {"mask", *(name for name in INPUTS if name.endswith("-env"))}
_FILES = ("commands", "value-file", "output-file", "input-file", "config", "names-from", "previous-report")
_PATHS = {"repository": "dir", **dict.fromkeys(_FILES, "file")}
"""What a shell completes where an input names a folder or a file."""

_NEGATED = {"atomic": "Do each command for itself, in order, instead of all as one transaction."}
_SHORT = {"repository": ["-r"]}
_OF_A_WORKFLOW = "${{"
_METAVARS = {
    **dict.fromkeys(("ttl", "expires-within", "expiry-granularity", "grace-period", "wait", "retention"), "DURATION"),
    **{name: "FILE" for name, kind in _PATHS.items() if kind == "file"},
    "expires-at": "TIME",
    "if-version": "VERSION",
    "default": "VALUE",
    "op-id": "ID",
    "encryption-key": "KEY",
    "encryption-kid": "NAME",
}
_BY_VARIABLE = " Better given by the variable: everybody on the machine can read arguments."
_NOTES = {
    "token": _BY_VARIABLE,
    "encryption-key": _BY_VARIABLE,
    "value": " - reads it from standard input.",
    "values": " - reads them from standard input.",
    "commands": " They are in this file; - reads them from standard input.",
    "value-file": " - is standard input.",
    "input-file": " - is standard input.",
}

NAMES = ("ls", "keys", "hkeys")
"""The commands that answer with names."""

# Keys are not completed: that would ask a server at every press of the key, and keys have names only where they are stored.
Completion: TypeAlias = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]


def parameters_of(command: Signature) -> list[click.Parameter]:
    """Return the arguments of a command, in the order in which people type them, and then its options."""
    positional = arguments_of(command)
    options = [_option(command.input(name)) for name in _offered(command) if name not in positional]
    taken = WORDS.get(command.name)
    arguments = [_argument(command, name) for name in positional if taken is None or name == "key"]
    return [*arguments, *([] if taken is None else [_words(taken)]), *options]


def common_options(*, repeated: bool) -> list[click.Parameter]:
    """Return the options of every command. They stand before its name, and may be ``repeated`` after it."""
    return [
        *(_option(INPUTS[name], repeated=repeated) for name in COMMON if name != "command"),
        click.Option(
            ["-v", "--verbose", "verbose"], is_flag=True, help="Say which database is used, and what named it.", hidden=repeated
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Answer, and fail, as one JSON object.", hidden=repeated),
        click.Option(["--no-color", "no_color"], is_flag=True, help="Use no colours, as with NO_COLOR=1.", hidden=repeated),
    ]


def null_option() -> click.Option:
    """Return the option of a list that makes it safe for any name."""
    return click.Option(
        ["-0", "--null", "as_null"], is_flag=True, help="End each name with a zero byte, not a line feed, and escape nothing in it."
    )


def given_inputs(command: Signature, values: Mapping[str, object]) -> dict[str, str]:
    """Return the inputs that were given, by name, as text."""
    given: dict[str, str] = {}
    for name in (*COMMON, *command.inputs):
        match values.get(variable_of(name)):
            case None | False | ():
                continue
            case True:
                given[name] = "true"
            case tuple() as several:
                given[name] = json.dumps(several)
            case value:
                given[name] = str(value)
    return given


def _offered(command: Signature) -> list[str]:
    """Return the inputs that make sense at a terminal: with several keys, one key is just one of them."""
    left_out = _NOT_FOR_TERMINALS | ({"key"} if "keys" in command.inputs else set())
    if "fields" in command.inputs and "value" not in command.outputs:
        left_out |= {"field"}
    return [name for name in command.inputs if name not in left_out]


def arguments_of(command: Signature) -> list[str]:
    """Return the inputs that are typed without a name, in this order."""
    offered = _offered(command)
    options = {several for one, several in (("field", "fields"), ("value", "values")) if one in offered}
    options |= set() if "stop" in offered else {"start"}
    options |= {"values"} if command.name in WORDS else set()
    return [name for name in _POSITIONAL if name in offered and name not in options]


def _argument(command: Signature, name: str) -> click.Argument:
    alternatives = {other for group in command.needs if name in group for other in group if other in _offered(command)}
    required = alternatives - {"ref"} == {name}  # with a ref, there is no argument for the key
    return click.Argument(
        [variable_of(name)],
        nargs=-1 if name in _SEVERAL else 1,
        required=required,
        type=str,
        metavar=placeholder(name) if required else f"[{name.upper()}]",
        help=_help(INPUTS[name]),
    )


def _words(taken: Words) -> click.Argument:
    pair = " ".join(taken.parts).upper()
    return click.Argument([variable_of(WORDS_INPUT)], nargs=-1, metavar=f"[{pair}]...", help=taken.help)


def placeholder(name: str) -> str:
    """Return what stands for an argument where it is explained how a command is called."""
    if name in _PATHS:
        return "FILE"
    return f"{name.upper()}..." if name in _SEVERAL else name.upper()


def _option(item: Input[object], *, repeated: bool = False) -> click.Option:
    names = [f"--{item.name}", *_SHORT.get(item.name, []), variable_of(item.name)]
    if isinstance(item.parse, Flag) and item.default == "true":
        names[0] = f"--no-{item.name}"
        return click.Option(names, flag_value="false", help=f"{_NEGATED[item.name]}")
    if isinstance(item.parse, Flag):
        return click.Option(names, is_flag=True, help=item.description)
    return click.Option(
        names,
        type=str,
        help=_help(item),
        metavar=_metavar(item),
        multiple=isinstance(item.parse, SomeOf),
        envvar=None if repeated else VARIABLES.get(item.name),
        show_envvar=True,
        hidden=repeated,
        shell_complete=_completion(item),
    )


def _help(item: Input[object]) -> str:
    told_by_metavar = (isinstance(item.parse, OneOf | SomeOf) and item.name != "key-type") or item.name in {
        *_PATHS,
        *_SEVERAL,
        "token",
    }
    accepted = "" if told_by_metavar or item.accepted == "any text" else f" Takes {item.accepted}."
    default = f" [default: {item.default}]" if item.default and not item.default.startswith(_OF_A_WORKFLOW) else ""
    several = " Given more than once, any of them." if isinstance(item.parse, SomeOf) else ""
    return f"{item.description}{accepted}{several}{_NOTES.get(item.name, '')}{default}"


def _metavar(item: Input[object]) -> str:
    match item.parse:
        case OneOf(words) | SomeOf(words):
            return "|".join(words)
        case WholeNumber():
            return "NUMBER"
    return _METAVARS.get(item.name, item.name.upper())


def _completion(item: Input[object]) -> Completion | None:
    match item.parse:
        case OneOf(words) | SomeOf(words):
            return lambda _context, _parameter, begun: [CompletionItem(word) for word in words if word.startswith(begun)]
    kind = _PATHS.get(item.name)
    return None if kind is None else lambda _context, _parameter, begun: [CompletionItem(begun, type=kind)]


def variable_of(name: str) -> str:
    """Return the name under which click keeps an input."""
    return f"input_{name.replace('-', '_')}"
