"""export: what of a database is in the text, what is not, and how exact it is while others write."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.maps import Hexpire, Hset
from git_keyval.commands.values import Del, Get, Getdel, Set
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import (
    AnchorError,
    GitKeyvalError,
    KeysLeftOutError,
    MissingEncryptionKeyError,
    StoreError,
    UnmarkedError,
    WrongEncryptionKeyError,
)
from git_keyval.format.anchors import Anchor, Mark, encode_anchor
from git_keyval.format.counters import INT64_MAX
from git_keyval.format.exported import END
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH, Naming
from git_keyval.format.objects import GitObject, Oid
from git_keyval.maintenance.commands import Gather
from git_keyval.maintenance.init import init
from git_keyval.store.port import Depth, Selection, Snapshot, Store
from git_keyval.transfer.exporting import MarksDifferError
from tests.around import StoreAround
from tests.conftest import FakeClock
from tests.contract.samples import Sample, foreign_commit
from tests.encrypting import cipher
from tests.faults import FaultyStore, Lost, Rival
from tests.replacing import replace
from tests.transfer.moving import empty, export, exported, imported, records
from tests.world import World, draft, drafts, key, number, text

A, B, COUNTER, MAP = key("a"), key("b"), key("counter"), key("map")


def test_an_empty_repository_has_an_export(memory: World) -> None:
    assert exported(memory) == '{"category":"export","layout":1,"version":2}\n{"category":"end"}\n'


def test_a_line_has_all_that_makes_a_key(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=A, value=number("1.5"), ttl=600, store_key=True))
    perform(database, Hset(key=MAP, entries=drafts(b="2", a="1")))
    perform(database, Hexpire(key=MAP, fields=["a"], ttl=60))
    assert {json.dumps(record) for record in records(exported(memory))} == {
        json.dumps(record)
        for record in (
            {
                "category": "data",
                "expiresAt": "2026-01-01T12:10:00Z",
                "key": {"type": "String", "value": "a"},
                "type": "Number",
                "value": "1.5",
            },
            {
                "category": "map",
                "elements": [{"expiresAt": "2026-01-01T12:01:00Z", "field": "a", "value": "1"}, {"field": "b", "value": "2"}],
                "id": MAP.id,
                "type": "String",
            },
        )
    }


def test_what_has_expired_or_was_taken_is_not_in_it(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=A, value=text("gone"), ttl=60))
    perform(database, Set(key=B, value=text("taken")))
    perform(database, Getdel(key=B))
    perform(database, Hset(key=MAP, entries=drafts(old="1"), ttl=60))
    perform(database, Hset(key=MAP, entries=drafts(new="2")))
    perform(database, Apush(key=COUNTER, elements=[draft("1")], ttl=60))
    memory.clock.advance(60)
    found = {record["id"]: record for record in records(exported(memory))}
    assert found.keys() == {MAP.id, COUNTER.id}
    assert found[MAP.id]["elements"] == [{"field": "new", "value": "2"}]
    assert (found[COUNTER.id]["elements"], found[COUNTER.id]["length"]) == ([], 1)


# --- counters -------------------------------------------------------------------------------------------------------


def counter_in(exported_text: str) -> int:
    (record,) = [record for record in records(exported_text) if record["category"] == "counter"]
    return int(record["value"])


def test_a_counter_has_the_increments_that_wait_and_remembers_them(memory: World) -> None:
    perform(memory.database(), Incr(key=COUNTER, by=10, op="firstone"))
    memory.plant(COUNTER, 5, op="waitsone")
    memory.plant(COUNTER, 7, op="waitstwo")
    before = exported(memory)
    assert counter_in(before) == 22
    there = empty(memory.clock)
    imported(there, before)
    for op in ("firstone", "waitsone", "waitstwo"):
        answer = perform(there.database(), Incr(key=COUNTER, by=100, op=op))
        assert perform(there.database(), Get(key=COUNTER)).value == 22, op
        assert answer.value in {10, 15, 22}
    assert perform(there.database(), Incr(key=COUNTER, op="anotherop")).value == 23


@pytest.mark.parametrize("waiting", [1, 128, 1_000, 2_500])
def test_however_many_increments_wait_all_count_and_none_twice(memory: World, waiting: int) -> None:
    perform(memory.database(), Incr(key=COUNTER, by=10))
    memory.at_once(lambda world: world.plant_many(COUNTER, waiting, ago=600))
    before = exported(memory)
    assert counter_in(before) == 10 + waiting
    assert exported(memory) == before
    there = empty(memory.clock)
    imported(there, before)
    assert exported(there) == before
    assert there.errors() == []
    Gather().run(memory.maintenance())
    assert counter_in(exported(memory)) == 10 + waiting


def test_increments_without_a_counter_are_one(memory: World) -> None:
    memory.plant(COUNTER, 5)
    assert counter_in(exported(memory)) == 5
    there = empty(memory.clock)
    imported(there, exported(memory))
    assert perform(there.database(), Get(key=COUNTER)).value == 5


def test_what_a_set_voids_stays_void(memory: World) -> None:
    perform(memory.database(), Set(key=COUNTER, value=3))
    memory.plant(COUNTER, 100, ago=60)
    before = exported(memory)
    assert counter_in(before) == 3
    there = empty(memory.clock)
    imported(there, before)
    there.plant(COUNTER, 100, ago=60, op="anotherop")
    assert perform(there.database(), Get(key=COUNTER)).value == 3


def test_what_a_set_left_to_void_others_is_kept_in_the_counter(memory: World) -> None:
    """Its breadcrumb is later than what the counter itself knows of it."""
    perform(memory.database(), Incr(key=COUNTER, by=3))
    memory.plant(COUNTER, None)
    there = empty(memory.clock)
    imported(there, exported(memory))
    there.plant(COUNTER, 100, ago=1, op="anotherop")
    assert perform(there.database(), Get(key=COUNTER)).value == 3


def test_a_counter_that_leaves_its_range_is_left_out_and_told(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=text("v")))
    perform(memory.database(), Set(key=COUNTER, value=INT64_MAX))
    memory.clock.advance(1)
    memory.plant(COUNTER, 1)
    found, report = export(memory)
    assert [record["id"] for record in records(found)] == [A.id]
    assert [left.ref for left in report.left_out] == [Naming().value(COUNTER.id)]


# --- what cannot be read --------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_left_out_and_fails_the_export_at_its_end(world: World) -> None:
    perform(world.database(), Set(key=A, value=text("v")))
    world.put(Naming().value(B.id), foreign_commit("b"))
    found, report = export(world)
    assert [record["id"] for record in records(found)] == [A.id]
    assert found.endswith(f"{END.decode()}\n")
    assert isinstance(report.failure, KeysLeftOutError)
    assert Naming().value(B.id) in str(report.failure)


class Forgetful(StoreAround):
    """A server that does not send an object the first few times."""

    def __init__(self, store: Store, oid: Oid, times: int) -> None:
        super().__init__(store)
        self._oid, self._times = oid, times

    def _without(self, objects: Mapping[Oid, GitObject]) -> Mapping[Oid, GitObject]:
        if self._oid not in objects or self._times == 0:
            return objects
        self._times -= 1
        return {oid: made for oid, made in objects.items() if oid != self._oid}

    def read(self, *selections: Selection, depth: Depth = Depth.MESSAGES) -> Snapshot:
        found = self._store.read(*selections, depth=depth)
        return replace(found, objects=self._without(found.objects))

    def objects(self, oids: Iterable[Oid], depth: Depth = Depth.MESSAGES) -> Mapping[Oid, GitObject]:
        return self._without(self._store.objects(oids, depth))


def test_one_read_never_condemns_a_key(memory: World) -> None:
    perform(memory.database(), Set(key=A, value=text("v")))
    oid = memory.refs()[Naming().value(A.id)]
    assert len(records(exported(memory, store=Forgetful(memory.store, oid, 4)))) == 1
    _, report = export(memory, store=Forgetful(memory.store, oid, 100))
    assert [left.ref for left in report.left_out] == [Naming().value(A.id)]


def test_a_key_of_two_shard_lengths_is_there_twice_and_refused_by_an_import(memory: World) -> None:
    """check reports it. Nothing tells which of the two is the right one."""
    perform(memory.database(), Set(key=A, value=text("v")))
    perform(memory.database(naming=Naming(3)), Set(key=A, value=text("w")))
    with pytest.raises(GitKeyvalError, match=r"line 3.*same key as line 2"):
        imported(empty(memory.clock), exported(memory))


# --- encryption -----------------------------------------------------------------------------------------------------

OWN = cipher("first", "second")


@pytest.fixture
def encrypted(memory: World) -> World:
    memory.cipher = OWN
    init(memory.maintenance(), mark=OWN.mark)
    perform(memory.database(), Set(key=Key.of("a", text("a"), OWN), value=text("secret"), store_key=True))
    return memory


def test_with_the_encryption_key_all_is_opened_and_without_it_nothing(encrypted: World) -> None:
    opened, sealed = exported(encrypted), exported(encrypted, cipher=PLAIN)
    assert "secret" in opened
    assert json.loads(opened.splitlines()[0])["encryption"]["kid"] == "first"
    assert "sealed" not in opened.splitlines()[0]
    assert "secret" not in sealed
    assert json.loads(sealed.splitlines()[0])["sealed"] is True
    assert records(sealed)[0]["key"]["encryption"]["algo"] == "AES-SIV"
    there = empty(encrypted.clock)
    imported(there, sealed)
    assert there.refs() == {name: oid for name, oid in encrypted.refs().items() if name != MAIN_BRANCH}


def test_a_wrong_key_exports_nothing(encrypted: World) -> None:
    for other, error in ((cipher("other"), MissingEncryptionKeyError), (cipher("first", wrong="first"), WrongEncryptionKeyError)):
        with pytest.raises(error):
            export(encrypted, cipher=other)
    with pytest.raises(MissingEncryptionKeyError):
        export(encrypted, cipher=cipher("first"))  # the value was encrypted with the second


def test_a_plain_value_in_an_encrypted_database_is_not_vouched_for(encrypted: World) -> None:
    """With the key it is left out; without, it comes back as it was: plain, and refused by whoever has the key."""
    forged = Key.of("b", text("b"), OWN)
    name = Naming().value(forged.id)
    encrypted.put(name, Sample(PLAIN.data(forged.id, text("forged")).objects))
    found, report = export(encrypted)
    assert "forged" not in found
    assert [left.ref for left in report.left_out] == [name]
    there = empty(encrypted.clock)
    imported(there, exported(encrypted, cipher=PLAIN))
    assert there.refs() == {name: oid for name, oid in encrypted.refs().items() if name != MAIN_BRANCH}


def test_where_encryption_is_required_counters_and_unmarked_databases_are_refused(memory: World, encrypted: World) -> None:
    required = replace(OWN, required=True)
    counted = Key.of("counter", text("counter"), OWN)
    perform(encrypted.database(), Incr(key=counted))
    found, report = export(encrypted, cipher=required)
    assert [left.ref for left in report.left_out] == [Naming().value(counted.id)]
    assert len(records(found)) == 1
    plain = empty(memory.clock)
    perform(plain.database(), Set(key=A, value=text("v")))
    with pytest.raises(UnmarkedError):
        export(plain, cipher=required)


def test_an_anchor_that_cannot_be_read_never_means_plain(memory: World) -> None:
    memory.put(ANCHOR_TAG, foreign_commit("anchor"))
    with pytest.raises(AnchorError):
        export(memory)


def test_repositories_of_different_keys_are_no_database(memory: World) -> None:
    other = empty(memory.clock)
    for number_, each in enumerate((memory, other)):
        anchor = encode_anchor(Anchor(Mark("first", f"{number_:016x}")))
        each.put(ANCHOR_TAG, Sample((*DUMMY_OBJECTS, anchor)))
    with pytest.raises(MarksDifferError):
        export(memory, other)


# --- beside others who write ----------------------------------------------------------------------------------------

RIVALS: Mapping[str, Callable[[World], object]] = {
    "a value and its lifetime": lambda world: perform(world.database(), Set(key=A, value=text("new"), ttl=7_200)),
    "a lifetime": lambda world: perform(world.database(), Expire(key=A, ttl=7_200)),
    "a deletion": lambda world: perform(world.database(), Del(keys=[A, B])),
    "a key that is new": lambda world: perform(world.database(), Set(key=key("new"), value=text("new"))),
    "an increment": lambda world: perform(world.database(), Incr(key=COUNTER)),
    "a gather": lambda world: Gather(grace_period=0).run(world.maintenance()),
    "a field": lambda world: perform(world.database(), Hset(key=MAP, entries=drafts(a="new", c="3"), ttl=7_200)),
    "another type": lambda world: (perform(world.database(), Del(keys=[MAP])), perform(world.database(), Set(key=MAP, value=5))),
}


def busy(world: World) -> World:
    database = world.database()
    perform(database, Set(key=A, value=text("old"), ttl=600, store_key=True))
    perform(database, Set(key=B, value=text("b")))
    perform(database, Incr(key=COUNTER, by=10))
    perform(database, Hset(key=MAP, entries=drafts(a="1", b="2"), ttl=600))
    world.clock.advance(1)
    world.plant_many(COUNTER, 5, ago=0.5)
    return world


def test_nobody_else_s_write_is_taken_half() -> None:
    """A rival before each request: each key is as it was before, or as it was after; a counter at any time is exact."""
    for name, act in RIVALS.items():
        before = records(exported(busy(empty(FakeClock()))))
        changed = busy(empty(FakeClock()))
        act(changed)
        after = records(exported(changed))
        for request in itertools.count(1):
            place = busy(empty(FakeClock()))
            store = FaultyStore(place.store, {request: Rival(lambda act=act, place=place: act(place))})  # type: ignore[misc]
            found = records(exported(place, store=store))
            for record in found:
                record_before, record_after = (alike(record, side) for side in (before, after))
                assert comparable(record) in map(comparable, filter(None, (record_before, record_after))), (name, request, record)
            ids = {of(record) for record in found}
            assert ids >= {of(record) for record in before} & {of(record) for record in after}, (name, request)
            if not store.fired:
                break
        assert request > 3


def of(record: dict[str, object]) -> str:
    return json.dumps(record.get("key", record.get("id")))


def alike(record: dict[str, object], side: list[dict[str, object]]) -> dict[str, object] | None:
    return next((other for other in side if of(other) == of(record)), None)


def comparable(record: dict[str, object]) -> object:
    """Leave out what depends on random operation ids."""
    return {name: member for name, member in record.items() if name not in {"op", "recent", "seq", "setAt"}}


def test_increments_and_gathers_all_the_time_leave_it_exact(memory: World) -> None:
    """Before each request there are increments, by all ways, and gathers: the export has a number that the counter had."""
    perform(memory.database(), Incr(key=COUNTER))
    low = 1
    numbers = [low]

    def count() -> None:
        memory.plant(COUNTER, 1)
        numbers.append(numbers[-1] + 1)
        if len(numbers) % 3:
            Gather(grace_period=0).run(memory.maintenance())
        perform(memory.database(), Incr(key=COUNTER))
        numbers.append(numbers[-1] + 1)
        memory.clock.advance(0.01)

    store = FaultyStore(memory.store, {request: Rival(count) for request in range(1, 200)})
    assert counter_in(exported(memory, store=store)) in numbers
    assert len(store.fired) > 3


def test_a_key_that_is_written_each_time_is_told(memory: World) -> None:
    values = itertools.count()
    perform(memory.database(), Set(key=A, value=text("v")))
    perform(memory.database(), Set(key=B, value=text("v")))

    def write() -> None:
        perform(memory.database(), Set(key=A, value=text(str(next(values))), ttl=600))

    store = FaultyStore(memory.store, {request: Rival(write) for request in range(1, 2_000)})
    with pytest.raises(GitKeyvalError, match="written each time"):
        export(memory, store=store)


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_request_that_fails_fails_the_export_before_its_last_line(memory: World, fault: Lost) -> None:
    busy(memory)
    whole = exported(memory)
    for request in itertools.count(1):
        store = FaultyStore(memory.store, {request: fault})
        try:
            found = exported(memory, store=store)
        except StoreError:
            continue
        assert found == whole
        if not store.fired:
            break
    assert request > 3
