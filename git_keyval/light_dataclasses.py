"""``dataclass``, ``field`` and ``replace`` as in the standard library, for a process that lives for a tenth of a second.

The standard library writes and compiles the methods of a class where it is defined, which takes half a millisecond. A step defines
a hundred classes and uses some of them. Here ``__init__`` is compiled when the first instance is made, and nothing else is. What a
type checker sees is the standard library's.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_origin

if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

__all__ = ["dataclass", "field", "replace"]

_NONE: Any = object()
_FIELDS = "_fields_"


class _Field(NamedTuple):
    """What is said of a field; ``default_factory`` makes a default for each instance."""

    default: Any = _NONE
    default_factory: Callable[[], Any] | None = None
    repr: bool = True
    compare: bool = True


def _dataclass(*, frozen: bool = False, slots: bool = False) -> Callable[[type], type]:
    """Return the decorator of a class with these fields: two instances are equal if all of their fields are."""

    def decorate(cls: type) -> type:
        own, inherited = _own_fields(cls), getattr(cls, _FIELDS, {})
        fields = {**inherited, **own}
        members = {name: value for name, value in vars(cls).items() if name not in {*own, "__dict__", "__weakref__"}}
        if not slots:
            members |= {name: each.default for name, each in own.items() if each.default is not _NONE}
        return type(cls)(
            cls.__name__,
            cls.__bases__,
            {
                **({"__slots__": tuple(name for name in own if name not in inherited)} if slots else {}),
                **({"__setattr__": _refuse, "__delattr__": _refuse} if frozen else {}),
                **_methods(fields, frozen=frozen),
                **members,
                "__qualname__": cls.__qualname__,
                _FIELDS: fields,
            },
        )

    return decorate


def _own_fields(cls: type) -> dict[str, _Field]:
    """Return the fields that the class adds to those of its bases: what it annotates, but for what belongs to the class."""
    fields: dict[str, _Field] = {}
    for name, annotation in vars(cls).get("__annotations__", {}).items():
        if annotation is not ClassVar and get_origin(annotation) is not ClassVar:
            default = vars(cls).get(name, _NONE)
            fields[name] = default if isinstance(default, _Field) else _Field(default)
    return fields


def _methods(fields: Mapping[str, _Field], *, frozen: bool) -> dict[str, object]:
    compared = [name for name, each in fields.items() if each.compare]
    key: Callable[[object], object] = attrgetter(*compared) if compared else lambda _record: ()

    def equal(one: object, other: object) -> bool:
        return key(one) == key(other) if other.__class__ is one.__class__ else NotImplemented

    return {
        "__init__": _first_init,
        "__eq__": equal,
        "__hash__": (lambda record: hash(key(record))) if frozen else None,
        "__repr__": _shown,
        "__match_args__": tuple(fields),
    }


def _first_init(record: object, *values: object, **given: object) -> None:
    """Compile the ``__init__`` of its class, and call it: it takes the place of this one."""
    cls = next(cls for cls in type(record).__mro__ if _FIELDS in vars(cls))
    made = _init(vars(cls)[_FIELDS], has_post_init=hasattr(cls, "__post_init__"))
    cls.__init__ = made  # type: ignore[misc]
    made(record, *values, **given)


def _init(fields: Mapping[str, _Field], *, has_post_init: bool) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_NONE": _NONE}
    parameters, lines = ["_self"], ["  pass"]
    for name, each in fields.items():
        known |= {f"_default_{name}": each.default, f"_make_{name}": each.default_factory}
        is_made = each.default_factory is not None
        default = "=_NONE" if is_made else "" if each.default is _NONE else f"=_default_{name}"
        parameters.append(f"{name}{default}")
        value = f"_make_{name}() if {name} is _NONE else {name}" if is_made else name
        lines.append(f"  _set(_self, '{name}', {value})")
    lines += ["  _self.__post_init__()"] if has_post_init else []
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines), known)  # noqa: S102  # of names in our own classes
    made: Callable[..., None] = known["__init__"]
    return made


def _shown(record: object) -> str:
    fields: Mapping[str, _Field] = getattr(record, _FIELDS)
    shown = ", ".join(f"{name}={getattr(record, name)!r}" for name, each in fields.items() if each.repr)
    return f"{type(record).__qualname__}({shown})"


def _refuse(record: object, name: str, *_value: object) -> None:
    raise AttributeError(f"{type(record).__name__}.{name} cannot be changed")


def _replace(record: Any, /, **changes: object) -> Any:  # noqa: ANN401  # a type checker sees that of the standard library
    """Return a record of the same class in which some fields are changed."""
    return type(record)(**{name: getattr(record, name) for name in getattr(record, _FIELDS)} | changes)


if not TYPE_CHECKING:
    dataclass, field, replace = _dataclass, _Field, _replace
