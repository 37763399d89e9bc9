"""Random commands, rivals, times and maintenance, against a plain dictionary."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.transactions import Assert, Batch, Item
from git_keyval.commands.values import Append, Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.commands.waiting import WaitUntil
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.command import Bound
from git_keyval.database.conditions import ALWAYS, Condition
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.errors import InputError, ItemFailedError, WrongTypeError
from git_keyval.format.names import ANCHOR_TAG, Naming
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND
from git_keyval.format.values import Value, as_integer, as_json, as_text
from git_keyval.maintenance.commands import Gather, Purge, Sweep
from tests.encrypting import cipher
from tests.faults import Rival
from tests.machine import Machine, run_machine
from tests.replacing import replace
from tests.world import FOREIGN, number, text

LABELS = ["a", "b"]
ELSEWHERE = "elsewhere"
VALUES: list[Value | int] = [text("v"), text(""), number("5"), number("1.5"), 7, -3]
TTLS = [None, None, 60, 90, 600]
PAUSES = [0.5, 30, 61, 700, 90_000]
BY = [1, -1, 5, 100]
ENDINGS = ["", "", "longer", "shorter", "none", "some"]


@dataclass(frozen=True)
class Held:
    """What a key is supposed to hold."""

    value: Value | int
    expires: int | None = None
    stored_key: bool = False
    waiting: bool = False
    """It exists only as breadcrumbs: there is nothing yet that an expiry could belong to."""
    oldest: int = 0
    """What the oldest of them adds."""

    @property
    def type(self) -> str:
        return "counter" if isinstance(self.value, int) else self.value.type.lower()


class Model(Machine):
    """A database, and beside it a dictionary to which the same is done."""

    share: ClassVar[int] = 1
    """It gets one in so many of the examples."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, Held] = {}
        self.last: tuple[Key, str, int | None] | None = None
        self.away = False

    # --- the model ---

    def key(self, label: str) -> Key:
        return Key.of(label, text(label), self.cipher)

    def keys(self) -> list[Key]:
        return [self.key(label) for label in LABELS]

    def live(self, one: Key) -> Held | None:
        held = self.held.get(one.label)
        if held is not None and held.expires is not None and held.expires * SECOND <= self.clock():
            del self.held[one.label]
            return None
        return held

    def write(self, one: Key, value: Value | int, expires: int | None, *, store_key: bool = False) -> None:
        # A key commit stays when the value is replaced, also where that had expired and was not swept.
        there = Naming().key(one.id) in self.world.refs()
        self.held[one.label] = Held(value, expires, store_key or there)

    def add(self, one: Key, by: int) -> int | None:
        """Return what an increment makes of a key; None if it holds what cannot be counted on."""
        held = self.live(one) or Held(0)
        # What is encrypted is not made a counter, which everybody can read.
        start = held.value if isinstance(held.value, int) else as_integer(held.value) if self.cipher is PLAIN else None
        return None if start is None else start + by

    def counted(self, one: Key, total: int) -> None:
        held = self.live(one)
        stored = Naming().key(one.id) in self.world.refs()
        self.held[one.label] = replace(held, value=total, waiting=False) if held else Held(total, stored_key=stored)

    # --- writes ---

    @rule(label=st.sampled_from(LABELS), value=st.sampled_from(VALUES), ttl=st.sampled_from(TTLS), store_key=st.booleans())
    def set(self, label: str, value: Value | int, ttl: int | None, *, store_key: bool) -> None:
        one = self.key(label)
        answer = perform(self.world.database(), Set(key=one, value=value, ttl=ttl, store_key=store_key))
        self.write(one, value, self.expiry(ttl), store_key=store_key)
        assert (answer.applied, answer.expires_at) == (True, self.held[one.label].expires)

    @rule(label=st.sampled_from(LABELS), value=st.sampled_from(VALUES))
    def set_keep_ttl(self, label: str, value: Value | int) -> None:
        one = self.key(label)
        held = self.live(one)
        assert perform(self.world.database(), Set(key=one, value=value, keep_ttl=True)).applied is True
        self.write(one, value, held.expires if held else None)

    @rule(
        label=st.sampled_from(LABELS),
        value=st.sampled_from(VALUES),
        ttl=st.sampled_from(TTLS),
        existence=st.sampled_from(["", "absent", "present"]),
        version=st.sampled_from(["", "current", "other"]),
        get_old=st.booleans(),
    )
    def set_if(
        self,
        label: str,
        value: Value | int,
        ttl: int | None,
        existence: Literal["", "absent", "present"],
        version: Literal["", "current", "other"],
        *,
        get_old: bool,
    ) -> None:
        one = self.key(label)
        held = self.live(one)
        # What is written without being read does not see increments that wait (docs/concurrency.md, "Not guaranteed"). It is read
        # after all where there is no anchor to assert, or a value that has expired.
        refs = self.world.refs()
        is_blind = isinstance(value, Value) and (existence, version) == ("absent", "") and not self.away
        is_blind = is_blind and not get_old and ANCHOR_TAG in refs and Naming().value(one.id) not in refs
        there = held is not None and not (is_blind and held.waiting)
        current = perform(self.world.database(), Get(key=one)).version
        asked = {"": None, "current": current or Oid("0" * 40), "other": Oid("0a" * 20)}[version]
        command = Set(key=one, value=value, ttl=ttl, condition=Condition(existence, asked), get_old=get_old)
        answer = perform(self.world.database(), command)
        met = existence in {"", "present" if there else "absent"} and (asked is None or (asked == current and there))
        assert answer.applied is met
        if get_old:
            assert answer.old_value == (None if held is None else held.value)
        if met:
            self.write(one, value, self.expiry(ttl))

    @rule(label=st.sampled_from(LABELS), value=st.sampled_from(VALUES[:3]), store_key=st.booleans())
    def append(self, label: str, value: Value, *, store_key: bool) -> None:
        one = self.key(label)
        held = self.live(one)
        command = Append(key=one, value=value, store_key=store_key)
        if value.type != "String":
            with pytest.raises(InputError):
                perform(self.world.database(), command)
            return
        if held is not None and (isinstance(held.value, int) or held.value.type != "String"):
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), command)
            return
        longer = text((as_text(held.value) if held and isinstance(held.value, Value) else "") + as_text(value))
        answer = perform(self.world.database(), command)
        assert (answer.applied, answer.count) == (True, len(longer.data))
        self.write(one, longer, held.expires if held else None, store_key=store_key)

    @rule(label=st.sampled_from(LABELS), command=st.sampled_from([Copy, Rename]), if_absent=st.booleans(), counted=st.booleans())
    def place(self, label: str, command: type[Copy], *, if_absent: bool, counted: bool) -> None:
        """Copy or rename a key to the other one. By chance alone it would seldom be a counter beside which an increment waits."""
        if counted:
            self.set(label, 7, 600, store_key=if_absent)
            self.breadcrumb_of_a_rival(label, 5)
        one, other = self.key(label), self.key(next(each for each in LABELS if each != label))
        held, there = self.live(one), self.live(other)
        is_stored = Naming().key(one.id) in self.world.refs()
        answer = perform(self.world.database(), command(key=one, to=other, if_absent=if_absent))
        assert (answer.found, answer.applied) == (held is not None, held is not None and not (if_absent and there))
        if not answer.applied:
            return
        assert held is not None
        self.write(other, held.value, held.expires, store_key=is_stored)
        if command is Rename:
            del self.held[one.label]

    @rule(label=st.sampled_from(LABELS), bound=st.sampled_from([-3, 1.5, 5, 7, 105]))
    def compare(self, label: str, bound: float) -> None:
        """Look whether a key is as it should be, in every way, by `wait` and by `assert`."""
        one = self.key(label)
        held = self.live(one)
        current = perform(self.world.database(), Get(key=one)).version
        shown = None if held is None else str(held.value) if isinstance(held.value, int) else as_text(held.value)
        self.look_whether(one, "present", held is not None)
        self.look_whether(one, "absent", held is None)
        self.look_whether(one, "equals", shown == str(bound), equals=str(bound))
        if held is not None and held.type == "string":
            with pytest.raises(WrongTypeError):
                self.look_whether(one, "at-least", met=False, at_least=Decimal(0))
        else:
            self.look_whether(one, "at-least", shown is not None and float(shown) >= bound, at_least=Decimal(bound))
            self.look_whether(one, "less-than", shown is not None and float(shown) < bound, less_than=Decimal(bound))
        if current is not None:
            assert perform(self.world.database(), WaitUntil(key=one, until="changed", if_version=current)).met is False
        assert perform(self.world.database(), WaitUntil(key=one, until="changed", if_version=Oid("0a" * 20))).met is True

    def look_whether(self, one: Key, until: str, met: bool, **bounds: Any) -> None:  # noqa: ANN401, FBT001
        condition = Condition(until) if until in {"present", "absent"} else ALWAYS
        assert perform(self.world.database(), WaitUntil(key=one, until=until, **bounds)).met is met
        assert perform(self.world.database(), Assert(key=one, condition=condition, **bounds)).applied is met

    @rule(entries=st.dictionaries(st.sampled_from(LABELS), st.sampled_from(VALUES[:4]), min_size=1), ttl=st.sampled_from(TTLS))
    def mset(self, entries: dict[str, Value], ttl: int | None) -> None:
        perform(self.world.database(), Mset(values={self.key(label): value for label, value in entries.items()}, ttl=ttl))
        for label, value in entries.items():
            self.write(self.key(label), value, self.expiry(ttl))

    @rule(label=st.sampled_from(LABELS), seconds=st.sampled_from([30, 60, 600]), only_if=st.sampled_from(ENDINGS))
    def expire(self, label: str, seconds: int, only_if: str) -> None:
        one = self.key(label)
        held = self.live(one)
        ends = held is not None and not held.waiting
        fitting = [each for each in ENDINGS if held is not None and ends and self.may_end(held.expires, seconds, each)]
        for each in {*ENDINGS} - {*fitting}:
            assert perform(self.world.database(), Expire(key=one, ttl=seconds, only_if=each)).applied is False
        answer = perform(self.world.database(), Expire(key=one, ttl=seconds, only_if=only_if if only_if in fitting else ""))
        assert answer.applied is ends
        if held is not None and answer.applied:
            self.held[one.label] = replace(held, expires=self.expiry(seconds))

    @rule(label=st.sampled_from(LABELS))
    def persist(self, label: str) -> None:
        one = self.key(label)
        held = self.live(one)
        answer = perform(self.world.database(), Persist(key=one))
        assert answer.applied is (held is not None and held.expires is not None)
        if held is not None:
            self.held[one.label] = replace(held, expires=None)

    @rule(chosen=st.lists(st.sampled_from(LABELS), min_size=1, unique=True))
    def delete(self, chosen: list[str]) -> None:
        there = sum(self.live(self.key(label)) is not None for label in chosen)
        assert perform(self.world.database(), Del(keys=[self.key(label) for label in chosen])).count == there
        for label in chosen:
            self.held.pop(label, None)

    @rule(label=st.sampled_from(LABELS))
    def getdel(self, label: str) -> None:
        one = self.key(label)
        held = self.live(one)
        parked = len(self.world.parked())
        answer = perform(self.world.database(), Getdel(key=one))
        assert (answer.found, answer.value) == (held is not None, None if held is None else held.value)
        assert len(self.world.parked()) == parked + (held is not None)
        self.held.pop(one.label, None)

    # --- counters ---

    @rule(label=st.sampled_from(LABELS), by=st.sampled_from(BY), contention=st.sampled_from(["retry", "breadcrumb"]))
    def increment(self, label: str, by: int, contention: Literal["retry", "breadcrumb"]) -> None:
        one = self.key(label)
        op, total = self.world.new_op(), self.add(one, by)
        try:
            answer = perform(self.world.database(), Incr(key=one, by=by, op=op, contention=contention))
        except WrongTypeError:
            assert total is None
            return
        assert (answer.value, answer.pending) == (total, False)
        assert total is not None
        self.counted(one, total)
        self.last = (one, op, total)

    @rule(label=st.sampled_from(LABELS), by=st.sampled_from(BY), contention=st.sampled_from(["retry", "breadcrumb"]))
    def increment_after_a_rival(self, label: str, by: int, contention: Literal["retry", "breadcrumb"]) -> None:
        """Let a rival increment first, just before our write, so that ours is denied."""
        one = self.key(label)
        total, held = self.add(one, by), self.live(one)
        if total is None or (held is not None and held.waiting):
            return  # what waits is read twice, and the rival would come between the reads
        op = self.world.new_op()
        store = self.world.faulty({2: Rival(lambda: perform(self.world.database(), Incr(key=one, by=1000)))})
        answer = perform(self.world.database(store), Incr(key=one, by=by, op=op, contention=contention))
        assert (answer.pending, answer.value) == ((True, None) if contention == "breadcrumb" else (False, total + 1000))
        self.counted(one, total + 1000)
        self.last = (one, op, answer.value if isinstance(answer.value, int) else None)

    @rule(
        label=st.sampled_from(LABELS),
        by=st.sampled_from(BY),
        start=st.sampled_from([None, 0, 100]),
        ttl=st.sampled_from([60, 600]),
        refresh=st.booleans(),
        store_key=st.booleans(),
        ended=st.booleans(),
    )
    def increment_with_a_lifetime(
        self, label: str, by: int, start: int | None, ttl: int, *, refresh: bool, store_key: bool, ended: bool
    ) -> None:
        if ended:
            self.a_key_expires(label, 7, late=True)
        one = self.key(label)
        held, total = self.live(one), self.add(one, by)
        begins = held is None or held.waiting
        if begins and start is not None:
            total = start + (total or 0) - (held.oldest if held else by)
        command = Incr(key=one, by=by, start=start, ttl=ttl, refresh_ttl=refresh, store_key=store_key)
        if total is None:
            with pytest.raises(WrongTypeError):
                perform(self.world.database(), command)
            return
        expires = self.expiry(ttl) if held is None or begins or refresh else held.expires
        answer = perform(self.world.database(), command)
        assert (answer.value, answer.expires_at) == (total, expires)
        self.write(one, total, expires, store_key=store_key)

    @rule()
    def the_last_increment_again(self) -> None:
        """Run the step again under its op-id, if its counter is still the same."""
        if self.last is None:
            return
        one, op, value = self.last
        held = self.live(one)
        if held is None or not isinstance(held.value, int):
            self.last = None
            return
        if not any(self.world.cipher.op(one.id, op) in name for name in self.world.breadcrumbs()) and value is None:
            return
        answer = perform(self.world.database(), Incr(key=one, by=77, op=op))
        if perform(self.world.database(), Get(key=one)).value != held.value:
            # The key held something else meanwhile: its memory is gone, and this was a new operation.
            assert answer.value == held.value + 77
            self.counted(one, held.value + 77)
        self.last = (one, op, answer.value if isinstance(answer.value, int) else None)

    @rule(label=st.sampled_from(LABELS), by=st.sampled_from(BY))
    def breadcrumb_of_a_rival(self, label: str, by: int) -> None:
        one = self.key(label)
        self.clock.advance(1)
        held = self.live(one)
        self.world.plant(one, by)
        if held is None:
            stored = Naming().key(one.id) in self.world.refs()
            self.held[one.label] = Held(by, stored_key=stored, waiting=True, oldest=by)
        elif isinstance(held.value, int):
            self.held[one.label] = replace(held, value=held.value + by)

    # --- several at once ---

    @rule(
        kinds=st.tuples(*[st.sampled_from(["get", "set", "incr", "del"])] * len(LABELS)),
        value=st.sampled_from(VALUES),
        ttl=st.sampled_from(TTLS),
        by=st.sampled_from(BY),
        met=st.booleans(),
    )
    def batch(self, kinds: tuple[str, ...], value: Value | int, ttl: int | None, by: int, *, met: bool) -> None:
        """All see what is there now, and do what they do alone, unless a condition is not met or one of them cannot be done."""
        pairs = [(self.key(label), kind) for label, kind in zip(LABELS, kinds, strict=True)]
        commands: dict[str, Callable[[Key], Bound]] = {
            "get": lambda one: Get(key=one),
            "set": lambda one: Set(key=one, value=value, ttl=ttl),
            "incr": lambda one: Incr(key=one, by=by),
            "del": lambda one: Del(keys=[one]),
        }
        made = [commands[kind](one) for one, kind in pairs]
        made.append(Assert(key=self.key("nothing"), condition=Condition("absent" if met else "present")))
        batch = Batch(items=[Item(str(place), command.form(), command.outputs) for place, command in enumerate(made)])
        totals = {one.label: self.add(one, by) for one, kind in pairs if kind == "incr"}
        before = {one.label: self.live(one) for one, _ in pairs}
        if None in totals.values():
            with pytest.raises(ItemFailedError):
                perform(self.world.database(), batch)
            return
        answer = perform(self.world.database(), batch)
        assert answer.applied is met
        for one, kind in pairs if met else ():
            if kind == "set":
                self.write(one, value, self.expiry(ttl))
            elif kind == "incr":
                self.counted(one, totals[one.label] or 0)
            elif kind == "del":
                self.held.pop(one.label, None)
        for (one, kind), result in zip(pairs, (answer.results or {}).values(), strict=False):
            if kind == "get":
                assert isinstance(result, dict)
                held = before[one.label]
                shown = None if held is None else str(held.value) if isinstance(held.value, int) else as_text(held.value)
                assert result.get("value") == shown

    # --- redirects ---

    @rule(away=st.booleans())
    def another_key_moves(self, *, away: bool) -> None:
        """Once one has moved, writes that read nothing have to find out that they must."""
        one = self.key(ELSEWHERE)
        targets = {one.id: Redirect("owner/other", 2)} if away else {}
        assert perform(self.world.database(), Redirection(keys=[one], targets=targets)).applied is (away or self.away)
        self.away = away

    # --- time and maintenance ---

    @rule(label=st.sampled_from(LABELS), value=st.sampled_from(VALUES), late=st.booleans())
    def a_key_expires(self, label: str, value: Value | int, *, late: bool) -> None:
        """Random pauses alone would seldom let a key expire, and then be met by a late breadcrumb before a sweep."""
        self.set(label, value, 60, store_key=late)
        self.clock.advance(120)
        if late:
            self.breadcrumb_of_a_rival(label, 5)

    @rule(seconds=st.sampled_from(PAUSES))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(grace_period=st.sampled_from([0, 0, 120]))
    def gather(self, grace_period: int) -> None:
        Gather(grace_period=grace_period).run(self.world.maintenance())
        refs = self.world.refs()
        for one in self.keys():
            held = self.live(one)
            if held is not None and held.waiting and Naming().value(one.id) in refs and Naming().expiry(one.id) not in refs:
                self.held[one.label] = replace(held, waiting=False)

    @rule()
    def sweep(self) -> None:
        Sweep().run(self.world.maintenance())
        for one in self.keys():
            held = self.live(one)
            if held is not None and held.waiting:
                self.held[one.label] = replace(held, stored_key=Naming().key(one.id) in self.world.refs())

    @rule(retention=st.sampled_from([0, 3600]))
    def purge(self, retention: int) -> None:
        Purge(retention=retention).run(self.world.maintenance())
        if retention == 0:
            assert self.world.parked().keys() <= FOREIGN.keys()

    @rule()
    def dry_run(self) -> None:
        before = self.world.refs()
        Gather(grace_period=0, dry_run=True).run(self.world.maintenance())
        Sweep(dry_run=True).run(self.world.maintenance())
        Purge(retention=0, dry_run=True).run(self.world.maintenance())
        assert self.world.refs() == before

    # --- looking ---

    def look(self) -> None:
        there = {one.label: held for one in self.keys() if (held := self.live(one)) is not None}
        expected = {label: held.value if isinstance(held.value, int) else as_json(held.value) for label, held in there.items()}
        database = self.world.database()
        assert perform(database, Mget(keys=self.keys())).document == expected
        assert perform(database, Exists(keys=self.keys())).count == len(there)
        for one in self.keys():
            self.look_at(one, there.get(one.label))
        if self.away:
            with pytest.raises(MovedError):
                perform(database, Set(key=self.key(ELSEWHERE), value=text("overwritten")))
        named = perform(database, Keys()).document
        assert named == [label for label, held in sorted(there.items()) if held.stored_key and not held.waiting]
        assert self.world.errors() == []
        assert self.world.foreign().keys() == FOREIGN.keys()

    def look_at(self, one: Key, held: Held | None) -> None:
        answer = perform(self.world.database(), Get(key=one))
        if held is None:
            assert (answer.found, answer.value, answer.version, answer.ttl) == (False, None, None, -2)
            assert perform(self.world.database(), Type(key=one)).found is False
            return
        assert (answer.found, answer.value, answer.type, answer.expires_at) == (True, held.value, held.type, held.expires)
        assert perform(self.world.database(), Type(key=one)).type == held.type
        assert perform(self.world.database(), Ttl(key=one)).ttl == answer.ttl


class InMemory(Model):
    pass


class OnGit(Model):
    where = "path"
    watchful = False
    share = 20


class Encrypted(InMemory):
    """With a key for names and another one for values."""

    cipher = cipher("first", "second")
    share = 4


class EncryptedOnGit(OnGit):
    cipher = cipher("first")


@pytest.mark.parametrize("machine", [InMemory, OnGit, Encrypted, EncryptedOnGit], ids=lambda machine: machine.__name__)
def test_a_database_behaves_like_a_dictionary(machine: type[Model]) -> None:
    """Whatever comes together, every key holds what a plain dictionary would, and nothing else is touched."""

    examples = settings().max_examples * 2 // 3
    run_machine(machine, examples // machine.share)
