"""Transactions under fire: what is moved between keys is never lost, made, or seen in part, and some order explains all answers."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.faults import Drop, Fault, Status, Truncated, Untyped
from tests.emulator.options import Options
from tests.emulator.server import DEFAULT_TOKEN
from tests.races.arena import Arena, make_repository
from tests.races.callers import Caller, Ledger, UnknownError
from tests.races.clients import Client, Killed
from tests.races.conftest import opened
from tests.races.histories import Add, Append, Content, Effect, History, Operation, Rewrite
from tests.races.jobs import Pace, killed_maintenance, pack_refs
from tests.races.running import at_once, meanwhile
from tests.servers.http import Cut, GitHttpServer

ACCOUNTS = ["counter one", "counter two", "map one", "map two"]
TEXT = "text"
FIRST: dict[str, Content] = {**dict.fromkeys(ACCOUNTS, 0), TEXT: "first"}
READ = [
    {"command": "get", "key": "counter one", "id": "counter_one", "default": "0"},
    {"command": "get", "key": "counter two", "id": "counter_two", "default": "0"},
    {"command": "hget", "key": "map one", "id": "map_one", "field": "amount"},
    {"command": "hget", "key": "map two", "id": "map_two", "field": "amount"},
    {"command": "get", "key": TEXT, "id": "text"},
]
IDS = dict(zip(FIRST, (item["id"] for item in READ), strict=True))
MOST_AMOUNTS = 62
"""As many powers of two as a counter holds."""
_CALLERS, _RIVALS = 8, 2
_ATTEMPTS = {"max_attempts": "1000"}


@dataclass(frozen=True, slots=True)
class Mover(Caller):
    """One who moves amounts, or competes with those who do. ``rivals``: the sum of what single commands may have added."""

    rivals: int

    def read(self) -> tuple[dict[str, Content], dict[str, str]]:
        """Return what all keys hold at one moment, and their versions; what is moved adds up to nothing."""
        operation = self.ledger.begin({})
        answer = self.until_done("batch", commands=json.dumps(READ))
        operation.ended, operation.outcome = time.monotonic(), "applied"
        results = json.loads(answer.outputs["results"])
        shown = {key: results[id_]["value"] for key, id_ in IDS.items()}
        operation.before.update({key: shown[key] if key == TEXT else int(shown[key]) for key in FIRST})
        total = sum(int(shown[key]) for key in ACCOUNTS)
        assert not total & ~self.rivals, f"{shown} add up to {total}"
        return operation.before, {key: results[id_].get("version", "") for key, id_ in IDS.items()}

    def move(self, amount: int) -> None:
        """Move an amount from one account to another, and now and then write the text with it, until a transaction is applied."""
        giver, taker = self.random.sample(ACCOUNTS, 2)
        what = self.random.choice(["nothing", "append", "rewrite"])
        for attempt in count():
            token = f"{amount.bit_length()}x{attempt}"
            held, versions = self.read()
            effects: dict[str, Effect] = {giver: Add(-amount), taker: Add(amount)}
            items = [
                item for key, by in ((giver, -amount), (taker, amount)) for item in self._adding(key, by, held[key], versions[key])
            ]
            if what == "append":
                effects[TEXT] = Append(token)
                items.append({"command": "append", "key": TEXT, "value": f" {token}"})
            elif what == "rewrite":
                effects[TEXT] = Rewrite(token, str(held[TEXT]))
                items.append({"command": "set", "key": TEXT, "value": token, "if-version": versions[TEXT]})
            operation = self.ledger.begin(effects)
            operation.before.update(
                {key: held[key] for key in effects if key.startswith("map") or (what == "rewrite" and key == TEXT)}
            )
            if self._batch(operation, items, f"move{token}") != "refused":
                return

    def _adding(self, key: str, by: int, held: Content, version: str) -> list[dict[str, str]]:
        if key.startswith("counter"):
            return [{"command": "incr", "key": key, "by": str(by), "id": IDS[key]}]
        written = {"command": "hset", "key": key, "field": "amount", "value": str(int(held) + by), "type": "string"}
        if self.random.random() < 0.5:
            return [{**written, "if-version": version}]
        return [{"command": "assert", "key": key, "field": "amount", "equals": str(held)}, written]

    def _batch(self, operation: Operation, items: Sequence[Mapping[str, str]], op_id: str) -> str:
        """Run a transaction, and note what became of it. Whoever has no operation id cannot run it again."""
        inputs = {"commands": json.dumps(items), **_ATTEMPTS}
        try:
            again = self.random.random() < 0.5
            answer = self.until_done("batch", op_id=op_id, **inputs) if again else self.once("batch", **inputs)
        except (Killed, UnknownError):
            return operation.outcome
        if answer is None or not answer.applied:
            operation.outcome = "refused"
            return operation.outcome
        operation.ended, operation.outcome = time.monotonic(), "applied"
        results = json.loads(answer.outputs["results"])
        operation.after.update({key: int(results[id_]["value"]) for key, id_ in IDS.items() if "value" in results.get(id_, {})})
        return operation.outcome

    def rival(self, amounts: Iterator[int]) -> None:
        """Run one single command on one of the keys."""
        match self.random.choice(["incr", "append", "hset", "expire", "persist", "get"]):
            case "incr":
                if not (amount := next(amounts, 0)):
                    return
                key = self.random.choice(ACCOUNTS[:2])
                operation = self.ledger.begin({key: Add(amount)})
                operation.waits = True
                contention = self.random.choice(["retry", "breadcrumb"])
                answer = self.until_done(
                    "incr", key=key, by=str(amount), op_id=f"rival{amount.bit_length():04}x", contention=contention, **_ATTEMPTS
                )
                operation.ended, operation.outcome = time.monotonic(), "applied"
                if "value" in answer.outputs:
                    operation.after[key] = int(answer.value)
            case "append":
                operation = self.ledger.begin({})
                operation.effects = {TEXT: Append(operation.name)}
                try:
                    if self.once("append", key=TEXT, value=f" {operation.name}", **_ATTEMPTS) is None:
                        operation.outcome = "refused"
                        return
                except (Killed, UnknownError):
                    return
                operation.ended, operation.outcome = time.monotonic(), "applied"
            case "hset":
                self.until_done("hset", key=self.random.choice(ACCOUNTS[2:]), field="noise", value="x", ttl="1h", **_ATTEMPTS)
            case "expire" | "persist" as command:
                key = self.random.choice([*FIRST])
                self.until_done(command, key=key, **({"ttl": "1h"} if command == "expire" else {}), **_ATTEMPTS)
            case _:
                key = self.random.choice(ACCOUNTS[:2])
                operation = self.ledger.begin({})
                answer = self.until_done("get", key=key, default="0")
                operation.ended, operation.outcome = time.monotonic(), "applied"
                operation.before[key] = int(answer.value)


def test_transactions_under_fire(arena: Arena) -> None:
    """Eight processes move amounts, and are killed at times, with single commands, maintenance and housekeeping beside them."""
    race_transactions(arena, each=2 if arena.scale == 1 else 6)


@pytest.mark.exhaustive
def test_transactions_under_fire_over_http(tmp_path: Path) -> None:
    """The same where one of twenty requests is lost, before or after its work was done."""
    repository = make_repository(tmp_path / "database.git")
    with GitHttpServer(tmp_path, token="s3cret", config={"uploadpack.allowFilter": "true"}) as server:
        place = {"INPUT_REPOSITORY": f"{server.url}/database.git", "INPUT_TOKEN": "s3cret"}
        with opened(repository, place, 1) as arena:
            random = arena.random("faults")
            for nth in range(200, 20_000):
                if random.random() < 0.05:
                    server.fail(nth, random.choice([Cut.BEFORE, Cut.AFTER, Cut.TRUNCATE]))
            race_transactions(arena, each=4, undisturbed=server.heal)


@pytest.mark.exhaustive
def test_transactions_under_fire_on_github(tmp_path: Path) -> None:
    options = Options(core_limit=10**9, graphql_limit=10**9)
    with GitHubEmulator(tmp_path / "github", options=options) as emulator:
        (tmp_path / "github" / "owner").mkdir(parents=True)
        repository = make_repository(tmp_path / "github" / "owner" / "name.git")
        place = {"INPUT_REPOSITORY": "owner/name", "INPUT_TOKEN": DEFAULT_TOKEN, **emulator.environ}
        with opened(repository, place, 1) as arena:
            random = arena.random("faults")
            faults: list[Fault] = [Drop(), Drop(applied=True), Status(502, applied=True), Untyped(applied=True), Truncated()]
            emulator.faults |= {nth: random.choice(faults) for nth in range(200, 20_000) if random.random() < 0.05}
            race_transactions(arena, each=4, undisturbed=emulator.faults.clear)


def race_transactions(arena: Arena, *, each: int, undisturbed: Callable[[], object] = lambda: None) -> None:
    """Let callers move amounts, each so often, with rivals, maintenance and readers beside them; and judge ``undisturbed``."""
    first = arena.worker()
    for key in ACCOUNTS[2:]:
        first.run("hset", key=key, field="amount", value="0", type="string")
    first.run("set", key=TEXT, value="first")
    ledger = Ledger()
    amounts = iter([1 << place for place in arena.random("amounts").sample(range(MOST_AMOUNTS), MOST_AMOUNTS)])
    moved = [[next(amounts) for _ in range(each)] for _ in range(_CALLERS)]
    left = [*amounts]
    rivals = sum(left)
    paces = [
        Pace(worker, arena.random(f"pace {number}"), killed=0.1) for number, worker in enumerate(arena.workers(_CALLERS + _RIVALS))
    ]
    calling = [Mover(pace, arena.random(f"caller {number}"), ledger, rivals) for number, pace in enumerate(paces)]
    shared = iter(left)
    jobs: list[Callable[[], object]] = [
        *(partial(_compete, caller, shared) for caller in calling[_CALLERS:]),
        killed_maintenance(
            arena, "maintenance", {"command": "gather", "grace_period": "0s"}, {"command": "sweep"}, {"command": "maintain"}
        ),
        _expiring(arena),
        pack_refs(arena),
    ]
    with meanwhile(*jobs):
        at_once([partial(_move_each, caller, mine) for caller, mine in zip(calling, moved, strict=False)])
    undisturbed()
    arena.settle()

    first.run("gather", grace_period="0s")
    reader = Mover(Pace(first, arena.random("last"), killed=0), arena.random("last"), ledger, rivals)
    held, _ = reader.read()
    ordered = History(FIRST, ledger.operations).explained(held)
    arena.assert_sound()
    outcomes = [operation.outcome for operation in ledger.operations if operation.effects]
    arena.tell(
        f"{len(ledger.operations)} operations, {len(ordered)} in order, of those that write "
        f"{ {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))} }, {sum(pace.kills for pace in paces)} kills"
    )


def _move_each(caller: Mover, amounts: Sequence[int]) -> None:
    for amount in amounts:
        caller.move(amount)


def _compete(caller: Mover, amounts: Iterator[int]) -> None:
    time.sleep(caller.random.uniform(0, 0.2))
    caller.rival(amounts)


def _expiring(arena: Arena) -> Callable[[], None]:
    """Return a job that leaves keys to sweep."""
    client: Client = arena.worker()

    def job() -> None:
        client.run("set", key="short lived", value="x", ttl="1s", expiry_granularity="1s")
        time.sleep(0.7)

    return job
