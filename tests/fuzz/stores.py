"""Random repositories, written file by file: what a step meets, and what must be there afterwards."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from git_keyval.format.anchors import Anchor, encode_anchor
from git_keyval.format.counters import Counter, decode_counter, encode_counter, encode_delta
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.names import ANCHOR_TAG, DEFAULT_NAMING, KeyId, Naming, parse
from git_keyval.format.objects import GitObject, Oid, from_content
from git_keyval.format.records import encode_data
from git_keyval.format.times import SECOND, Micros, timestamp
from git_keyval.format.values import parse_value
from tests.encrypting import cipher
from tests.fuzz.records import (
    BY_ACCIDENTS,
    BY_WRITERS,
    NOW,
    OF_FAMILY,
    OPS,
    RECORDS,
    SECRET,
    Damage,
    Stored,
    anchor,
    data,
    delta,
    expiry,
    sealed,
    stored,
)
from tests.servers.binary import run_git

KEYS = ("alpha", "beta", "gamma", "7")
"""The keys that steps name."""

WITNESS, TALLY, TOTAL = "witness", "tally", 112
"""Two healthy keys that no step names: a value, and a counter with two breadcrumbs, which together are the total."""

_TALLIED = Counter(100, "tallytally", 1, (("tallytally", 100),))
_CRUMBS = {"tallycrumb5": (5, 600), "tallycrumb7": (7, 60)}

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_SETTINGS = (
    *("[receive]\n\tdenyDeletes = true\n", "[receive]\n\tdenyNonFastForwards = true\n", "[receive]\n\tmaxInputSize = 700\n"),
    *("[receive]\n\tfsckObjects = true\n", "[transfer]\n\thideRefs = refs/heads/kv-\n", "[receive]\n\tadvertiseAtomic = false\n"),
    *("[uploadpack]\n\tallowFilter = true\n", "[core]\n\tlogAllRefUpdates = true\n", "[protocol]\n\tversion = 0\n"),
    *("[receive]\n\tunpackLimit = 1\n", "[receive]\n\tcertNonceSeed = x\n", "[broken\n"),
)
_FOREIGN = (
    *("refs/heads/main", "refs/heads/kv-feature/val-x", "refs/heads/kv-0a/val-0a0a", "refs/heads/gc/notes", "refs/notes/commits"),
    *("refs/changes/1/head", "refs/tags/kv-1.0", "refs/tags/v1", "refs/tags/kv-0a/bc-0a0a/20200101T000000000000Z-operation"),
    *("refs/heads/gc/20200101T000000000000Z-0a0a", "refs/heads/##error]x", "refs/heads/kv-\u00fc/\u202e", "refs/tags/expiry-x"),
)
_JUNK: Mapping[str, bytes] = {
    "refs/heads/nothing": b"",
    "refs/heads/odd": b"not an oid\n",
    "refs/heads/link": b"ref: refs/heads/nowhere\n",
    "refs/heads/zero": b"0" * 40 + b"\n",
    "refs/heads/kv-0a.lock": b"",
    "shallow": b"",
    "packed-refs.lock": b"",
    "objects/info/alternates": b"/nowhere/objects\n",
    "hooks/pre-receive": b"#!/bin/sh\necho '::error::no' >&2\nexit 1\n",
    "hooks/update": b'#!/bin/sh\ncase "$1" in *7) exit 1 ;; esac\n',
    "hooks/post-receive": b"#!/bin/sh\necho '##[error]x'\nexit 1\n",
    "objects/pack/pack-" + "1" * 40 + ".pack": b"PACK",
    "HEAD": b"ref: refs/heads/other\n",
}


def key_id(text: str) -> KeyId:
    """Return the key id of a string key in a database that is not encrypted."""
    return encode_data(parse_value("String", text)).key_id


@dataclass(slots=True)
class Repository:
    """What is going to be written: refs, objects by oid, and files that stand for themselves, below the repository."""

    refs: dict[str, Oid] = field(default_factory=dict)
    objects: dict[Oid, GitObject] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    packed: bool = False
    shard_length: int = 2
    encrypted: bool = False

    def put(self, name: str, record: Stored) -> None:
        """Let a ref point at a record. What is under an oid already stays: it may be damaged on purpose."""
        self.refs[name] = record.target
        for made in record.objects:
            self.objects.setdefault(made.oid, made)

    def write(self, path: Path) -> None:
        """Write it all; the repository may be there already, empty."""
        files = {"config": _CONFIG.encode(), "HEAD": b"ref: refs/heads/main\n"} | self.files
        files |= {f"objects/{oid[:2]}/{oid[2:]}": _loose(made) for oid, made in self.objects.items()}
        lines = {name: f"{oid} {name}\n".encode() for name, oid in sorted(self.refs.items()) if name not in self.files}
        if self.packed:
            files["packed-refs"] = b"# pack-refs with: peeled fully-peeled sorted \n" + b"".join(lines.values())
        else:
            files |= {name: line[:40] + b"\n" for name, line in lines.items()}
        for folder in ("objects/pack", "refs/heads", "refs/tags"):
            (path / folder).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _write(path / name, content)


@dataclass(frozen=True, slots=True)
class Damages:
    """How probable it is that a record is damaged, and in which ways."""

    probability: float
    ways: Sequence[Damage]

    def of(self, r: Random, record: Stored, factor: float = 1) -> Stored:
        """Damage a record, or do not."""
        return r.choice(self.ways)(r, record) if r.random() < self.probability * factor else record


def draw_repository(r: Random, family: str = "", *, on_disk: bool = True) -> Repository:
    """Draw a repository: most have records that are odd but sound, many have damaged ones, some are broken as repositories.

    In most there is something for the commands of the family. One that is not on a disk has what people can push.
    """
    made = Repository(packed=r.random() < 0.3, shard_length=r.choice((2, 2, 2, 2, 1, 39)))
    damages = Damages(r.choice((0.0, 0.0, 0.15, 0.6)), BY_ACCIDENTS if on_disk else BY_WRITERS)
    made.encrypted = r.random() < 0.15
    if made.encrypted or r.random() < 0.7:
        first = stored(encode_anchor(Anchor(cipher("first").mark))) if made.encrypted else anchor(r)
        made.put(ANCHOR_TAG, damages.of(r, first, 0.3))
    for text in KEYS:
        if r.random() < 0.8:
            record = OF_FAMILY[family] if family in OF_FAMILY and r.random() < 0.7 else r.choice(RECORDS)
            _draw_key(r, made, text, damages, record)
    for name in r.sample(_FOREIGN, r.randrange(4)):
        made.put(name, damages.of(r, data(r)))
    if on_disk and r.random() < 0.25:
        made.files |= {name: _JUNK[name] for name in r.sample(sorted(_JUNK), r.randrange(1, 3))}
    if on_disk and r.random() < 0.15:
        made.files["config"] = (_CONFIG + r.choice(_SETTINGS)).encode()
    _plant_witnesses(made)
    return made


def _draw_key(r: Random, made: Repository, text: str, damages: Damages, draw: Callable[[Random], Stored]) -> None:
    naming, ident = Naming(made.shard_length), key_id(text)
    if made.encrypted:
        ident = cipher("first").key(parse_value("String", text)).key_id
    record = sealed(r, ident) if made.encrypted and r.random() < 0.8 else draw(r)
    made.put(naming.value(ident), damages.of(r, record))
    if r.random() < 0.3:
        made.put(naming.expiry(ident), damages.of(r, expiry(r)))
    for _ in range(r.choice((0, 0, 0, 1, 4))):
        time = timestamp(Micros(r.choice((1, NOW - 9_999, NOW - 1, NOW + 9_999_999)) * SECOND))
        made.put(naming.breadcrumb(ident, time, r.choice((*OPS, "another0"))), damages.of(r, delta(r)))
    if r.random() < 0.2:
        for element in ("one", "two", "0", "fence"):
            name = naming.element_expiry(ident, from_content("blob", element.encode()).oid)
            made.put(name, damages.of(r, expiry(r)))
    if r.random() < 0.2:
        made.put(naming.key(ident), damages.of(r, stored(*encode_data(parse_value("String", text)).objects)))
    if r.random() < 0.2:
        parked = timestamp(Micros(r.choice((1, NOW - 9_999_999, NOW, NOW + 99_999_999)) * SECOND))
        made.put(naming.parked(ident, parked), damages.of(r, data(r)))


def _plant_witnesses(made: Repository) -> None:
    made.put(DEFAULT_NAMING.value(key_id(WITNESS)), stored(*encode_data(parse_value("String", f"{SECRET} {WITNESS}")).objects))
    made.put(DEFAULT_NAMING.expiry(key_id(WITNESS)), stored(encode_expiry(NOW + 999_999_960)))
    made.put(DEFAULT_NAMING.value(key_id(TALLY)), stored(encode_counter(_TALLIED)))
    for op, (amount, ago) in _CRUMBS.items():
        time = timestamp(Micros((NOW - ago) * SECOND))
        made.put(DEFAULT_NAMING.breadcrumb(key_id(TALLY), time, op), stored(encode_delta(amount)))


def _loose(made: GitObject) -> bytes:
    return zlib.compress(f"{made.kind} {len(made.data)}\0".encode() + made.data, 1)


def _write(file: Path, content: bytes) -> None:
    if file.parent.is_file():  # two refs, of which one would be the folder of the other
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.is_dir():
        file.write_bytes(content)
        if file.parent.name == "hooks":
            file.chmod(0o755)


# --- what is there afterwards ---------------------------------------------------------------------------------------


def refs_of(path: Path) -> dict[str, str]:
    """Read all refs from the files, the malformed ones, too."""
    found = {}
    packed = path / "packed-refs"
    for line in packed.read_text(encoding="utf-8", errors="replace").splitlines() if packed.exists() else ():
        if line[:1] not in {"#", "^"}:
            oid, _, name = line.partition(" ")
            found[name] = oid
    for file in (path / "refs").rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            found[str(file.relative_to(path))] = file.read_bytes().decode("utf-8", "replace").strip()
    return found


def foreign(refs: Mapping[str, str]) -> dict[str, str]:
    """Return the refs that are not the database's."""
    return {name: oid for name, oid in refs.items() if parse(name) is None and name != ANCHOR_TAG}


def witness(refs: Mapping[str, str]) -> list[str | None]:
    """Return what the two refs of the witness point at."""
    return [refs.get(DEFAULT_NAMING.value(key_id(WITNESS))), refs.get(DEFAULT_NAMING.expiry(key_id(WITNESS)))]


def total(path: Path, refs: Mapping[str, str]) -> int:
    """Return what the tally amounts to, with those of its breadcrumbs that are not in it yet."""
    oid = refs[DEFAULT_NAMING.value(key_id(TALLY))]
    counter = _TALLIED
    if oid != encode_counter(counter).oid:
        counter = decode_counter(from_content("commit", run_git("cat-file", "commit", oid, directory=path).stdout))
    waiting = {name.rpartition("-")[2] for name in refs if name.startswith(DEFAULT_NAMING.breadcrumbs(key_id(TALLY)))}
    return counter.value + sum(_CRUMBS[op][0] for op in waiting if not counter.find(op))
