"""import: all is checked first, nothing that exists is overwritten unseen, and it may be interrupted and run again."""

import itertools
import json
from collections.abc import Callable, Mapping

import pytest

from git_keyval.commands.arrays import Apush
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.maps import Hexpire, Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Get, Set
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import (
    GitKeyvalError,
    ImportUnknownError,
    InputError,
    KeyOrderError,
    KeysChangedError,
    KeysExistError,
    MissingEncryptionKeyError,
    OutcomeUnknownError,
    PartlyImportedError,
    RefusedError,
    StoreError,
    WrongEncryptionKeyError,
)
from git_keyval.format.anchors import Anchor, decode_anchor
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, REDIRECT_ANCHOR
from git_keyval.format.names import ANCHOR_TAG, Naming
from git_keyval.format.objects import Oid
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND
from git_keyval.maintenance.init import init
from git_keyval.store.port import Store
from git_keyval.transfer.report import ImportReport
from tests.conftest import FakeClock
from tests.contract.samples import Sample, foreign_commit
from tests.encrypting import cipher
from tests.faults import FaultyStore, Lost, Rival
from tests.maintenance.stores import Choosy
from tests.replacing import replace
from tests.transfer.moving import empty, exported, imported, imported_into_shards, records, text_of
from tests.world import World, draft, drafts, key, number, text

A, B, COUNTER, MAP = key("a"), key("b"), key("counter"), key("map")
KEYS = [A, B, COUNTER, MAP]


def source(clock: FakeClock) -> World:
    """Return a database with a key of each shape."""
    world = empty(clock)
    database = world.database()
    perform(database, Set(key=A, value=text("a"), ttl=3_600, store_key=True))
    perform(database, Set(key=B, value=number("7")))
    perform(database, Incr(key=COUNTER, by=10, op="firstone"))
    perform(database, Hset(key=MAP, entries=drafts(a="1", b="2")))
    perform(database, Hexpire(key=MAP, fields=["a"], ttl=600))
    return world


def numbers(report: ImportReport) -> dict[str, int]:
    tally = report.tally
    found = {"written": tally.written, "overwritten": tally.overwritten, "same": tally.same, "skipped": tally.skipped}
    return {name: count for name, count in (found | {"expired": tally.expired}).items() if count}


# --- keys that exist ------------------------------------------------------------------------------------------------


def test_what_is_the_same_is_no_difference(world: World) -> None:
    before = exported(source(world.clock))
    assert numbers(imported(world, before)) == {"written": 4}
    refs = world.refs()
    for if_exists in ("fail", "skip", "overwrite"):
        assert numbers(imported(world, before, if_exists=if_exists)) == {"same": 4}
    assert world.refs() == refs


OTHERS: Mapping[str, Callable[[World], object]] = {
    "another value": lambda world: perform(world.database(), Set(key=A, value=text("other"), ttl=3_600, store_key=True)),
    "another type": lambda world: perform(world.database(), Set(key=B, value=text("7"))),
    "another lifetime": lambda world: perform(world.database(), Set(key=A, value=text("a"), ttl=7_200, store_key=True)),
    "no lifetime": lambda world: perform(world.database(), Set(key=A, value=text("a"), store_key=True)),
    "not stored": lambda world: perform(world.database(), Set(key=A, value=text("a"), ttl=3_600)),
    "stored": lambda world: perform(world.database(), Set(key=B, value=number("7"), store_key=True)),
    "a number, no counter": lambda world: perform(world.database(), Set(key=COUNTER, value=number("10"))),
    "a counter of another operation": lambda world: perform(world.database(), Incr(key=COUNTER, by=10, op="otherone")),
    "an increment that waits": lambda world: world.plant(COUNTER, 5),
    "a field more": lambda world: perform(world.database(), Hset(key=MAP, entries=drafts(a="1", b="2", c="3"))),
    "a field that lives for good": lambda world: perform(world.database(), Hset(key=MAP, entries=drafts(a="1", b="2"))),
    "an array": lambda world: perform(world.database(), Apush(key=MAP, elements=[draft("1")])),
    "a redirect": lambda world: perform(world.database(), Redirection(keys=[A], targets={A.id: Redirect("owner/other", 2)})),
    "what cannot be read": lambda world: world.put(Naming().value(A.id), foreign_commit("a")),
    "an expiry that cannot be read": lambda world: (
        perform(world.database(), Set(key=A, value=text("a"), store_key=True)),
        world.put(Naming().expiry(A.id), foreign_commit("a")),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_key_that_holds_something_else_is_an_error_unless_skipped_or_overwritten(memory: World, name: str) -> None:
    before = exported(source(memory.clock))
    OTHERS[name](memory)
    refs = memory.refs()
    for dry_run in (False, True):
        with pytest.raises(KeysExistError) as caught:
            imported(memory, before, dry_run=dry_run)
        assert len(caught.value.found) == 1
        assert memory.refs() == refs
    planned = imported(memory, before, if_exists="skip", dry_run=True)
    assert memory.refs() == refs
    assert numbers(planned) == {"written": 3, "skipped": 1}
    assert numbers(imported(memory, before, if_exists="skip")) == {"written": 3, "skipped": 1}
    assert refs.items() <= memory.refs().items()
    planned = imported(memory, before, if_exists="overwrite", dry_run=True)
    assert numbers(planned) == {"overwritten": 1, "same": 3}
    assert numbers(imported(memory, before, if_exists="overwrite")) == {"overwritten": 1, "same": 3}
    assert exported(memory) == before
    assert memory.errors() == []


def test_the_error_names_lines_and_key_ids_and_no_name(memory: World) -> None:
    before = exported(source(memory.clock))
    perform(memory.database(), Set(key=A, value=text("other")))
    line = next(number_ for number_, text_ in enumerate(before.splitlines(), start=1) if '"value":"a"' in text_)
    with pytest.raises(KeysExistError, match=f"line {line}, key id {A.id}"):
        imported(memory, before)


def test_what_has_expired_is_replaced_with_all_that_is_left_of_it(memory: World) -> None:
    database = memory.database()
    perform(database, Set(key=A, value=text("old"), ttl=60, store_key=True))
    perform(database, Hset(key=MAP, entries=drafts(a="1", x="9"), ttl=60))
    perform(database, Expire(key=MAP, ttl=60))
    perform(database, Set(key=COUNTER, value=5, ttl=60))
    memory.plant(COUNTER, 5)
    memory.put(Naming().expiry(B.id), Sample((*DUMMY_OBJECTS, encode_expiry(60))))
    memory.clock.advance(3_600)
    before = exported(source(memory.clock))
    assert numbers(imported(memory, before)) == {"written": 4}
    assert exported(memory) == before
    assert (memory.errors(), memory.warnings()) == ([], [])


def test_keys_and_elements_that_have_expired_meanwhile_are_skipped_and_counted(memory: World) -> None:
    before = exported(source(memory.clock))
    memory.clock.advance(3_600)
    assert numbers(imported(memory, before)) == {"written": 3, "expired": 1}
    assert not perform(memory.database(), Get(key=A)).found
    (found,) = [record for record in records(exported(memory)) if record["category"] == "map"]
    assert found["elements"] == [{"field": "b", "value": "2"}]
    assert numbers(imported(memory, before)) == {"same": 3, "expired": 1}


def test_an_overwritten_counter_takes_no_increment_of_before_along_and_keeps_those_after(memory: World) -> None:
    before = exported(source(memory.clock))
    perform(memory.database(), Incr(key=COUNTER, by=1000))
    memory.plant(COUNTER, 100)
    imported(memory, before, if_exists="overwrite")
    assert perform(memory.database(), Get(key=COUNTER)).value == 10
    memory.plant(COUNTER, 1)
    assert perform(memory.database(), Get(key=COUNTER)).value == 11


def test_a_redirect_makes_the_anchor_say_so(memory: World) -> None:
    perform(memory.database(), Set(key=B, value=text("b")))
    line = {"category": "redirect", "id": A.id, "repository": "owner/other", "shardLength": 2}
    imported(memory, text_of(line))
    assert memory.refs()[ANCHOR_TAG] == REDIRECT_ANCHOR.oid
    assert memory.errors() == []
    assert numbers(imported(memory, text_of(line))) == {"same": 1}


# --- what is refused ------------------------------------------------------------------------------------------------


GOOD = {"category": "data", "id": "0" * 40, "type": "String", "value": "x"}


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        (lambda _lines: [], 1),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[0].replace(b'"layout":1', b'"layout":2'), *lines[1:]], 1),
        (lambda lines: [*lines[:2], b"", *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"{}", *lines[2:]], 3),
        (lambda lines: [*lines[:2], lines[0], *lines[2:]], 3),
        (lambda lines: [*lines[:2], b"\xff", *lines[2:]], 3),
        (lambda lines: [*lines[:4], lines[1], *lines[4:]], 5),
        (lambda lines: [*lines[:2], lines[2][:-1], *lines[3:]], 3),
        (lambda lines: lines[:-1], 6),
        (lambda lines: [*lines, lines[1]], 7),
        (lambda lines: [*lines, lines[-1]], 7),
    ],
)
def test_one_bad_line_is_named_and_nothing_is_written(
    memory: World, wrong: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    lines = exported(source(memory.clock)).encode().splitlines()
    text_ = b"".join(each + b"\n" for each in wrong(lines))
    store = FaultyStore(memory.store, {})
    with pytest.raises(InputError, match=f"line {line}:"):
        imported(memory, text_, store=store)
    assert store.calls == []
    assert memory.refs() == {}


def test_what_a_line_holds_is_not_repeated(memory: World) -> None:
    for line in ({**GOOD, "value": 7, "sekrit": "sekrit"}, {**GOOD, "type": "sekrit"}, {**GOOD, "id": "sekrit"}):
        with pytest.raises(InputError) as caught:
            imported(memory, text_of(line))
        assert "sekrit" not in str(caught.value)


def test_the_last_line_feed_may_be_missing(memory: World) -> None:
    before = exported(source(memory.clock))
    assert numbers(imported(memory, before.removesuffix("\n"))) == {"written": 4}


def test_a_repository_of_another_shard_length_is_refused(memory: World) -> None:
    perform(memory.database(naming=Naming(3)), Set(key=key("x"), value=text("x")))
    refs = memory.refs()
    with pytest.raises(InputError, match="shard-length"):
        imported(memory, exported(source(memory.clock)), shard_length=2)
    assert memory.refs() == refs
    imported(memory, exported(source(memory.clock)), shard_length=3)


OWN = cipher("first", "second")


def of(label: str) -> Key:
    return Key.of(label, text(label), OWN)


def encrypted(clock: FakeClock) -> World:
    world = empty(clock, OWN)
    init(world.maintenance(), mark=OWN.mark)
    perform(world.database(), Set(key=of("a"), value=text("secret"), ttl=600))
    perform(world.database(), Hset(key=of("map"), entries=drafts(a="1", b="2")))
    perform(world.database(), Incr(key=of("counter"), op="firstone"))
    return world


def test_encryption_has_to_be_that_of_the_export(memory: World) -> None:
    there = encrypted(memory.clock)
    opened, sealed, plain = exported(there), exported(there, cipher=PLAIN), exported(source(memory.clock))
    refusals = [
        (PLAIN, opened, MissingEncryptionKeyError),
        (cipher("other"), opened, MissingEncryptionKeyError),
        (cipher("first", wrong="first"), opened, WrongEncryptionKeyError),
        (cipher("second", "first"), opened, KeyOrderError),
        (cipher("other"), sealed, MissingEncryptionKeyError),
        (OWN, plain, InputError),
    ]
    for own, exported_text, error in refusals:
        with pytest.raises(error):
            imported(empty(memory.clock, own), exported_text)
    with pytest.raises(MissingEncryptionKeyError):
        imported(World(there.place, memory.clock), plain)
    with pytest.raises(InputError, match="keys of another"):
        imported(source(memory.clock), sealed)
    other = empty(memory.clock, cipher("other"))
    init(other.maintenance(), mark=other.cipher.mark)
    with pytest.raises(InputError, match="another encryption key"):
        imported(World(other.place, memory.clock), sealed)


def test_an_import_marks_every_repository_of_an_encrypted_database(memory: World) -> None:
    there = encrypted(memory.clock)
    for own, exported_text in (
        (OWN, exported(there)),
        (PLAIN, exported(there, cipher=PLAIN)),
        (OWN, exported(there, cipher=PLAIN)),
    ):
        shards = [empty(memory.clock, own) for _ in range(16)]
        imported_into_shards(shards, exported_text, digits=1, shard_length=2)
        for shard in shards:
            anchor = shard.store.objects([shard.refs()[ANCHOR_TAG]])[shard.refs()[ANCHOR_TAG]]
            assert decode_anchor(anchor) == Anchor(OWN.mark)
        assert numbers(imported_into_shards(shards, exported_text, digits=1, shard_length=2)) == {"same": 3}


def test_an_initialised_repository_is_marked_and_one_with_keys_is_not(memory: World) -> None:
    there = encrypted(memory.clock)
    init(memory.maintenance())
    imported(memory, exported(there, cipher=PLAIN))
    assert exported(memory) == exported(there, cipher=PLAIN)
    kept = empty(memory.clock)
    perform(kept.database(), Set(key=key("plain"), value=text("x")))
    before = kept.refs()[ANCHOR_TAG]
    imported(World(kept.place, memory.clock, OWN), exported(there))
    assert kept.refs()[ANCHOR_TAG] == before


def test_encrypted_lines_in_an_opened_export_are_refused(memory: World) -> None:
    """Nobody has opened them, and so nobody knows whether they are of this database."""
    there = encrypted(memory.clock)
    opened, sealed = exported(there).splitlines(), exported(there, cipher=PLAIN).splitlines()
    line = next(number_ for number_, each in enumerate(sealed) if '"category":"data"' in each)
    mixed = "\n".join([*opened[:line], sealed[line], *opened[line + 1 :]])
    with pytest.raises(InputError, match=f"line {line + 1}: it is encrypted"):
        imported(empty(memory.clock, OWN), mixed)


def test_plain_lines_in_a_sealed_export_are_never_encrypted(memory: World) -> None:
    """With the encryption key they would pass for values that its owner wrote."""
    sealed = exported(encrypted(memory.clock), cipher=PLAIN)
    forged = {"category": "data", "id": of("a").id, "type": "String", "value": "forged"}
    header = json.loads(sealed.splitlines()[0])
    there = empty(memory.clock, OWN)
    imported(there, text_of(forged, **header))
    with pytest.raises(GitKeyvalError, match="not encrypted"):
        perform(there.database(), Get(key=of("a")))


def test_counters_are_refused_where_encryption_is_required(memory: World) -> None:
    there = empty(memory.clock, replace(OWN, required=True))
    with pytest.raises(InputError, match="counter"):
        imported(there, exported(encrypted(memory.clock)))
    assert there.refs() == {}


# --- rivals ---------------------------------------------------------------------------------------------------------


RIVALS: Mapping[str, Callable[[World], object]] = {
    "set": lambda world: perform(world.database(), Set(key=A, value=text("rival"), ttl=7_200)),
    "set of the same": lambda world: perform(world.database(), Set(key=B, value=number("7"))),
    "incr": lambda world: perform(world.database(), Incr(key=COUNTER, by=1_000)),
    "breadcrumb": lambda world: world.plant(COUNTER, 1_000),
    "hset": lambda world: perform(world.database(), Hset(key=MAP, entries=drafts(a="rival"))),
    "hexpire": lambda world: perform(world.database(), Hexpire(key=MAP, fields=["b"], ttl=7_200)),
    "expire": lambda world: perform(world.database(), Expire(key=B, ttl=7_200)),
    "init": lambda world: init(world.maintenance()),
    "redirect": lambda world: perform(
        world.database(), Redirection(keys=[key("far")], targets={key("far").id: Redirect("owner/other", 2)})
    ),
}
CHANGED = {"set": A, "incr": COUNTER, "breadcrumb": COUNTER, "hset": MAP}
"""What these rivals leave to be seen at which key."""


@pytest.mark.parametrize("if_exists", ["fail", "skip", "overwrite"])
@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_before_any_request_is_never_overwritten_unseen(name: str, if_exists: str) -> None:
    text_ = exported(source(FakeClock()))
    for request in itertools.count(1):
        world = empty(FakeClock())
        store = FaultyStore(world.store, {request: Rival(lambda world=world: RIVALS[name](world))})  # type: ignore[misc]
        report, error = attempt(world, text_, store, if_exists=if_exists)
        scene = (name, if_exists, request, report, error)
        assert world.errors() == [], scene
        held = world.content(KEYS)
        if if_exists != "overwrite" and name in CHANGED and store.fired:
            assert is_rivals(name, held[CHANGED[name].label]), scene
        if isinstance(error, KeysExistError):
            assert all(label == CHANGED[name].label for label in held), scene
        else:
            assert error is None, scene
            assert held.keys() == {each.label for each in KEYS}, scene
            assert report is not None, scene
            assert report.failure is not None or sum(numbers(report).values()) == len(KEYS), scene
            if report.failure is not None:
                assert isinstance(report.failure, KeysChangedError), scene
                assert len(report.failure.found) == 1
        if not store.fired:
            break
    assert request > 3


def is_rivals(name: str, held: object) -> bool:
    shown = str(held)
    return {"set": "rival" in shown, "incr": "10" in shown, "breadcrumb": "10" in shown, "hset": "rival" in shown}[name]


@pytest.mark.parametrize(
    "rival",
    [
        lambda world: perform(world.database(), Hexpire(key=MAP, fields=["b"], ttl=7_200)),
        lambda world: perform(world.database(), Expire(key=MAP, ttl=7_200)),
        lambda world: world.plant(COUNTER, 1_000),
        lambda world: perform(world.database(), Incr(key=COUNTER, by=1_000)),
        lambda world: perform(world.database(), Del(keys=[COUNTER, MAP, A, B])),
    ],
)
def test_what_overwrites_leaves_nothing_of_what_was_there(rival: Callable[[World], object]) -> None:
    """A lifetime that a rival gives to what is overwritten does not come to belong to what is written."""
    text_ = exported(source(FakeClock()))
    for request in itertools.count(1):
        world = empty(FakeClock())
        perform(world.database(), Set(key=A, value=text("x"), ttl=60))
        perform(world.database(), Incr(key=COUNTER))
        perform(world.database(), Hset(key=MAP, entries=drafts(b="x", z="y"), ttl=7_200))
        perform(world.database(), Hset(key=MAP, entries=drafts(b="x")))
        store = FaultyStore(world.store, {request: Rival(lambda world=world: rival(world))})  # type: ignore[misc]
        report, error = attempt(world, text_, store, if_exists="overwrite")
        assert error is None
        assert report is not None
        after = {json.dumps(record) for record in records(exported(world))}
        wanted = {json.dumps(record) for record in records(text_)}
        if request < len(store.calls):  # the rival's was before the last request, which is the one that writes
            assert {json.loads(line)["category"] for line in after - wanted} <= {"counter"}
        assert world.errors() == []
        if not store.fired:
            break


def attempt(world: World, text_: str, store: Store, **options: str) -> tuple[ImportReport | None, GitKeyvalError | None]:
    try:
        return imported(world, text_, store=store, **options), None  # type: ignore[arg-type]
    except GitKeyvalError as exc:
        return None, exc


# --- requests that fail ---------------------------------------------------------------------------------------------


FAULTS = [*Lost]


@pytest.mark.parametrize("batch", [1, 3, 1_000])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
@pytest.mark.parametrize("there", ["nothing", "others"])
def test_one_request_that_fails_does_no_harm_and_a_second_run_ends_it(fault: Lost, batch: int, there: str) -> None:
    text_ = exported(source(FakeClock()))
    for request in itertools.count(1):
        world = begun(there)
        store = FaultyStore(Choosy(world.store, batch=batch), {request: fault})
        report, error = attempt(world, text_, store, if_exists="overwrite")
        store.arrive()
        scene = (request, report, error)
        assert error is None or isinstance(error, StoreError | OutcomeUnknownError | PartlyImportedError), scene
        if report is not None and report.failure is None:
            assert exported(world) == text_, scene
        assert world.errors() == []
        again = imported(world, text_, if_exists="overwrite")
        assert again.failure is None
        assert exported(world) == text_, scene
        if not store.fired:
            break
    assert request > 3


@pytest.mark.parametrize("batch", [1, 3, 1_000])
@pytest.mark.parametrize("fault", [Lost.BEFORE, Lost.AFTER], ids=lambda fault: fault.value)
def test_a_store_that_breaks_for_good_leaves_a_part_and_says_so(fault: Lost, batch: int) -> None:
    text_ = exported(source(FakeClock()))
    for request in itertools.count(1):
        world = begun("nothing")
        store = FaultyStore(Choosy(world.store, batch=batch), dict.fromkeys(range(request, 500), fault))
        report, error = attempt(world, text_, store)
        if not store.fired:
            break
        error = error if report is None else report.failure
        there = [each for each in KEYS if Naming().value(each.id) in world.refs()]
        if there:
            assert isinstance(error, PartlyImportedError | ImportUnknownError), (request, error)
        if isinstance(error, PartlyImportedError):
            assert error.count == len(there)
        assert numbers(imported(world, text_)).get("same", 0) == len(there)
        assert exported(world) == text_


def begun(there: str) -> World:
    world = empty(FakeClock())
    if there == "others":
        perform(world.database(), Set(key=A, value=text("x"), ttl=60))
        perform(world.database(), Incr(key=COUNTER))
        world.plant(COUNTER, 5)
        perform(world.database(), Hset(key=MAP, entries=drafts(b="x", z="y"), ttl=7_200))
    return world


def test_a_lost_reply_and_a_rival_after_it_are_told_as_unknown(memory: World) -> None:
    """Ours was applied, its reply lost, and a rival wrote before anybody could look."""
    text_ = exported(source(memory.clock))
    calls = FaultyStore(memory.store, {})
    imported(empty(memory.clock), text_, store=FaultyStore(empty(memory.clock).store, {}))
    world = empty(memory.clock)
    imported(world, text_, store=(calls := FaultyStore(world.store, {})))
    last = next(call.number for call in reversed(calls.calls) if call.verb == "apply")
    for if_exists in ("fail", "skip"):
        world = empty(memory.clock)
        rival = Rival(lambda world=world: perform(world.database(), Incr(key=COUNTER, by=5)))  # type: ignore[misc]
        report, error = attempt(world, text_, FaultyStore(world.store, {last: Lost.AFTER, last + 1: rival}), if_exists=if_exists)
        assert (error, report is not None) == (None, True)
        assert report is not None
        assert isinstance(report.failure, ImportUnknownError)
        assert str(COUNTER.id) in str(report.failure)
        assert perform(world.database(), Get(key=COUNTER)).value == 15
        assert {json.dumps(record) for record in records(exported(world))} & {json.dumps(record) for record in records(text_)}
        assert report.tally.written == 3


def test_a_server_that_refuses_is_told_with_what_was_done(memory: World) -> None:
    text_ = exported(source(memory.clock))
    refused = Choosy(memory.store, declines=lambda transaction: any("/val-" in update.name for update in transaction.updates))
    with pytest.raises(RefusedError, match="protected"):
        imported(memory, text_, store=refused)
    other = empty(memory.clock)
    one = Choosy(other.store, declines=lambda transaction: Naming().value(B.id) in {update.name for update in transaction.updates})
    with pytest.raises(PartlyImportedError, match=r"3 of the keys are imported.*protected"):
        imported(other, text_, store=one)
    assert imported(other, text_).tally.same == 3


def test_batches_are_halved_where_they_are_too_large(memory: World) -> None:
    text_ = exported(source(memory.clock))
    small = Choosy(memory.store, at_most=1, says_why=True)
    assert imported(memory, text_, store=small).tally.written == 4
    assert exported(memory) == text_
    assert small.sizes.count(1) >= 4


def test_a_counter_that_is_read_again_remembers(memory: World) -> None:
    """An import that is run again after increments were made does not undo them, unless it is asked to."""
    text_ = exported(source(memory.clock))
    imported(memory, text_)
    perform(memory.database(), Incr(key=COUNTER, op="secondone"))
    with pytest.raises(KeysExistError):
        imported(memory, text_)
    imported(memory, text_, if_exists="skip")
    assert perform(memory.database(), Get(key=COUNTER)).value == 11
    assert perform(memory.database(), Incr(key=COUNTER, by=100, op="firstone")).value == 10
    assert perform(memory.database(), Get(key=COUNTER)).value == 11


def test_an_expiry_is_to_the_second(memory: World) -> None:
    second = memory.clock() // SECOND + 17
    line = {**GOOD, "expiresAt": "2026-01-01T12:00:17Z"}
    imported(memory, text_of(line))
    assert records(exported(memory)) == [line]
    assert memory.refs()[Naming().expiry(Oid("0" * 40))] == encode_expiry(second).oid  # type: ignore[arg-type]
