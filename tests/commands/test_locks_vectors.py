"""The golden vectors of locks (tests/vectors/locks.json)."""

from collections.abc import Mapping
from typing import Any

import pytest

from git_keyval.commands.elements import OfMap
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hexpire, Hset
from git_keyval.database.answers import Answer
from git_keyval.database.collections import AllElements, CollectionView
from git_keyval.database.command import Moment
from git_keyval.database.perform import perform
from git_keyval.errors import WrongTypeError
from git_keyval.format.values import as_text
from tests.vectors import load
from tests.world import World, drafts, key

Case = Mapping[str, Any]

LOCKS = load("locks")
K = key("lock")


class Stored(OfMap):
    """Reads all elements, also those that have expired."""

    def reads(self) -> AllElements:
        return AllElements(keys=[self.key], category=self.category, command="")

    def decide(self, view: CollectionView, moment: Moment) -> Answer:  # noqa: ARG002
        return Answer(document={name: as_text(value) for name, value in view.values(view.stored).items()})


def made(world: World, case: Case) -> World:
    expired = case.get("expired", [])
    if case["elements"]:
        perform(world.database(), Hset(key=K, entries=drafts(**case["elements"])))
        owners = [name for name in case["elements"] if name.startswith("owner")]
        for ttl, names in ((60, expired), (6000, [name for name in owners if name not in expired])):
            if names:
                perform(world.database(), Hexpire(key=K, fields=names, ttl=ttl))
        world.clock.advance(60)
    return world


def named(case: object) -> str | None:
    return str(case["name"]) if isinstance(case, Mapping) else None


@pytest.mark.parametrize("case", LOCKS["takes"], ids=named)
def test_a_lock_is_taken_as_the_vectors_say(memory: World, case: Case) -> None:
    before = made(memory, case).refs()
    answer = perform(memory.database(), Lock(key=K, owner=case["owner"], ttl=600, slots=case["slots"]))
    assert (answer.applied, answer.slot) == (case["slot"] is not None, case["slot"])
    if case["result"] is None:
        assert memory.refs() == before
    else:
        assert perform(memory.database(), Stored(key=K)).document == case["result"]
    assert memory.errors() == []


@pytest.mark.parametrize("case", LOCKS["releases"], ids=named)
def test_a_lock_is_released_as_the_vectors_say(memory: World, case: Case) -> None:
    before = made(memory, case).refs()
    answer = perform(memory.database(), Unlock(key=K, owner=case["owner"]))
    assert (answer.applied, answer.slot) == (case["slot"] is not None, case["slot"])
    if case["result"] is None:
        assert memory.refs() == before
    else:
        assert perform(memory.database(), Stored(key=K)).document == case["result"]


@pytest.mark.parametrize("case", LOCKS["noLocks"], ids=named)
def test_what_is_no_lock_is_refused(memory: World, case: Case) -> None:
    before = made(memory, case).refs()
    for command in (Lock(key=K, owner="z", ttl=600, slots=case["slots"]), Unlock(key=K, owner="z", slots=case["slots"])):
        with pytest.raises(WrongTypeError):
            perform(memory.database(), command)
    assert memory.refs() == before
