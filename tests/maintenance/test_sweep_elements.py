"""sweep: expired elements of maps and arrays, and element expiries that belong to nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.commands.expiry import Expire, Persist
from git_keyval.commands.maps import Hdel, Hexpire, Hgetall, Hset
from git_keyval.commands.values import Del, Get, Set
from git_keyval.database.command import Command
from git_keyval.database.keys import KeyView
from git_keyval.database.perform import perform
from git_keyval.errors import UnavailableError
from git_keyval.format.elements import encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, encode_line
from git_keyval.format.names import KEYS_PREFIX, Naming, RefName
from git_keyval.format.objects import Oid, blob, commit, tree
from git_keyval.format.records import encode_data
from git_keyval.format.redirects import Redirect, encode_redirect
from git_keyval.format.sealed import Encryption, sealed_name
from git_keyval.maintenance.commands import Sweep
from git_keyval.maintenance.execute import Done
from git_keyval.store.port import DELETE, RefUpdate
from tests.conftest import FakeClock
from tests.contract.places import Place
from tests.contract.samples import Sample, delete, foreign_commit, note, record, together
from tests.elements import alive, apply, ended, ending, made, stored, written
from tests.faults import Lost, Rival
from tests.maintenance.stores import Choosy
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.summaries import summary_of
from tests.world import World, drafts, key, text

K = key()
VALUE, EXPIRY = Naming().value(K.id), Naming().expiry(K.id)
NOON = 1_767_268_800
DAY = 86_400
SEALED = Encryption("A256GCM", "first")


def expiry_sample(seconds: int) -> Sample:
    return Sample((*DUMMY_OBJECTS, encode_expiry(seconds)))


def swept(world: World, **faults: Rival) -> Done:
    """Sweep a minute later, with what happens before the requests of these numbers."""
    world.clock.advance(60)
    store = world.faulty({int(number.removeprefix("at_")): fault for number, fault in faults.items()})
    return Sweep().run(world.maintenance(store)).jobs[0]


def test_expired_elements_go_and_the_others_stay(world: World) -> None:
    world.plant_foreign()
    foreign = world.foreign()
    ends = {"a": NOON + 60, "b": NOON + 59, "c": NOON + 61}
    apply(world, written(K, {"a": "1", "b": "2", "c": "3", "d": "4"}, ends=ends), written(key("other"), {"a": "1"}))
    other = world.refs()[Naming().value(key("other").id)]
    before = world.refs()
    job = swept(world)
    assert stored(world, K) == made({"c": "3", "d": "4"})
    assert world.refs() == {name: oid for name, oid in before.items() if name not in {ending(K, "a"), ending(K, "b")}} | {
        VALUE: world.refs()[VALUE]
    }
    assert world.refs()[Naming().value(key("other").id)] == other
    assert world.foreign() == foreign
    assert (job.plan.facts["expiredElements"], job.plan.facts["collections"], len(job.applied)) == (2, 1, 1)
    assert world.errors() == []


def test_a_map_goes_on_in_one_transaction(memory: World) -> None:
    """Value first, then the expiries of what it has lost, each by the oid that was seen; with the objects of what is left."""
    apply(memory, written(K, {"a": "1", "b": "2", "c": "3"}, ends={"a": NOON, "b": NOON}))
    seen = memory.refs()
    (action,) = swept(memory).applied
    first, *others = action.transaction.updates
    left = encode_collection(made({"c": "3"}))
    assert first == RefUpdate(VALUE, seen[VALUE], left.commit.oid)
    assert sorted(others, key=lambda update: update.name) == [
        RefUpdate(name, seen[name], DELETE) for name in sorted([ending(K, "a"), ending(K, "b")])
    ]
    assert action.transaction.objects == left.objects


def test_an_array_keeps_its_length_and_its_indices(world: World) -> None:
    """What has expired becomes a hole, at the end as in the middle; holes stay holes."""
    apply(world, written(K, {"0": "1", "2": "3", "4": "5"}, length=5, ends={"0": NOON, "4": NOON}))
    swept(world)
    assert stored(world, K) == made({"2": "3"}, 5)
    assert ending(K, "0") not in world.refs()


@pytest.mark.parametrize("length", [None, 2], ids=["map", "array"])
def test_what_has_lost_its_last_element_stays_empty(world: World, length: int | None) -> None:
    apply(world, written(K, {"0": "1", "1": "2"}, length=length, ends={"0": NOON, "1": NOON}))
    swept(world)
    assert stored(world, K) == made({}, length)
    assert world.refs().keys() & {ending(K, "0"), ending(K, "1")} == set()
    assert world.errors() == []


@pytest.mark.parametrize("element", ["..", ".git", "a/b", "é", "%41", "x" * 255])
def test_elements_go_by_their_keys_whatever_these_are(memory: World, element: str) -> None:
    """The expiry is named by the key itself, the file by its encoding."""
    apply(memory, written(K, {element: "1", "stays": "2"}, ends={element: NOON}))
    swept(memory)
    assert stored(memory, K) == made({"stays": "2"})


def test_a_key_that_expires_later_keeps_its_expiry(memory: World) -> None:
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}))
    memory.put(EXPIRY, expiry_sample(NOON + DAY))
    swept(memory)
    assert stored(memory, K) == made({"b": "2"})
    assert EXPIRY in memory.refs()


def test_an_expired_key_goes_with_all_its_element_expiries(world: World) -> None:
    """Expired or not, readable or not, of elements that are there or not: in its one transaction."""
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"a": NOON, "b": NOON + DAY, "x": NOON, "y": NOON + DAY}))
    apply(world, written(key("other"), {"a": "1"}, ends={"a": NOON + DAY}))
    world.put(ending(K, "unreadable"), note("hello\n"))
    world.put(EXPIRY, expiry_sample(NOON + 60))
    others = {name for name in world.refs() if name.startswith(Naming().expiry(key("other").id))}
    job = swept(world)
    assert {name for name in world.refs() if "/val-" in name or "/exp-" in name} == others | {Naming().value(key("other").id)}
    assert [(action.ref, len(action.transaction.updates)) for action in job.applied] == [(VALUE, 7)]
    assert job.plan.left == []


def test_elements_are_swept_whatever_the_shard_length(memory: World) -> None:
    for length in (1, 2, 3, 39):
        apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}, naming=Naming(length)))
    swept(memory)
    assert all(stored(memory, K, Naming(length)) == made({"b": "2"}) for length in (1, 2, 3, 39))
    assert not any("/exp-" in name for name in memory.refs())


def test_an_element_whose_key_has_an_unreadable_expiry_goes_all_the_same(memory: World) -> None:
    """It has expired, whatever becomes of its key."""
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}))
    memory.put(EXPIRY, note("hello\n"))
    job = swept(memory)
    assert stored(memory, K) == made({"b": "2"})
    assert [left.ref for left in job.plan.left] == [EXPIRY]


# --- what belongs to nothing ----------------------------------------------------------------------------------------

BESIDE: Mapping[str, Callable[[World], object]] = {
    "a map without the element": lambda world: apply(world, written(K, {"b": "2"})),
    "an empty map": lambda world: apply(world, written(K, {})),
    "an array without the element": lambda world: apply(world, written(K, {"0": "2"}, length=3)),
    "a text": lambda world: perform(world.database(), Set(key=K, value=text("v"))),
    "a counter": lambda world: perform(world.database(), Set(key=K, value=5)),
    "a redirect": lambda world: world.put(VALUE, Sample((*DUMMY_OBJECTS, encode_redirect(Redirect("owner/other", 2))))),
    "no value": lambda _world: None,
}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_an_expiry_without_an_element_goes_once_expired(world: World, beside: Callable[[World], object]) -> None:
    beside(world)
    apply(world, ended(K, {"a": NOON + 60, "1": NOON + 60, "later": NOON + 120}))
    value = world.refs().get(VALUE)
    world.clock.advance(-1)
    assert swept(world).planned == 0
    world.clock.advance(-59)
    job = swept(world)
    assert world.refs().keys() & {ending(K, "a"), ending(K, "1"), ending(K, "later")} == {ending(K, "later")}
    assert world.refs().get(VALUE) == value
    assert (job.plan.facts["expiredElements"], job.plan.facts["collections"]) == (0, 0)
    assert [action.counts.elements for action in job.applied] == [0]


def test_an_expiry_without_an_element_goes_with_those_of_others(memory: World) -> None:
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON, "x": NOON, "y": NOON + DAY}))
    job = swept(memory)
    assert [name for name in memory.refs() if "/exp-" in name] == [ending(K, "y")]
    assert [(action.ref, action.counts.elements) for action in job.applied] == [(VALUE, 1)]


def test_an_expiry_of_a_key_without_value_goes_beside_those_of_its_elements(memory: World) -> None:
    apply(memory, ended(K, {"a": NOON, "b": NOON + DAY}))
    memory.put(EXPIRY, expiry_sample(NOON))
    swept(memory)
    assert [name for name in memory.refs() if "/exp-" in name] == [ending(K, "b")]


@pytest.mark.parametrize("beside", [name for name in BESIDE if name != "no value"])
def test_an_element_written_meanwhile_keeps_its_expiry(memory: World, beside: str) -> None:
    """Also one of which a torn listing has seen the expiry alone: the value is asserted.

    Without its expiry an element that has expired would be alive forever. (The expiry would be another one unless somebody's
    clock was wrong; this does not rely on it.)
    """
    BESIDE[beside](memory)
    apply(memory, ended(K, {"a": NOON}))
    rival = Rival(lambda: apply(memory, written(K, {"a": "1"})))
    job = swept(memory, at_4=rival)
    assert alive(memory, K) == {}
    assert ending(K, "a") in memory.refs()
    assert [left.notable for left in job.conflicts] == [False]


def test_an_element_of_a_key_that_is_written_meanwhile_keeps_its_expiry(memory: World) -> None:
    """Of a key without value, the value is read again before the expiry is deleted."""
    apply(memory, ended(K, {"a": NOON}))
    job = swept(memory, at_3=Rival(lambda: apply(memory, written(K, {"a": "1"}))))
    assert ending(K, "a") in memory.refs()
    assert job.planned == 0
    assert alive(memory, K) == {}


# --- rivals ---------------------------------------------------------------------------------------------------------


RIVALS: Mapping[str, tuple[Callable[[World], object], dict[str, str] | None]] = {
    "sets the element": (lambda world: perform(world.database(), Hset(key=K, entries=drafts(a="1"))), {"a": "1", "b": "2"}),
    "sets it for a while": (
        lambda world: perform(world.database(), Hset(key=K, entries=drafts(a="1"), ttl=DAY)),
        {"a": "1", "b": "2"},
    ),
    "sets it to another value": (lambda world: perform(world.database(), Hset(key=K, entries=drafts(a="9"))), {"a": "9", "b": "2"}),
    "sets another element": (lambda world: perform(world.database(), Hset(key=K, entries=drafts(b="9"))), {"b": "9"}),
    "adds an element": (lambda world: perform(world.database(), Hset(key=K, entries=drafts(c="3"))), {"b": "2", "c": "3"}),
    "deletes another element": (lambda world: perform(world.database(), Hdel(key=K, fields=["b"])), {}),
    "gives another a time to live": (lambda world: perform(world.database(), Hexpire(key=K, fields=["b"], ttl=DAY)), {"b": "2"}),
    "sweeps": (lambda world: Sweep().run(world.maintenance()), {"b": "2"}),
    "deletes the key": (lambda world: perform(world.database(), Del(keys=[K])), None),
    "sets the key": (lambda world: perform(world.database(), Set(key=K, value=text("v"))), None),
    "gives the key a time to live": (lambda world: perform(world.database(), Expire(key=K, ttl=60)), {"b": "2"}),
}
"""What may happen to the map {a: 1, b: 2} whose a has expired, and what of it is alive afterwards; None: it is no map any more."""


@pytest.mark.parametrize("at", [3, 4])
@pytest.mark.parametrize("who", RIVALS)
def test_whatever_a_rival_writes_meanwhile_is_there_afterwards(world: World, who: str, at: int) -> None:
    act, expected = RIVALS[who]
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}))
    apply(world, written(key("other"), {"a": "1", "b": "2"}, ends={"a": NOON}))
    job = swept(world, **{f"at_{at}": Rival(lambda: act(world))})
    assert job.error == ""
    if expected is None:
        assert (perform(world.database(), Get(key=K)).found, VALUE in world.refs()) == (who == "sets the key",) * 2
    else:
        assert alive(world, K) == expected
    assert stored(world, key("other")) == made({"b": "2"})
    assert not any(left.notable for left in [*job.conflicts, *job.failed, *job.plan.left])
    assert world.errors() == []
    Sweep().run(world.maintenance())
    if expected is not None:
        assert stored(world, K) == made(expected)
        assert perform(world.database(), Hgetall(key=K)).document == expected


def test_a_persisted_element_stays(world: World) -> None:
    """Persisting deletes the expiry alone: the value is as it was."""
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"a": NOON, "b": NOON}))
    job = swept(world, at_4=Rival(lambda: world.store.apply([delete(ending(K, "a"))])))
    assert alive(world, K) == {"a": "1"}
    assert [left.ref for left in job.conflicts] == [VALUE]


def test_an_extended_element_stays(world: World) -> None:
    apply(world, written(K, {"a": "1"}, ends={"a": NOON}))
    swept(world, at_4=Rival(lambda: apply(world, ended(K, {"a": NOON + DAY}))))
    assert alive(world, K) == {"a": "1"}


def test_a_new_life_of_an_expired_key_is_not_touched(memory: World) -> None:
    """The same map again, over one that has expired: its value's oid is the same, its expiries are not."""
    apply(memory, written(K, {"a": "1"}, ends={"a": NOON, "x": NOON + DAY}))
    memory.put(EXPIRY, expiry_sample(NOON + 60))
    swept(memory, at_3=Rival(lambda: apply(memory, together(written(K, {"a": "1"}), delete(ending(K, "a")), delete(EXPIRY)))))
    assert alive(memory, K) == {"a": "1"}


@pytest.mark.parametrize("change", [Persist(key=K), Expire(key=K, ttl=DAY)], ids=["persist", "expire"])
def test_a_key_refreshed_meanwhile_keeps_its_element_expiries(memory: World, change: Command[KeyView]) -> None:
    """Its expiry is among what was read; so nothing of the key goes, the expiries of its elements least of all."""
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"b": NOON + DAY}))
    memory.put(EXPIRY, expiry_sample(NOON + 60))
    before = memory.clock()

    def early() -> None:
        memory.clock.moment = before
        perform(memory.database(), change)

    swept(memory, at_3=Rival(early))
    assert alive(memory, K) == {"a": "1", "b": "2"}
    assert ending(K, "b") in memory.refs()


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [foreign_commit("x"), note("hello\n"), record(b"v")], ids=["foreign", "malformed", "data"])
def test_an_element_with_an_unreadable_expiry_is_kept_and_reported(world: World, target: Sample) -> None:
    """Unknown means keep; the others of its map go."""
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"b": NOON}))
    world.put(ending(K, "a"), target)
    job = swept(world)
    assert stored(world, K) == made({"a": "1"})
    assert [(left.ref, left.notable) for left in job.plan.left] == [(ending(K, "a"), True)]
    assert ending(K, "a") in world.refs()


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_an_unreadable_expiry_without_an_element_is_kept_and_reported(memory: World, beside: Callable[[World], object]) -> None:
    beside(memory)
    name = memory.put(ending(K, "a"), note("hello\n"))
    job = swept(memory)
    assert name in memory.refs()
    assert [left.ref for left in job.plan.left] == [name]


def _with_file(name: str) -> Sample:
    """Make a map with a file that is not named as element keys are encoded."""
    data = blob(b"1")
    elements = tree([(name, data.oid)])
    line = encode_line({"category": "map", "extension": "txt", "mime": "text/plain", "treeOid": elements.oid, "type": "String"})
    metadata = blob(line)
    root = tree([("metadata.json", metadata.oid)], [("elements", elements.oid)])
    return Sample((data, elements, metadata, root, commit(root.oid, line + b"\n")))


UNREADABLE: Mapping[str, Sample] = {
    "malformed": note("hello\n"),
    "foreign": foreign_commit("x"),
    "a map with a foreign file": _with_file("%41"),
    "of a later category": note(encode_line({"category": "ledger"}) + b"\n"),
    "encrypted in another way": note(encode_line({"category": "map", "encrypted": True}) + b"\n"),
}


@pytest.mark.parametrize("target", UNREADABLE.values(), ids=UNREADABLE)
def test_a_value_that_cannot_be_read_keeps_its_element_expiries(world: World, target: Sample) -> None:
    apply(world, ended(K, {"a": NOON, "b": NOON}), written(key("other"), {"a": "1"}, ends={"a": NOON}))
    world.put(VALUE, target)
    job = swept(world)
    assert world.refs().keys() >= {ending(K, "a"), ending(K, "b"), VALUE}
    assert world.refs()[VALUE] == target.oid
    assert [(left.ref, left.notable) for left in job.plan.left] == [(VALUE, True)]
    assert stored(world, key("other")) == made({})


@pytest.mark.parametrize("lost", ["commit", "elements"])
def test_a_map_whose_objects_are_missing_is_kept_and_reported(world: World, lost: str) -> None:
    apply(world, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}), written(key("other"), {"a": "1"}, ends={"a": NOON}))
    record_objects = encode_collection(made({"a": "1", "b": "2"})).objects
    world.place.lose((record_objects[-1] if lost == "commit" else record_objects[0]).oid)
    fresh = World(world.place, world.clock)
    job = swept(fresh)
    assert [left.ref for left in job.plan.left] == [VALUE]
    assert fresh.refs().keys() >= {VALUE, ending(K, "a")}
    if lost == "elements":
        # With a ref that points at nothing, git takes no push of objects at all.
        assert stored(fresh, key("other")) == made({})


# --- any database ---------------------------------------------------------------------------------------------------

MOMENTS = st.sampled_from([NOON - DAY, NOON, NOON + 60, NOON + 61, NOON + DAY])
ELEMENTS = st.sampled_from(["0", "1", "2", "3"])


@dataclass(frozen=True, slots=True)
class Stored:
    """A key as it may be found: with or without a value, with expiries of its own and of elements that may not be there."""

    kind: str
    elements: Mapping[str, str]
    ends: Mapping[str, int]
    expiry: int | None

    def length(self) -> int | None:
        return 6 if self.kind == "array" else None

    def expired(self, now: int) -> bool:
        return self.expiry is not None and self.expiry <= now

    def swept(self, label: str, now: int) -> dict[RefName, Oid]:
        """Return all refs that shall be left of it."""
        expiries = {ending(key(label), element): seconds for element, seconds in self.ends.items()}
        if self.expiry is not None:
            expiries[Naming().expiry(key(label).id)] = self.expiry
        if self.kind != "nothing" and self.expired(now):
            return {}
        left = {name: encode_expiry(seconds).oid for name, seconds in expiries.items() if seconds > now}
        if self.kind == "text":
            left[Naming().value(key(label).id)] = encode_data(text("v")).commit.oid
        elif self.kind != "nothing":
            alive_ = {name: value for name, value in self.elements.items() if self.ends.get(name, now + 1) > now}
            left[Naming().value(key(label).id)] = encode_collection(made(alive_, self.length())).commit.oid
        return left


STORED = st.builds(
    Stored,
    kind=st.sampled_from(["map", "map", "array", "text", "nothing"]),
    elements=st.dictionaries(ELEMENTS, st.sampled_from(["a", "b"])),
    ends=st.dictionaries(ELEMENTS, MOMENTS),
    expiry=st.none() | MOMENTS,
)


@given(st.lists(STORED, max_size=4))
def test_what_has_expired_goes_and_all_else_stays(database: Sequence[Stored]) -> None:
    clock = FakeClock()
    store = MemoryStore(clock)
    world = World(Place(lambda: store, lambda _oid: None), clock)
    for label, each in enumerate(database):
        owner = key(str(label))
        if each.kind in {"map", "array"}:
            apply(world, written(owner, each.elements, length=each.length(), ends=each.ends))
        elif each.ends:
            apply(world, ended(owner, each.ends))
        if each.kind == "text":
            world.put(Naming().value(owner.id), Sample(encode_data(text("v")).objects))
        if each.expiry is not None:
            world.put(Naming().expiry(owner.id), expiry_sample(each.expiry))
    job = swept(world)
    now = NOON + 60
    assert world.refs() == {name: oid for label, each in enumerate(database) for name, oid in each.swept(str(label), now).items()}
    assert len(job.applied) == job.planned
    assert Sweep().run(world.maintenance()).jobs[0].planned == 0


# --- failures and numbers -------------------------------------------------------------------------------------------


def test_a_failed_read_changes_nothing(memory: World) -> None:
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}), ended(key("orphan"), {"a": NOON}))
    before = memory.refs()
    for request in (1, 2, 3, 4):
        for fault in Lost:
            with pytest.raises(UnavailableError):
                Sweep().run(memory.maintenance(memory.faulty({request: fault})))
    assert memory.refs() == before


def test_many_elements_cost_requests_by_batch(git: World) -> None:
    """A process for the expiries, one for the maps, and three for a write, however many there are of each."""
    gone = {f"field {number}": str(number) for number in range(10)}
    ends = dict.fromkeys(gone, NOON)
    apply(git, *(written(key(f"map {number}"), {**gone, "stays": f"in {number}"}, ends=ends) for number in range(60)))
    store = git.place.open()
    job = Sweep().run(git.maintenance(store)).jobs[0]
    assert (len(job.applied), job.plan.facts["expiredElements"]) == (60, 600)
    assert store.requests == 5
    assert not any("/exp-" in name for name in git.refs())
    assert stored(git, key("map 7")) == made({"stays": "in 7"})


def test_an_encrypted_map_is_swept_without_a_key(world: World) -> None:
    """Its element keys stand encrypted in their names, and the expiries go by these."""
    names = [sealed_name(bytes([number]) * 20) for number in range(3)]
    apply(world, written(K, dict.fromkeys(names, "1"), ends={names[0]: NOON, names[2]: NOON + DAY}, encryption=SEALED))
    swept(world)
    assert stored(world, K) == replace(made(dict.fromkeys(names[1:], "1")), encryption=SEALED)
    assert ending(K, names[0]) not in world.refs()


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_is_settled(memory: World, fault: Lost) -> None:
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON, "x": NOON}))
    apply(memory, written(key("other"), {"b": "2"}, ends={"x": NOON}))
    report = Sweep().run(memory.maintenance(memory.faulty({4: fault})))
    assert stored(memory, K) == made({"b": "2"})
    assert [name for name in memory.refs() if "/exp-" in name] == []
    assert (len(report.jobs[0].applied), report.notable()) == (2, 0)


def test_a_refused_map_does_not_keep_others_waiting(memory: World) -> None:
    for label in ("a", "b", "c"):
        apply(memory, written(key(label), {"x": "1"}, ends={"x": NOON}))
    protected = Naming().value(key("b").id)
    choosy = Choosy(memory.store, declines=lambda transaction: protected in {update.name for update in transaction.updates})
    report = Sweep().run(memory.maintenance(choosy))
    assert [left.ref for left in report.jobs[0].failed] == [protected]
    assert [len(stored(memory, key(label)).elements) for label in ("a", "b", "c")] == [0, 1, 0]


def test_the_summary_counts_elements_keys_and_leftovers(memory: World) -> None:
    apply(memory, written(key("a"), {"x": "1", "y": "2", "z": "3"}, ends={"x": NOON, "y": NOON, "left": NOON}))
    apply(memory, written(key("b"), {"x": "1"}, length=None, ends={"x": NOON}))
    apply(memory, written(key("c"), {"x": "1"}, ends={"left": NOON, "over": NOON}))
    apply(memory, ended(key("d"), {"left": NOON, "over": NOON}))
    apply(memory, written(key("e"), {"x": "1"}, ends={"x": NOON}))
    memory.put(Naming().expiry(key("e").id), expiry_sample(NOON))
    memory.put(Naming().expiry(key("f").id), expiry_sample(NOON))
    branches = sum(name.startswith(KEYS_PREFIX) for name in memory.refs())
    achieved = "1 expired key removed, 3 expired elements of 2 keys removed, 6 leftover expiries removed"
    planned = "1 expired key to remove, 3 expired elements of 2 keys to remove, 6 leftover expiries to remove"
    dry = Sweep(dry_run=True).run(memory.maintenance())
    assert f"**6 writes planned**: {planned}." in summary_of(dry)
    report = Sweep().run(memory.maintenance())
    assert f"**6 writes made**: {achieved}." in summary_of(report)
    assert report.jobs[0].plan.facts == {
        "branches": branches,
        "keys": 4,
        "live": 3,
        "expired": 1,
        "expiredElements": 3,
        "collections": 2,
    }
    assert memory.refs().keys() == {Naming().value(key(label).id) for label in "abc"}


def test_a_map_is_created_anew_by_nobody(memory: World) -> None:
    """A map deleted meanwhile does not come back as what sweep made of it."""
    apply(memory, written(K, {"a": "1", "b": "2"}, ends={"a": NOON}))
    swept(memory, at_4=Rival(lambda: perform(memory.database(), Del(keys=[K]))))
    assert VALUE not in memory.refs()
