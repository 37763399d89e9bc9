"""copy, rename: what a key holds stands at another key, with all that belongs to it."""

import itertools
from collections.abc import Callable
from contextlib import suppress

import pytest

from git_keyval.commands.arrays import Apop, Apush, Aset
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hdel, Hexpire, Hpersist, Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Get, Set
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.command import Bound
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.errors import (
    ContentionError,
    CounterOverflowError,
    GitKeyvalError,
    InputError,
    MalformedRecordError,
    MissingEncryptionKeyError,
    NotEncryptedError,
    OutcomeUnknownError,
    UnavailableError,
)
from git_keyval.format.counters import INT64_MAX, RECENT_OPERATIONS, decode_counter
from git_keyval.format.elements import element_id
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, message_only
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, RefName
from git_keyval.format.redirects import Redirect
from git_keyval.format.values import bytes_value, file_value, parse_value
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.maintenance.init import init
from git_keyval.store.port import DELETE, RefUpdate, Store, Transaction
from tests.contract.samples import Sample, foreign_commit
from tests.encrypting import cipher
from tests.faults import Call, Lost, Rival
from tests.memory import MemoryStore
from tests.world import World, draft, drafts, key, number, text

A, B = key("a"), key("b")
BOTH = [A, B]
OP = "deploy42"

BOTH_COMMANDS = pytest.mark.parametrize("command", [Copy, Rename])


def counter_with_breadcrumbs(world: World, at: Key) -> None:
    perform(world.database(), Incr(key=at, by=10))
    world.clock.advance(1)
    world.plant(at, 5)
    world.plant(at, -1)


def fill_map(world: World, at: Key, *commands: Bound) -> None:
    """Make a map with fields that live on, will expire, and have."""
    perform(world.database(), Hset(key=at, entries=drafts(one="1", two="2")))
    perform(world.database(), Hset(key=at, entries=drafts(lives="3"), ttl=6000))
    perform(world.database(), Hset(key=at, entries=drafts(old="4"), ttl=60))
    for command in commands:
        perform(world.database(), command)
    world.clock.advance(120)


def fill_array(world: World, at: Key) -> None:
    """Make an array with a hole, and with elements that live on, and will expire."""
    for element, seconds in (("1", None), ("2", 6000), ("3", 60), ("4", None)):
        perform(world.database(), Apush(key=at, elements=[draft(element)], ttl=seconds))
    world.clock.advance(120)


def another_map(world: World, at: Key, *commands: Bound) -> None:
    """Make a map with fields of the same names, which expire where those do not."""
    perform(world.database(), Hset(key=at, entries={name: draft(number("5")) for name in ("one", "more")}, ttl=3000))
    for command in commands:
        perform(world.database(), command)


HELD: dict[str, Callable[[World, Key], object]] = {
    "text": lambda world, at: perform(world.database(), Set(key=at, value=text("text of the first"))),
    "text that expires": lambda world, at: perform(world.database(), Set(key=at, value=text("expires"), ttl=6000)),
    "bytes": lambda world, at: perform(world.database(), Set(key=at, value=bytes_value(b"\0\xff"))),
    "file": lambda world, at: perform(world.database(), Set(key=at, value=file_value(b"\x89PNG", media_type="image/png"))),
    "json": lambda world, at: perform(world.database(), Set(key=at, value=parse_value("JSON", '{"a": [1]}'))),
    "number": lambda world, at: perform(world.database(), Set(key=at, value=number("7"))),
    "counter": lambda world, at: perform(world.database(), Set(key=at, value=41)),
    "counter that expires": lambda world, at: perform(world.database(), Set(key=at, value=42, ttl=6000)),
    "counter with what waits": counter_with_breadcrumbs,
    "what waits only": lambda world, at: world.plant(at, 7),
    "map": fill_map,
    "map that expires": lambda world, at: fill_map(world, at, Expire(key=at, ttl=6000)),
    "map without a field": lambda world, at: fill_map(world, at, Hdel(key=at, fields=["one", "two", "lives", "old"])),
    "array": fill_array,
    "lock": lambda world, at: perform(world.database(), Lock(key=at, owner="me", ttl=6000)),
}
"""What a key may hold."""

THERE: dict[str, Callable[[World, Key], object]] = {
    "nothing": lambda _world, _at: None,
    **{
        name: HELD[name]
        for name in ("text that expires", "counter with what waits", "what waits only", "map that expires", "array")
    },
    "another map": another_map,
    "what has expired": lambda world, at: another_map(world, at, Expire(key=at, ttl=60)),
    "what nobody can read": lambda world, at: world.put(DEFAULT_NAMING.value(at.id), foreign_commit("odd")),
    "expiries of elements": lambda world, at: world.put(
        DEFAULT_NAMING.element_expiry(at.id, element_id("one")), Sample((*DUMMY_OBJECTS, encode_expiry(60)))
    ),
}
"""What may be where it is copied to."""


def elements(world: World, at: Key) -> set[RefName]:
    return {name for name in world.refs() if name.startswith(DEFAULT_NAMING.element_expiries(at.id))}


def shown(world: World, at: Key) -> object:
    """Return a key as people see it."""
    return world.content([at]).get(at.label)


# --- what is copied -------------------------------------------------------------------------------------------------


@BOTH_COMMANDS
@pytest.mark.parametrize("held", HELD)
def test_what_a_key_holds_stands_at_the_other(world: World, command: type[Copy], held: str) -> None:
    HELD[held](world, A)
    before = shown(world, A)
    answer = perform(world.database(), command(key=A, to=B))
    assert (answer.found, answer.applied, answer.version) == (
        True,
        True,
        perform(world.database(), Get(key=B)).version
        if held not in {"map", "map that expires", "map without a field", "array", "lock"}
        else answer.version,
    )
    assert shown(world, B) == before
    assert shown(world, A) == (before if command is Copy else None)
    assert world.errors() == []
    if command is Rename:
        assert not [name for name in world.refs() if A.id[2:] in name and not name.startswith("refs/heads/gc/")]


@BOTH_COMMANDS
@pytest.mark.parametrize("there", THERE)
@pytest.mark.parametrize("held", ["text", "text that expires", "counter with what waits", "map", "array"])
def test_whatever_is_there_is_replaced(memory: World, command: type[Copy], held: str, there: str) -> None:
    """With its lifetime, its elements' lifetimes and its increments: none comes to belong to what is there then."""
    THERE[there](memory, B)
    memory.clock.advance(60)
    HELD[held](memory, A)
    before = shown(memory, A)
    assert perform(memory.database(), command(key=A, to=B)).applied
    assert shown(memory, B) == before
    assert len(elements(memory, B)) <= (3 if held in {"map", "array"} else there == "expiries of elements")
    assert memory.errors() == []
    Gather(grace_period=0).run(memory.maintenance())
    memory.clock.advance(4000)
    Sweep().run(memory.maintenance())
    assert shown(memory, B) == before
    if command is Copy:
        assert shown(memory, A) == before


@BOTH_COMMANDS
@pytest.mark.parametrize("held", [name for name in HELD if "counter" not in name and "waits" not in name])
def test_nothing_that_is_stored_is_stored_again(memory: World, command: type[Copy], held: str) -> None:
    HELD[held](memory, A)
    (sent,) = sent_by(memory, command(key=A, to=B))
    assert sent.objects == ()


def sent_by(world: World, command: Bound) -> list[Transaction]:
    store = world.faulty({})
    perform(world.database(store), command)
    calls = [call.request for call in store.calls if call.verb == "apply"]
    return [transaction for request in calls if isinstance(request, tuple) for transaction in request]


@BOTH_COMMANDS
@pytest.mark.parametrize("there", ["nothing", "another map"])
def test_a_map_of_more_fields_than_are_asked_for_by_name(memory: World, command: type[Copy], there: str) -> None:
    THERE[there](memory, B)
    perform(memory.database(), Hset(key=A, entries={f"field {turn}": draft("v") for turn in range(200)}))
    perform(memory.database(), Hset(key=A, entries={f"lives {turn}": draft("v") for turn in range(3)}, ttl=6000))
    before = shown(memory, A)
    assert perform(memory.database(), command(key=A, to=B)).applied
    assert (shown(memory, B), len(elements(memory, B))) == (before, 3)
    assert len(elements(memory, A)) == (3 if command is Copy else 0)
    assert memory.errors() == []


@BOTH_COMMANDS
def test_what_does_not_exist_is_not_copied(world: World, command: type[Copy]) -> None:
    perform(world.database(), Set(key=B, value=text("stays")))
    perform(world.database(), Set(key=key("gone"), value=text("gone"), ttl=60))
    world.clock.advance(60)
    before = world.refs()
    for absent in (A, key("gone")):
        assert perform(world.database(), command(key=absent, to=B)) == Answer(found=False, applied=False, ttl=-2)
    assert world.refs() == before


@BOTH_COMMANDS
@pytest.mark.parametrize(
    "there", [name for name in THERE if name not in {"nothing", "what nobody can read", "expiries of elements"}]
)
def test_if_absent_nothing_is_replaced(memory: World, command: type[Copy], there: str) -> None:
    THERE[there](memory, B)
    memory.clock.advance(60)
    perform(memory.database(), Set(key=A, value=text("v")))
    before, refs = shown(memory, B), memory.refs()
    answer = perform(memory.database(), command(key=A, to=B, if_absent=True))
    assert (answer.found, answer.applied) == (True, there == "what has expired")
    if not answer.applied:
        assert (shown(memory, B), memory.refs()) == (before, refs)


@BOTH_COMMANDS
def test_a_key_is_not_copied_onto_itself(memory: World, command: type[Copy]) -> None:
    perform(memory.database(), Set(key=A, value=text("v")))
    store = memory.faulty({})
    with pytest.raises(InputError, match="'to' names the key itself"):
        perform(memory.database(store), command(key=A, to=key("a")))
    assert store.calls == []


def test_a_stored_name_goes_with_its_key(world: World) -> None:
    database = world.database()
    perform(database, Set(key=A, value=text("v"), store_key=True))
    perform(database, Copy(key=A, to=B))
    assert perform(database, Keys()).document == ["a", "b"]
    perform(database, Rename(key=A, to=key("c")))
    assert perform(database, Keys()).document == ["b", "c"]
    perform(database, Rename(key=B, to=key("c")))
    assert perform(database, Keys()).document == ["c"]
    perform(database, Set(key=A, value=text("v")))
    perform(database, Copy(key=A, to=B))
    assert perform(database, Keys()).document == ["c"]
    assert world.errors() == []


def test_a_lock_is_released_under_its_new_name(memory: World) -> None:
    perform(memory.database(), Lock(key=A, owner="me", ttl=600))
    perform(memory.database(), Rename(key=A, to=B))
    assert perform(memory.database(), Lock(key=B, owner="others", ttl=600)).applied is False
    assert perform(memory.database(), Unlock(key=B, owner="me")).applied
    assert perform(memory.database(), Lock(key=B, owner="others", ttl=600)).fence == 2


@BOTH_COMMANDS
def test_what_nobody_can_read_is_not_copied(memory: World, command: type[Copy]) -> None:
    for odd in (foreign_commit("odd"), Sample((*DUMMY_OBJECTS, message_only(b'{"category":"later","version":2}\n')))):
        memory.put(DEFAULT_NAMING.value(A.id), odd)
        before = memory.refs()
        with pytest.raises(MalformedRecordError):
            perform(memory.database(), command(key=A, to=B))
        assert memory.refs() == before


@BOTH_COMMANDS
@pytest.mark.parametrize("moved", BOTH, ids=["source", "target"])
def test_a_redirected_key_is_neither_copied_nor_replaced(memory: World, command: type[Copy], moved: Key) -> None:
    for one in BOTH:
        perform(memory.database(), Set(key=one, value=text("v")))
    perform(memory.database(), Redirection(keys=[moved], targets={moved.id: Redirect("owner/other", 2)}))
    before = memory.refs()
    with pytest.raises(MovedError) as raised:
        perform(memory.database(), command(key=A, to=B))
    assert set(raised.value.targets) == {moved.id}
    assert memory.refs() == before


# --- counters -------------------------------------------------------------------------------------------------------


def value_at(world: World, at: Key) -> object:
    return perform(world.database(), Get(key=at)).value


def test_a_copied_counter_has_counted_nothing_yet(world: World) -> None:
    """An operation id that was used for the one counter is new to the other; one that was used there stays done."""
    database = world.database()
    perform(database, Incr(key=A, op=OP))
    perform(database, Incr(key=B, op="atheother"))
    perform(database, Copy(key=A, to=B))
    assert perform(database, Incr(key=B, op=OP)).value == 2
    assert perform(database, Incr(key=B, op="atheother")).value == 1
    assert perform(database, Incr(key=A, op=OP)).value == 1
    assert (value_at(world, A), value_at(world, B)) == (1, 2)


def test_a_renamed_counter_knows_what_it_has_counted(world: World) -> None:
    database = world.database()
    perform(database, Incr(key=A, by=5, op=OP))
    world.plant(A, 7, op="waitedfor")
    perform(database, Rename(key=A, to=B))
    assert perform(database, Incr(key=B, by=5, op=OP)).value == 5
    assert perform(database, Incr(key=B, by=7, op="waitedfor")).value == 12
    assert value_at(world, B) == 12
    assert perform(database, Incr(key=A, by=5, op=OP)).value == 5


def test_however_much_the_replaced_counter_remembers(memory: World) -> None:
    """Nothing of what the renamed counter remembers is forgotten for it."""
    for turn in range(RECENT_OPERATIONS):
        perform(memory.database(), Incr(key=A, op=f"ofthefirst{turn}"))
        perform(memory.database(), Incr(key=B, op=f"ofthesecond{turn}"))
    perform(memory.database(), Rename(key=A, to=B))
    for turn in range(RECENT_OPERATIONS):
        assert perform(memory.database(), Incr(key=B, op=f"ofthefirst{turn}")).value == turn + 1
    assert value_at(memory, B) == RECENT_OPERATIONS


@BOTH_COMMANDS
def test_what_waits_beside_the_replaced_counter_is_counted_there_and_nowhere_else(memory: World, command: type[Copy]) -> None:
    """Whoever waits there has its number; what arrives late is void."""
    perform(memory.database(), Incr(key=A, by=100))
    perform(memory.database(), Incr(key=B, by=10))
    memory.clock.advance(1)
    waiting = memory.plant(B, 5, op="waitedfor")
    perform(memory.database(), command(key=A, to=B))
    (voiding,) = memory.breadcrumbs()
    assert (waiting < voiding, memory.refs()[voiding]) == (True, NULL_COMMIT.oid)
    memory.plant(B, 6, ago=0.5)
    assert value_at(memory, B) == 100
    assert perform(memory.database(), Incr(key=B, by=5, op="waitedfor")).value == 15
    memory.clock.advance(1)
    memory.plant(B, 7)
    assert value_at(memory, B) == 107


@BOTH_COMMANDS
def test_a_number_beyond_its_bounds_is_not_written(memory: World, command: type[Copy]) -> None:
    perform(memory.database(), Set(key=A, value=INT64_MAX))
    memory.clock.advance(1)
    memory.plant(A, 5)
    before = memory.refs()
    with pytest.raises(CounterOverflowError):
        perform(memory.database(), command(key=A, to=B))
    memory.clock.advance(1)
    memory.plant(A, -6)
    if command is Rename:  # the sum is within them, but not every number on the way
        with pytest.raises(CounterOverflowError):
            perform(memory.database(), command(key=A, to=B))
    assert DEFAULT_NAMING.value(B.id) not in memory.refs()
    assert before.items() <= memory.refs().items()


def incr_and_rename(memory: World, *, renamed: Key, to: Key, by_number: int, lost: Lost | None) -> tuple[World, object, bool]:
    """Let a rename come before one of the requests of an increment of A by 3 that meets a rival, or with ``lost`` loses a reply."""
    world = memory.in_memory()
    act = Rival(lambda: perform(world.database(), Rename(key=renamed, to=to)))
    inner = world.faulty({by_number: act})
    rival = Rival(lambda: perform(world.database(), Incr(key=A, by=1000)))
    faults = {2: rival} if lost is None else {2: lost}
    store = type(inner)(inner, faults)
    try:
        end: object = perform(world.database(store), Incr(key=A, by=3, op=OP))
    except GitKeyvalError as exc:
        end = exc
    store.arrive()
    return world, end, bool(inner.fired)


@pytest.mark.parametrize("lost", [None, *Lost])
def test_an_increment_that_waits_while_its_counter_is_renamed(memory: World, lost: Lost | None) -> None:
    """It counts once, at the new key or, if it comes after, at the old one; and what it is told is true."""
    perform(memory.database(), Incr(key=A, by=10))
    rivals = 0 if lost else 1000
    for by_number in itertools.count(1):
        world, end, fired = incr_and_rename(memory, renamed=A, to=B, by_number=by_number, lost=lost)
        if not fired:
            break
        Gather(grace_period=0).run(world.maintenance())
        at_old, at_new = (perform(world.database(), Get(key=one)).value or 0 for one in (A, B))
        assert isinstance(at_old, int)
        assert isinstance(at_new, int)
        counted = at_old + at_new - 10 - rivals
        if isinstance(end, Answer):
            assert (counted, end.applied, end.pending) == (3, True, False), by_number
            assert end.value in {None, 3, 13, 1003, 1013}
        else:
            assert isinstance(end, OutcomeUnknownError), (by_number, end)
            assert lost is not None
            assert counted in {0, 3}
        assert world.errors() == []
    assert by_number >= 4


@pytest.mark.parametrize("lost", [None, *Lost])
def test_an_increment_that_waits_where_a_counter_is_renamed_to(memory: World, lost: Lost | None) -> None:
    """It comes before, and is replaced, or after, and counts once."""
    perform(memory.database(), Incr(key=A, by=10))
    perform(memory.database(), Incr(key=B, by=500))
    for by_number in itertools.count(1):
        world, end, fired = incr_and_rename(memory, renamed=B, to=A, by_number=by_number, lost=lost)
        if not fired:
            break
        Gather(grace_period=0).run(world.maintenance())
        value = value_at(world, A)
        assert value in {500, 503, 1500, 1503} - ({1500, 1503} if lost else set()), (by_number, end)
        if isinstance(end, Answer):
            assert end.applied
            assert end.value in {None, 13, 1013, 503, 1503}
            assert end.value != 503 or value in {503, 1503}
        else:
            assert isinstance(end, OutcomeUnknownError), (by_number, end)
            assert lost is not None
        assert world.errors() == []
    assert by_number >= 4


def test_an_operation_in_doubt_at_a_replaced_counter_is_not_proved_by_the_other(memory: World) -> None:
    """Both counters were given the same operation ids, as runs of workflows do; what one remembers says nothing of the other."""
    for one in BOTH:
        perform(memory.database(), Incr(key=one, op="sameforboth"))
    done, undone = memory.in_memory(), memory.in_memory()
    rename = Rename(key=A, to=B)
    store = done.faulty({2: Lost.AFTER, 3: Rival(lambda: perform(done.database(), rename))})
    assert perform(done.database(store), Incr(key=B, op=OP)).value == 2
    store = undone.faulty({2: Lost.BEFORE, 3: Rival(lambda: perform(undone.database(), rename))})
    with pytest.raises(OutcomeUnknownError):
        perform(undone.database(store), Incr(key=B, op=OP))
    assert (value_at(done, B), value_at(undone, B)) == (1, 1)


def test_a_rename_there_and_back(memory: World) -> None:
    perform(memory.database(), Incr(key=A, op=OP))
    perform(memory.database(), Rename(key=A, to=B))
    perform(memory.database(), Rename(key=B, to=A))
    assert perform(memory.database(), Incr(key=A, op=OP)).value == 1
    (oid,) = (oid for name, oid in memory.refs().items() if name == DEFAULT_NAMING.value(A.id))
    assert decode_counter(memory.store.objects([oid])[oid]).seq > RECENT_OPERATIONS


# --- rivals ---------------------------------------------------------------------------------------------------------

SCENES: dict[str, tuple[str, str]] = {
    "text": ("text", "text that expires"),
    "text that expires": ("text that expires", "nothing"),
    "counter": ("counter with what waits", "counter with what waits"),
    "map": ("map", "another map"),
    "map that expires": ("map that expires", "counter"),
    "array": ("array", "nothing"),
}
RIVALS: dict[str, Callable[[Key], Bound]] = {
    "set": lambda at: Set(key=at, value=text("rival")),
    "set that expires": lambda at: Set(key=at, value=text("rival"), ttl=600),
    "set counter": lambda at: Set(key=at, value=1000),
    "del": lambda at: Del(keys=[at]),
    "expire": lambda at: Expire(key=at, ttl=600),
    "persist": lambda at: Persist(key=at),
    "incr": lambda at: Incr(key=at, by=1000),
    "hset": lambda at: Hset(key=at, entries=drafts(one="rival", more="rival")),
    "hdel": lambda at: Hdel(key=at, fields=["one"]),
    "hexpire": lambda at: Hexpire(key=at, fields=["lives", "one"], ttl=600),
    "hpersist": lambda at: Hpersist(key=at, fields=["lives"]),
    "apush": lambda at: Apush(key=at, elements=[draft("rival")]),
    "aset": lambda at: Aset(key=at, index=0, element=draft("rival")),
    "apop": lambda at: Apop(key=at),
    "rename away": lambda at: Rename(key=at, to=key("c")),
    "rename to it": lambda at: Rename(key=key("d"), to=at),
}
LEFT_BEHIND = {
    ("expire", "text"),
    ("expire", "counter"),
    ("expire", "map"),
    ("expire", "array"),
    ("hexpire", "map"),
    ("hexpire", "map that expires"),
}
"""An expiry that is given to what had none, in the very moment in which it is renamed, is not seen."""


def run(world: World, command: Bound) -> None:
    with suppress(GitKeyvalError):
        perform(world.database(), command)


@BOTH_COMMANDS
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("at", BOTH, ids=["source", "target"])
def test_a_rival_before_the_write_comes_before_it_or_after_it(
    memory: World, command: type[Copy], scene: str, rival: str, at: Key
) -> None:
    held, there = SCENES[scene]
    perform(memory.database(), Set(key=key("d"), value=text("d")))
    THERE.get(there, HELD.get(there, THERE["nothing"]))(memory, B)
    HELD[held](memory, A)
    keys = [A, B, key("c"), key("d")]
    ours = command(key=A, to=B)
    ends = []
    for order in ([ours, RIVALS[rival](at)], [RIVALS[rival](at), ours]):
        world = memory.in_memory()
        for one in order:
            run(world, one)
        ends.append(world.content(keys))
    writes = [call.number for call in calls_of(memory.in_memory(), ours) if call.verb == "apply"]
    world = memory.in_memory()
    store = world.faulty({writes[0]: Rival(lambda: run(world, RIVALS[rival](at)))})
    try:
        perform(world.database(store), ours)
    except OutcomeUnknownError:
        pytest.fail("nothing was lost")
    except GitKeyvalError:
        pass
    if command is Rename and at is A and (rival, scene) in LEFT_BEHIND:
        assert shown(world, A) is None
    else:
        assert world.content(keys) in ends
    assert world.errors() == []


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("rival", RIVALS)
def test_what_is_copied_is_what_is_there_when_it_is_written(memory: World, scene: str, rival: str) -> None:
    """Nobody who saw the rival's write finds a copy of what was there before it; but an expiry that is new is not seen."""
    perform(memory.database(), Set(key=key("d"), value=text("d")))
    HELD[SCENES[scene][0]](memory, A)
    after = memory.in_memory()
    run(after, RIVALS[rival](A))
    run(after, Copy(key=A, to=B))
    store = memory.faulty(
        {calls_of(memory.in_memory(), Copy(key=A, to=B))[-1].number: Rival(lambda: run(memory, RIVALS[rival](A)))}
    )
    run_on(memory, store, Copy(key=A, to=B))
    assert shown(memory, B) == shown(after, B) or (rival, scene) in LEFT_BEHIND


def test_an_increment_that_is_withdrawn_is_not_copied(memory: World) -> None:
    perform(memory.database(), Incr(key=A, by=10))
    memory.clock.advance(1)
    crumb = memory.plant(A, 5)
    withdrawal = Transaction((RefUpdate(crumb, memory.refs()[crumb], DELETE),))
    store = memory.faulty({2: Rival(lambda: memory.store.apply([withdrawal]))})
    run_on(memory, store, Copy(key=A, to=B))
    assert value_at(memory, B) == 10


def run_on(world: World, store: Store, command: Bound) -> None:
    with suppress(GitKeyvalError):
        perform(world.database(store), command)


def calls_of(world: World, command: Bound) -> list[Call]:
    store = world.faulty({})
    perform(world.database(store), command)
    return store.calls


def test_of_several_that_rename_one_key_exactly_one_is_told_so(world: World) -> None:
    perform(world.database(), Set(key=A, value=text("v")))
    store = world.faulty({2: Rival(lambda: perform(world.database(), Rename(key=A, to=B)))})
    answer = perform(world.database(store), Rename(key=A, to=key("c")))
    assert (answer.found, answer.applied) == (False, False)
    assert world.content([A, B, key("c")]).keys() == {"b"}


def test_rivals_without_end(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=text("v")))
    store = memory.faulty(
        {turn: Rival(lambda: perform(memory.database(), Set(key=A, value=text(memory.new_op())))) for turn in range(99)}
    )
    with pytest.raises(ContentionError):
        perform(memory.database(store), Rename(key=A, to=B))
    assert world_has_only(memory, A)


def world_has_only(world: World, one: Key) -> bool:
    return world.content(BOTH).keys() == {one.label}


# --- lost replies ---------------------------------------------------------------------------------------------------


@BOTH_COMMANDS
@pytest.mark.parametrize("if_absent", [False, True], ids=["", "if absent"])
@pytest.mark.parametrize(
    "held", ["text", "text that expires", "counter", "counter with what waits", "what waits only", "map", "array"]
)
@pytest.mark.parametrize("lost", Lost)
def test_a_lost_reply_at_every_request(memory: World, command: type[Copy], held: str, lost: Lost, *, if_absent: bool) -> None:
    HELD[held](memory, A)
    ours = command(key=A, to=B, if_absent=if_absent)
    before, done = memory.content(BOTH), memory.in_memory()
    perform(done.database(), ours)
    after = done.content(BOTH)
    told = set[str]()
    for turn in itertools.count(1):
        world = memory.in_memory()
        store = world.faulty({turn: lost})
        end: object
        try:
            end = perform(world.database(store), ours)
        except GitKeyvalError as exc:
            end = exc
        store.arrive()
        told.add("done" if isinstance(end, Answer) else "unknown" if isinstance(end, OutcomeUnknownError) else "failed")
        if isinstance(end, Answer):
            assert (end.applied, world.content(BOTH)) == (True, after)
        assert world.content(BOTH) in ((before,) if isinstance(end, UnavailableError) else (before, after))
        assert world.errors() == []
        if not store.fired:
            break
    is_known = "counter" in held or "waits" in held or (command is Copy and not if_absent)
    assert told <= ({"done", "failed"} if is_known else {"done", "failed", "unknown"})


def test_a_rename_that_a_rival_may_have_made_is_not_claimed(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=text("v")))
    rival = Rival(lambda: perform(memory.database(), Rename(key=A, to=B)))
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(memory.faulty({2: Lost.BEFORE, 3: rival})), Rename(key=A, to=B))


@pytest.mark.parametrize("held", ["text", "counter", "map"])
def test_a_rename_that_a_rival_has_undone_is_not_made_again(memory: World, held: str) -> None:
    """All is as it was before, but for what nobody makes twice; so it is sent once only."""
    HELD[held](memory, A)
    write = calls_of(memory.in_memory(), Rename(key=A, to=B))[-1].number
    rival = Rival(lambda: perform(memory.database(), Rename(key=B, to=A)))
    store = memory.faulty({write: Lost.AFTER, write + 1: rival})
    with pytest.raises(OutcomeUnknownError):
        perform(memory.database(store), Rename(key=A, to=B))
    assert [call.verb for call in store.calls].count("apply") == 1


# --- encryption -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(memory: World) -> World:
    world = World(memory.place, memory.clock, cipher("first", "second"))
    init(world.maintenance())
    return world


def of(world: World, label: str) -> Key:
    return Key.of(label, text(label), world.cipher)


@BOTH_COMMANDS
@pytest.mark.parametrize("held", HELD)
def test_what_is_encrypted_is_encrypted_for_the_other_key(sealed: World, command: type[Copy], held: str) -> None:
    source, target = of(sealed, "a"), of(sealed, "b")
    HELD[held](sealed, source)
    before = shown(sealed, source)
    version = sealed.refs().get(DEFAULT_NAMING.value(source.id))
    answer = perform(sealed.database(), command(key=source, to=target))
    assert answer.applied
    assert shown(sealed, target) == before
    assert shown(sealed, source) == (before if command is Copy else None)
    assert sealed.refs()[DEFAULT_NAMING.value(target.id)] != version or held == "map without a field"
    assert sealed.errors() == []


@pytest.mark.parametrize("held", ["map", "array"])
def test_elements_that_have_expired_are_not_encrypted_anew(sealed: World, held: str) -> None:
    source, target = of(sealed, "a"), of(sealed, "b")
    HELD[held](sealed, source)
    perform(sealed.database(), Copy(key=source, to=target))
    assert (len(elements(sealed, source)), len(elements(sealed, target))) == (2, 1)


@BOTH_COMMANDS
def test_an_encrypted_counter_can_be_read_under_its_new_key(sealed: World, command: type[Copy]) -> None:
    source, target = of(sealed, "a"), of(sealed, "b")
    perform(sealed.database(), Incr(key=source, by=5))
    perform(sealed.database(), command(key=source, to=target))
    assert value_at(sealed, target) == 5
    assert perform(sealed.database(), Incr(key=target)).value == 6


def unmarked(world: World, used: Cipher) -> World:
    """Return the database as it is to somebody who takes no notice of its mark."""
    copy = world.in_memory()
    assert isinstance(copy.store, MemoryStore)
    copy.store.refs.pop(ANCHOR_TAG, None)
    copy.cipher = used
    return copy


FORGED: dict[str, Callable[[World, Key], object]] = {
    "text": HELD["text"],
    "map": HELD["map"],
    "array": HELD["array"],
    "counter": HELD["counter"],
    "what waits": HELD["what waits only"],
}


@BOTH_COMMANDS
@pytest.mark.parametrize("forged", FORGED)
def test_what_somebody_without_the_key_wrote_is_not_copied(sealed: World, command: type[Copy], forged: str) -> None:
    """Encrypted for another key, it would look as if it had been written with the encryption key."""
    source, target = of(sealed, "a"), of(sealed, "b")
    plain = unmarked(sealed, PLAIN)
    FORGED[forged](plain, source)
    world = unmarked(plain, sealed.cipher)
    before = world.refs()
    with pytest.raises(NotEncryptedError):
        perform(world.database(), command(key=source, to=target))
    assert world.refs() == before


@BOTH_COMMANDS
@pytest.mark.parametrize("held", ["text", "map", "array"])
def test_without_the_key_nothing_encrypted_is_copied(sealed: World, command: type[Copy], held: str) -> None:
    """It is bound to its key."""
    HELD[held](sealed, A)
    plain = unmarked(sealed, PLAIN)
    before = plain.refs()
    with pytest.raises(MissingEncryptionKeyError):
        perform(plain.database(), command(key=A, to=B))
    assert plain.refs() == before
