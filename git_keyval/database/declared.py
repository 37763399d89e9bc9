"""Records whose fields are declared by annotations, and from which the interface of a command is derived."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self, dataclass_transform, get_origin


class Required:
    """The type of REQUIRED."""


REQUIRED: Final = Required()
"""Stands for the default of a field that has none."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Declared:
    """A frozen record, made by keyword arguments; a field without a value in the class has to be given.

    A frozen dataclass says the same, but takes half a millisecond to make. Every step is a new process, with all commands in it.
    """

    declared: ClassVar[Mapping[str, object]] = {}
    """The fields by name, inherited ones first, each with its default or REQUIRED."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        annotations = vars(cls).get("__annotations__", {})
        names = [name for name, annotation in annotations.items() if not _is_of_class(annotation)]
        cls.declared = {**cls._inherited(), **{name: vars(cls).get(name, REQUIRED) for name in names}}

    @classmethod
    def _inherited(cls) -> dict[str, object]:
        return {
            name: default
            for base in reversed(cls.__bases__)
            if issubclass(base, Declared)
            for name, default in base.declared.items()
        }

    def __init__(self, **given: Any) -> None:  # noqa: ANN401  # mypy checks each field where a record is made
        """Take the values of the fields. Raises TypeError for one that is missing, or unknown."""
        missing = [name for name, default in self.declared.items() if default is REQUIRED and name not in given]
        if missing or not given.keys() <= self.declared.keys():
            raise TypeError(f"{type(self).__name__} lacks {missing}, or has unknown fields, in {sorted(given)}")
        vars(self).update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def but(self, **changes: object) -> Self:
        """Return the record with some fields changed."""
        return type(self)(**{**vars(self), **changes})


def _is_of_class(annotation: object) -> bool:
    origin: object = get_origin(annotation)
    return origin is ClassVar


class Described(Declared):
    """A command as people are told of it; the first line of its docstring says what it does.

    ``name`` is what they call it: the name of the class in small letters, unless it says otherwise. ``outputs`` are those that it
    may have, beside those of every command. ``examples`` are typed at a terminal where GIT_KEYVAL_REPOSITORY names the database; a
    test runs all of them, in order. ``needs`` are alternatives beside the fields without a default: of each group at least one
    input must be given. ``omits`` are inputs that its fields would have in another command, ``also`` inputs beside those of its
    fields. ``subject`` is what it reads, in a word. ``of_counter`` says that it works on a counter, whose number is never
    encrypted; ``has_post_step`` that its action releases at the end of the job what its step took; ``spans`` that it works on all
    databases that a config file lists. ``jobs`` are the jobs of maintenance that it runs. ``stands_alone`` says that it is no
    command of a batch, ``transfers`` that it takes a whole database out, or puts one in.
    """

    name: ClassVar[str] = ""
    outputs: ClassVar[tuple[str, ...]] = ()
    examples: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[tuple[str, ...], ...]] = ()
    omits: ClassVar[tuple[str, ...]] = ()
    also: ClassVar[tuple[str, ...]] = ()
    subject: ClassVar[str] = "key"
    of_counter: ClassVar[bool] = False
    has_post_step: ClassVar[bool] = False
    spans: ClassVar[bool] = False
    jobs: ClassVar[tuple[str, ...]] = ()
    stands_alone: ClassVar[bool] = False
    transfers: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" not in vars(cls):
            cls.name = cls.__name__.lower()
