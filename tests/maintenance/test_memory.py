"""What looks at all keys keeps a row for each ref, and lets go what it has read: a database may have a million keys."""

import tracemalloc
from collections.abc import Callable
from hashlib import sha1

import pytest

from git_keyval.commands.keyspace import Keys
from git_keyval.database.perform import perform
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import DEFAULT_NAMING, KeyId, RefName
from git_keyval.format.objects import Oid
from git_keyval.format.records import encode_data
from git_keyval.maintenance.commands import Gather, Sweep
from git_keyval.store.port import ABSENT, RefUpdate, Transaction
from tests.contract.places import GitPlace
from tests.world import World, key, text

BYTES_A_KEY = 300
"""A value and an expiry are two rows of 41 bytes each; a batch grows beside them. As text, in a mapping, they take 600 bytes."""

Job = Callable[[World], object]

# How many keys there are, first and then: each time more than are as text, or have their objects in memory, at a time.
JOBS: dict[str, tuple[int, int, Job]] = {
    "sweep": (2_000, 10_000, lambda world: Sweep(dry_run=True).run(world.maintenance(world.place.open()))),
    "gather": (2_000, 10_000, lambda world: Gather(grace_period=0, dry_run=True).run(world.maintenance(world.place.open()))),
    "keys": (5_000, 15_000, lambda world: perform(world.database(world.place.open()), Keys())),
}


@pytest.mark.parametrize(("few", "many", "job"), JOBS.values(), ids=JOBS)
def test_a_key_takes_few_bytes_while_all_are_looked_at(git: World, few: int, many: int, job: Job) -> None:
    fill(git, 1)
    job(git)  # what is loaded once does not count
    sizes = {count: size_of(git, count, job) for count in (few, many)}
    assert (sizes[many] - sizes[few]) / (many - few) < BYTES_A_KEY, sizes


def size_of(world: World, count: int, job: Job) -> int:
    """Return how many bytes a job takes at the most among so many keys."""
    fill(world, count)
    tracemalloc.start()
    try:
        job(world)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def fill(world: World, count: int) -> None:
    """Write packed-refs of so many keys which have one value and one expiry, and one counter to be gathered."""
    value, expiry = encode_data(text("v")), encode_expiry(4_000_000_000)
    updates = tuple(RefUpdate(name, ABSENT, oid) for name, oid in refs_of(0, value.commit.oid, expiry.oid).items())
    store = world.place.open()
    store.apply([Transaction(updates, (*value.objects, expiry))])
    world.plant(key("counter"), 3)
    listed = {name: oid for number in range(count) for name, oid in refs_of(number, value.commit.oid, expiry.oid).items()}
    assert isinstance(world.place, GitPlace)
    lines = [f"{oid} {name}\n" for name, oid in sorted(listed.items())]
    (world.place.repository / "packed-refs").write_text("".join(["# pack-refs with: peeled fully-peeled sorted \n", *lines]))


def refs_of(number: int, value: Oid, expiry: Oid) -> dict[RefName, Oid]:
    key_id = KeyId(sha1(b"%d" % number, usedforsecurity=False).hexdigest())
    return {DEFAULT_NAMING.value(key_id): value, DEFAULT_NAMING.expiry(key_id): expiry}
