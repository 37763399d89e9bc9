"""Keys whose expiry commits the repository has lost: kept, and with an expiry registry as good as before."""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.expiry import Expire, Persist, Ttl
from git_keyval.commands.keyspace import Keys
from git_keyval.commands.maps import Hexpire, Hget, Hgetall, Hset
from git_keyval.commands.values import Del, Exists, Get, Getdel, Mget, Set, Type
from git_keyval.database.database import Database
from git_keyval.database.perform import perform
from git_keyval.errors import MalformedRecordError
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import DEFAULT_NAMING
from git_keyval.format.objects import Oid
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import Gather, Maintain, PublishExpiries, Sweep
from git_keyval.maintenance.jobs import Maintenance
from git_keyval.store.registry import ExpiryRegistry
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, open_git_place
from tests.emulator import GitHubEmulator
from tests.replacing import replace
from tests.world import World, key, show, text

DAY = 86_400
K, COUNTER = key(), key("counter")
ENDS = (FakeClock()() // SECOND // DAY + 3) * DAY
"""Keys are set at noon to live for two days and end at a midnight."""


@pytest.fixture(params=["memory", "git"])
def lost(request: pytest.FixtureRequest) -> World:
    """Return a database with a key and a counter that end on one day, whose commit is gone."""
    world: World = request.getfixturevalue(request.param)
    database = world.database(granularity=DAY)
    perform(database, Set(key=K, value=text("v"), ttl=2 * DAY, store_key=True))
    perform(database, Set(key=COUNTER, value=5, ttl=2 * DAY))
    world.clock.advance(1)
    world.plant(COUNTER, 3)
    expiry = world.refs()[DEFAULT_NAMING.expiry(K.id)]
    assert expiry == encode_expiry(ENDS).oid
    world.place.lose(expiry)
    world.store = world.place.open() if isinstance(world.place, GitPlace) else world.store
    return world


@pytest.fixture
def registry(lost: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExpiryRegistry]:
    """Serve a registry that is public, and somewhere else than the database."""
    with GitHubEmulator(tmp_path_factory.mktemp("github")) as emulator:
        path = emulator.create("org", "expiries")
        PublishExpiries(horizon=5 * DAY).run(World(open_git_place(path, str(path), lost.clock, {}), lost.clock).maintenance())
        emulator.options.public.add("org/expiries")
        yield ExpiryRegistry(emulator.cdn_url, "org/expiries")
        assert emulator.unexpected == []


@pytest.fixture
def database(lost: World, registry: ExpiryRegistry) -> Database:
    return replace(lost.database(granularity=DAY), resolve=registry.resolve)


@pytest.fixture
def run(lost: World, registry: ExpiryRegistry) -> Maintenance:
    return replace(lost.maintenance(), database=replace(lost.database(), resolve=registry.resolve))


READS: Mapping[str, Callable[[Database], object]] = {
    "get": lambda database: perform(database, Get(key=K)),
    "ttl": lambda database: perform(database, Ttl(key=K)),
    "exists": lambda database: perform(database, Exists(keys=[K])),
    "type": lambda database: perform(database, Type(key=K)),
    "mget": lambda database: perform(database, Mget(keys=[K])),
    "getdel": lambda database: perform(database, Getdel(key=K)),
    "incr": lambda database: perform(database, Incr(key=COUNTER)),
}


@pytest.mark.parametrize("command", READS)
def test_without_a_registry_nobody_knows(lost: World, command: str) -> None:
    """And nothing is changed by who does not."""
    before = lost.refs()
    with pytest.raises(MalformedRecordError, match="is missing"):
        READS[command](lost.database())
    assert lost.refs() == before


@pytest.mark.parametrize("job", [Sweep().run, Gather().run, Maintain().run])
def test_without_a_registry_all_is_kept_and_reported(lost: World, job: Callable[[Maintenance], object]) -> None:
    lost.clock.advance(1000 * DAY)
    before = lost.refs()
    report = job(lost.maintenance())
    assert lost.refs() == before
    assert getattr(report, "notable")() >= 1  # noqa: B009  # each of them gives a report


def test_with_a_registry_a_key_lives_to_its_end(lost: World, database: Database) -> None:
    found = perform(database, Get(key=K))
    assert (show(found.value), found.expires_at) == ("v", ENDS)
    assert perform(database, Ttl(key=K)).expires_at == ENDS
    assert perform(database, Mget(keys=[K, COUNTER])).document == {"k": "v", "counter": 8}
    assert perform(database, Keys()).document == ["k"]
    lost.clock.moment = lost.clock.moment.__class__(ENDS * SECOND - 1)
    assert perform(database, Exists(keys=[K, COUNTER])).count == 2
    lost.clock.advance(0.000001)
    assert perform(database, Exists(keys=[K, COUNTER])).count == 0
    assert (perform(database, Get(key=K)).found, perform(database, Keys()).document) == (False, [])


def test_with_a_registry_sweep_removes_what_has_ended_and_nothing_else(lost: World, run: Maintenance) -> None:
    before = lost.refs()
    assert Sweep().run(run).notable() == 0
    assert lost.refs() == before
    lost.clock.advance(3 * DAY)
    report = Sweep().run(run)
    assert (report.error, report.notable(), len(report.jobs[0].applied)) == ("", 0, 2)
    assert lost.refs().keys() <= {"refs/tags/kv/dummy-tree"}


def test_with_a_registry_gather_leaves_the_crumbs_of_ended_counters_to_sweep(lost: World, run: Maintenance) -> None:
    lost.clock.advance(4 * DAY)
    report = Gather().run(run)
    assert (report.error, report.notable(), len(report.jobs[0].applied)) == ("", 0, 0)
    Sweep().run(run)
    assert lost.breadcrumbs() == []


def test_with_a_registry_keys_can_be_deleted(lost: World, database: Database) -> None:
    assert perform(database, Del(keys=[K, COUNTER])).count == 2
    assert perform(lost.database(), Get(key=K)).found is False


# git takes no new objects, of anybody's, as long as there is a ref to a lost one; deletions it does.


@pytest.fixture
def forgiving(lost: World) -> World:
    if isinstance(lost.place, GitPlace):
        pytest.skip("git refuses it")
    return lost


def test_with_a_registry_gather_knows_which_counters_live(forgiving: World, run: Maintenance, database: Database) -> None:
    forgiving.clock.advance(600)
    report = Gather().run(run)
    assert (report.error, report.notable(), len(report.jobs[0].applied)) == ("", 0, 1)
    assert (forgiving.breadcrumbs(), perform(database, Get(key=COUNTER)).value) == ([], 8)


WRITES: Mapping[str, Callable[[Database], object]] = {
    "expire": lambda database: perform(database, Expire(key=K, ttl=30 * DAY)),
    "persist": lambda database: perform(database, Persist(key=K)),
}


@pytest.mark.parametrize("write", WRITES)
def test_with_a_registry_a_key_can_be_given_another_end(forgiving: World, database: Database, write: str) -> None:
    WRITES[write](database)
    forgiving.clock.advance(20 * DAY)
    assert perform(forgiving.database(), Get(key=K)).found is True


def test_with_a_registry_keys_can_be_taken_and_counted(forgiving: World, database: Database) -> None:
    assert show(perform(database, Getdel(key=K)).value) == "v"
    assert perform(database, Incr(key=COUNTER)).value == 9
    assert perform(forgiving.database(), Get(key=K)).found is False


def test_with_a_registry_elements_live_to_their_end(forgiving: World, registry: ExpiryRegistry) -> None:
    database = forgiving.database(granularity=DAY)
    perform(database, Hset(key=key("map"), entries={"keeps": lambda _: text("a"), "ends": lambda _: text("b")}))
    perform(database, Hexpire(key=key("map"), fields=["ends"], ttl=DAY))
    (name,) = (name for name in forgiving.refs() if name.startswith(DEFAULT_NAMING.element_expiries(key("map").id)))
    forgiving.place.lose(forgiving.refs()[name])
    with pytest.raises(MalformedRecordError, match="is missing"):
        perform(database, Hget(key=key("map"), field="ends"))
    assert name in [left.ref for left in Sweep().run(forgiving.maintenance()).jobs[0].plan.left]
    knowing = replace(database, resolve=registry.resolve)
    assert show(perform(knowing, Hget(key=key("map"), field="ends")).value) == "b"
    assert perform(knowing, Hgetall(key=key("map"))).document == {"keeps": "a", "ends": "b"}
    forgiving.clock.advance(3 * DAY)
    assert perform(knowing, Hgetall(key=key("map"))).document == {"keeps": "a"}
    assert Sweep().run(replace(forgiving.maintenance(), database=knowing)).notable() == 0
    assert name not in forgiving.refs()
    assert perform(database, Hgetall(key=key("map"))).document == {"keeps": "a"}


def test_a_registry_is_asked_only_where_a_commit_is_lost(memory: World) -> None:
    def refuse(oids: AbstractSet[Oid]) -> Mapping[Oid, int]:
        raise AssertionError(oids)

    database = replace(memory.database(), resolve=refuse)
    run = replace(memory.maintenance(), database=database)
    perform(database, Set(key=K, value=text("v"), ttl=60, store_key=True))
    perform(database, Incr(key=COUNTER))
    perform(database, Get(key=K))
    perform(database, Keys())
    memory.clock.advance(600)
    Maintain().run(run)
    assert perform(database, Get(key=K)).found is False


def test_a_registry_that_lies_changes_nothing(lost: World) -> None:
    """A look-up of somebody else's making may be wrong: what it says is proved by the oid, or not used."""
    lie = replace(lost.database(), resolve=lambda oids: dict.fromkeys(oids, 60))
    with pytest.raises(MalformedRecordError, match="is missing"):
        perform(lie, Get(key=K))
    before = lost.refs()
    assert Sweep().run(replace(lost.maintenance(), database=lie)).notable() == 2
    assert lost.refs() == before


def test_nothing_but_an_expiry_is_looked_up(lost: World) -> None:
    """A registry is public: the oid of a value that is lost, too, is none of its business."""
    refs, asked = lost.refs(), set[Oid]()

    def resolve(oids: AbstractSet[Oid]) -> Mapping[Oid, int]:
        asked.update(oids)
        return {}

    lost.place.lose(refs[DEFAULT_NAMING.value(K.id)])
    fresh = World(lost.place, lost.clock) if isinstance(lost.place, GitPlace) else lost
    assert perform(replace(fresh.database(), resolve=resolve), Keys(with_types=True)).document == []
    assert asked == {refs[DEFAULT_NAMING.expiry(K.id)]}
