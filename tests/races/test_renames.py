"""Counters that are renamed under fire: each increment is under one of the names, once, whoever renames, joins and is killed."""

import json
import time
from collections import Counter as Tally
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pytest

from tests.races.arena import Arena
from tests.races.callers import Caller, Ledger, UnknownError
from tests.races.clients import Killed
from tests.races.histories import Add, History
from tests.races.jobs import Pace, killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile

NAMES = ["candidate", "release"]
SUM = "the sum of all"
_CALLERS, _RENAMERS, _EACH = 6, 2, 5
_BASE = 4
"""Amounts are powers of it, so that a sum tells how often each of them is in it."""
_ATTEMPTS = {"max_attempts": "1000"}


@dataclass(frozen=True, slots=True)
class Renamer(Caller):
    """One who increments a counter under the name that it has, or has had, or renames it.

    ``amounts``: all that are added. ``names``: those that were seen last, by anybody.
    """

    amounts: frozenset[int]
    names: list[str]

    def read(self) -> dict[str, int]:
        """Return what is counted under each name at one moment, of those that exist."""
        operation = self.ledger.begin({})
        items = [{"command": "get", "key": name, "id": name} for name in NAMES]
        answer = self.until_done("batch", commands=json.dumps(items), **_ATTEMPTS)
        operation.ended, operation.outcome = time.monotonic(), "applied"
        results = json.loads(answer.outputs["results"])
        held = {name: int(result["value"]) for name, result in results.items() if result["found"]}
        operation.before[SUM] = sum(held.values())
        assert amounts_in(sum(held.values())) <= self.amounts
        self.names[:] = held
        return held

    def increment(self, amount: int) -> None:
        """Add an amount under some name. It counts once, and the number that it gets has it."""
        name = self._name()
        operation = self.ledger.begin({SUM: Add(amount)})
        operation.waits = True
        contention = self.random.choice(["retry", "breadcrumb", "breadcrumb", "breadcrumb"])
        try:
            answer = self.once("incr", key=name, by=str(amount), contention=contention, **_ATTEMPTS)
        except (Killed, UnknownError):
            return
        assert answer is not None
        operation.ended, operation.outcome = time.monotonic(), "applied"
        if "value" in answer.outputs:
            assert amount in amounts_in(int(answer.value))

    def rename(self) -> None:
        """Rename a counter if the other name is free, or join the two in one transaction; nobody is told what became of it."""
        source = self._name()
        (target,) = {*NAMES} - {source}
        with suppress(Killed, UnknownError):
            answer = self.once("rename", key=source, to=target, if_="absent", **_ATTEMPTS)
            if answer is not None and answer.applied:
                self.names[:] = [target]
            elif (held := self.read()).keys() == {*NAMES}:
                self.once("batch", commands=json.dumps(_joining(source, target, held[source])), **_ATTEMPTS)

    def _name(self) -> str:
        """Return the name that the counter has, most often."""
        names = [*self.names] if self.random.random() < 0.9 else NAMES
        return self.random.choice(names or NAMES)


def _joining(source: str, target: str, number: int) -> list[dict[str, str]]:
    return [
        {"command": "assert", "key": source, "equals": str(number)},
        {"command": "del", "key": source},
        {"command": "incr", "key": target, "by": str(number)},
    ]


def amounts_in(number: int) -> set[int]:
    """Return the amounts that a sum consists of. Raises AssertionError where one is in it more than once."""
    amounts, amount = set(), 1
    while amount <= number:
        often = number // amount % _BASE
        assert often <= 1, f"{amount} is {often} times in {number}"
        amounts |= {amount} if often else set()
        amount *= _BASE
    return amounts


def test_a_counter_that_is_renamed_loses_no_increment(arena: Arena) -> None:
    """Some increment, some rename and join, and all are killed at times, with jobs and housekeeping beside them."""
    race_renames(arena, rounds=3 if arena.scale == 1 else 20)


@pytest.mark.exhaustive
def test_nor_does_it_on_github(github_arena: Arena) -> None:
    race_renames(github_arena, rounds=github_arena.scale)


def race_renames(arena: Arena, *, rounds: int) -> None:
    """Let callers add their amounts, with renamers, maintenance and housekeeping beside them; and judge each round."""
    amounts = [_BASE**place for place in range(_CALLERS * _EACH)]
    randoms = [arena.random(number) for number in range(_CALLERS + _RENAMERS + 1)]
    paces = [Pace(arena.worker(), random, killed=0.07) for random in randoms]
    choices = ({"command": "gather", "grace_period": "0s"}, {"command": "sweep"}, {"command": "maintain"})
    jobs = [killed_maintenance(arena, "maintenance", *choices), pack_refs(arena)]
    for turn in range(rounds):
        ledger = Ledger()
        names = NAMES[:1]
        *racing, last = (Renamer(*pair, ledger, frozenset(amounts), names) for pair in zip(paces, randoms, strict=True))
        arena.random(f"round {turn}").shuffle(amounts)
        with meanwhile(*jobs, *(renamer.rename for renamer in racing[_CALLERS:])):
            at_once([partial(_increment_each, caller, amounts[place::_CALLERS]) for place, caller in enumerate(racing[:_CALLERS])])
        arena.settle()
        last.until_done("gather", grace_period="0s")
        History({SUM: 0}, ledger.operations).explained({SUM: sum(last.read().values())})
        assert arena.refs("refs/tags/kv-") == {}
        arena.tell(f"increments: {dict(Tally(operation.outcome for operation in ledger.operations if operation.effects))}")
        for name in NAMES:
            last.until_done("del", key=name)
    arena.assert_sound()
    arena.tell(f"{sum(pace.kills for pace in paces)} kills")


def _increment_each(caller: Renamer, amounts: Sequence[int]) -> None:
    for amount in amounts:
        caller.increment(amount)
