"""What commands and jobs are tried on, and how the outcome of a disturbed run is judged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from git_keyval.commands.arrays import aexpire, aget, alen, apop, apush, arange, aset
from git_keyval.commands.counters import decr, incr
from git_keyval.commands.expiry import expire, persist, ttl
from git_keyval.commands.keyspace import keys
from git_keyval.commands.locks import lock, unlock
from git_keyval.commands.maps import hdel, hexpire, hget, hgetall, hkeys, hlen, hpersist, hset, httl
from git_keyval.commands.redirects import redirect
from git_keyval.commands.values import del_, exists, get, getdel, mget, mset, set_, type_
from git_keyval.database.answers import Result
from git_keyval.database.ciphers import PLAIN
from git_keyval.database.conditions import Condition
from git_keyval.database.database import Database
from git_keyval.errors import OutcomeUnknownError, PartlyDeletedError, StoreError
from git_keyval.format.elements import element_id
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS
from git_keyval.format.names import Naming, RefName
from git_keyval.format.redirects import Redirect
from git_keyval.format.times import SECOND, Micros
from git_keyval.store.memory import MemoryStore
from maintenance.check import check
from maintenance.init import init
from maintenance.jobs import Maintenance, gather, maintain, publish_expiries, purge, sweep
from tests.conftest import FakeClock
from tests.contract.places import Place
from tests.contract.samples import Sample
from tests.encrypting import cipher
from tests.faults import Fault, FaultyStore, Rival
from tests.world import Shown, World, draft, drafts, key, number, text

OP = "deploy42"
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
    set_(database, key=EXPIRED, value=5, ttl=60, store_key=True)
    set_(database, key=TEXT, value=text("v"), store_key=True)
    set_(database, key=EXPIRING, value=text("v"), ttl=10**7)
    set_(database, key=NUMBER, value=number("40"))
    incr(database, key=COUNTER, by=10)
    incr(database, key=MANY, by=10)
    fill_elements(database)
    lock(database, key=HELD, owner="us", ttl=10**7)
    lock(database, key=FREE, owner="others", ttl=60)
    unlock(database, key=FREE, owner="others")
    lock(database, key=LAPSED, owner="others", ttl=60)
    set_(database, key=key("parked"), value=text("v"))
    getdel(database, key=key("parked"))
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
    hset(database, key=MAP, entries=drafts(a="1", b="2"))
    hset(database, key=MAP, entries=drafts(old="3"), ttl=60)
    hset(database, key=MAP, entries=drafts(lives="4"), ttl=10**7)
    for element, seconds in (("1", None), ("2", 60), ("3", 10**7), ("4", 60)):
        apush(database, key=ARRAY, value=draft(element), ttl=seconds)


def orphan_elements(world: World) -> None:
    """Leave expiries of elements that are not there, past and to come: in a map that changes, one that does not, and elsewhere."""
    hset(world.database(), key=STILL, entries=drafts(a="1"))
    for owner in (MAP, STILL, TEXT, COUNTER, EXPIRED, key("orphan")):
        for element, seconds in (("gone", 60), ("left", 2**33)):
            name = Naming().element_expiry(owner.id, element_id(element))
            world.put(name, Sample((*DUMMY_OBJECTS, encode_expiry(seconds))))


def delete_after_rival(world: World, database: Database) -> Result:
    """Let a rival change one of the keys just before our first write, which so is in conflict for this key alone."""
    assert isinstance(database.store, FaultyStore)
    rival = FaultyStore(database.store, {2: Rival(lambda: incr(world.database(), key=COUNTER, by=1000, op="rivalsown"))})
    return del_(world.database(rival), keys=[TEXT, COUNTER, NUMBER])


OTHER_PLACE = "owner/other"
TARGETS = {key.id: Redirect(OTHER_PLACE, 2) for key in KEYS}


Command = Callable[[World, Database], Result]

COMMANDS: dict[str, Command] = {
    "get": lambda _world, database: get(database, key=COUNTER),
    "exists": lambda _world, database: exists(database, keys=KEYS),
    "type": lambda _world, database: type_(database, key=COUNTER),
    "ttl": lambda _world, database: ttl(database, key=EXPIRING),
    "mget": lambda _world, database: mget(database, keys=SINGLE),
    "keys": lambda _world, database: keys(database),
    "set": lambda _world, database: set_(database, key=TEXT, value=text("new")),
    "set of an absent key": lambda _world, database: set_(database, key=ABSENT, value=text("new")),
    "set with ttl and key": lambda _world, database: set_(database, key=TEXT, value=text("new"), ttl=60, store_key=True),
    "set keep-ttl": lambda _world, database: set_(database, key=EXPIRING, value=text("new"), keep_ttl=True),
    "set if present": lambda _world, database: set_(database, key=TEXT, value=text("new"), condition=Condition("present")),
    "set over expired": lambda _world, database: set_(database, key=EXPIRED, value=text("new"), keep_ttl=True),
    "set counter": lambda _world, database: set_(database, key=COUNTER, value=100, op=OP),
    "set counter over text": lambda _world, database: set_(database, key=TEXT, value=100, op=OP),
    "mset": lambda _world, database: mset(database, entries={TEXT: text("1"), COUNTER: text("2"), ABSENT: text("3")}, ttl=60),
    "redirect": lambda _world, database: redirect(database, keys=[TEXT, EXPIRING], targets=TARGETS),
    "redirect of an absent key": lambda _world, database: redirect(database, keys=[ABSENT], targets=TARGETS),
    "expire": lambda _world, database: expire(database, key=TEXT, ttl=600),
    "expire again": lambda _world, database: expire(database, key=EXPIRING, ttl=600),
    "persist": lambda _world, database: persist(database, key=EXPIRING),
    "del": lambda _world, database: del_(database, keys=[TEXT]),
    "del of a counter": lambda _world, database: del_(database, keys=[COUNTER]),
    "del of several": lambda _world, database: del_(database, keys=[TEXT, COUNTER, EXPIRED]),
    "del of several after a rival": delete_after_rival,
    "getdel": lambda _world, database: getdel(database, key=TEXT),
    "getdel of a counter": lambda _world, database: getdel(database, key=COUNTER),
    "getdel of what waits": lambda _world, database: getdel(database, key=WAITING),
    "incr": lambda _world, database: incr(database, key=COUNTER, by=3, op=OP),
    "incr of a number": lambda _world, database: incr(database, key=NUMBER, by=3, op=OP),
    "incr of an absent key": lambda _world, database: incr(database, key=ABSENT, by=3, op=OP),
    "incr of an expired key": lambda _world, database: incr(database, key=EXPIRED, by=3, op=OP),
    "incr of what waits": lambda _world, database: incr(database, key=WAITING, by=3, op=OP),
    "hget": lambda _world, database: hget(database, key=MAP, field="lives"),
    "hget of several": lambda _world, database: hget(database, key=MAP, fields=["a", "old", "lives"]),
    "hgetall": lambda _world, database: hgetall(database, key=MAP),
    "hkeys": lambda _world, database: hkeys(database, key=MAP),
    "hlen": lambda _world, database: hlen(database, key=MAP),
    "httl": lambda _world, database: httl(database, key=MAP, field="lives"),
    "hset": lambda _world, database: hset(database, key=MAP, entries=drafts(a="new", c="new")),
    "hset with ttl": lambda _world, database: hset(database, key=MAP, entries=drafts(a="new", old="new"), ttl=600, store_key=True),
    "hset of an absent key": lambda _world, database: hset(database, key=ABSENT, entries=drafts(a="new")),
    "hset over expired": lambda _world, database: hset(database, key=EXPIRED, entries=drafts(a="new")),
    "hset if present": lambda _world, database: hset(
        database, key=MAP, entries=drafts(lives="new"), keep_ttl=True, condition=Condition("present")
    ),
    "hdel": lambda _world, database: hdel(database, key=MAP, fields=["a", "old", "lives"]),
    "hexpire": lambda _world, database: hexpire(database, key=MAP, fields=["a", "lives"], ttl=600),
    "hpersist": lambda _world, database: hpersist(database, key=MAP, fields=["a", "lives"]),
    "aget": lambda _world, database: aget(database, key=ARRAY, index=-2),
    "aset": lambda _world, database: aset(database, key=ARRAY, index=1, value=draft("new")),
    "apush": lambda _world, database: apush(database, key=ARRAY, value=draft("new")),
    "apush of an absent key": lambda _world, database: apush(database, key=ABSENT, value=draft("new"), ttl=600),
    "apop": lambda _world, database: apop(database, key=ARRAY),
    "alen": lambda _world, database: alen(database, key=ARRAY),
    "arange": lambda _world, database: arange(database, key=ARRAY),
    "aexpire": lambda _world, database: aexpire(database, key=ARRAY, index=0, ttl=600),
    "del of a map": lambda _world, database: del_(database, keys=[MAP, ARRAY]),
    "set over a map": lambda _world, database: set_(database, key=MAP, value=text("new"), condition=Condition("present")),
    "lock": lambda _world, database: lock(database, key=FREE, owner="us", expires_at=LATER),
    "lock of an absent key": lambda _world, database: lock(database, key=ABSENT, owner="us", expires_at=LATER),
    "lock that lapsed": lambda _world, database: lock(database, key=LAPSED, owner="us", expires_at=LATER),
    "lock that is held": lambda _world, database: lock(database, key=HELD, owner="others", ttl=600, wait=5),
    "lock renewed": lambda _world, database: lock(database, key=HELD, owner="us", expires_at=LATER),
    "unlock": lambda _world, database: unlock(database, key=HELD, owner="us"),
    "unlock of what lapsed": lambda _world, database: unlock(database, key=LAPSED, owner="others"),
    "unlock of others": lambda _world, database: unlock(database, key=HELD, owner="others"),
    "decr": lambda _world, database: decr(database, key=COUNTER, by=3, op=OP),
    "incr left as a breadcrumb": lambda world, database: leave_breadcrumb(world, database, "breadcrumb"),
    "incr after a rival": lambda world, database: leave_breadcrumb(world, database, "retry"),
}
MAY_BE_UNKNOWN = {
    "incr of an absent key",
    "incr of an expired key",
    "incr of a number",
    "incr of what waits",
    "set counter over text",
    "apush",
    "apush of an absent key",
    "del of several after a rival",
}
"""Where even one lost reply may leave the outcome unknown: the counter had no memory yet that could tell, or a rival changed it, or
may have made the same."""
NOT_REPEATABLE = {"apush", "apush of an absent key", "apop"}
"""Commands that do more when they are run again."""
IN_STEPS = {"del of several after a rival"}
"""Commands that may need several writes: a failure in the middle leaves those before it done, and is told as what it is."""
WITH_RIVAL = {"incr left as a breadcrumb", "incr after a rival"}
"""Commands before whose first write a rival increments."""

JOBS: dict[str, Callable[[Maintenance], object]] = {
    "gather": gather,
    "sweep": sweep,
    "purge": purge,
    "maintain": maintain,
    "init": init,
    "check": check,
    "publish-expiries": lambda run: publish_expiries(run, horizon=3 * 86_400),
}


def leave_breadcrumb(world: World, database: Database, contention: str) -> Result:
    """Let a rival increment once, just before our first write, whatever else happens to us."""
    assert isinstance(database.store, FaultyStore)
    rival = FaultyStore(database.store, {2: Rival(lambda: incr(world.database(), key=COUNTER, by=1000, op="rivalsown"))})
    return incr(world.database(rival), key=COUNTER, by=3, op=OP, contention="breadcrumb" if contention == "breadcrumb" else "retry")


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
            names=keys(world.database()).document,
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
    """Give the database anew: always the same, at the same time. Of an ``encrypted`` one the values are so, and the keys plain."""
    template, clock = _template(encrypted=encrypted), FakeClock()
    clock.moment = template.clock.moment
    store, filled = MemoryStore(clock), template.store
    assert isinstance(filled, MemoryStore)
    store.refs, store._objects = dict(filled.refs), dict(filled._objects)
    world = World(Place(lambda: store, lambda _oid: None), clock, template.cipher)
    for _ in range(1_000):
        world.new_op()  # those of the template are taken
    return world


def attempt(world: World, command: Command, faults: Mapping[int, Fault]) -> tuple[FaultyStore, Result | Exception]:
    """Run a command on a store with faults; what was held back arrives afterwards, as if the process had been killed."""
    store = world.faulty(faults)
    answer: Result | Exception
    try:
        answer = command(world, world.database(store))
    except (StoreError, OutcomeUnknownError, PartlyDeletedError) as exc:
        answer = exc
    store.arrive()
    return store, answer
