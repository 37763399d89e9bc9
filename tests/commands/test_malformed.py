"""Records that are not what the format says: never counted on, never deleted for that, replaced or removed by name."""

from collections.abc import Callable

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Set, Type
from git_keyval.database.perform import perform
from git_keyval.errors import MalformedRecordError
from git_keyval.format.counters import Counter, encode_counter
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, encode_line
from git_keyval.format.names import ANCHOR_TAG, Naming
from git_keyval.format.objects import blob, commit, tree
from git_keyval.format.records import encode_data
from git_keyval.maintenance.commands import Gather, Maintain, Sweep
from tests.contract.samples import Sample, annotated_tag, foreign_commit, note, plain_blob
from tests.world import World, key, show, text

K = key()
VALUE = Naming().value(K.id)
EXPIRY = Naming().expiry(K.id)
STORED_KEY = Naming().key(K.id)


def counter(message: bytes) -> Sample:
    """Make a counter commit and replace a part of its message."""
    old, _, new = message.partition(b"=>")
    whole = encode_counter(Counter(5, "operation1", 1, (("operation1", 5),)))
    _head, _, line = whole.data.partition(b"\n\n")
    assert old in line
    return note(line.replace(old, new))


def data_with_another_tree() -> Sample:
    record = encode_data(text("v"))
    empty = tree([])
    message = record.commit.data.partition(b"\n\n")[2]
    return Sample((*record.objects[:-1], empty, commit(empty.oid, message)))


def data_with_another_blob() -> Sample:
    """A tree whose views show something else than its metadata says."""
    record, other = encode_data(text("v")), blob(b"something else")
    files = dict.fromkeys(("bytes", "view.txt", "view.json"), other.oid) | {"metadata.json": record.objects[1].oid}
    changed = tree(files.items())
    return Sample((*record.objects[:-1], other, changed, commit(changed.oid, record.commit.data.partition(b"\n\n")[2])))


VALUES = {
    "foreign commit": foreign_commit("x"),
    "no metadata": note("hello\n"),
    "empty message": note(""),
    "expiry": Sample((*DUMMY_OBJECTS, encode_expiry(60))),
    "increment": note("+1\n"),
    "data with another tree": data_with_another_tree(),
    "data with another blob": data_with_another_blob(),
    "another format version": counter(b'"version":2=>"version":3'),
    "counter with a number": counter(b'"value":"5"=>"value":5'),
    "counter beyond the range": counter(b'"value":"5"=>"value":"9223372036854775808"'),
    "counter with another member": counter(b'"seq":1=>"seq":1,"size":1'),
    "counter not canonical": counter(b'"seq":1=>"seq": 1'),
    "counter without operation": counter(b'"op":"operation1"=>"op":""'),
    "a reserved category": note(encode_line({"category": "redirect"}) + b"\n"),
    "an unknown category": note(encode_line({"category": "heap"}) + b"\n"),
}
EXPIRIES = {
    "foreign commit": foreign_commit("x"),
    "no metadata": note("hello\n"),
    "data": Sample(encode_data(text("v")).objects),
    "zero": note(encode_line({"category": "expiry", "id": 0}) + b"\n"),
    "text": note(encode_line({"category": "expiry", "id": "60"}) + b"\n"),
    "fraction": note(encode_line({"category": "expiry", "id": 60.5}) + b"\n"),
    "beyond the year 9999": note(encode_line({"category": "expiry", "id": 253_402_300_800}) + b"\n"),
}
INCREMENTS = {
    "foreign commit": foreign_commit("x"),
    "annotated tag": annotated_tag(note("+1\n")),
    "blob": plain_blob(b"+1\n"),
    "data": Sample(encode_data(text("v")).objects),
    "no line feed": note("+1"),
    "no sign": note("1\n"),
    "zero": note("+0\n"),
    "leading zero": note("+01\n"),
    "beyond the range": note("+9223372036854775808\n"),
}


@pytest.mark.parametrize("target", VALUES.values(), ids=VALUES)
def test_a_malformed_value_is_reported_and_kept(memory: World, target: Sample) -> None:
    database = memory.database()
    memory.put(VALUE, target)
    before = memory.refs()
    commands: list[Callable[[], object]] = [
        lambda: perform(database, Get(key=K)),
        lambda: perform(database, Mget(keys=[K])),
        lambda: perform(database, Getdel(key=K)),
        lambda: perform(database, Incr(key=K)),
        lambda: perform(database, Incr(key=K, ttl=60, start=1, refresh_ttl=True)),
    ]
    for command in commands:
        with pytest.raises(MalformedRecordError):
            command()
    assert perform(database, Exists(keys=[K])).found is True
    assert memory.refs() == before
    Maintain(grace_period=0, retention=0).run(memory.maintenance())
    assert memory.refs() == before
    if target is not VALUES["a reserved category"]:  # of which check says that it cannot tell
        assert [error for error in memory.errors() if error.startswith(VALUE)] != []


@pytest.mark.parametrize("target", EXPIRIES.values(), ids=EXPIRIES)
def test_a_malformed_expiry_is_reported_and_kept(memory: World, target: Sample) -> None:
    """An unknown expiry never makes a key expire: neither alive nor dead, an error."""
    database = memory.database()
    perform(database, Set(key=K, value=text("v")))
    memory.put(EXPIRY, target)
    memory.clock.advance(10**9)
    before = memory.refs()
    commands: list[Callable[[], object]] = [
        lambda: perform(database, Get(key=K)),
        lambda: perform(database, Exists(keys=[K])),
        lambda: perform(database, Type(key=K)),
        lambda: perform(database, Ttl(key=K)),
        lambda: perform(database, Getdel(key=K)),
        lambda: perform(database, Set(key=K, value=text("w"), keep_ttl=True)),
        lambda: perform(database, Incr(key=K, ttl=60, start=1, refresh_ttl=True)),
    ]
    for command in commands:
        with pytest.raises(MalformedRecordError) as caught:
            command()
        assert "set" in caught.value.next_step
    assert memory.refs() == before
    report = Maintain(grace_period=0, retention=0).run(memory.maintenance())
    assert memory.refs() == before
    assert [left.ref for job in report.jobs for left in job.plan.left if left.notable] == [EXPIRY]
    assert [error for error in memory.errors() if error.startswith(EXPIRY)] != []


REPAIRS: dict[str, Callable[[World], object]] = {
    "set": lambda world: perform(world.database(), Set(key=K, value=text("new"))),
    "set with ttl": lambda world: perform(world.database(), Set(key=K, value=text("new"), ttl=60)),
    "set counter": lambda world: perform(world.database(), Set(key=K, value=7)),
    "del": lambda world: perform(world.database(), Del(keys=[K])),
}


@pytest.mark.parametrize("repair", REPAIRS.values(), ids=REPAIRS)
@pytest.mark.parametrize("where", [VALUE, EXPIRY])
def test_set_and_del_repair_what_is_malformed(memory: World, repair: Callable[[World], object], where: str) -> None:
    """As the error message says: 'set' or 'del' on the key replaces or removes the record."""
    perform(memory.database(), Set(key=K, value=5))
    memory.put(VALUE if where == VALUE else EXPIRY, foreign_commit("x"))
    assert memory.errors() != []
    repair(memory)
    assert memory.errors() == []
    assert perform(memory.database(), Get(key=K)).found is (repair is not REPAIRS["del"])


def test_expire_and_persist_do_not_work_on_an_unknown_expiry(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v")))
    memory.put(EXPIRY, foreign_commit("x"))
    before = memory.refs()
    with pytest.raises(MalformedRecordError):
        perform(memory.database(), Expire(key=K, ttl=60))
    with pytest.raises(MalformedRecordError):
        perform(memory.database(), Persist(key=K))
    assert memory.refs() == before


@pytest.mark.parametrize("target", INCREMENTS.values(), ids=INCREMENTS)
def test_a_malformed_breadcrumb_is_not_counted_and_kept(memory: World, target: Sample) -> None:
    perform(memory.database(), Set(key=K, value=10))
    memory.clock.advance(1)
    malformed = memory.plant(K, target)
    good = memory.plant(K, 5)
    assert show(perform(memory.database(), Get(key=K)).value) == "15"
    assert perform(memory.database(), Incr(key=K)).value == 16
    assert malformed in memory.breadcrumbs()
    assert good not in memory.breadcrumbs()
    memory.clock.advance(3600)
    report = Gather().run(memory.maintenance())
    assert [left.ref for left in report.jobs[0].plan.left if left.notable] == [malformed]
    assert malformed in memory.breadcrumbs()
    assert [error for error in memory.errors() if error.startswith(malformed)] != []


@pytest.mark.parametrize("target", list(INCREMENTS.values())[:3], ids=list(INCREMENTS)[:3])
def test_a_malformed_breadcrumb_goes_with_its_key(world: World, target: Sample) -> None:
    """Whoever deletes a key by name removes everything that has its name, whatever it points at."""
    perform(world.database(), Set(key=K, value=10))
    world.clock.advance(1)
    world.plant(K, target)
    assert show(perform(world.database(), Get(key=K)).value) == "10"
    assert show(perform(world.database(), Getdel(key=K)).value) == "10"
    assert world.breadcrumbs() == []
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))
    world.plant(K, target)
    world.clock.advance(120)
    Sweep().run(world.maintenance())
    assert world.breadcrumbs() == []
    assert world.errors() == []


def test_an_object_that_is_missing_is_reported_and_its_refs_are_kept(world: World) -> None:
    perform(world.database(), Set(key=K, value=text("v"), ttl=60))
    world.place.lose(world.refs()[EXPIRY])
    fresh = World(world.place, world.clock)
    before = fresh.refs()
    with pytest.raises(MalformedRecordError):
        perform(fresh.database(), Get(key=K))
    fresh.clock.advance(3600)
    Maintain().run(fresh.maintenance())
    assert fresh.refs() == before
    assert any(error.startswith(EXPIRY) for error in fresh.errors())


def test_a_stored_key_that_is_not_the_keys_is_left_out_and_reported(memory: World) -> None:
    perform(memory.database(), Set(key=K, value=text("v"), store_key=True))
    for target in (Sample(key("other").record.objects), foreign_commit("x"), note("hello\n")):
        memory.put(STORED_KEY, target)
        assert perform(memory.database(), Keys()).document == []
        assert [error for error in memory.errors() if error.startswith(STORED_KEY)] != []


def test_del_removes_a_stored_key_that_has_no_value(memory: World) -> None:
    """As check says of it."""
    memory.put(STORED_KEY, Sample(K.record.objects))
    assert memory.warnings() == [STORED_KEY]
    perform(memory.database(), Del(keys=[K]))
    assert memory.warnings() == []


def test_del_of_several_keys_clears_what_is_left_of_those_that_do_not_exist(memory: World) -> None:
    """They are not counted."""
    memory.put(STORED_KEY, Sample(K.record.objects))
    perform(memory.database(), Set(key=key("other"), value=text("v")))
    memory.put(Naming().value(key("third").id), foreign_commit("x"))
    assert perform(memory.database(), Del(keys=[K, key("other"), key("third")])).count == 2
    assert memory.refs().keys() == {ANCHOR_TAG}
