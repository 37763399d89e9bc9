"""Export, import into an empty repository, export: the same text."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_keyval.commands.arrays import Aexpire, Apop, Apush, Aset
from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire
from git_keyval.commands.locks import Lock
from git_keyval.commands.maps import Hdel, Hexpire, Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Getdel, Set
from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.command import Bound
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError, NotEncryptedError
from git_keyval.format.expiry import is_expired
from git_keyval.format.exported import END, Exported, Header, decode_exported, encode_exported, encode_header
from git_keyval.format.names import KeyId, Naming
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import Micros
from git_keyval.format.values import bytes_value, file_value, parse_value
from git_keyval.transfer.placing import placed
from git_keyval.transfer.source import living
from tests.conftest import FakeClock
from tests.contract.places import PLACES
from tests.crash.scenes import KEYS, begin, fill
from tests.encrypting import cipher
from tests.exhaustive import only
from tests.format.test_exported import RECORDS
from tests.transfer.moving import empty, exported, imported, imported_into_shards, records
from tests.world import World, draft, number, text


def test_a_database_of_every_kind_comes_back_as_it_was(world: World) -> None:
    """On every adapter: what is exported from it, and what is imported into it."""
    source = begin()
    before = exported(source)
    report = imported(world, before)
    assert (report.tally.written, report.tally.expired, report.failure) == (len(records(before)), 0, None)
    world.clock.moment = source.clock.moment
    assert exported(world) == before
    assert world.content(KEYS) == source.content(KEYS)
    assert world.errors() == []


def test_a_database_is_exported_from_every_adapter(world: World) -> None:
    fill(world)
    there = empty(world.clock)
    before = exported(world)
    imported(there, before)
    assert exported(there) == before
    assert there.content(KEYS) == world.content(KEYS)


@pytest.mark.parametrize("name", only({"path", "old-ssh"}, PLACES))
def test_it_comes_back_through_every_way_to_a_repository(tmp_path: Path, name: str) -> None:
    """Of which some give only what a ref points at, and no blob by its oid. Some have a clock of their own."""
    source = begin()
    before = exported(source).replace('"expiresAt":"2026', '"expiresAt":"2126')
    with PLACES[name](tmp_path, source.clock) as place:
        there = World(place, source.clock)
        imported(there, before)
        assert exported(there) == before
        assert imported(there, before).tally.same == len(records(before))


@pytest.mark.parametrize("shard_length", [1, 2, 3, 39])
def test_the_shard_length_makes_no_difference(shard_length: int) -> None:
    source = begin()
    before = exported(source)
    there = empty(source.clock)
    imported(there, before, shard_length=shard_length)
    assert exported(there) == before
    assert {name.split("/")[2] for name in there.refs() if "/val-" in name} == {
        f"kv-{record_id[:shard_length]}" for record_id in ids_of(before)
    }


@pytest.mark.parametrize(("digits", "shard_length"), [(1, 2), (1, 5), (2, 3)])
def test_it_may_be_spread_over_repositories_and_brought_together_again(digits: int, shard_length: int) -> None:
    source = begin()
    before = exported(source)
    shards = [empty(source.clock) for _ in range(16**digits)]
    imported_into_shards(shards, before, digits=digits, shard_length=shard_length)
    assert exported(*shards) == before
    for number_, shard in enumerate(shards):
        assert {name for name in shard.refs() if "/val-" in name} == {
            Naming(shard_length).value(record_id) for record_id in ids_of(before) if int(record_id[:digits], 16) == number_
        }
    together = empty(source.clock)
    imported(together, exported(*shards))
    assert exported(together) == before


def ids_of(exported_text: str) -> list[KeyId]:
    lines = exported_text.encode().splitlines()[1:-1]
    return [placed(decode_exported(line), Naming(), PLAIN).key_id for line in lines]


def test_lines_are_in_the_order_of_key_ids_and_always_the_same() -> None:
    source = begin()
    before = exported(source)
    assert ids_of(before) == sorted(ids_of(before))
    source.clock.advance(3_600)
    assert exported(source) == before


# --- databases that commands make -----------------------------------------------------------------------------------


def keys_of(own: Cipher) -> list[Key]:
    """Return the keys of a database of this cipher."""
    return [Key.of(label, value, own) for label, value in (("a", text("a")), ("b", text("b")), ("5", number("5")))]


VALUES = [text("x"), text("é\n\x00"), number("-1.5"), parse_value("Boolean", "true"), parse_value("JSON", '{"a":[1,{}]}')]
VALUES += [bytes_value(b"\x00\xff"), file_value(b"PNG", media_type="image/png"), text("")]
Step = Callable[[World], object]


def on(make: Callable[..., Bound], *choices: st.SearchStrategy[object]) -> st.SearchStrategy[Step]:
    """Return steps that run a command on a key."""

    def step(place: int, ttl: int | None, *chosen: object) -> Step:
        return lambda world: perform(world.database(), make(keys_of(world.cipher)[place], ttl, *chosen))

    return st.builds(step, st.integers(0, 2), st.none() | st.sampled_from([60, 600, 10**7]), *choices)


STEPS: st.SearchStrategy[Step] = (
    on(lambda of, ttl, value, stored: Set(key=of, value=value, ttl=ttl, store_key=stored), st.sampled_from(VALUES), st.booleans())
    | on(lambda of, ttl, value: Set(key=of, value=value, ttl=ttl), st.integers(-5, 5))
    | on(lambda of, _ttl, by: Incr(key=of, by=by, op=f"operation{by}"), st.integers(1, 3))
    | on(lambda of, ttl, by: Hset(key=of, entries={f"field {by}": draft(str(by))}, ttl=ttl), st.integers(1, 3))
    | on(lambda of, ttl, value: Hset(key=of, entries={"é/": draft(value)}, ttl=ttl), st.sampled_from(VALUES))
    | on(lambda of, ttl: Hexpire(key=of, fields=["field 1"], ttl=ttl or 60))
    | on(lambda of, _ttl: Hdel(key=of, fields=["field 1"]))
    | on(lambda of, ttl, value: Apush(key=of, elements=[draft(value)], ttl=ttl), st.sampled_from(VALUES))
    | on(lambda of, ttl, at: Aset(key=of, index=at, element=draft("new"), ttl=ttl), st.integers(0, 4))
    | on(lambda of, ttl: Aexpire(key=of, index=0, ttl=ttl or 60))
    | on(lambda of, _ttl: Apop(key=of))
    | on(lambda of, ttl: Expire(key=of, ttl=ttl or 60))
    | on(lambda of, ttl: Lock(key=of, owner="us", ttl=ttl or 60))
    | on(lambda of, _ttl: Del(keys=[of]))
    | on(lambda of, _ttl: Getdel(key=of))
    | on(lambda of, _ttl: Redirection(keys=[of], targets={of.id: Redirect("owner/other", 3)}))
    | st.builds(lambda seconds: lambda world: world.clock.advance(seconds), st.sampled_from([1, 60, 7_200]))
    | st.builds(
        lambda place, delta, ago: lambda world: world.plant(keys_of(world.cipher)[place], delta, ago=ago),
        st.integers(0, 2),
        st.none() | st.integers(1, 3),
        st.sampled_from([0, 30]),
    )
)


def made_by(steps: Sequence[Step], own: Cipher) -> World:
    """Return the database that these steps make; what a command refuses is not done."""
    world = empty(FakeClock(), own)
    for step in steps:
        world.clock.advance(0.001)
        with suppress(GitKeyvalError):
            step(world)
    return world


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=50)
def test_whatever_commands_make_comes_back(steps: Sequence[Step]) -> None:
    source = made_by(steps, PLAIN)
    before = exported(source)
    there = empty(source.clock)
    imported(there, before, shard_length=2)
    assert exported(there) == before
    assert there.content(keys_of(PLAIN)) == source.content(keys_of(PLAIN))
    assert there.errors() == []


OWN = cipher("first", "second")


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=30)
def test_whatever_an_encrypted_database_holds_comes_back_with_its_key_and_without(steps: Sequence[Step]) -> None:
    source = made_by(steps, OWN)
    opened, sealed = exported(source), exported(source, cipher=PLAIN)
    with_key, without_key = empty(source.clock, OWN), empty(source.clock)
    imported(with_key, opened)
    imported(without_key, sealed)
    assert exported(with_key) == opened
    assert exported(without_key) == sealed
    readable = World(without_key.place, source.clock, OWN)
    assert exported(readable) == opened
    assert shown(readable) == shown(with_key) == shown(source)
    assert with_key.errors() == without_key.errors() == []


def shown(world: World) -> object:
    """Return what the keys hold, or why that is not shown: a counter that somebody without the key made."""
    found: list[object] = []
    for each in keys_of(world.cipher):
        try:
            found.append(world.content([each]))
        except NotEncryptedError as exc:
            found.append(exc.reason)
    return found


@given(st.lists(RECORDS, max_size=8))
@settings(max_examples=50)
def test_every_export_that_can_be_written_is_imported_and_exported_again(drawn: Sequence[Exported]) -> None:
    """All categories and types, encrypted ones as they are; a key that is drawn twice is taken once."""
    clock = FakeClock()
    keyed = {placed(record, Naming(), PLAIN).key_id: record for record in drawn}
    alive = [record for _, record in sorted(keyed.items()) if living(record, clock()) == record and not is_over(record, clock())]
    lines = [encode_header(Header()), *map(encode_exported, alive), END]
    before = b"".join(line + b"\n" for line in lines).decode()
    there = empty(clock)
    imported(there, before, shard_length=3)
    assert exported(there) == before


def is_over(record: Exported, now: Micros) -> bool:
    return record.expiry is not None and is_expired(record.expiry, now)
