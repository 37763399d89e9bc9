"""Every command with a rival before its Nth request, for every N: it is as if one came after the other."""

import itertools
from collections.abc import Callable, Mapping

import pytest

from git_keyval.database.answers import Answer
from git_keyval.errors import GitKeyvalError
from tests.crash.scenes import COMMANDS, IN_STEPS, OF_ANOTHER_KEY, WITH_RIVAL, Command, begin, look, plain
from tests.exhaustive import in_turn
from tests.faults import FaultyStore, Rival
from tests.github.test_rivals import OF_SEVERAL, RIVALS, RIVALS_AT_ONE_KEY
from tests.world import FOREIGN, Shown, World

Outcome = tuple[Answer | type[GitKeyvalError], Mapping[str, Shown]]


def outcome(world: World, command: Command, store: FaultyStore) -> Outcome:
    """Return what a command answers on a store, and what is to be seen after it, but for what depends on time."""
    try:
        answer: Answer | type[GitKeyvalError] = plain(command(world, world.database(store)))
    except GitKeyvalError as exc:
        answer = type(exc)
    return answer, seen(world)


def seen(world: World) -> Mapping[str, Shown]:
    state = look(world)
    assert (state.errors, state.foreign) == ([], frozenset(FOREIGN))
    return state.content


def one_after_the_other(command: Command, rival: Callable[[World], object]) -> list[Outcome]:
    """Return what a command and its rival may lead to: the command first, and the rival first."""
    world = begin()
    answer, _ = outcome(world, command, world.faulty({}))
    rival(world)
    first = answer, seen(world)
    world = begin()
    rival(world)
    return [first, outcome(world, command, world.faulty({}))]


OF_ONE = [name for name in COMMANDS if name not in WITH_RIVAL | IN_STEPS | OF_SEVERAL | OF_ANOTHER_KEY]


@pytest.mark.parametrize(
    ("name", "who"), in_turn(OF_ONE, RIVALS) + in_turn([name for name in COMMANDS if name in OF_SEVERAL], RIVALS_AT_ONE_KEY)
)
def test_a_command_and_its_rival_seem_to_go_one_after_the_other(name: str, who: str) -> None:
    rival = (RIVALS_AT_ONE_KEY if name in OF_SEVERAL else RIVALS)[who]
    possible = one_after_the_other(COMMANDS[name], rival)
    for number in itertools.count(1):
        world = begin()
        store = world.faulty({number: Rival(lambda world=world: rival(world))})  # type: ignore[misc]
        found = outcome(world, COMMANDS[name], store)
        if not store.fired:
            break
        assert found in possible, f"{name}, where the rival {who} before request {number}: {found[0]!r}"
    assert number > 1
