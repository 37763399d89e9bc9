"""What commands and jobs are tried on, and how the outcome of a disturbed run is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from git_keyval.commands.arrays import Aexpire, Aget, Alen, Apop, Apush, Arange, Aset
from git_keyval.commands.copies import Copy, Rename
from git_keyval.commands.counters import Decr, Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys, Ls
from git_keyval.commands.locks import Lock, Unlock
from git_keyval.commands.maps import Hdel, Hexpire, Hget, Hgetall, Hincr, Hkeys, Hlen, Hpersist, Hset, Httl
from git_keyval.commands.redirects import Redirection
from git_keyval.commands.transactions import Assert, Batch, Item
from git_keyval.commands.values import Append, Del, Exists, Get, Getdel, Mget, Mset, Set, Type
from git_keyval.commands.waiting import WaitUntil
from git_keyval.database.answers import Answer
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.command import Bound
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.database.keys import Key
from git_keyval.database.perform import perform
from git_keyval.errors import OutcomeUnknownError, PartlyDeletedError, StoreError
from git_keyval.format.canonical import JsonValue
from git_keyval.format.elements import element_id
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming, RefName
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND, Micros
from git_keyval.maintenance.check import check
from git_keyval.maintenance.commands import Gather, Maintain, PublishExpiries, Purge, Sweep
from git_keyval.maintenance.init import init
from git_keyval.maintenance.jobs import Maintenance
from tests.conftest import FakeClock
from tests.contract.places import Place
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Fault, FaultyStore, Rival
from tests.memory import MemoryStore
from tests.replacing import replace
from tests.world import Shown, World, draft, drafts, key, number, text

OP = "deploy42"
ONCE = key(f"kv:op:{OP}")
LATER = Micros(1_800_000_000 * SECOND)
"""When a lease ends that must be the same however long a run takes: it begins when the lock is taken."""

TEXT, EXPIRING, EXPIRED = key("text"), key("expiring"), key("expired")
COUNTER, WAITING, NUMBER, ABSENT, MANY = key("counter"), key("waiting"), key("number"), key("absent"), key("many")
MAP, ARRAY, STILL = key("map"), key("array"), key("still")
SINGLE = [TEXT, EXPIRING, EXPIRED, COUNTER, WAITING, NUMBER, ABSENT, MANY]
"""Keys that hold no more than one value."""
HELD, FREE, LAPSED = key("held"), key("free"), key("lapsed")
KEYS = [*SINGLE, MAP, ARRAY, STILL, HELD, FREE, LAPSED]


def fill(world: World) -> None:
    """Make a database with a key of every kind, and with work for every job."""
    world.plant_foreign()
    database = world.database()
    perform(database, Set(key=EXPIRED, value=5, ttl=60, store_key=True))
    perform(database, Set(key=TEXT, value=text("v"), store_key=True))
    perform(database, Set(key=EXPIRING, value=text("v"), ttl=10**7))
    perform(database, Set(key=NUMBER, value=number("40")))
    perform(database, Incr(key=COUNTER, by=10))
    perform(database, Incr(key=MANY, by=10))
    fill_elements(database)
    perform(database, Lock(key=HELD, owner="us", ttl=10**7))
    perform(database, Lock(key=FREE, owner="others", ttl=60))
    perform(database, Unlock(key=FREE, owner="others"))
    perform(database, Lock(key=LAPSED, owner="others", ttl=60))
    perform(database, Set(key=key("parked"), value=text("v")))
    perform(database, Getdel(key=key("parked")))
    world.put(Naming().expiry(key("orphan").id), Sample((*DUMMY_OBJECTS, encode_expiry(60))))
    orphan_elements(world)
    world.put(RefName(f"refs/gc/20200101T000000000000Z-{key().id}"), Sample(key().record.objects))
    world.clock.advance(1)
    world.plant(EXPIRED, 3)
    world.clock.advance(8 * 86_400)
    world.plant(COUNTER, 5, ago=500)
    world.plant(WAITING, 7, ago=500)
    world.plant_many(MANY, 3, ago=500)


def fill_elements(database: Database) -> None:
    """Make a map and an array, each with elements that live on, will expire, and are going to have expired."""
    perform(database, Hset(key=MAP, entries=drafts(a="1", b="2")))
    perform(database, Hset(key=MAP, entries=drafts(old="3"), ttl=60))
    perform(database, Hset(key=MAP, entries=drafts(lives="4"), ttl=10**7))
    for element, seconds in (("1", None), ("2", 60), ("3", 10**7), ("4", 60)):
        perform(database, Apush(key=ARRAY, elements=[draft(element)], ttl=seconds))


def orphan_elements(world: World) -> None:
    """Leave expiries of elements that are not there, past and to come: in a map that changes, one that does not, and elsewhere."""
    perform(world.database(), Hset(key=STILL, entries=drafts(a="1")))
    for owner in (MAP, STILL, TEXT, COUNTER, EXPIRED, key("orphan")):
        for element, seconds in (("gone", 60), ("left", 2**33)):
            name = Naming().element_expiry(owner.id, element_id(element))
            world.put(name, Sample((*DUMMY_OBJECTS, encode_expiry(seconds))))


def delete_after_rival(world: World, database: Database) -> Answer:
    """Let a rival change one of the keys just before our first write, which so is in conflict for this key alone."""
    assert isinstance(database.store, FaultyStore)
    rival = FaultyStore(database.store, {2: Rival(lambda: perform(world.database(), Incr(key=COUNTER, by=1000, op="rivalsown")))})
    return perform(world.database(rival), Del(keys=[TEXT, COUNTER, NUMBER]))


OTHER_PLACE = "owner/other"
TARGETS = {key.id: Redirect(OTHER_PLACE, 2) for key in KEYS}


Command = Callable[[World, Database], Answer]


def batch(command: Bound) -> Batch:
    """Return a transaction with one more command, whose outcome has to be the outcome of all."""
    commands = (
        Assert(key=EXPIRING, condition=Condition("present")),
        Get(key=NUMBER),
        Set(key=ABSENT, value=text("new"), store_key=True),
        Hset(key=MAP, entries=drafts(a="new")),
        command,
    )
    return Batch(items=[Item(str(place), one, one.outputs) for place, one in enumerate(commands)])


COMMANDS: dict[str, Command] = {
    "get": lambda _world, database: perform(database, Get(key=COUNTER)),
    "exists": lambda _world, database: perform(database, Exists(keys=KEYS)),
    "type": lambda _world, database: perform(database, Type(key=COUNTER)),
    "ttl": lambda _world, database: perform(database, Ttl(key=EXPIRING)),
    "mget": lambda _world, database: perform(database, Mget(keys=SINGLE)),
    "keys": lambda _world, database: perform(database, Keys()),
    "ls": lambda _world, database: perform(database, Ls()),
    "ls with long": lambda _world, database: perform(database, Ls(long=True)),
    "keys with types": lambda _world, database: perform(database, Keys(with_types=True)),
    "set": lambda _world, database: perform(database, Set(key=TEXT, value=text("new"))),
    "set of an absent key": lambda _world, database: perform(database, Set(key=ABSENT, value=text("new"))),
    "set with ttl and key": lambda _world, database: perform(database, Set(key=TEXT, value=text("new"), ttl=60, store_key=True)),
    "set keep-ttl": lambda _world, database: perform(database, Set(key=EXPIRING, value=text("new"), keep_ttl=True)),
    "set if present": lambda _world, database: perform(database, Set(key=TEXT, value=text("new"), condition=Condition("present"))),
    "set get-old": lambda _world, database: perform(database, Set(key=TEXT, value=text("new"), get_old=True)),
    "set counter get-old": lambda _world, database: perform(database, Set(key=COUNTER, value=100, op=OP, get_old=True)),
    "set over expired": lambda _world, database: perform(database, Set(key=EXPIRED, value=text("new"), keep_ttl=True)),
    "set counter": lambda _world, database: perform(database, Set(key=COUNTER, value=100, op=OP)),
    "set counter over text": lambda _world, database: perform(database, Set(key=TEXT, value=100, op=OP)),
    "mset": lambda _world, database: perform(
        database, Mset(values={TEXT: text("1"), COUNTER: text("2"), ABSENT: text("3")}, ttl=60)
    ),
    "redirect": lambda _world, database: perform(database, Redirection(keys=[TEXT, EXPIRING], targets=TARGETS)),
    "redirect of an absent key": lambda _world, database: perform(database, Redirection(keys=[ABSENT], targets=TARGETS)),
    "expire": lambda _world, database: perform(database, Expire(key=TEXT, ttl=600)),
    "expire in a minute that another key ends in": lambda world, database: perform(
        database, Expire(key=TEXT, expires_at=ending(world, EXPIRING))
    ),
    "expire again": lambda _world, database: perform(database, Expire(key=EXPIRING, ttl=600)),
    "expire if shorter": lambda _world, database: perform(database, Expire(key=EXPIRING, ttl=600, only_if="shorter")),
    "persist": lambda _world, database: perform(database, Persist(key=EXPIRING)),
    "del": lambda _world, database: perform(database, Del(keys=[TEXT])),
    "del of a counter": lambda _world, database: perform(database, Del(keys=[COUNTER])),
    "del of several": lambda _world, database: perform(database, Del(keys=[TEXT, COUNTER, EXPIRED])),
    "del of several after a rival": delete_after_rival,
    "getdel": lambda _world, database: perform(database, Getdel(key=TEXT)),
    "getdel of a counter": lambda _world, database: perform(database, Getdel(key=COUNTER)),
    "getdel of what waits": lambda _world, database: perform(database, Getdel(key=WAITING)),
    "incr": lambda _world, database: perform(database, Incr(key=COUNTER, by=3, op=OP)),
    "incr of a number": lambda _world, database: perform(database, Incr(key=NUMBER, by=3, op=OP)),
    "incr that refreshes a lifetime": lambda _world, database: perform(
        database, Incr(key=COUNTER, by=3, op=OP, expires_at=LATER, refresh_ttl=True)
    ),
    "incr that begins with a lifetime": lambda _world, database: perform(
        database, Incr(key=ABSENT, by=3, op=OP, start=100, expires_at=LATER)
    ),
    "incr of an expired key with a lifetime": lambda _world, database: perform(
        database, Incr(key=EXPIRED, by=3, op=OP, start=100, expires_at=LATER)
    ),
    "incr of an absent key": lambda _world, database: perform(database, Incr(key=ABSENT, by=3, op=OP)),
    "incr of an expired key": lambda _world, database: perform(database, Incr(key=EXPIRED, by=3, op=OP)),
    "incr of what waits": lambda _world, database: perform(database, Incr(key=WAITING, by=3, op=OP)),
    "hget": lambda _world, database: perform(database, Hget(key=MAP, field="lives")),
    "hget of several": lambda _world, database: perform(database, Hget(key=MAP, fields=["a", "old", "lives"])),
    "hgetall": lambda _world, database: perform(database, Hgetall(key=MAP)),
    "hkeys": lambda _world, database: perform(database, Hkeys(key=MAP)),
    "hlen": lambda _world, database: perform(database, Hlen(key=MAP)),
    "httl": lambda _world, database: perform(database, Httl(key=MAP, field="lives")),
    "hset": lambda _world, database: perform(database, Hset(key=MAP, entries=drafts(a="new", c="new"))),
    "hset with ttl": lambda _world, database: perform(
        database, Hset(key=MAP, entries=drafts(a="new", old="new"), ttl=600, store_key=True)
    ),
    "hset of an absent key": lambda _world, database: perform(database, Hset(key=ABSENT, entries=drafts(a="new"))),
    "hset over expired": lambda _world, database: perform(database, Hset(key=EXPIRED, entries=drafts(a="new"))),
    "hset if present": lambda _world, database: perform(
        database, Hset(key=MAP, entries=drafts(lives="new"), keep_ttl=True, condition=Condition("present"))
    ),
    "hincr": lambda _world, database: perform(database, Hincr(key=ABSENT, field="a", by=3, expires_at=LATER)),
    "hincr with op-id": lambda _world, database: perform(database, Hincr(key=ABSENT, field="a", by=3, record=ONCE)),
    "hdel": lambda _world, database: perform(database, Hdel(key=MAP, fields=["a", "old", "lives"])),
    "hexpire": lambda _world, database: perform(database, Hexpire(key=MAP, fields=["a", "lives"], ttl=600)),
    "hpersist": lambda _world, database: perform(database, Hpersist(key=MAP, fields=["a", "lives"])),
    "aget": lambda _world, database: perform(database, Aget(key=ARRAY, index=-2)),
    "aset": lambda _world, database: perform(database, Aset(key=ARRAY, index=1, element=draft("new"))),
    "apush": lambda _world, database: perform(database, Apush(key=ARRAY, elements=[draft("new")])),
    "apush of an absent key": lambda _world, database: perform(database, Apush(key=ABSENT, elements=[draft("new")], ttl=600)),
    "apush of several": lambda _world, database: perform(
        database, Apush(key=ARRAY, elements=[draft("new"), draft("newer")], ttl=600)
    ),
    "apush once": lambda _world, database: perform(database, Apush(key=ARRAY, elements=[draft("new")], record=ONCE)),
    "apop": lambda _world, database: perform(database, Apop(key=ARRAY)),
    "apop of the first": lambda _world, database: perform(database, Apop(key=ARRAY, from_="first")),
    "alen": lambda _world, database: perform(database, Alen(key=ARRAY)),
    "arange": lambda _world, database: perform(database, Arange(key=ARRAY)),
    "aexpire": lambda _world, database: perform(database, Aexpire(key=ARRAY, index=0, ttl=600)),
    "del of a map": lambda _world, database: perform(database, Del(keys=[MAP, ARRAY])),
    "set over a map": lambda _world, database: perform(database, Set(key=MAP, value=text("new"), condition=Condition("present"))),
    "copy": lambda _world, database: perform(database, Copy(key=EXPIRING, to=TEXT)),
    "copy if absent": lambda _world, database: perform(database, Copy(key=TEXT, to=ABSENT, if_absent=True)),
    "copy of a counter": lambda _world, database: perform(database, Copy(key=COUNTER, to=MANY)),
    "copy of what waits": lambda _world, database: perform(database, Copy(key=WAITING, to=MAP)),
    "copy of a map": lambda _world, database: perform(database, Copy(key=MAP, to=STILL)),
    "rename": lambda _world, database: perform(database, Rename(key=TEXT, to=EXPIRING)),
    "rename of a counter": lambda _world, database: perform(database, Rename(key=COUNTER, to=MANY)),
    "rename of an array": lambda _world, database: perform(database, Rename(key=ARRAY, to=MAP)),
    "lock": lambda _world, database: perform(database, Lock(key=FREE, owner="us", expires_at=LATER)),
    "lock of an absent key": lambda _world, database: perform(database, Lock(key=ABSENT, owner="us", expires_at=LATER)),
    "lock that lapsed": lambda _world, database: perform(database, Lock(key=LAPSED, owner="us", expires_at=LATER)),
    "lock that is held": lambda _world, database: perform(database, Lock(key=HELD, owner="others", ttl=600, wait=5)),
    "lock renewed": lambda _world, database: perform(database, Lock(key=HELD, owner="us", expires_at=LATER)),
    "lock with slots": lambda _world, database: perform(
        database, Lock(key=HELD, owner="others", expires_at=LATER, slots=2, store_key=True)
    ),
    "wait": lambda _world, database: perform(database, WaitUntil(key=ABSENT, until="present", wait=5)),
    "wait for a field": lambda _world, database: perform(database, WaitUntil(key=MAP, until="present", field="a")),
    "unlock": lambda _world, database: perform(database, Unlock(key=HELD, owner="us")),
    "unlock of what lapsed": lambda _world, database: perform(database, Unlock(key=LAPSED, owner="others")),
    "unlock of others": lambda _world, database: perform(database, Unlock(key=HELD, owner="others")),
    "unlock of a slot": lambda _world, database: perform(database, Unlock(key=HELD, owner="us", slots=3)),
    "append": lambda _world, database: perform(database, Append(key=TEXT, value=text(" and more"))),
    "append once": lambda _world, database: perform(database, Append(key=EXPIRING, value=text(" and more"), record=ONCE)),
    "getdel once": lambda _world, database: perform(database, Getdel(key=TEXT, record=ONCE)),
    "del of several once": lambda _world, database: perform(database, Del(keys=[TEXT, COUNTER, EXPIRED], record=ONCE)),
    "rename of a counter once": lambda _world, database: perform(database, Rename(key=COUNTER, to=MANY, record=ONCE)),
    "assert": lambda _world, database: perform(database, Assert(key=COUNTER, at_least=Decimal(15))),
    "batch": lambda _world, database: perform(database, batch(Append(key=TEXT, value=text(" and more")))),
    "batch of counters": lambda _world, database: perform(database, batch(Incr(key=COUNTER, by=3, op=OP))),
    "batch once": lambda _world, database: perform(database, batch(Append(key=TEXT, value=text(" and more"))).but(record=ONCE)),
    "decr": lambda _world, database: perform(database, Decr(key=COUNTER, by=3, op=OP)),
    "incr left as a breadcrumb": lambda world, database: leave_breadcrumb(world, database, "breadcrumb"),
    "incr after a rival": lambda world, database: leave_breadcrumb(world, database, "retry"),
}
MAY_BE_UNKNOWN = {
    "append",
    "batch",
    "hincr",
    "incr that begins with a lifetime",
    "incr of an expired key with a lifetime",
    "set get-old",
    "copy if absent",
    "rename",
    "rename of an array",
    "incr of an absent key",
    "incr of an expired key",
    "incr of a number",
    "incr of what waits",
    "set counter over text",
    "apush",
    "apush of an absent key",
    "apush of several",
    "del of several after a rival",
}
"""Where even one lost reply may leave the outcome unknown: the counter had no memory yet that could tell, or a rival changed it, or
may have made the same."""
NOT_REPEATABLE = {
    "append",
    "batch",
    "apush",
    "apush of an absent key",
    "apop",
    "apush of several",
    "apop of the first",
    "hincr",
    "copy if absent",
    "rename",
    "rename of a counter",
    "rename of an array",
}
"""Commands that do more when they are run again, or something else."""
IN_STEPS = {"del of several after a rival"}
"""Commands that may need several writes: a failure in the middle leaves those before it done, and is told as what it is."""
WITH_RIVAL = {"incr left as a breadcrumb", "incr after a rival"}
"""Commands before whose first write a rival increments."""
OF_ANOTHER_KEY = {"expire in a minute that another key ends in"}
"""A command whose inputs are made of what another key holds, which a rival may have deleted."""
RECORDED_FIRST = "incr after a rival"
"""Its increment is recorded before it has its number: if the store cannot be reached then, it says that it is pending."""

JOBS: dict[str, Callable[[Maintenance], object]] = {
    "gather": Gather().run,
    "sweep": Sweep().run,
    "purge": Purge().run,
    "maintain": Maintain().run,
    "init": init,
    "check": check,
    "publish-expiries": lambda run: PublishExpiries(horizon=3 * 86_400).run(run),
}


def ending(world: World, of: Key) -> Micros:
    """Look when a key ends, behind the back of what is disturbed."""
    expires_at = perform(world.database(), Ttl(key=of)).expires_at
    assert expires_at is not None
    return Micros(expires_at * SECOND)


def leave_breadcrumb(world: World, database: Database, contention: str) -> Answer:
    """Let a rival increment once, just before our first write, whatever else happens to us."""
    assert isinstance(database.store, FaultyStore)
    rival = FaultyStore(database.store, {2: Rival(lambda: perform(world.database(), Incr(key=COUNTER, by=1000, op="rivalsown")))})
    return perform(
        world.database(rival), Incr(key=COUNTER, by=3, op=OP, contention="breadcrumb" if contention == "breadcrumb" else "retry")
    )


@dataclass(frozen=True)
class State:
    """A database as its users see it."""

    content: Mapping[str, Shown]
    parked: int
    names: object
    refs: frozenset[str]
    """Names only, because versions of counters are made with random operations."""
    errors: Sequence[str]
    foreign: frozenset[str]


_looked: dict[tuple[object, int], State] = {}


def look(world: World) -> State:
    """Look at all that matters. Many disturbed runs end in the same refs, of which the same is to be seen in the same minute."""
    seen = (frozenset(world.refs().items()), world.clock() // (60 * SECOND))
    if seen not in _looked:
        _looked[seen] = State(
            content=world.content(KEYS),
            parked=len(world.parked()),
            names=perform(world.database(), Keys()).document,
            refs=frozenset(world.refs()),
            errors=world.errors(),
            foreign=frozenset(world.foreign()),
        )
    return _looked[seen]


@cache
def _template(*, encrypted: bool) -> World:
    clock = FakeClock()
    store = MemoryStore(clock)
    world = World(Place(lambda: store, lambda _oid: None), clock, cipher("first", "second") if encrypted else PLAIN)
    fill(world)
    return world


def begin(*, encrypted: bool = False) -> World:
    """Return the database anew: always the same, at the same time. If it is ``encrypted``, its keys are still plain."""
    template, clock = _template(encrypted=encrypted), FakeClock()
    clock.moment = template.clock.moment
    store, filled = MemoryStore(clock), template.store
    assert isinstance(filled, MemoryStore)
    store.refs, store._objects = dict(filled.refs), dict(filled._objects)
    world = World(Place(lambda: store, lambda _oid: None), clock, template.cipher)
    for _ in range(1_000):
        world.new_op()  # those of the template are taken
    return world


def plain(answer: Answer) -> Answer:
    """Leave out of an answer, and of results in it, what depends on the clock of a run, and on operations made at random."""
    results = None if answer.results is None else {id_: _plain_result(result) for id_, result in answer.results.items()}
    return replace(answer, version=None, ttl=None, expires_at=None, results=results)


def _plain_result(result: JsonValue) -> JsonValue:
    assert isinstance(result, dict)
    return {name: said for name, said in result.items() if name not in {"version", "ttl", "expires-at"}}


def attempt(world: World, command: Command, faults: Mapping[int, Fault]) -> tuple[FaultyStore, Answer | Exception]:
    """Run a command on a store with faults; what was held back arrives afterwards, as if the process had been killed."""
    store = world.faulty(faults)
    answer: Answer | Exception
    try:
        answer = command(world, world.database(store))
    except (StoreError, OutcomeUnknownError, PartlyDeletedError) as exc:
        answer = exc
    store.arrive()
    return store, answer
