"""check with repair: what is damaged is taken out, and nothing that can be read is touched."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_keyval.commands.counters import Incr
from git_keyval.commands.locks import Lock
from git_keyval.commands.maps import Hset
from git_keyval.commands.values import Get, Set
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import MalformedRecordError, OutcomeUnknownError, StoreError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT, REDIRECT_ANCHOR, encode_line
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.maintenance.check import check
from git_keyval.maintenance.init import init
from git_keyval.maintenance.report import CheckReport
from git_keyval.store.port import Depth, Selection
from tests.conftest import FakeClock
from tests.contract.places import in_memory
from tests.contract.samples import Sample, annotated_tag, delete, foreign_commit, note, plain_blob, record
from tests.elements import ending
from tests.faults import Lost, Rival
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.world import FOREIGN, World, draft, key, number, text

K, MAP, N, SOUND = key(), key("map"), key("n"), [key("sound"), key("m"), key("taken over")]
KEYS = [K, MAP, N, *SOUND]
VALUE, EXPIRY, STORED = DEFAULT_NAMING.value(K.id), DEFAULT_NAMING.expiry(K.id), DEFAULT_NAMING.key(K.id)
NOON = 1_767_268_800


def fill(world: World) -> None:
    """Make a database with keys of all kinds."""
    init(world.maintenance())
    database = world.database()
    perform(database, Set(key=K, value=text("v"), ttl=600, store_key=True))
    perform(database, Set(key=SOUND[0], value=text("w"), ttl=600, store_key=True))
    perform(database, Hset(key=MAP, entries={"a": draft(number("1"))}, ttl=600))
    perform(database, Hset(key=MAP, entries={"b": draft(number("2"))}))
    perform(database, Set(key=N, value=5, store_key=True))
    perform(database, Incr(key=SOUND[1]))
    perform(database, Lock(key=SOUND[2], owner="me", ttl=600))
    world.clock.advance(1)
    world.plant(N, 2)


def repaired(world: World, *, dry_run: bool = False) -> CheckReport:
    return check(world.maintenance(), repair=True, dry_run=dry_run)


def errors(report: CheckReport) -> list[str]:
    return [f"{problem.ref}: {problem.problem}" for problem in report.problems if problem.severity == "error"]


class Damage(NamedTuple):
    """What is done to a database, which keys it is about, and which refs are gone after the repair; ``parks`` so many objects."""

    do: Callable[[World], object]
    keys: tuple[Key, ...] = ()
    gone: tuple[RefName, ...] = ()
    parks: int = 0


WHOLE = (VALUE, EXPIRY, STORED)
EXPIRED = Sample((*DUMMY_OBJECTS, encode_expiry(60)))
MALFORMED = note("hello\n")
NOBODYS = key("nobody's")
CRUMB = DEFAULT_NAMING.breadcrumb(N.id, "20251231T120000000000Z", "operation999999")  # type: ignore[arg-type]
PARKED = RefName(f"refs/heads/gc/20251231T120000000000Z-{K.id}")
PUBLISHED = RefName(f"refs/tags/expiry-{encode_expiry(86_400 * 30_000).oid}")

DAMAGES: Mapping[str, Damage] = {
    "a foreign value": Damage(lambda world: world.put(VALUE, foreign_commit("x")), (K,), WHOLE, 1),
    "text as value": Damage(lambda world: world.put(VALUE, MALFORMED), (K,), WHOLE, 1),
    "an expiry as value": Damage(lambda world: world.put(VALUE, EXPIRED), (K,), WHOLE, 1),
    "a foreign expiry": Damage(lambda world: world.put(EXPIRY, foreign_commit("x")), (K,), WHOLE, 2),
    "a value as expiry": Damage(lambda world: world.put(EXPIRY, record(b"v")), (K,), WHOLE, 2),
    "both": Damage(lambda world: [world.put(name, MALFORMED) for name in (VALUE, EXPIRY, STORED)], (K,), WHOLE, 1),
    "a foreign stored key": Damage(lambda world: world.put(STORED, foreign_commit("x")), (), (STORED,), 1),
    "a stored key of another": Damage(lambda world: world.put(STORED, Sample(NOBODYS.record.objects)), (), (STORED,), 1),
    "an expiry without a value": Damage(
        lambda world: world.put(DEFAULT_NAMING.expiry(NOBODYS.id), EXPIRED), (), (DEFAULT_NAMING.expiry(NOBODYS.id),)
    ),
    "a foreign expiry without a value": Damage(
        lambda world: world.put(DEFAULT_NAMING.expiry(NOBODYS.id), foreign_commit("x")), (), (DEFAULT_NAMING.expiry(NOBODYS.id),)
    ),
    "a malformed expiry of an element": Damage(
        lambda world: world.put(ending(MAP, "a"), MALFORMED), (MAP,), (ending(MAP, "a"),), 1
    ),
    "an expiry of no element": Damage(lambda world: world.put(ending(MAP, "c"), EXPIRED), (), (ending(MAP, "c"),)),
    "a malformed expiry of no element": Damage(lambda world: world.put(ending(MAP, "c"), MALFORMED), (), (ending(MAP, "c"),)),
    "an expiry of an element without a key": Damage(
        lambda world: world.put(ending(NOBODYS, "a"), EXPIRED), (), (ending(NOBODYS, "a"),)
    ),
    "a malformed breadcrumb": Damage(lambda world: world.put(CRUMB, MALFORMED), (), (CRUMB,), 1),
    "a void breadcrumb": Damage(
        lambda world: world.put(CRUMB.replace(N.id[2:], K.id[2:]).replace(N.id[:2], K.id[:2]), note("+1\n")),  # type: ignore[arg-type]
        (),
        (CRUMB.replace(N.id[2:], K.id[2:]).replace(N.id[:2], K.id[:2]),),  # type: ignore[arg-type]
    ),
    "a malformed published entry": Damage(lambda world: world.put(PUBLISHED, foreign_commit("x")), (), (PUBLISHED,)),
    "no anchor": Damage(lambda world: world.store.apply([delete(ANCHOR_TAG)])),
    "a foreign anchor": Damage(lambda world: world.put(ANCHOR_TAG, foreign_commit("x"))),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_taken_out_and_parked(world: World, name: str) -> None:
    damage = DAMAGES[name]
    fill(world)
    sound = [each for each in KEYS if each not in damage.keys]
    content, before = world.content(sound), world.refs()
    damage.do(world)
    hurt = world.refs()
    assert world.errors() or world.warnings()
    planned = repaired(world, dry_run=True)
    assert world.refs() == hurt
    report = repaired(world)
    assert report.repair is not None
    assert planned.repair is not None
    assert [(action.ref, action.why) for action in planned.repair.applied] == [(one.ref, one.why) for one in report.repair.applied]
    assert (report.problems, world.errors(), world.warnings()) == ([], [], [])
    after = world.refs()
    assert world.content(sound) == content
    assert hurt.keys() - after.keys() == set(damage.gone)
    added = after.keys() - hurt.keys() - {ANCHOR_TAG}
    assert (len(added), all(ref.startswith("refs/heads/gc/") for ref in added)) == (damage.parks, True)
    assert {ref: oid for ref, oid in after.items() if ref not in added and ref not in hurt.keys() - before.keys()}.items() >= {
        (ref, oid)
        for ref, oid in before.items()
        if ref not in damage.gone and ref != ANCHOR_TAG and not (MAP in damage.keys and ref == DEFAULT_NAMING.value(MAP.id))
    }


def test_a_sound_database_is_left_alone(world: World) -> None:
    fill(world)
    world.plant_foreign()
    before = world.refs()
    report = repaired(world)
    assert report.repair is not None
    assert (report.repair.planned, errors(report)) == (0, [])
    assert world.refs() == before


LOST: Mapping[str, tuple[Callable[[World], Oid], Damage]] = {
    "the data of a value": (lambda _: plain_blob(b"v").oid, Damage(lambda _: None, (K,), WHOLE, 1)),
    "a value": (lambda world: world.refs()[VALUE], Damage(lambda _: None, (K,), WHOLE, 0)),
    "a counter": (lambda world: world.refs()[DEFAULT_NAMING.value(N.id)], Damage(lambda _: None, (N,), (), 0)),
    "an expiry": (lambda world: world.refs()[DEFAULT_NAMING.expiry(MAP.id)], Damage(lambda _: None, (MAP,), (), 1)),
    "a stored key": (lambda world: world.refs()[STORED], Damage(lambda _: None, (), (STORED,), 0)),
}


@pytest.mark.parametrize("name", LOST)
def test_what_lacks_an_object_is_taken_out(world: World, name: str) -> None:
    lost, damage = LOST[name]
    fill(world)
    perform(world.database(), Set(key=MAP, value=text("x"), ttl=86_400))  # an expiry of its own
    sound = [each for each in KEYS if each not in damage.keys]
    content = world.content(sound)
    world.place.lose(lost(world))
    fresh = World(world.place, world.clock)
    hurt = fresh.refs()
    assert fresh.errors()
    report = repaired(fresh)
    after = fresh.refs()
    assert (errors(report), fresh.errors()) == ([], [])
    assert fresh.content(sound) == content
    gone = {DEFAULT_NAMING.value(each.id) for each in damage.keys}
    assert hurt.keys() - after.keys() >= {*gone, *damage.gone}
    assert len(after.keys() - hurt.keys()) == damage.parks
    assert repaired(fresh).repair.planned == 0  # type: ignore[union-attr]


def test_a_key_whose_expiry_a_registry_knows_is_sound(memory: World) -> None:
    """Commands read it, with the same registry."""
    fill(memory)
    memory.place.lose(memory.refs()[EXPIRY])
    before = memory.refs()
    assert EXPIRY in {problem.ref for problem in check(memory.maintenance()).problems}
    work = memory.maintenance()
    expiries = [NOON + 600 + 60 * minute for minute in range(-20, 20)]
    known = {encode_expiry(expiry).oid: expiry for expiry in expiries}
    knowing = replace(work, database=replace(work.database, resolve=lambda oids: {oid: known[oid] for oid in oids if oid in known}))
    report = check(knowing, repair=True)
    assert (report.problems, report.repair and report.repair.planned) == ([], 0)
    assert memory.refs() == before


def test_increments_that_wait_stay_and_count(memory: World) -> None:
    """Of a counter that is lost, too: nobody knows what it was, but what comes is not lost with it."""
    fill(memory)
    memory.put(DEFAULT_NAMING.value(N.id), MALFORMED)
    waiting = memory.breadcrumbs()
    repaired(memory)
    assert memory.breadcrumbs() == waiting
    assert perform(memory.database(), Incr(key=N)).value == 3


def test_a_parked_value_can_be_put_back(memory: World) -> None:
    fill(memory)
    whole = memory.refs()[VALUE]
    memory.put(EXPIRY, MALFORMED)
    repaired(memory)
    (parked,) = [name for name, oid in memory.parked().items() if oid == whole]
    assert parked.endswith(f"-{K.id}")
    memory.put(VALUE, Sample((next(iter(memory.store.objects([whole]).values())),)))
    assert perform(memory.database(), Get(key=K)).value == text("v")


LATER = {
    "a value of version 3": (VALUE, note('{"category":"data","version":3}\n')),
    "a value of a category that nobody knows": (VALUE, note(encode_line({"category": "list"}) + b"\n")),
    "a counter with more in it": (VALUE, note(encode_line({"category": "counter", "more": 1}) + b"\n")),
    "an expiry with more in it": (EXPIRY, note(encode_line({"category": "expiry", "id": 60, "more": 1}) + b"\n")),
    "a breadcrumb of version 3": (CRUMB, note('{"by":1,"category":"delta","version":3}\n')),
    "an anchor of version 3": (ANCHOR_TAG, note('{"category":"anchor","version":3}\n')),
    "an anchor with more in it": (ANCHOR_TAG, note(encode_line({"category": "anchor", "more": 1}) + b"\n")),
}


@pytest.mark.parametrize("name", LATER)
def test_what_a_later_release_may_have_written_is_left_alone(world: World, name: str) -> None:
    """And said to be."""
    fill(world)
    world.put(*LATER[name])
    before = world.refs()
    report = repaired(world)
    assert world.refs() == before
    (problem,) = [problem for problem in report.problems if problem.severity == "error"]
    assert problem.next_step.startswith("A later release may have written it, so repair leaves it alone: update git-keyval.")


def test_the_anchor_of_what_is_encrypted_is_left_to_who_has_the_key(memory: World) -> None:
    """An anchor without a mark would have the database pass for a plain one."""
    fill(memory)
    line = encode_line({"category": "map", "encrypted": {"algo": "A256GCM", "kid": "k"}, "type": "String"})
    memory.put(VALUE, note(line + b"\n"))
    memory.store.apply([delete(ANCHOR_TAG)])
    report = repaired(memory)
    assert ANCHOR_TAG not in memory.refs()
    (step,) = [problem.next_step for problem in report.problems if problem.ref == ANCHOR_TAG]
    assert "`encryption-key`" in step


@pytest.mark.parametrize("anchor", [None, NULL_COMMIT])
def test_an_anchor_tells_of_redirects_again(memory: World, anchor: object) -> None:
    """Otherwise a plain write would overwrite one."""
    fill(memory)
    memory.put(VALUE, Sample((*DUMMY_OBJECTS, encode_redirect(Redirect("owner/other", 2)))))
    if anchor is None:
        memory.store.apply([delete(ANCHOR_TAG)])
    assert errors(repaired(memory)) == []
    assert memory.refs()[ANCHOR_TAG] == REDIRECT_ANCHOR.oid


# --- somebody writes meanwhile ----------------------------------------------------------------------------------------


RIVALS: Mapping[str, Callable[[World], object]] = {
    "set": lambda world: perform(world.database(), Set(key=K, value=text("rival"), ttl=86_400, store_key=True)),
    "set for good": lambda world: perform(world.database(), Set(key=K, value=text("rival"))),
    "hset": lambda world: perform(world.database(), Hset(key=MAP, entries={"c": draft(number("7"))})),
    "incr": lambda world: perform(world.database(), Incr(key=N)),
}


@pytest.mark.parametrize("rival", RIVALS)
@pytest.mark.parametrize("name", [name for name in DAMAGES if name != "no anchor"])
def test_what_a_rival_writes_meanwhile_is_never_touched(memory: World, name: str, rival: str) -> None:
    """Before each request somebody else writes: what was written is there afterwards, and what had been sound."""
    damage = DAMAGES[name]
    fill(memory)
    damage.do(memory)
    for turn in range(1, 20):
        world = memory.in_memory()
        done: list[object] = []

        def act(world: World = world, done: list[object] = done) -> None:
            try:
                done.append(RIVALS[rival](world))
            except MalformedRecordError as exc:
                done.append(exc)

        faulty = world.faulty({turn: Rival(act)})
        check(world.maintenance(faulty), repair=True)
        if not faulty.fired:
            assert turn > 3
            return
        if isinstance(done[0], MalformedRecordError):
            continue
        repaired(world)  # what somebody wrote since it was read is left to the next run
        assert world.errors() == []
        shown = world.content(KEYS)
        if rival.startswith("set"):
            assert (shown["k"].value, shown["k"].expires_at is None) == ("rival", rival == "set for good")
        elif rival == "hset":
            assert '"c"' in shown["map"].value
        else:
            assert shown["n"].value == "8"
    raise AssertionError("it never ends")


@pytest.mark.parametrize("what", ["the data of a value", "a value"])
def test_a_rival_that_writes_the_very_value_that_was_lost_keeps_it(memory: World, what: str) -> None:
    """It has the same oids, so no expectation of a transaction tells that it is whole again."""
    fill(memory)
    lost = LOST[what][0](memory)
    for turn in range(1, 20):
        world = memory.in_memory()
        assert isinstance(world.store, MemoryStore)
        del world.store._objects[lost]

        def again(world: World = world) -> None:
            perform(world.database(), Set(key=K, value=text("v"), ttl=599, store_key=True))  # a second later

        faulty = world.faulty({turn: Rival(again)})
        check(world.maintenance(faulty), repair=True)
        if not faulty.fired:
            assert turn > 4
            return
        assert world.content([K])["k"].value == "v"
        assert world.refs().keys() >= {VALUE, EXPIRY, STORED}
    raise AssertionError("it never ends")


@pytest.mark.parametrize("fault", Lost)
def test_a_repair_that_is_interrupted_is_run_again(memory: World, fault: Lost) -> None:
    """Whatever request is lost, before or after it was done: nothing sound is harmed, and the next run mends the rest."""
    fill(memory)
    sound = [each for each in KEYS if each not in {K, MAP}]
    content = memory.content(sound)
    for name in ("a foreign value", "a malformed expiry of an element", "a malformed breadcrumb", "a foreign anchor"):
        DAMAGES[name].do(memory)
    for turn in range(1, 30):
        world = memory.in_memory()
        faulty = world.faulty({turn: fault})
        try:
            report = check(world.maintenance(faulty), repair=True)
        except (StoreError, OutcomeUnknownError):
            report = None
        if not faulty.fired:
            return
        again = repaired(world)
        assert (errors(again), world.errors()) == ([], []), (turn, report)
        assert world.content(sound) == content
        assert list(world.parked().values()).count(foreign_commit("x").oid) == 1
    raise AssertionError("it never ends")


# --- anything ---------------------------------------------------------------------------------------------------------

LATER_JUNK = note('{"category":"data","version":3}\n')
JUNK = [
    foreign_commit("x"), MALFORMED, EXPIRED, record(b"v"), note("+1\n"), annotated_tag(foreign_commit("y")), plain_blob(b"z"),
    Sample((*DUMMY_OBJECTS, NULL_COMMIT)), Sample(NOBODYS.record.objects), LATER_JUNK,
]  # fmt: skip


def _owner(name: str) -> str:
    """Return the label of the key that a ref belongs to, or an empty text."""
    for each in (*KEYS, NOBODYS):
        if f"kv-{each.id[:2]}/" in name and each.id[2:] in name:
            return each.label
    return ""


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_is_damaged_no_sound_key_is_harmed(data: st.DataObject) -> None:
    """Refs are pointed at the wrong things and deleted, and objects are lost."""
    clock = FakeClock()
    with in_memory(None, clock) as place:  # type: ignore[arg-type]
        world = World(place, clock)
        fill(world)
        world.plant_foreign()
        before = world.content(KEYS)
        refs = world.refs()
        ours = sorted(name for name in refs if name not in FOREIGN)
        hurt: set[str] = set()
        for name in data.draw(st.lists(st.sampled_from([*ours, CRUMB, PARKED, PUBLISHED, ending(MAP, "a")]), max_size=5)):
            junk = data.draw(st.sampled_from(JUNK))
            if name.startswith("refs/heads/") and junk.objects[-1].kind != "commit":
                continue
            if name == ANCHOR_TAG and junk is LATER_JUNK:
                continue  # nobody can read anything then, and repair leaves it alone
            world.put(name, junk)
            hurt.add(_owner(name))
        for name in data.draw(st.lists(st.sampled_from(ours), max_size=2)):
            world.store.apply([delete(name)])
            hurt.add(_owner(name))
        objects = world.store.read(Selection((), ("refs/",)), depth=Depth.VALUES)
        for oid in data.draw(st.lists(st.sampled_from(sorted(objects.objects)), max_size=3, unique=True)):
            if oid in {made.oid for made in DUMMY_OBJECTS}:
                continue  # all keys but the values need it
            hurt |= {_owner(name) for name, target in world.refs().items() if oid in _needed(world, target)}
            place.lose(oid)
        left = repaired(world)
        sound = [each for each in KEYS if each.label not in hurt]
        assert world.content(sound) == {label: shown for label, shown in before.items() if label not in hurt}
        assert world.foreign() == {name: oid for name, oid in refs.items() if name in FOREIGN}
        again = repaired(world)
        assert again.repair is not None
        assert (again.repair.planned, errors(again)) == (0, errors(left))
        for problem in again.problems:
            beside = {_owner(other.ref) for other in again.problems if other.severity == "error" and other.mend is None}
            assert problem.mend is None or problem.severity == "warning" or _owner(problem.ref) in beside, problem


def _needed(world: World, oid: Oid) -> set[Oid]:
    return set(world.store.objects([oid], Depth.VALUES))
