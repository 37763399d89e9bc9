"""One database under test: a place with a clock, commands and jobs for it, and what its repository holds."""

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from git_keyval.commands.elements import OfArray, OfElements, OfMap
from git_keyval.commands.expiry import Ttl
from git_keyval.commands.values import Get, Type
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.collections import AllElements, CollectionView, NewElement
from git_keyval.database.command import Moment
from git_keyval.database.database import DEFAULT_MAX_ATTEMPTS, Database
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.format.counters import encode_delta
from git_keyval.format.expiry import DEFAULT_GRANULARITY
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import BREADCRUMBS_PREFIX, DEFAULT_NAMING, GC_PREFIX, LITERAL_GC_PREFIX, Naming, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import Value, as_text, parse_value
from git_keyval.maintenance.check import check
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.store.port import ABSENT, DELETE, Applied, Depth, Expect, RefUpdate, Selection, Store, Transaction
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, Place
from tests.contract.samples import Sample, all_refs, annotated_tag, foreign_commit, put
from tests.faults import Fault, FaultyStore
from tests.memory import MemoryStore

FOREIGN: Mapping[RefName, Sample] = {
    RefName(f"refs/{name}"): annotated_tag(foreign_commit(name)) if name.startswith("tags/v") else foreign_commit(name)
    for name in (
        "heads/main",
        "heads/kv-feature/val-x",
        "heads/kv-0a/val-0a0a",
        "heads/kv-0a/exp-0a0a",
        "heads/gc/notes",
        "heads/gc/20200101T000000000000Z-0a0a",
        "notes/commits",
        "changes/1/head",
        "tags/kv-1.0",
        "tags/kv-0a/bc-0a0a/20200101T000000000000Z-operation",
        "tags/v1",
    )
}
"""Refs that are not the database's, some of them only just."""


class Shown(NamedTuple):
    """A key as ``get`` shows it: its type, its value as text, and when it expires."""

    type: str | None
    value: str
    expires_at: int | None


class Whole(OfElements):
    """Reads all elements, and when each expires."""

    def reads(self) -> AllElements:
        return AllElements(keys=[self.key], category=self.category, command="", agreed=True)

    def decide(self, view: CollectionView, moment: Moment) -> Answer:  # noqa: ARG002
        values = view.values(view.live())
        return Answer(document=[{name: [as_text(values[name]), view.expiry(name)] for name in sorted(values)}, view.length])


class WholeMap(Whole, OfMap):
    pass


class WholeArray(Whole, OfArray):
    pass


class World:
    """A database in one place. What is not given a store of its own works on ``store``, undisturbed."""

    def __init__(self, place: Place, clock: FakeClock, cipher: Cipher = PLAIN) -> None:
        self.place = place
        self.cipher = cipher
        self.clock = clock
        self.store: Store = place.open()
        self._numbers = itertools.count()

    def database(
        self,
        store: Store | None = None,
        *,
        naming: Naming = DEFAULT_NAMING,
        granularity: int = DEFAULT_GRANULARITY,
        max_attempts: int = DEFAULT_MAX_ATTEMPTS,
    ) -> Database:
        return Database(
            store or self.store,
            sleep=self.clock.advance,
            random=lambda: 0.5,
            new_op=self.new_op,
            naming=naming,
            granularity=granularity,
            max_attempts=max_attempts,
            cipher=self.cipher,
        )

    def maintenance(self, store: Store | None = None) -> Maintenance:
        return Maintenance(self.database(store), elapsed=lambda: 0.0)

    def faulty(self, faults: Mapping[int, Fault]) -> FaultyStore:
        return FaultyStore(self.store, faults)

    def new_op(self) -> str:
        return f"operation{next(self._numbers):06}"

    def in_memory(self) -> "World":
        """Return a copy of it in memory, which goes on with the same clock and the same operation ids: one read makes it."""
        found = self.store.read(Selection((), ("refs/",)), depth=Depth.VALUES)
        store = MemoryStore(self.clock)
        store.refs, store._objects = dict(found.refs), dict(found.objects)
        copy = World(Place(lambda: store, lambda _oid: None), self.clock, self.cipher)
        copy._numbers = self._numbers
        return copy

    def at_once(self, act: Callable[["World"], object]) -> None:
        """Do something of many commands by one read and one write: by them on a copy, and then here what they changed there."""
        copy = self.in_memory()
        store = copy.store
        assert isinstance(store, MemoryStore)
        before, known = dict(store.refs), set(store._objects)
        act(copy)
        updates = tuple(
            RefUpdate(name, before.get(name, ABSENT), store.refs.get(name, DELETE))
            for name in before | store.refs
            if before.get(name) != store.refs.get(name)
        )
        objects = tuple(made for oid, made in store._objects.items() if oid not in known)
        assert not updates or list(self.store.apply([Transaction(updates, objects)])) == [Applied()]

    def put(self, name: RefName, sample: Sample, expect: Oid | Expect = Expect.ANY) -> RefName:
        """Write one ref behind the back of all commands."""
        assert list(self.store.apply([put(name, sample, expect)])) == [Applied()]
        return name

    def plant(self, key: Key, delta: int | Sample | None, *, ago: float = 0, op: str = "") -> RefName:
        """Leave a breadcrumb, as a client would have done so many seconds ago."""
        time = timestamp(Micros(self.clock() - round(ago * SECOND)))
        name = DEFAULT_NAMING.breadcrumb(key.id, time, self.cipher.op(key.id, op or self.new_op()))
        if delta is None:
            return self.put(name, Sample((*DUMMY_OBJECTS, NULL_COMMIT)))
        return self.put(name, delta if isinstance(delta, Sample) else Sample((*DUMMY_OBJECTS, encode_delta(delta))))

    def plant_many(self, key: Key, count: int, *, ago: float = 0) -> None:
        """Leave increments by one, a microsecond apart."""
        commit = encode_delta(1)
        begin = self.clock() - round(ago * SECOND)
        ops = (self.cipher.op(key.id, self.new_op()) for _ in range(count))
        names = (DEFAULT_NAMING.breadcrumb(key.id, timestamp(Micros(begin + turn)), op) for turn, op in enumerate(ops))
        updates = tuple(RefUpdate(name, ABSENT, commit.oid) for name in names)
        assert list(self.store.apply([Transaction(updates, (*DUMMY_OBJECTS, commit))])) == [Applied()]

    def plant_foreign(self) -> None:
        outcomes = self.store.apply([put(name, sample) for name, sample in FOREIGN.items()])
        assert set(outcomes) == {Applied()}

    def foreign(self) -> dict[RefName, Oid]:
        """Return those of the foreign refs that are where they were put."""
        refs = self.refs()
        return {name: refs[name] for name, sample in FOREIGN.items() if refs.get(name) == sample.oid}

    def refs(self) -> dict[RefName, Oid]:
        return all_refs(self.store)

    def breadcrumbs(self) -> list[RefName]:
        return sorted(name for name in self.refs() if name.startswith(BREADCRUMBS_PREFIX))

    def parked(self) -> dict[RefName, Oid]:
        return {name: oid for name, oid in self.refs().items() if name.startswith((GC_PREFIX, LITERAL_GC_PREFIX))}

    def errors(self) -> list[str]:
        """Return what check finds broken."""
        found = check(self.maintenance()).problems
        return [f"{problem.ref}: {problem.problem}" for problem in found if problem.severity == "error"]

    def warnings(self) -> list[str]:
        return [problem.ref for problem in check(self.maintenance()).problems if problem.severity == "warning"]

    def content(self, keys: Sequence[Key]) -> dict[str, Shown]:
        """Read those of the keys that exist; of redirected ones, tell where they live."""
        return dict(self._content(keys))

    def _content(self, keys: Sequence[Key]) -> Iterator[tuple[str, Shown]]:
        for key in keys:
            try:
                answer = perform(self.database(), Ttl(key=key))
            except MovedError as exc:
                yield key.label, Shown("redirect", exc.targets[key.id].repository, None)
                continue
            if answer.found:
                kind = perform(self.database(), Type(key=key)).type
                yield key.label, Shown(kind, self._shown(key, kind), answer.expires_at)

    def _shown(self, key: Key, kind: str | None) -> str:
        """Return a value as text; of a map or an array each element, and when it expires."""
        if kind not in {"map", "array"}:
            return show(perform(self.database(), Get(key=key)).value)
        return json.dumps(perform(self.database(), WholeMap(key=key) if kind == "map" else WholeArray(key=key)).document)


def show(value: Value | int | None) -> str:
    assert value is not None
    return str(value) if isinstance(value, int) else as_text(value)


def text(value: str) -> Value:
    return parse_value("String", value)


def draft(value: Value | str) -> NewElement:
    """Return a value as an element, of its own type whatever the collection holds."""
    own = text(value) if isinstance(value, str) else value
    return lambda _kind: own


def drafts(**fields: Value | str) -> dict[str, NewElement]:
    return {name: draft(value) for name, value in fields.items()}


def number(value: str) -> Value:
    return parse_value("Number", value)


def key(label: str = "k") -> Key:
    return Key.of(label, text(label))


def install_hook(world: World, name: str, script: str) -> None:
    """Install a server-side hook in the bare repository of a database."""
    assert isinstance(world.place, GitPlace)
    hook = world.place.repository / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(script)
    hook.chmod(0o755)
