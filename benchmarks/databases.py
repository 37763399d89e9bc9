"""Filling bare repositories with records of the format, fast: one pack and one packed-refs file, no push.

The objects are made by the format's own functions, written as one pack by the git adapter's writer, and indexed by
``git index-pack``. The refs are written as the ``packed-refs`` file that ``git pack-refs --all`` would leave. Every key has its own
key id; the values are 1,000 different records that the keys share, because no maintenance job reads them.

``python -m benchmarks.databases KIND PATH AMOUNT DUE SPREAD`` also writes PATH.push.json: the push that the job for this kind would
make, for those who shall make the same push without finding out what to push. The kind ``scale`` has none: it is for
all jobs, and for steps on one key.
"""

import base64
import json
import random
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.processes import isolated_environ, run_git
from git_keyval.database.database import Database
from git_keyval.format.counters import RECENT_OPERATIONS, Counter, encode_counter, encode_delta
from git_keyval.format.elements import Collection, element_id, encode_collection
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, MAIN_BRANCH, KeyId, RefName
from git_keyval.format.objects import TYPE_NUMBERS, GitObject, Oid, blob, commit, tree
from git_keyval.format.records import encode_data
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import parse_value
from git_keyval.maintenance.commands import DEFAULT_GRACE_SECONDS, DEFAULT_RETENTION_SECONDS
from git_keyval.maintenance.gather import plan_gather
from git_keyval.maintenance.plan import Plan
from git_keyval.maintenance.purge import plan_purge
from git_keyval.maintenance.sweep import plan_sweep
from git_keyval.process import surroundings
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.git.pack_writer import write_pack
from git_keyval.store.patience import Patience
from git_keyval.store.port import DELETE

VALUES = 1_000
CRUMBS_PER_COUNTER = 10
ELEMENTS_PER_MAP = 10
KEYS_PER_NAME = 10
COUNTERS_TO_GATHER = 100
TEXT, COUNTER, MAP, FIELD = "text", "counter", "map", "field-7"
"""The keys and the field that steps on one key read and write."""
_SEED = 2
_CHUNK = 5_000
_MINUTE, _DAY = 60, 24 * 60
_ZERO_OID = "0" * 40
_PACKED_REFS_HEADER = "# pack-refs with: peeled fully-peeled sorted \n"


class Contents:
    """The refs and objects of a database to be written."""

    def __init__(self, now: Micros) -> None:
        """Begin with what every database has: a first branch and the anchor of the dummy tree."""
        self.now = now
        self.random = random.Random(_SEED)
        self.refs: dict[RefName, Oid] = {}
        self.objects: dict[Oid, GitObject] = {}
        readme = blob(b"# A database\n")
        root = tree([("README.md", readme.oid)])
        self.point(MAIN_BRANCH, readme, root, commit(root.oid, b"Begin\n"))
        self.point(ANCHOR_TAG, *DUMMY_OBJECTS, NULL_COMMIT)

    def point(self, name: RefName, *objects: GitObject) -> None:
        """Add a ref that points at the last of the objects."""
        self.objects |= {obj.oid: obj for obj in objects}
        self.refs[name] = objects[-1].oid

    def op(self) -> str:
        """Return an operation id."""
        return self.random.randbytes(10).hex()


def add_keys(contents: Contents, amount: int, due: int, spread: int) -> None:
    """Add keys that hold a value and expire.

    The due ones expired within so many minutes up to now, the others will from tomorrow on, within as many minutes: both at whole
    minutes, so that many keys share an expiry commit.
    """
    values = [encode_data(parse_value("String", f"value {number}")).objects for number in range(VALUES)]
    minute = contents.now // SECOND // _MINUTE
    after = {number: encode_expiry((minute + number) * _MINUTE) for number in (*range(-spread, 0), *range(_DAY, _DAY + spread))}
    for number, key_id in enumerate(key_ids(amount)):
        minutes = contents.random.randrange(spread)
        contents.point(DEFAULT_NAMING.value(key_id), *values[number % VALUES])
        contents.point(DEFAULT_NAMING.expiry(key_id), after[-1 - minutes if number < due else _DAY + minutes])


def add_maps(contents: Contents, amount: int, due: int, spread: int) -> None:
    """Add maps of eleven fields, all but one of which expire; those of the due ones have, as the due keys of ``add_keys`` have."""
    fields = [f"field-{number}" for number in range(ELEMENTS_PER_MAP)]
    ids = list(map(element_id, fields))
    shared = {name: blob(name.encode()) for name in fields}
    minute = contents.now // SECOND // _MINUTE
    for number, key_id in enumerate(key_ids(amount)):
        data = {**shared, "stays": blob(f"in {number}".encode())}
        elements = {name: made.oid for name, made in data.items()}
        record = encode_collection(Collection("map", "String", "text/plain", "txt", elements))
        contents.point(DEFAULT_NAMING.value(key_id), *data.values(), *record.objects)
        for element in ids:
            minutes = contents.random.randrange(spread)
            expiry = encode_expiry((minute - 1 - minutes if number < due else minute + _DAY + minutes) * _MINUTE)
            contents.point(DEFAULT_NAMING.element_expiry(key_id, element), expiry)


def add_counters(contents: Contents, amount: int, _due: int, spread: int) -> None:
    """Add counters that remember as many operations as counters in use do, each with ten breadcrumbs; ``amount`` counts these.

    They were left within so many minutes up to an hour ago.
    """
    _add_counters(contents, key_ids(amount // CRUMBS_PER_COUNTER), spread)


def _add_counters(contents: Contents, ids: Iterable[KeyId], spread: int) -> None:
    for key_id in ids:
        recent = tuple((contents.op(), number) for number in range(1, RECENT_OPERATIONS + 1))
        counter = Counter(value=len(recent), op=recent[-1][0], seq=len(recent), recent=recent)
        contents.point(DEFAULT_NAMING.value(key_id), encode_counter(counter))
        for _ in range(CRUMBS_PER_COUNTER):
            name = DEFAULT_NAMING.breadcrumb(key_id, timestamp(_past(contents, 1, spread)), contents.op())
            contents.point(name, encode_delta(contents.random.choice((1, 1, 1, 2, -1))))


def add_scale(contents: Contents, amount: int, due: int, spread: int) -> None:
    """Add keys as ``add_keys`` does, every tenth with its name, 1,000 breadcrumbs, a text, a counter and a map."""
    add_keys(contents, amount, due, spread)
    for number in range(0, amount, KEYS_PER_NAME):
        name = encode_data(parse_value("String", f"key-{number}"))
        contents.point(DEFAULT_NAMING.key(name.key_id), *name.objects)
    _add_counters(contents, (key_id_of(amount + number) for number in range(COUNTERS_TO_GATHER)), spread)
    contents.point(value_ref(TEXT), *encode_data(parse_value("String", "a value")).objects)
    contents.point(value_ref(COUNTER), encode_counter(Counter(value=1, op=contents.op(), seq=1, recent=())))
    fields = {f"field-{number}": blob(f"value {number}".encode()) for number in range(ELEMENTS_PER_MAP)}
    record = encode_collection(Collection("map", "String", "text/plain", "txt", {name: made.oid for name, made in fields.items()}))
    contents.point(value_ref(MAP), *fields.values(), *record.objects)


def value_ref(label: str) -> RefName:
    """Name the ref of the value of a key of this text."""
    return DEFAULT_NAMING.value(encode_data(parse_value("String", label)).key_id)


def add_parked(contents: Contents, amount: int, _due: int, spread: int) -> None:
    """Add gc/ branches, parked within so many minutes up to a month ago."""
    values = [encode_data(parse_value("String", f"value {number}")).objects for number in range(VALUES)]
    for number, key_id in enumerate(key_ids(amount)):
        moment = _past(contents, 30 * 24, spread)
        contents.point(DEFAULT_NAMING.parked(key_id, timestamp(moment)), *values[number % VALUES])


def _past(contents: Contents, hours: int, spread: int) -> Micros:
    return Micros(contents.now - hours * 3_600 * SECOND - contents.random.randrange(spread * _MINUTE * SECOND))


def key_ids(amount: int) -> Iterable[KeyId]:
    """Return the ids of the keys ``key-0``, ``key-1`` and so on."""
    if amount <= _CHUNK:
        yield from map(key_id_of, range(amount))
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(key_id_of, range(amount), chunksize=_CHUNK)


def key_id_of(number: int) -> KeyId:
    """Return the id of one of the keys."""
    return encode_data(parse_value("String", f"key-{number}")).key_id


def write(path: Path, contents: Contents) -> None:
    """Write a bare repository of these contents."""
    run_git("init", "--quiet", "--bare", "--initial-branch=main", path)
    run_git("-C", path, "index-pack", "--stdin", stdin=write_pack(contents.objects.values()))
    with (path / "packed-refs").open("w", encoding="ascii") as file:
        file.write(_PACKED_REFS_HEADER)
        file.writelines(f"{oid} {name}\n" for name, oid in sorted(contents.refs.items()))


def write_push(path: Path, plan: Plan) -> None:
    """Write the one push that a plan comes down to."""
    transactions = [action.transaction for action in plan.take()]
    updates = [update for transaction in transactions for update in transaction.updates]
    objects = {obj.oid: obj for transaction in transactions for obj in transaction.objects}
    path.write_text(
        json.dumps(
            {
                "updates": [[update.name, _ZERO_OID if update.new is DELETE else update.new] for update in updates],
                "objects": [[TYPE_NUMBERS[obj.kind], base64.b64encode(obj.data).decode()] for obj in objects.values()],
            }
        ),
        encoding="ascii",
    )


_Add = Callable[[Contents, int, int, int], None]
_Planner = Callable[[Database], Plan]


def main(kind: str, path: Path, amount: int, due: int, spread: int) -> None:
    """Fill a repository, and write the push of the job that goes with it."""
    outside = surroundings(isolated_environ(), lambda _what, _done, _total: None)
    kinds: Mapping[str, tuple[_Add, _Planner]] = {
        "sweep": (add_keys, plan_sweep),
        "elements": (add_maps, plan_sweep),
        "gather": (add_counters, partial(plan_gather, grace_seconds=DEFAULT_GRACE_SECONDS)),
        "purge": (add_parked, partial(plan_purge, retention_seconds=DEFAULT_RETENTION_SECONDS)),
    }
    contents = Contents(outside.clock())
    if kind == "scale":
        add_scale(contents, amount, due, spread)
        write(path, contents)
        return
    add, planner = kinds[kind]
    add(contents, amount, due, spread)
    write(path, contents)
    patience = Patience(300, outside.elapsed, outside.sleep, outside.random)
    store = open_git_store(str(path), environ=outside.environ, clock=ServerClock(outside.clock), patience=patience)
    write_push(path.with_name(f"{path.name}.push.json"), planner(Database(store, outside.sleep, outside.random, outside.new_op)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
