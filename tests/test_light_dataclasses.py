"""The light dataclasses against those of the standard library: the same class bodies, made by both, behave the same."""

import dataclasses
from collections.abc import Callable, Iterator
from itertools import product
from types import SimpleNamespace
from typing import Any, ClassVar, Generic, TypeVar

import pytest

from git_keyval import light_dataclasses

T = TypeVar("T")


def bodies(of: Any) -> SimpleNamespace:  # noqa: ANN401  # one of the two modules
    """Return classes that use all that our classes use, as one of the modules makes them."""

    @of.dataclass(frozen=True, slots=True)
    class Plain:
        """A docstring."""

        one: int
        two: str = "b"
        shared: ClassVar[int] = 7

        @property
        def both(self) -> str:
            return f"{self.one}{self.two}"

    @of.dataclass(frozen=True, slots=True)
    class Marked(Generic[T]):
        secret: T = of.field(repr=False)
        made: list[int] = of.field(default_factory=list)
        beside: int = of.field(default=0, compare=False)

    @of.dataclass(slots=True)
    class Mutable:
        one: int = 1
        many: dict[str, int] = of.field(default_factory=dict)

        def __post_init__(self) -> None:
            self.one += 1

    @of.dataclass(frozen=True)
    class Open:
        one: int = 1

    @of.dataclass(frozen=True, slots=True)
    class Child(Plain):
        two: str = "c"
        three: float = 0.5

    @of.dataclass(frozen=True, slots=True)
    class Empty:
        pass

    @of.dataclass(frozen=True, slots=True)
    class OwnEquality:
        one: int

        def __eq__(self, other: object) -> bool:
            return isinstance(other, OwnEquality)

        def __hash__(self) -> int:
            return 5

        def __repr__(self) -> str:
            return "own"

    class Undecorated(Plain):
        pass

    return SimpleNamespace(**{name: made for name, made in locals().items() if isinstance(made, type)})


LIGHT, STANDARD = bodies(light_dataclasses), bodies(dataclasses)
NAMES = sorted(vars(STANDARD))

Act = Callable[[Any], object]
MAKING: dict[str, Act] = {
    "nothing": lambda cls: cls(),
    "in order": lambda cls: cls(1),
    "in order, all": lambda cls: cls(1, "x"),
    "by name": lambda cls: cls(one=1, two="x"),
    "a secret": lambda cls: cls(secret="x", beside=3),
    "an unknown one": lambda cls: cls(1, unknown=2),
    "too many": lambda cls: cls(1, 2, 3, 4, 5),
    "one twice": lambda cls: cls(1, one=1),
}
ASKING: dict[str, Act] = {
    "repr": repr,
    "dict": lambda made: hasattr(made, "__dict__"),
    "slots": lambda made: getattr(type(made), "__slots__", None),
    "hash": lambda made: hash(made) == hash(type(made)(*(getattr(made, name) for name in type(made).__match_args__))),
    "match": lambda made: type(made).__match_args__,
    "doc": lambda made: (type(made).__name__, type(made).__qualname__, type(made).__module__),
    "both": lambda made: made.both,
    "shared": lambda made: made.shared,
    "set": lambda made: (made.__setattr__("one", 9), made.one),
    "delete": lambda made: (made.__delattr__("one"), made.one),
    "set another": lambda made: made.__setattr__("nothing_of_it", 9),
    "equal to itself": lambda made: made == type(made)(*(getattr(made, name) for name in type(made).__match_args__)),
    "equal to another": lambda made: made == 5,
    "equal to a tuple": lambda made: made == tuple(getattr(made, name) for name in type(made).__match_args__),
}


def outcome(act: Callable[[], object]) -> object:
    """Return what an act answers, or that it fails. (The standard library raises a TypeError for a slot that there is not.)"""
    try:
        return act()
    except (TypeError, AttributeError):
        return Exception


def both(act: Callable[[SimpleNamespace, Any], object]) -> Iterator[object]:
    for classes, module in ((LIGHT, light_dataclasses), (STANDARD, dataclasses)):
        yield outcome(lambda classes=classes, module=module: act(classes, module))  # type: ignore[misc]


@pytest.mark.parametrize(("name", "making", "asking"), list(product(NAMES, MAKING, ASKING)))
def test_a_class_behaves_as_one_of_the_standard_library(name: str, making: str, asking: str) -> None:
    light, standard = both(lambda classes, _: ASKING[asking](MAKING[making](getattr(classes, name))))
    assert light == standard


@pytest.mark.parametrize("changes", [{}, {"one": 5}, {"two": "z"}, {"three": 1.5}, {"unknown": 1}], ids=str)
@pytest.mark.parametrize("name", ["Plain", "Child", "Open", "Mutable", "Undecorated"])
def test_a_record_is_replaced_as_one_of_the_standard_library(name: str, changes: dict[str, Any]) -> None:
    light, standard = both(lambda classes, module: repr(module.replace(getattr(classes, name)(1), **changes)))
    assert light == standard


def test_defaults_that_are_made_are_made_for_each() -> None:
    one, other = LIGHT.Mutable(), LIGHT.Mutable()
    one.many["x"] = 1
    assert other.many == {}


def test_instances_of_two_classes_are_not_equal() -> None:
    light, standard = both(lambda classes, _: (classes.Plain(1) == classes.Child(1), classes.Plain(1) != classes.Undecorated(1)))
    assert light == standard


def test_the_init_is_compiled_once() -> None:
    @light_dataclasses.dataclass(frozen=True, slots=True)
    class Fresh:
        one: int

    before = vars(Fresh)["__init__"]
    assert Fresh(1) == Fresh(one=1)
    compiled = vars(Fresh)["__init__"]
    assert compiled is not before
    assert Fresh(2).one == 2
    assert vars(Fresh)["__init__"] is compiled
