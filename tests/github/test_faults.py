"""Every command with its Nth request to GitHub failing in the ways that GitHub is known to fail, for every N.

How the adapter takes an answer depends on the request and on the fault: a fault in its turn is enough, as many commands make the
same requests. What a command makes of that depends on what it is told, and it is told more than that the store failed only of a
write: whether it was done, or that nobody knows. So ``make test`` takes one fault of each of these kinds for a write, and one
fault for any other request; ``make test-all`` takes all faults of a write, and one of each kind for any other request.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

import pytest

from git_keyval.database.answers import Answer
from git_keyval.errors import OutcomeUnknownError, StoreError
from git_keyval.maintenance.report import CheckReport, InitReport, Report
from tests.crash.scenes import COMMANDS, IN_STEPS, JOBS, MAY_BE_UNKNOWN, NOT_REPEATABLE, RECORDED_FIRST, WITH_RIVAL, plain
from tests.emulator import (
    Drop,
    Fault,
    Lag,
    Logged,
    Malformed,
    PrimaryExhausted,
    ResourceLimits,
    SecondaryLimit,
    StaleRead,
    Status,
    Timeout,
    Truncated,
    Untyped,
)
from tests.exhaustive import first, only
from tests.github.stage import Seen, Stage

NOT_DONE: Mapping[str, Fault] = {"dropped": Drop(), "502": Status(502), "untyped": Untyped()}
DONE: Mapping[str, Fault] = {
    "dropped after": Drop(applied=True),
    "502 after": Status(502, applied=True),
    "untyped after": Untyped(applied=True),
    "truncated": Truncated(),
    "malformed": Malformed(),
}
LIMITED: Mapping[str, Fault] = {
    "403": SecondaryLimit(403),
    "403 with retry-after": SecondaryLimit(403, retry_after=30),
    "429": SecondaryLimit(429),
    "429 with retry-after": SecondaryLimit(429, retry_after=30),
    "200 limited": SecondaryLimit(200),
    "content creation": SecondaryLimit(403, content=True),
    "exhausted": PrimaryExhausted(),
    "already exhausted": PrimaryExhausted(already=True),
    "exhausted, as 429": PrimaryExhausted(code=429, as_rest=True),
}
PARTLY: Mapping[str, Fault] = {"too much": ResourceLimits(), "stale": StaleRead(), "lagging": Lag()}
IN_EARNEST: Mapping[str, Fault] = {"timeout": Timeout(), "timeout after": Timeout(applied=True)}
WAITED_FOR = {"hget", "incr", "keys", "mset"}
"""What meets no answer in earnest: that takes its time, and ends as one that is dropped. They make each kind of request."""
MADE_ALIKE = {
    *("append", "append once", "getdel once", "del of several once", "rename of a counter once"),
    *("unlock of a slot", "batch of counters", "assert"),
}
"""What makes the same requests as others do, and is told the same of them: what it makes of that is seen in tests/crash."""
FAULTS = {**NOT_DONE, **DONE, **LIMITED, **PARTLY, **IN_EARNEST}
UNTOLD = {**NOT_DONE, **DONE, **IN_EARNEST}.keys()
"""Faults of which a client cannot tell whether its request was done; after any other, the server has said that it was not."""
NO_FAULT_OF_GIT = {name for name, fault in FAULTS.items() if isinstance(fault, SecondaryLimit | PrimaryExhausted)} - {"429"} | {
    "too much",
    "untyped",
    "untyped after",
    "stale",
    "lagging",
}
"""Git is told of every limit in the same way, and the rest is about queries."""
NO_FAULT_OF_REST = {"200 limited", "too much", "untyped", "untyped after"}


def faults_of(logged: Logged) -> list[str]:
    """Name the faults that differ for a request: a read that is not answered is the same, whether it was read or not."""
    left_out = {"git": NO_FAULT_OF_GIT, "rest": NO_FAULT_OF_REST}.get(logged.kind, set())
    reads = logged.kind != "rest" and not is_write(logged)
    return [name for name in FAULTS if name not in left_out and not (reads and name.endswith((" after", "lagging")))]


def meetings(requests: Sequence[Logged], name: str, turn: int, *, rest: bool) -> Iterator[tuple[int, Logged, str]]:
    """Yield each request, by its number, with the faults that ``make test`` takes of it, or with the ``rest`` of them."""
    for number, logged in enumerate(requests, start=1):
        possible = faults_of(logged)
        kinds = ([NOT_DONE, DONE, {**LIMITED, **PARTLY}], [NOT_DONE, DONE, LIMITED, PARTLY])
        few = in_its_turn(possible, kinds[0] if is_write(logged) else [FAULTS.keys() - IN_EARNEST.keys()], turn + number)
        if name in WAITED_FOR:
            few += [fault for fault in possible if fault in IN_EARNEST]
        if rest:
            all_kinds = possible if is_write(logged) else in_its_turn(possible, kinds[1], turn + number)
            few = [fault for fault in all_kinds if fault not in few and fault not in IN_EARNEST]
        for fault in few:
            yield number, logged, fault


def in_its_turn(possible: Sequence[str], kinds: Iterable[Container[str]], turn: int) -> list[str]:
    """Return of each kind the possible fault whose turn it is, if any is possible."""
    choices = ([fault for fault in possible if fault in kind] for kind in kinds)
    return [faults[turn % len(faults)] for faults in choices if faults]


A_FEW = pytest.mark.parametrize("rest", first(1, [False, True]), ids=["a few", "the rest"])


@A_FEW
@pytest.mark.parametrize("name", only(COMMANDS.keys() - MADE_ALIKE, COMMANDS))
def test_one_failed_request_does_no_harm(stage: Stage, name: str, *, rest: bool) -> None:
    """An answer is right, an error is honest, and running the command again leads to where one run would have led."""
    world, store = stage.world()
    before = stage.see(world)
    stage.emulator.reset_log()
    told = stage.attempt(world, store, name, {})
    assert isinstance(told, Answer)
    end = stage.see(world)
    for number, logged, fault in meetings(stage.kinds(), name, list(COMMANDS).index(name), rest=rest):
        world, store = stage.world([FAULTS[fault]])
        answer = stage.attempt(world, store, name, {number: FAULTS[fault]})
        scene = f"{name}: request {number}, {logged.kind} {logged.method} {logged.path}, {fault}: {answer!r}"
        judge(name, scene, before, told, end, answer, stage.see(world))
        may_fail = is_write(logged) and name in MAY_BE_UNKNOWN | IN_STEPS
        if fault not in UNTOLD or not may_fail:
            assert isinstance(answer, Answer), scene
        elif name not in NOT_REPEATABLE:
            assert isinstance(stage.attempt(world, store, name, {}), Answer), scene
            assert stage.see(world).content == end.content, scene


@A_FEW
@pytest.mark.parametrize("name", JOBS)
def test_one_failed_request_of_a_job_does_no_harm(stage: Stage, name: str, *, rest: bool) -> None:
    """What readers see never changes, and another run brings to its end what this one left."""
    world, store = stage.world()
    before = stage.see(world)
    stage.emulator.reset_log()
    stage.run_job(world, store, name, {})
    end = stage.see(world)
    assert end.content == before.content
    for number, logged, fault in meetings(stage.kinds(), name, list(JOBS).index(name), rest=rest):
        world, store = stage.world([FAULTS[fault]])
        answer = stage.run_job(world, store, name, {number: FAULTS[fault]})
        now = stage.see(world)
        scene = f"{name}: request {number}, {logged.kind} {logged.method} {logged.path}, {fault}: {answer!r}"
        assert (now.content, now.errors, now.foreign) == (before.content, (), True), scene
        if isinstance(answer, Exception):
            assert is_write(logged), scene
        if now != end:
            again = stage.run_job(world, store, name, {})
            assert isinstance(again, Report | CheckReport | InitReport), scene
            assert stage.see(world) == end, scene


def is_write(logged: Logged) -> bool:
    return logged.kind == "graphql-mutation" or (logged.method == "POST" and logged.path.endswith("/git-receive-pack"))


def judge(name: str, scene: str, before: Seen, told: Answer, end: Seen, answer: Answer | Exception, now: Seen) -> None:
    assert (now.errors, now.foreign) == ((), True), scene
    if isinstance(answer, Answer):
        assert plain(answer) == plain(told) or (name == RECORDED_FIRST and answer.applied and answer.pending), scene
        assert now.content == end.content, scene
    elif name in IN_STEPS or name in WITH_RIVAL:
        return
    elif isinstance(answer, StoreError):
        assert now.content == before.content, scene
    else:
        assert isinstance(answer, OutcomeUnknownError), scene
        assert now.content in (before.content, end.content), scene
