"""The commands as people meet them: what each takes, needs and answers, derived from the fields of its class."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from sys import modules
from typing import Any, NamedTuple, TypeAlias

from git_keyval.database.command import Command
from git_keyval.database.declared import REQUIRED, Described
from git_keyval.interface.forms import OneOf, SomeOf
from git_keyval.interface.inputs import ABSENT, ENDINGS, EXISTENCE, INPUTS, KEY_TYPES, VALUE_TYPES, Input
from git_keyval.light_dataclasses import dataclass
from git_keyval.maintenance.commands import JOBS, Upkeep

__all__ = ["COMMANDS", "COMMON", "JOBS", "OF_DATABASE", "Signature"]

COMMON = ("command", "repository", "repository-shard-length", "token", "transport")
"""The inputs of every command."""

OF_DATABASE = (
    *("repository-shard-length", "token", "transport", "shard-length", "redirect-allow", "follow-writes", "expiry-granularity"),
    *("max-attempts", "encryption-key", "encryption-kid", "encryption", "expiry-registry"),
)
"""The inputs that say how a database is used, beside the repository: the same for all commands of a program, or of a batch."""

_USED = ("requests-used", "rate-remaining")
"""The outputs of every command."""

_ENCRYPTION = ("encryption-key", "encryption-kid", "encryption")
_REGISTRY = ("expiry-registry",)
_KEY = ("key", "key-env", "ref")
_NAMED = ("key-type", "shard-length", "redirect-allow", *_ENCRYPTION, *_REGISTRY)
_CONTENT = ("value", "value-env", "value-file", "type", "media-type")
_GIVEN = (("value", "value-env", "value-file"),)
_TYPED = {"type": OneOf(VALUE_TYPES)}
_COMPARED = ("previous-report",)
_RIVALS = ("max-attempts", "follow-writes")


class _Field(NamedTuple):
    """The inputs that a field is made of; of each group of those that it ``needs``, one must be given if it has no default.

    ``forms`` have the words that it takes of an input, where others take other ones.
    """

    inputs: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] = ()
    forms: Mapping[str, OneOf | SomeOf] = {}


_FIELDS = {
    "key": _Field((*_KEY, *_NAMED), (_KEY,)),
    "keys": _Field((*_KEY, "keys", *_NAMED), ((*_KEY, "keys"),)),
    "to": _Field(("to", "to-env"), (("to", "to-env"),)),
    "pattern": _Field(("key", "key-env", *_ENCRYPTION, *_REGISTRY)),
    "types": _Field(("type",), forms={"type": SomeOf(KEY_TYPES)}),
    "names": _Field(("names-from",)),
    "value": _Field(_CONTENT, _GIVEN, _TYPED),
    "element": _Field(_CONTENT, _GIVEN, _TYPED),
    "values": _Field(("values", "type", *(name for name in _NAMED if name not in _REGISTRY)), (("values",),), _TYPED),
    "elements": _Field(("values", *_CONTENT), ((*_GIVEN[0], "values"),), _TYPED),
    "entries": _Field(
        ("field", "field-env", *_CONTENT, "values"), (("field", "field-env", "values"), (*_GIVEN[0], "values")), _TYPED
    ),
    "fields": _Field(("field", "field-env", "fields"), (("field", "field-env", "fields"),)),
    "field": _Field(("field", "field-env"), (("field", "field-env"),)),
    "equals": _Field(("equals", "equals-env")),
    "items": _Field(("commands", "expiry-granularity", *(name for name in _NAMED if name != "key-type")), (("commands",),)),
    "expires_at": _Field(("expires-at", "expiry-granularity")),
    "condition": _Field(("if", "if-version"), forms={"if": OneOf(EXISTENCE)}),
    "if_absent": _Field(("if",), forms={"if": OneOf(ABSENT)}),
    "only_if": _Field(("if",), forms={"if": OneOf(ENDINGS)}),
    "op": _Field(("op-id",)),
    "record": _Field(("op-id",)),
    "targets": _Field(("redirect-to", "redirect-shard-length"), (("redirect-to",),)),
    "mark": _Field(_ENCRYPTION),
    "cipher": _Field(_ENCRYPTION),
}
"""The fields that are made of other inputs than the one of their own name."""

Kind: TypeAlias = type[Command[Any]] | type[Upkeep] | type[Described]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a command is called. ``needs`` lists alternatives: of each group at least one input must be given.

    ``forms`` have the words that it takes of an input, where that is not all.
    """

    kind: Kind
    family: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    forms: Mapping[str, OneOf | SomeOf]

    def input(self, name: str) -> Input[object]:
        """Return an input as this command takes it."""
        return INPUTS[name].of(self.forms[name]) if name in self.forms else INPUTS[name]

    @property
    def name(self) -> str:
        """Return the name of the command."""
        return self.kind.name

    @property
    def summary(self) -> str:
        """Return what it does, in a sentence."""
        return (self.kind.__doc__ or "").partition("\n")[0]

    @property
    def maintains(self) -> bool:
        """Return whether it maintains a repository; step mode is all the others."""
        return issubclass(self.kind, Upkeep)

    @property
    def is_step(self) -> bool:
        """Return whether it is a command of step mode, about some keys: it maintains nothing, and transfers no whole database."""
        return not (self.maintains or self.kind.transfers)

    @property
    def writes(self) -> bool:
        """Return whether it may write."""
        return "applied" in self.outputs or "dry-run" in self.inputs


def _signature(kind: Kind, family: str) -> Signature:
    needs = [*kind.needs]
    taken: list[str] = []
    forms: dict[str, OneOf | SomeOf] = {}
    for name, default in kind.declared.items():
        plain = name.rstrip("_").replace("_", "-")
        field = _FIELDS.get(name, _Field((plain,), ((plain,),)))
        taken += field.inputs
        forms |= field.forms
        needs += field.needs if default is REQUIRED else ()
    inputs = {*taken, *kind.also, *_around(kind, taken)}.difference(kind.omits)
    return Signature(
        kind,
        family,
        tuple(name for name in INPUTS if name in inputs),
        (*kind.outputs, *_USED),
        tuple(dict.fromkeys(tuple(name for name in group if name not in kind.omits) for group in needs)),
        forms,
    )


def _around(kind: Kind, taken: Iterable[str]) -> Iterable[str]:
    """Return the inputs that say how a command goes about its work, or what becomes of its answer."""
    if issubclass(kind, Upkeep):
        yield from ("config", *(_REGISTRY if kind.resolves else ()), *(_COMPARED if "report" in kind.outputs else ()))
        return
    if "key-type" in taken and "found" in kind.outputs:
        if "value" in kind.outputs:
            yield from ("default", "on-missing", "output-file", "mask")
        elif "applied" not in kind.outputs:
            yield "on-missing"
    if "applied" in kind.outputs:
        yield from _RIVALS


class _Catalogue(Mapping[str, Signature]):
    """All commands by name. A family is imported when a command is asked for that is in none of those before it.

    Families that are imported anyway are looked in first.
    """

    def __init__(self, families: Mapping[str, str]) -> None:
        """Take the families, each with its module, in the order in which people are shown them."""
        self._families = families

    def __getitem__(self, name: str) -> Signature:
        for family, module in sorted(self._families.items(), key=lambda each: each[1] not in modules):
            if name in (kinds := _kinds(module)):
                return _signature(kinds[name], family)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for module in self._families.values() for name in _kinds(module)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of_family(self, family: str) -> list[Signature]:
        """Return the commands of one family, and import no other."""
        return [_signature(kind, family) for kind in _kinds(self._families[family]).values()]


@cache
def _kinds(module: str) -> Mapping[str, Kind]:
    """Return the commands of a module by name: what has examples can be called."""
    kinds = (kind for kind in vars(import_module(module)).values() if isinstance(kind, type) and kind.__module__ == module)
    return {kind.name: kind for kind in kinds if issubclass(kind, Described) and kind.examples}


COMMANDS = _Catalogue(
    {
        **{
            family: f"git_keyval.commands.{family}"
            for family in (
                "values",
                "expiry",
                "copies",
                "counters",
                "maps",
                "arrays",
                "keyspace",
                "redirects",
                "locks",
                "waiting",
                "transactions",
            )
        },
        "transfer": "git_keyval.transfer.commands",
        "maintenance": "git_keyval.maintenance.commands",
    }
)
"""All commands by name, in the order in which people are shown them."""
