"""Random commands of maps and arrays, times and sweeps, against plain dictionaries and lists."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from git_keyval.commands.arrays import Aexpire, Aget, Alen, Apop, Apush, Arange, Aset
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hkeys, Hlen, Hpersist, Hset, Httl
from git_keyval.commands.values import Del, Exists, Set, Type
from git_keyval.database.collections import NewElement
from git_keyval.database.conditions import Condition
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import IndexOutOfRangeError, WrongTypeError
from git_keyval.format.times import SECOND
from git_keyval.format.values import Value, as_json
from git_keyval.maintenance.commands import Purge, Sweep
from tests.commands.stores import WithoutPrefixes
from tests.machine import Machine, run_machine
from tests.replacing import replace
from tests.world import FOREIGN, draft, key, number, text

M, A, AWAY = key("map"), key("array"), key("away")
FIELDS = ["a", "..", "a/b"]
VALUES = ["", "v", "w", "7", "1"]
TTLS = [None, None, 60, 600]
INDICES = [-2, -1, 0, 1, 2]
ENDINGS = ["", "longer", "shorter", "none", "some"]
NAMES = st.sets(st.sampled_from(FIELDS), min_size=1)


def drafted(value: str) -> NewElement:
    """Return texts; "1" as the number that it is, and "7" as a number unless the elements are texts."""
    return {
        "1": lambda _kind: number("1"),
        "7": lambda kind: number("7") if kind in {None, "Number"} else text("7"),
    }.get(value, draft(value))


def fitting(there: Mapping[str, "Element"], value: str) -> Value | None:
    """Return the value as it becomes one of these elements; None if it cannot."""
    kind = next((one.value.type for one in there.values()), None)
    made = drafted(value)(kind)
    return made if kind in {None, made.type} else None


@dataclass(frozen=True)
class Element:
    """An element as it is supposed to be."""

    value: Value
    expires: int | None = None


@dataclass
class Held:
    """What a key is supposed to hold: elements by name or index, and for an array its length."""

    elements: dict[str, Element] = field(default_factory=dict)
    length: int = 0
    expires: int | None = None


class Model(Machine):
    """A map and an array, and beside them what they are supposed to hold."""

    def __init__(self) -> None:
        super().__init__()
        self.map: Held | None = None
        self.array: Held | None = None
        self.text = False
        """Whether the map's key holds a text instead."""

    # --- the model ---

    def past(self, expires: int | None) -> bool:
        return expires is not None and expires * SECOND <= self.clock()

    def live(self) -> None:
        """Let end what has expired."""
        for name in ("map", "array"):
            held: Held | None = getattr(self, name)
            if held is None:
                continue
            if self.past(held.expires):
                setattr(self, name, None)
                continue
            held.elements = {name: one for name, one in held.elements.items() if not self.past(one.expires)}

    def record(self, *, once: bool) -> Key | None:
        """Return the record of a new operation, if it is to be done ``once``."""
        return key(f"kv:op:{self.world.new_op()}") if once else None

    def fields(self) -> dict[str, Element]:
        self.live()
        return {} if self.map is None else self.map.elements

    # --- maps ---

    @rule(
        names=NAMES,
        value=st.sampled_from(VALUES),
        seconds=st.sampled_from(TTLS),
        keep=st.booleans(),
        existence=st.sampled_from(["", "", "absent", "present"]),
    )
    def hset(
        self, names: set[str], value: str, seconds: int | None, existence: Literal["", "absent", "present"], *, keep: bool
    ) -> None:
        there = self.fields()
        keep = keep and seconds is None
        if self.text:
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), Hset(key=M, entries=dict.fromkeys(names, draft(value))))
            return
        met = {"": True, "absent": not names & there.keys(), "present": names <= there.keys()}[existence]
        made = fitting(there, value)
        if met and made is None:
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), Hset(key=M, entries=dict.fromkeys(names, drafted(value))))
            return
        answer = perform(
            self.world.database(),
            Hset(
                key=M,
                entries=dict.fromkeys(names, drafted(value)),
                ttl=seconds,
                keep_ttl=keep,
                condition=Condition(existence),
            ),
        )
        assert (answer.applied, answer.count) == (met, len(names) if met else 0)
        if not met:
            return
        self.map = self.map or Held()
        assert made is not None
        for name in names:
            kept = there[name].expires if keep and name in there else None
            self.map.elements[name] = Element(made, kept if keep else self.expiry(seconds))

    @rule(
        name=st.sampled_from(FIELDS),
        by=st.sampled_from([1, -1, 9999]),
        start=st.sampled_from([None, 7]),
        seconds=st.sampled_from(TTLS),
        keep=st.booleans(),
        once=st.booleans(),
    )
    def hincr(self, name: str, by: int, start: int | None, seconds: int | None, *, keep: bool, once: bool) -> None:
        there = self.fields()
        keep = keep and seconds is None
        command = Hincr(key=M, field=name, by=by, start=start, ttl=seconds, keep_ttl=keep, record=self.record(once=once))
        if self.text or any(one.value.type != "Number" for one in there.values()):
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), command)
            return
        total = start if name not in there and start is not None else by + (int(there[name].value.data) if name in there else 0)
        kept = there[name].expires if keep and name in there else None
        expires = kept if keep else self.expiry(seconds)
        for _ in range(1 + once):
            answer = perform(self.world.database(), command)
            assert (answer.value, answer.expires_at) == (total, expires)
        self.map = self.map or Held()
        self.map.elements[name] = Element(number(str(total)), expires)

    @rule(names=NAMES)
    def hdel(self, names: set[str]) -> None:
        there = names & self.fields().keys()
        if self.text:
            return
        assert perform(self.world.database(), Hdel(key=M, fields=sorted(names))).count == len(there)
        for name in there:
            assert self.map is not None
            del self.map.elements[name]

    @rule(names=NAMES, seconds=st.sampled_from([30, 60, 600]), only_if=st.sampled_from(ENDINGS))
    def hexpire(self, names: set[str], seconds: int, only_if: str) -> None:
        fields = self.fields()
        if self.text:
            return
        there = {name for name in names & fields.keys() if self.may_end(fields[name].expires, seconds, only_if)}
        command = Hexpire(key=M, fields=sorted(names), ttl=seconds, only_if=only_if)
        assert perform(self.world.database(), command).count == len(there)
        for name in there:
            self.fields()[name] = replace(self.fields()[name], expires=self.expiry(seconds))

    @rule(names=NAMES)
    def hpersist(self, names: set[str]) -> None:
        there = {name for name in names & self.fields().keys() if self.fields()[name].expires is not None}
        if self.text:
            return
        assert perform(self.world.database(), Hpersist(key=M, fields=sorted(names))).count == len(there)
        for name in there:
            self.fields()[name] = replace(self.fields()[name], expires=None)

    @rule()
    def set_text(self) -> None:
        """A value that reads nothing first, and so leaves the expiries of fields behind."""
        perform(self.world.database(), Set(key=M, value=text("v")))
        self.map, self.text = None, True

    # --- arrays ---

    @rule(value=st.sampled_from(VALUES), seconds=st.sampled_from(TTLS), count=st.sampled_from([1, 1, 3]), once=st.booleans())
    def apush(self, value: str, seconds: int | None, count: int, *, once: bool) -> None:
        self.live()
        made = fitting({} if self.array is None else self.array.elements, value)
        command = Apush(key=A, elements=[drafted(value)] * count, ttl=seconds, record=self.record(once=once))
        if made is None:
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), command)
            return
        self.array = self.array or Held()
        for _ in range(count):
            self.array.elements[str(self.array.length)] = Element(made, self.expiry(seconds))
            self.array.length += 1
        for _ in range(1 + once):
            assert perform(self.world.database(), command).count == self.array.length

    @rule(from_=st.sampled_from(["first", "last"]), reads_prefixes=st.booleans())
    def apop(self, from_: str, *, reads_prefixes: bool) -> None:
        self.live()
        store = self.world.store if reads_prefixes else WithoutPrefixes(self.world.store)
        answer = perform(self.world.database(store), Apop(key=A, from_=from_))
        if self.array is None or not self.array.elements:
            assert (answer.found, answer.applied) == (False, False)
            return
        place = min(self.array.elements, key=int) if from_ == "first" else max(self.array.elements, key=int)
        assert answer.value == self.array.elements[place].value
        assert answer.expires_at == self.array.elements[place].expires
        if from_ == "last":
            self.array.length = int(place)
        assert answer.count == self.array.length
        del self.array.elements[place]

    @rule(index=st.sampled_from(INDICES), value=st.sampled_from(VALUES), seconds=st.sampled_from(TTLS))
    def aset(self, index: int, value: str, seconds: int | None) -> None:
        self.live()
        length = 0 if self.array is None else self.array.length
        place = index + length if index < 0 else index
        if self.array is None or not 0 <= place < length:
            with pytest.raises(IndexOutOfRangeError):
                perform(self.world.database(), Aset(key=A, index=index, element=draft(value)))
            return
        made = fitting(self.array.elements, value)
        if made is None:
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), Aset(key=A, index=index, element=drafted(value), ttl=seconds))
            return
        assert perform(self.world.database(), Aset(key=A, index=index, element=drafted(value), ttl=seconds)).applied is True
        self.array.elements[str(place)] = Element(made, self.expiry(seconds))

    @rule(seconds=st.sampled_from([30, 600]), only_if=st.sampled_from(ENDINGS))
    def aexpire(self, seconds: int, only_if: str) -> None:
        self.live()
        if self.array is None or not self.array.length:
            return
        there = "0" in self.array.elements and self.may_end(self.array.elements["0"].expires, seconds, only_if)
        assert perform(self.world.database(), Aexpire(key=A, index=0, ttl=seconds, only_if=only_if)).applied is there
        if there:
            self.array.elements["0"] = replace(self.array.elements["0"], expires=self.expiry(seconds))

    # --- keys, time and maintenance ---

    @rule(command=st.sampled_from([Copy, Rename]))
    def there_and_back(self, command: type[Copy]) -> None:
        """Copy or rename both to another key, and back by renaming: all elements and lifetimes come along, and nothing stays."""
        self.live()
        for one, held in ((M, self.map), (A, self.array)):
            if held is not None:
                assert perform(self.world.database(), command(key=one, to=AWAY)).applied is True
                assert perform(self.world.database(), Rename(key=AWAY, to=one)).applied is True
                assert not [name for name in self.world.refs() if AWAY.id[2:] in name]

    @rule(seconds=st.sampled_from([60, 600]))
    def expire_keys(self, seconds: int) -> None:
        self.live()
        for one, held in ((M, self.map), (A, self.array)):
            if held is not None:
                assert perform(self.world.database(), Expire(key=one, ttl=seconds)).applied is True
                held.expires = self.expiry(seconds)

    @rule()
    def persist_keys(self) -> None:
        self.live()
        for one, held in ((M, self.map), (A, self.array)):
            if held is not None:
                assert perform(self.world.database(), Persist(key=one)).applied is (held.expires is not None)
                held.expires = None

    @rule(chosen=st.sampled_from([M, A]))
    def delete(self, chosen: object) -> None:
        self.live()
        if chosen is M:
            there = self.map is not None or self.text
            assert perform(self.world.database(), Del(keys=[M])).count == there
            self.map, self.text = None, False
        else:
            assert perform(self.world.database(), Del(keys=[A])).count == (self.array is not None)
            self.array = None

    @rule(seconds=st.sampled_from([1, 31, 61, 700]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def all_fields_expire(self) -> None:
        """Leave a map and an array of what has expired."""
        names = sorted(self.fields())
        if names and not self.text:
            assert perform(self.world.database(), Hexpire(key=M, fields=names, ttl=30)).count == len(names)
        for place in () if self.array is None else self.array.elements:
            assert perform(self.world.database(), Aexpire(key=A, index=int(place), ttl=30)).applied is True
        self.clock.advance(91)
        for held in (self.map, self.array):
            if held is not None:
                held.elements.clear()

    @rule()
    def maintain(self) -> None:
        Sweep().run(self.world.maintenance())
        Purge(retention=0).run(self.world.maintenance())

    # --- looking ---

    def look(self) -> None:
        self.live()
        database = self.world.database()
        if self.text:
            assert perform(database, Type(key=M)).type == "string"
        else:
            self.look_at_map()
        self.look_at_array()
        held = [self.map is not None or self.text, self.array is not None]
        assert perform(database, Exists(keys=[M, A])).count == sum(held)
        assert self.world.errors() == []
        assert self.world.foreign().keys() == FOREIGN.keys()

    def look_at_map(self) -> None:
        database, there = self.world.database(), self.fields()
        answer = perform(database, Hgetall(key=M))
        assert (answer.found, answer.document or {}) == (
            self.map is not None,
            {name: as_json(one.value) for name, one in there.items()},
        )
        assert (perform(database, Hlen(key=M)).count, perform(database, Hkeys(key=M)).document) == (len(there), sorted(there))
        assert answer.expires_at == (self.map.expires if self.map else None)
        assert perform(database, Ttl(key=M)).expires_at == answer.expires_at
        for name in FIELDS:
            one = perform(database, Hget(key=M, field=name))
            if name in there:
                assert (one.value, one.expires_at) == (there[name].value, there[name].expires)
            assert one.found is (name in there)
            assert perform(database, Httl(key=M, field=name)).ttl == one.ttl

    def look_at_array(self) -> None:
        database, held = self.world.database(), self.array or Held()
        expected = [held.elements[str(index)].value if str(index) in held.elements else None for index in range(held.length)]
        assert perform(database, Arange(key=A)).document == [None if value is None else as_json(value) for value in expected]
        assert perform(database, Alen(key=A)).count == held.length
        for index in (-1, 0):
            one = perform(database, Aget(key=A, index=index))
            assert one.value == (expected[index] if expected else None)


class InMemory(Model):
    pass


class OnGit(Model):
    where = "path"


@pytest.mark.parametrize("machine", [InMemory, OnGit], ids=lambda machine: machine.where)
def test_maps_and_arrays_behave_like_dictionaries_and_lists(machine: type[Model]) -> None:
    """Whatever comes together, swept or not, every element is what it should be, and nothing else is touched."""
    examples = settings().max_examples // 2
    run_machine(machine, examples if machine is InMemory else examples // 20)
