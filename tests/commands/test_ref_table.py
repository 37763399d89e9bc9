"""The table of refs that everything goes through that looks at all keys."""

import tracemalloc
from collections.abc import Iterator
from hashlib import sha1
from random import Random

import pytest

from git_keyval.database.ref_table import RefTable, key_at
from git_keyval.format.names import ANCHOR_TAG, KeyId, Naming, RefName, parse, time_of
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros, timestamp

BYTES_A_REF = 60
"""A row has 41 bytes, and what grows keeps some room."""


def oid(number: int) -> Oid:
    return Oid(sha1(b"%d" % number, usedforsecurity=False).hexdigest())


def listed(keys: int, lengths: tuple[int, ...] = (2,)) -> Iterator[tuple[RefName, Oid]]:
    """Yield a value and an expiry for each key."""
    for number in range(keys):
        naming, key_id = Naming(lengths[number % len(lengths)]), KeyId(oid(number))
        yield naming.value(key_id), oid(number + 1)
        yield naming.expiry(key_id), oid(number % 60)


def some_refs(seed: int) -> dict[RefName, Oid]:
    """Return refs of all kinds, of keys that are stored with several shard lengths, and such as belong to no key."""
    random = Random(seed)
    found: dict[RefName, Oid] = {}
    for number in range(200):
        naming, key_id = Naming(random.choice((1, 2, 3, 39))), KeyId(oid(random.randrange(60)))
        crumb = naming.breadcrumb(key_id, timestamp(Micros(random.randrange(2**50))), "op" * random.randint(4, 20))
        names = [naming.value(key_id), naming.expiry(key_id), naming.key(key_id), crumb, naming.element_expiry(key_id, oid(number))]
        found[random.choice(names)] = oid(random.randrange(1_000))
    foreign = [ANCHOR_TAG, Naming.parked(KeyId(oid(1)), timestamp(Micros(5))), "refs/heads/kv-ab/val-1", "refs/tags/kv-0a/bc-1/x"]
    return found | {RefName(name): oid(7) for name in foreign}


@pytest.mark.parametrize("seed", range(5))
def test_what_was_listed_comes_back_with_all_refs_of_a_key_in_one_part(seed: int) -> None:
    refs = some_refs(seed)
    order = list(refs.items())
    Random(seed).shuffle(order)
    table = RefTable(order)
    parts = [part.refs() for part in table.parts()]
    assert len(table) == len(refs)
    assert {name: at for part in parts for name, at in part.items()} | dict(table.others) == refs
    assert sum(map(len, parts)) + len(table.others) == len(refs)
    keys = [{parse(name).key_id for name in part} for part in parts]  # type: ignore[union-attr]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert [part.refs() for part in table.parts()] == parts


def test_groups_of_parts_are_as_large_as_asked_for_and_hold_whole_keys() -> None:
    refs = dict(listed(3_000, (2, 3))) | {ANCHOR_TAG: oid(7)}
    groups = list(RefTable(refs.items()).groups(500))
    assert {name: at for group in groups for name, at in group.items()} == refs
    assert ANCHOR_TAG in groups[0]
    assert all(500 <= len(group) < 550 for group in groups[:-1])
    keys = [{parse(name).key_id for name in group if name != ANCHOR_TAG} for group in groups]  # type: ignore[union-attr]
    assert sum(map(len, keys)) == len(set().union(*keys))
    assert list(RefTable(iter(())).groups(500)) == []


def test_a_part_says_where_each_ref_of_a_key_is() -> None:
    naming, key_id, crumb = Naming(3), KeyId(oid(1)), Naming(3).breadcrumb(KeyId(oid(1)), timestamp(Micros(5)), "someone0")
    refs = {naming.value(key_id): oid(2), naming.element_expiry(key_id, oid(3)): oid(4), crumb: oid(5)}
    (part,) = RefTable(refs.items()).parts()
    (place,) = part.values
    assert key_at(place) == (naming, key_id)
    assert part.values[place].hex() == oid(2)
    assert [(element.hex(), at.hex()) for element, at in part.elements[place]] == [(oid(3), oid(4))]
    assert [(name, at.hex()) for name, at in part.breadcrumbs[place]] == [(crumb, oid(5))]
    assert time_of(crumb) == timestamp(Micros(5))
    assert (part.expiries, part.keys) == ({}, {})


def test_a_ref_takes_few_bytes_and_a_part_a_fraction_of_all() -> None:
    sizes = {count: sizes_of(count) for count in (2_000, 20_000)}
    (few, few_walked), (many, many_walked) = sizes.values()
    assert (many - few) / (2 * 18_000) < BYTES_A_REF
    assert (many_walked - few_walked) / (2 * 18_000) < BYTES_A_REF + 10


def sizes_of(keys: int) -> tuple[int, int]:
    """Return how many bytes a table of so many keys takes, and how many are taken at the most while it is walked through."""
    refs = list(listed(keys))
    tracemalloc.start()
    try:
        table = RefTable(iter(refs))
        held, _ = tracemalloc.get_traced_memory()
        for part in table.parts():
            part.refs()
        return held, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
