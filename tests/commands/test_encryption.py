"""Encrypted keys and values: read by who has the key, refused where something is wrong, and hidden from everybody else."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Literal, cast

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.locks import Lock
from git_keyval.commands.maps import Hset
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import PLAIN, Cipher
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key, MovedError
from git_keyval.database.perform import perform
from git_keyval.errors import (
    AnchorError,
    GitKeyvalError,
    KeyOrderError,
    MissingEncryptionKeyError,
    NotEncryptedError,
    OutcomeUnknownError,
    StoreError,
    TamperedError,
    UnmarkedError,
    WrongEncryptionKeyError,
    WrongTypeError,
)
from git_keyval.format.anchors import Anchor, decode_anchor
from git_keyval.format.counters import Counter, encode_counter
from git_keyval.format.metadata import DUMMY_OBJECTS, message_only
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, KeyId, RefName
from git_keyval.format.objects import GitObject
from git_keyval.format.records import decode_data, encode_data
from git_keyval.format.redirects import Redirect
from git_keyval.format.sealed import Sealed
from git_keyval.format.values import Value, bytes_value, file_value
from git_keyval.maintenance.commands import Gather, Purge, Sweep
from git_keyval.maintenance.init import init
from git_keyval.process import surroundings
from git_keyval.store.port import Depth, Transaction
from tests.contract.samples import Sample, annotated_tag, foreign_commit, note
from tests.encrypting import cipher, nonces
from tests.faults import FaultyStore, Lost, Rival
from tests.replacing import replace
from tests.world import World, drafts, number, text

LABEL = "markedkey4f2a"
VALUES = [text("markedvalue9d3b"), text(""), number("-1.5"), bytes_value(b"\0\xff"), file_value(b"\x89PNG", media_type="image/png")]
"""Values of several types."""


def of(world: World, used: Cipher) -> Database:
    return replace(world.database(), cipher=used)


def key(used: Cipher, label: str = LABEL) -> Key:
    return Key.of(label, text(label), used)


def value_ref(one: Key) -> RefName:
    return DEFAULT_NAMING.value(one.id)


def stored(world: World, one: Key) -> Sealed:
    """Read what is stored at a key, without opening it."""
    (oid,) = (oid for name, oid in world.refs().items() if name == value_ref(one))
    objects = world.store.objects([oid], Depth.VALUES)
    found = decode_data(objects[oid], objects)
    assert isinstance(found, Sealed)
    return found


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.type)
def test_what_is_written_with_a_key_is_read_with_it(world: World, value: Value) -> None:
    used = cipher()
    written = perform(of(world, used), Set(key=key(used), value=value, ttl=600))
    read = perform(of(world, used), Get(key=key(used)))
    assert (read.value, read.version, read.ttl) == (value, written.version, written.ttl)
    assert stored(world, key(used)).data != value.data
    assert world.errors() == []


def test_nothing_of_a_key_or_a_value_is_in_the_repository(git: World) -> None:
    """Where the objects and refs are looked at as they are."""
    used = cipher()
    store = git.faulty({})
    database = replace(of(git, used), store=store)
    perform(database, Set(key=key(used), value=VALUES[0], store_key=True, ttl=600))
    perform(database, Set(key=key(used), value=VALUES[0], condition=Condition("present")))
    perform(database, Mset(values={key(used, f"{LABEL}2"): VALUES[0]}, store_key=True))
    perform(database, Getdel(key=key(used)))
    assert len(sent(store)) > 10
    for part in (LABEL.encode(), VALUES[0].data):
        assert not [made for made in sent(store) if part in made.data]
    plain = {Key.of(label, text(label)).id for label in (LABEL, f"{LABEL}2")}
    assert not [name for name in git.refs() if any(key_id[2:] in name for key_id in plain)]


def sent(store: FaultyStore) -> list[GitObject]:
    """Return all objects that were sent."""
    requests = [cast("tuple[Transaction, ...]", call.request) for call in store.calls if call.verb == "apply"]
    return [made for transactions in requests for transaction in transactions for made in transaction.objects]


def test_the_same_value_is_another_record_each_time(memory: World) -> None:
    """So nobody sees that a value has come back; whoever compares versions sees a write."""
    used = cipher()
    versions = {perform(of(memory, used), Set(key=key(used), value=VALUES[0])).version for _ in range(5)}
    assert len(versions) == 5
    assert perform(of(memory, used), Get(key=key(used))).value == VALUES[0]


def test_a_key_has_one_id_whatever_is_written_and_by_which_key(memory: World) -> None:
    first, rotated = cipher("a"), cipher("a", "b")
    assert key(first).id == key(first).id == key(rotated).id
    assert len({key(used).id for used in (first, cipher("b"), cipher("a", wrong="a"))} | {Key.of(LABEL, text(LABEL)).id}) == 4
    perform(of(memory, first), Set(key=key(first), value=VALUES[0]))
    assert perform(of(memory, rotated), Get(key=key(rotated))).value == VALUES[0]


def test_the_types_of_keys_stay_apart() -> None:
    used = cipher()
    labels = [Key.of("1", text("1"), used), Key.of("1", number("1"), used), Key.of("1", bytes_value(b"1"), used)]
    assert len({one.id for one in labels}) == 3


def test_every_command_works_on_encrypted_values(world: World) -> None:
    used = cipher("a", "b")
    database, one, other = of(world, used), key(used), key(used, "other")
    assert perform(database, Set(key=one, value=VALUES[0], condition=Condition("absent"))).applied is True
    refused = perform(database, Set(key=one, value=VALUES[1], condition=Condition("absent")))
    assert (refused.applied, refused.old_value) == (False, VALUES[0])
    first = perform(database, Get(key=one)).version
    assert first == refused.version
    again = perform(database, Set(key=one, value=VALUES[0], condition=Condition(version=first)))
    assert (again.applied, again.old_value) == (True, VALUES[0])
    assert again.version != first
    assert perform(database, Set(key=one, value=VALUES[1], condition=Condition(version=first))).applied is False
    assert perform(database, Expire(key=one, ttl=600)).applied is True
    assert perform(database, Set(key=one, value=number("5"), keep_ttl=True)).ttl == perform(database, Ttl(key=one)).ttl != -1
    assert perform(database, Persist(key=one)).applied is True
    assert perform(database, Mset(values={one: VALUES[0], other: number("7")}, ttl=60)).count == 2
    assert perform(database, Mget(keys=[one, other, key(used, "none")])).document == {LABEL: "markedvalue9d3b", "other": 7}
    assert perform(database, Exists(keys=[one, other])).count == 2
    assert perform(database, Type(key=other)).type == "number"
    taken = perform(database, Getdel(key=one))
    assert (taken.value, taken.applied) == (VALUES[0], True)
    assert perform(database, Del(keys=[one, other])).count == 1
    assert world.errors() == []


# --- rotation -------------------------------------------------------------------------------------------------------


def test_a_new_key_encrypts_what_is_written_and_the_old_one_reads_what_was(world: World) -> None:
    old, new = cipher("a"), cipher("a", "b")
    perform(of(world, old), Set(key=key(old), value=VALUES[0], store_key=True))
    perform(of(world, new), Set(key=key(new, "other"), value=VALUES[1], store_key=True))
    assert stored(world, key(old)).encryption.kid == "a"
    assert stored(world, key(new, "other")).encryption.kid == "b"
    both = [key(new), key(new, "other")]
    assert perform(of(world, new), Mget(keys=both)).document == {LABEL: "markedvalue9d3b", "other": ""}
    assert perform(of(world, new), Keys()).document == sorted([LABEL, "other"])
    with pytest.raises(MissingEncryptionKeyError, match="'b'") as raised:
        perform(of(world, old), Get(key=key(old, "other")))
    assert raised.value.kid == "b"
    # Written again, the old one is of the new key, at the same place.
    before = value_ref(key(old))
    perform(of(world, new), Set(key=key(new), value=VALUES[0]))
    assert stored(world, key(new)).encryption.kid == "b"
    assert before in world.refs()


def test_any_of_the_keys_may_be_the_one_that_encrypts(memory: World) -> None:
    used = cipher("a", "b", "c", writing="b")
    perform(of(memory, used), Set(key=key(used), value=VALUES[0]))
    assert stored(memory, key(used)).encryption.kid == "b"
    assert perform(of(memory, cipher("a", "b")), Get(key=key(used))).value == VALUES[0]


def test_a_key_under_another_name_still_reads(memory: World) -> None:
    """The check value tells which key it is; a name is for people."""
    used = cipher("a", "b")
    perform(of(memory, used), Set(key=key(used), value=VALUES[0]))
    renamed = replace(used, keys=[used.keys[0], replace(used.keys[1], kid="renamed")], kid="a")
    assert perform(of(memory, renamed), Get(key=key(used))).value == VALUES[0]


# --- wrong and missing keys -----------------------------------------------------------------------------------------


def test_another_key_of_the_same_name_is_told(world: World) -> None:
    used, wrong = cipher("a", "b"), cipher("a", "b", wrong="b")
    perform(of(world, used), Set(key=key(used), value=VALUES[0]))
    commands: list[Callable[[], Answer]] = [
        lambda: perform(of(world, wrong), Get(key=key(wrong))),
        lambda: perform(of(world, wrong), Mget(keys=[key(wrong)])),
        lambda: perform(of(world, wrong), Getdel(key=key(wrong))),
        lambda: perform(of(world, wrong), Set(key=key(wrong), value=VALUES[1], condition=Condition("present"))),
    ]
    for command in commands:
        with pytest.raises(WrongEncryptionKeyError, match="'b'"):
            command()
    assert perform(of(world, used), Get(key=key(used))).value == VALUES[0]


@pytest.mark.parametrize("used", [cipher("b"), cipher("a", wrong="a")], ids=["another name", "another key"])
def test_with_another_first_key_nothing_is_read_or_written(world: World, used: Cipher) -> None:
    """Under that key every name has another id, so a key that exists would not be found."""
    right = cipher("a")
    perform(of(world, right), Set(key=key(right), value=VALUES[0], store_key=True))
    refuses_all(world, used, (MissingEncryptionKeyError, WrongEncryptionKeyError))


def test_without_a_key_nothing_is_read_or_written(world: World) -> None:
    """Above all nothing is stored in the clear because a secret is missing."""
    used = cipher("a")
    perform(of(world, used), Set(key=key(used), value=VALUES[0], store_key=True))
    refuses_all(world, PLAIN, MissingEncryptionKeyError)


def test_with_the_keys_in_another_order_nothing_is_read_or_written(world: World) -> None:
    used = cipher("a", "b")
    perform(of(world, used), Set(key=key(used), value=VALUES[0], store_key=True))
    refuses_all(world, cipher("b", "a"), KeyOrderError)


def refuses_all(world: World, used: Cipher, errors: type[GitKeyvalError] | tuple[type[GitKeyvalError], ...]) -> None:
    before, database, one = world.refs(), of(world, used), key(used)
    commands = commands_on(database, one)
    if perform(of(world, cipher("a", "b")), Keys()).count:  # of what was not stored by name, none is left out
        commands.append(lambda: perform(database, Keys()))
    for command in commands:
        with pytest.raises(errors, match="'a'"):
            command()
    assert world.refs() == before


def commands_on(database: Database, one: Key) -> list[Callable[[], object]]:
    """Return commands of every kind, that read, write over what they have read, or over what they have not."""
    return [
        lambda: perform(database, Get(key=one)),
        lambda: perform(database, Exists(keys=[one])),
        lambda: perform(database, Set(key=one, value=text("in the clear"))),
        lambda: perform(database, Set(key=one, value=text("in the clear"), condition=Condition("absent"))),
        lambda: perform(database, Set(key=one, value=5)),
        lambda: perform(database, Mset(values={one: text("in the clear")})),
        lambda: perform(database, Hset(key=one, entries=drafts(a="in the clear"))),
        lambda: perform(database, Incr(key=one)),
        lambda: perform(database, Del(keys=[one])),
        lambda: perform(database, Lock(key=one, owner="somebody", ttl=60)),
    ]


def test_a_database_that_is_not_marked_holds_both(world: World) -> None:
    """It was used without a key before; ``init`` with the key marks it, and only once, and keeps what it tells of redirects."""
    used = cipher("a")
    perform(world.database(), Set(key=Key.of(LABEL, text(LABEL)), value=VALUES[0]))
    perform(of(world, used), Set(key=key(used), value=VALUES[0]))
    assert perform(world.database(), Get(key=Key.of(LABEL, text(LABEL)))).found is True
    assert perform(of(world, cipher("b")), Get(key=key(cipher("b")))).found is False
    assert init(world.maintenance(), mark=used.mark).created == (ANCHOR_TAG,)
    assert init(world.maintenance(), mark=used.mark).created == ()
    assert init(world.maintenance()).created == ()
    with pytest.raises(WrongEncryptionKeyError):
        init(world.maintenance(), mark=cipher("a", wrong="a").mark)
    assert perform(of(world, used), Get(key=key(used))).value == VALUES[0]
    refuses_all(world, PLAIN, MissingEncryptionKeyError)
    assert world.errors() == []


def test_a_marked_database_tells_of_redirects_too(world: World) -> None:
    used = cipher("a")
    one = key(used)
    perform(of(world, used), Set(key=key(used, "first"), value=VALUES[0]))
    perform(of(world, used), Redirection(keys=[one], targets={one.id: Redirect("org/kv", 2)}))
    tag = world.refs()[ANCHOR_TAG]
    assert decode_anchor(world.store.objects([tag])[tag]) == Anchor(used.mark, redirected=True)
    with pytest.raises(MovedError):
        perform(of(world, used), Set(key=one, value=text("v")))
    perform(of(world, used), Set(key=key(used, "another"), value=text("v")))
    assert world.errors() == []
    refuses_all(world, PLAIN, MissingEncryptionKeyError)


def test_an_encrypted_record_under_a_plain_key_names_the_key_that_is_wanted(memory: World) -> None:
    plain, used = Key.of(LABEL, text(LABEL)), cipher("a")
    memory.put(value_ref(plain), Sample(used.data(plain.id, VALUES[0]).objects))
    with pytest.raises(MissingEncryptionKeyError, match="'a'"):
        perform(memory.database(), Get(key=plain))


# --- tampering ------------------------------------------------------------------------------------------------------


def put(world: World, one: Key, sealed: Sealed) -> None:
    """Put a record at a key that is sound for everybody without the encryption key."""
    world.put(value_ref(one), Sample(encode_data(sealed).objects))


def changed(data: bytes) -> Iterator[tuple[int, bytes]]:
    for place in range(len(data)):
        for bit in (0, 3, 7):
            yield place, data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
    for length in range(len(data)):
        yield length, data[:length]
    yield len(data), data + b"\0"


def test_a_change_of_any_byte_is_noticed(memory: World) -> None:
    used = cipher()
    one = key(used)
    perform(of(memory, used), Set(key=one, value=text("xy")))
    sound = stored(memory, one)
    kinds: dict[type[GitKeyvalError], set[int]] = {}
    for place, data in changed(sound.data):
        put(memory, one, replace(sound, data=data))
        with pytest.raises(GitKeyvalError) as raised:
            perform(of(memory, used), Get(key=one))
        kinds.setdefault(type(raised.value), set()).add(place)
        assert "xy" not in str(raised.value)
    assert kinds[WrongEncryptionKeyError] == set(range(1, 9))
    assert kinds[TamperedError] == {*range(9, len(sound.data)), len(sound.data)}
    put(memory, one, sound)
    assert perform(of(memory, used), Get(key=one)).value == text("xy")


def test_a_record_that_was_moved_to_another_key_is_refused(world: World) -> None:
    used = cipher()
    perform(of(world, used), Set(key=key(used), value=VALUES[0]))
    put(world, key(used, "other"), stored(world, key(used)))
    assert world.errors() == []
    with pytest.raises(TamperedError, match="refs/heads/kv-"):
        perform(of(world, used), Get(key=key(used, "other")))


@pytest.mark.parametrize(
    ("type_", "mime", "extension"),
    [
        ("Number", "text/plain", "txt"),
        ("JSON", "application/json", "json"),
        ("Blob", "text/html", "html"),
        ("Uint8Array", "application/octet-stream", "bin"),
    ],
)
def test_a_record_that_is_said_to_be_of_another_type_is_refused(memory: World, type_: str, mime: str, extension: str) -> None:
    """Text that becomes a page, or digits that become a number."""
    used = cipher()
    perform(of(memory, used), Set(key=key(used), value=text("5")))
    put(memory, key(used), replace(stored(memory, key(used)), type=type_, mime=mime, extension=extension))  # type: ignore[arg-type]
    with pytest.raises(TamperedError):
        perform(of(memory, used), Get(key=key(used)))


def test_the_record_of_a_key_is_no_value_and_a_value_no_key(memory: World) -> None:
    used = cipher()
    one = key(used)
    memory.put(value_ref(one), Sample(one.record.objects))
    with pytest.raises(TamperedError):
        perform(of(memory, used), Get(key=one))
    sealed = used.data(one.id, VALUES[0])
    memory.put(DEFAULT_NAMING.key(KeyId(sealed.commit.oid)), Sample(sealed.objects))
    memory.put(DEFAULT_NAMING.value(KeyId(sealed.commit.oid)), Sample(sealed.objects))
    assert perform(of(memory, used), Keys()).document == []


def test_a_plain_value_is_refused_where_a_key_is_given(world: World) -> None:
    """Somebody has copied the id of the key from a ref."""
    used = cipher()
    one = key(used)
    perform(of(world, used), Set(key=one, value=VALUES[0]))
    world.put(value_ref(one), Sample(encode_data(text("planted")).objects))
    commands: list[Callable[[], Answer]] = [
        lambda: perform(of(world, used), Get(key=one)),
        lambda: perform(of(world, used), Mget(keys=[one])),
        lambda: perform(of(world, used), Getdel(key=one)),
        lambda: perform(of(world, used), Incr(key=one)),
    ]
    for command in commands:
        with pytest.raises(NotEncryptedError, match="refs/heads/kv-"):
            command()
    assert perform(of(world, used), Set(key=one, value=VALUES[0])).applied is True
    assert perform(of(world, used), Get(key=one)).value == VALUES[0]


def test_what_cannot_be_opened_can_be_overwritten_and_deleted(memory: World) -> None:
    used, wrong = cipher("a", "b"), cipher("a", "b", wrong="b")
    one = key(used)
    repairs: list[Callable[[], Answer]] = [
        lambda: perform(of(memory, wrong), Set(key=one, value=VALUES[0])),
        lambda: perform(of(memory, wrong), Set(key=one, value=5)),
        lambda: perform(of(memory, wrong), Del(keys=[one])),
    ]
    for repair in repairs:
        perform(of(memory, used), Set(key=one, value=VALUES[0]))
        assert repair().applied is True


def test_a_stored_key_that_was_changed_is_left_out_like_a_malformed_one(memory: World) -> None:
    used = cipher()
    perform(of(memory, used), Set(key=key(used), value=VALUES[0], store_key=True))
    perform(of(memory, used), Set(key=key(used, "other"), value=VALUES[0], store_key=True))
    record = key(used, "other").record
    sealed = decode_data(record.commit, {obj.oid: obj for obj in record.objects})
    assert isinstance(sealed, Sealed)
    broken = encode_data(replace(sealed, data=sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])))
    memory.put(DEFAULT_NAMING.key(key(used, "other").id), Sample(broken.objects))
    assert perform(of(memory, used), Keys()).document == [LABEL]


# --- what tells of the mark -----------------------------------------------------------------------------------------


JUNK = [
    foreign_commit("junk"),
    Sample((*DUMMY_OBJECTS, message_only(b'{"category":"anchor","version":2}\n'))),
    annotated_tag(note("x")),
]


@pytest.mark.parametrize("junk", JUNK, ids=["a foreign commit", "an anchor that tells nothing", "another kind of object"])
def test_a_mark_that_cannot_be_read_never_means_plain(world: World, junk: Sample) -> None:
    """Somebody has moved the tag: nothing is stored in the clear, and nothing that is there seems to be absent."""
    used = cipher("a")
    perform(of(world, used), Set(key=key(used), value=VALUES[0]))
    world.put(ANCHOR_TAG, junk)
    before = world.refs()
    for tried in (PLAIN, used):
        database, one = of(world, tried), key(tried)
        for command in commands_on(database, one):
            with pytest.raises(AnchorError, match="kv/dummy-tree"):
                command()
    assert world.refs() == before
    assert init(world.maintenance(), mark=used.mark).created == (ANCHOR_TAG,)
    assert perform(of(world, used), Get(key=key(used))).value == VALUES[0]


def test_where_encryption_is_required_the_database_must_be_marked(world: World) -> None:
    strict = replace(cipher("a"), required=True)
    perform(world.database(), Set(key=Key.of(LABEL, text(LABEL)), value=VALUES[0]))
    before = world.refs()
    commands: list[Callable[[], object]] = [
        lambda: perform(of(world, strict), Get(key=key(strict))),
        lambda: perform(of(world, strict), Set(key=key(strict), value=VALUES[0])),
        lambda: perform(of(world, strict), Set(key=key(strict), value=VALUES[0], condition=Condition("absent"))),
    ]
    for command in commands:
        with pytest.raises(UnmarkedError):
            command()
    assert world.refs() == before
    init(world.maintenance(), mark=strict.mark)
    perform(of(world, strict), Set(key=key(strict), value=VALUES[0]))
    assert perform(of(world, strict), Get(key=key(strict))).value == VALUES[0]


def test_where_encryption_is_required_a_new_database_is_marked(world: World) -> None:
    strict = replace(cipher("a"), required=True)
    assert perform(of(world, strict), Get(key=key(strict))).found is False
    perform(of(world, strict), Set(key=key(strict), value=VALUES[0]))
    assert perform(of(world, strict), Get(key=key(strict))).value == VALUES[0]
    refuses_all(world, PLAIN, MissingEncryptionKeyError)


# --- counters -------------------------------------------------------------------------------------------------------


def test_counters_are_not_encrypted_but_their_names_are(world: World) -> None:
    used = cipher()
    one = key(used)
    assert perform(of(world, used), Incr(key=one, by=5)).value == 5
    world.plant(one, 3, ago=600)
    assert perform(of(world, used), Get(key=one)).value == 8
    assert [len(job.applied) for job in Gather(grace_period=0).run(world.maintenance()).jobs] == [1]
    assert perform(of(world, used), Mget(keys=[one])).document == {LABEL: 8}
    assert perform(of(world, used), Set(key=one, value=2)).applied is True
    assert perform(of(world, used), Getdel(key=one)).value == 2


def test_a_counter_in_the_place_of_a_value_is_not_taken_for_it(world: World) -> None:
    """Made by somebody without the key, or brought there from another key; as a commit or as a breadcrumb alone."""
    used = cipher()
    one, other = key(used), key(used, "other")
    perform(of(world, used), Incr(key=other, by=7))
    elsewhere = world.store.objects([world.refs()[value_ref(other)]])[world.refs()[value_ref(other)]]
    made = encode_counter(Counter(7, "operation", 1, (("operation", 7),)))
    places: list[Callable[[], object]] = [
        lambda: world.put(value_ref(one), Sample((*DUMMY_OBJECTS, made))),
        lambda: world.put(value_ref(one), Sample((*DUMMY_OBJECTS, elsewhere))),
        lambda: world.plant(one, 7),
    ]
    commands: list[Callable[[], Answer]] = [
        lambda: perform(of(world, used), Get(key=one)),
        lambda: perform(of(world, used), Mget(keys=[one])),
        lambda: perform(of(world, used), Getdel(key=one)),
        lambda: perform(of(world, used), Set(key=one, value=text("v"), condition=Condition("present"))),
    ]
    for place in places:
        perform(of(world, used), Del(keys=[one]))
        place()
        for command in commands:
            with pytest.raises(NotEncryptedError, match="refs/heads/kv-"):
                command()
    assert perform(of(world, used), Get(key=other)).value == 7
    assert perform(of(world, used), Set(key=one, value=VALUES[0])).applied is True
    assert perform(of(world, used), Get(key=one)).value == VALUES[0]


def test_where_encryption_is_required_no_counter_is_read(memory: World) -> None:
    used = cipher()
    perform(of(memory, used), Incr(key=key(used)))
    with pytest.raises(NotEncryptedError, match="required"):
        perform(of(memory, replace(used, required=True)), Get(key=key(used)))


@pytest.mark.parametrize("contention", ["retry", "breadcrumb"])
def test_an_operation_id_is_hidden_and_still_counts_once(world: World, contention: Literal["retry", "breadcrumb"]) -> None:
    used = cipher()
    one = key(used)
    perform(of(world, used), Incr(key=one))
    rival = world.faulty({2: Rival(lambda: perform(of(world, used), Incr(key=one)))})
    first = perform(replace(of(world, used), store=rival), Incr(key=one, by=5, op="deploy42", contention=contention))
    again = perform(of(world, used), Incr(key=one, by=5, op="deploy42", contention=contention))
    assert (first.applied, again.value, again.pending) == (True, first.value, first.pending)
    assert perform(of(world, used), Get(key=one)).value == 7
    perform(of(world, used), Set(key=one, value=3, op="reset0042"))
    perform(of(world, used), Set(key=one, value=3, op="reset0042"))
    refs = world.refs()
    shown = [*refs, *(obj.data.decode() for obj in world.store.objects(refs.values()).values())]
    assert not [part for part in shown if "deploy42" in part or "reset0042" in part or "operation0" in part]


def test_an_operation_that_was_recorded_as_it_is_counts_once_all_the_same(world: World) -> None:
    """By a client that did not know better."""
    used = cipher()
    one = key(used)
    world.put(value_ref(one), Sample((*DUMMY_OBJECTS, encode_counter(Counter(7, "deploy42", 1, (("deploy42", 7),))))))
    assert perform(of(world, used), Incr(key=one, op="deploy42")).value == 7
    world.plant(one, 5, op="deploy43")
    assert perform(of(world, used), Incr(key=one, by=5, op="deploy43")).value == 12
    assert perform(of(world, used), Incr(key=one)).value == 13
    assert perform(of(world, used), Get(key=one)).value == 13


def test_an_increment_makes_no_encrypted_number_public(world: World) -> None:
    used = cipher()
    perform(of(world, used), Set(key=key(used), value=number("5")))
    with pytest.raises(WrongTypeError, match="number, encrypted"):
        perform(of(world, used), Incr(key=key(used)))
    assert perform(of(world, used), Get(key=key(used))).value == number("5")


# --- maintenance without keys ---------------------------------------------------------------------------------------


def test_maintenance_needs_no_key(world: World) -> None:
    used = cipher()
    perform(of(world, used), Set(key=key(used), value=VALUES[0], ttl=60, store_key=True))
    perform(of(world, used), Set(key=key(used, "stays"), value=VALUES[0], store_key=True))
    perform(of(world, used), Set(key=key(used, "parked"), value=VALUES[0]))
    perform(of(world, used), Getdel(key=key(used, "parked")))
    assert world.errors() == []
    world.clock.advance(86_400)
    assert len(Sweep().run(world.maintenance()).jobs[0].applied) == 1
    assert len(Purge(retention=0).run(world.maintenance()).jobs[0].applied) == 1
    assert perform(of(world, used), Keys()).document == ["stays"]
    assert perform(of(world, used), Get(key=key(used, "stays"))).value == VALUES[0]
    assert world.errors() == []


def test_check_finds_without_a_key_what_no_key_could_open(memory: World) -> None:
    used = cipher()
    one = key(used)
    perform(of(memory, used), Set(key=one, value=VALUES[0], store_key=True))
    sound = stored(memory, one)
    assert memory.errors() == []
    put(memory, one, replace(sound, data=b"\2" + sound.data[1:]))
    assert memory.errors() == [f"{value_ref(one)}: its bytes are not encrypted, or in a later layout than this software knows"]
    put(memory, one, replace(sound, data=sound.data[:36]))
    assert memory.errors() == [f"{value_ref(one)}: its bytes are too short to be encrypted"]


def test_check_finds_a_key_in_the_place_of_a_value_and_the_reverse(memory: World) -> None:
    used = cipher()
    one = key(used)
    memory.put(value_ref(one), Sample(one.record.objects))
    assert memory.errors() == [f"{value_ref(one)}: it is encrypted as keys are, not as values"]
    sealed = used.data(one.id, VALUES[0])
    planted = KeyId(sealed.commit.oid)
    memory.put(value_ref(one), Sample(sealed.objects))
    memory.put(DEFAULT_NAMING.key(planted), Sample(sealed.objects))
    assert memory.errors() == [f"{DEFAULT_NAMING.key(planted)}: it is encrypted as values are, not as keys"]


# --- lost replies and rivals ----------------------------------------------------------------------------------------

WRITES: Mapping[str, Callable[[Database, Key], object]] = {
    "set": lambda database, one: perform(database, Set(key=one, value=VALUES[0], ttl=60)),
    "set if absent": lambda database, one: perform(database, Set(key=one, value=VALUES[0], condition=Condition("absent"))),
    "set keep-ttl": lambda database, one: perform(database, Set(key=one, value=VALUES[0], keep_ttl=True)),
    "mset": lambda database, one: perform(database, Mset(values={one: VALUES[0]})),
}


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
@pytest.mark.parametrize("name", WRITES)
def test_one_command_encrypts_once_however_often_it_is_sent(memory: World, name: str, fault: Lost) -> None:
    """What is sent again is the very same, or a lost reply could not be settled; and no nonce is used for two plaintexts."""
    drawn: list[bytes] = []
    fresh = nonces()

    def new_nonce() -> bytes:
        drawn.append(fresh())
        return drawn[-1]

    used = cipher(new_nonce=new_nonce)
    for first in range(1, 6):
        one, store = key(used, f"{first}"), memory.faulty({first: fault, first + 2: fault})
        before = len(drawn)
        with suppress(StoreError, OutcomeUnknownError):
            WRITES[name](replace(of(memory, used), store=store), one)
        made = {made.oid for made in sent(store) if made.kind == "blob" and made.data[:1] == b"\1"}
        assert len(made) <= len(drawn) - before <= 1
        WRITES[name](of(memory, replace(used, new_nonce=nonces())), one)
        assert perform(of(memory, used), Get(key=one)).value == VALUES[0]


def test_a_rival_that_writes_in_between_changes_no_nonce(memory: World) -> None:
    """An attempt that is denied sends the same again, over what the rival has written."""
    used = cipher()
    perform(of(memory, used), Set(key=key(used), value=VALUES[0]))
    rival = Rival(lambda: perform(of(memory, used), Set(key=key(used), value=VALUES[1])))
    store = memory.faulty({2: rival, 4: rival})
    answer = perform(replace(of(memory, used), store=store), Set(key=key(used), value=VALUES[0], condition=Condition("present")))
    assert (answer.applied, answer.old_value) == (True, VALUES[1])
    assert len({made.oid for made in sent(store) if made.kind == "commit"}) == 1


def test_nonces_of_a_process_never_come_again() -> None:
    """They are 96 random bits."""
    new_nonce = surroundings({}, lambda *_: None).new_nonce
    drawn = {new_nonce() for _ in range(1_000)}
    assert len(drawn) == 1_000
    assert {len(nonce) for nonce in drawn} == {12}


def test_a_counter_of_an_encrypted_database_is_set_by_force_where_rivals_win_every_time(memory: World) -> None:
    used = cipher()
    one = key(used)
    perform(of(memory, used), Set(key=one, value=1))
    store = memory.faulty({2 * turn: Rival(lambda: perform(of(memory, used), Incr(key=one, by=5))) for turn in range(1, 100)})
    database = replace(memory.database(store, max_attempts=3), cipher=used)
    assert perform(database, Set(key=one, value=100)).applied is True
    assert perform(of(memory, used), Get(key=one)).value == 100
