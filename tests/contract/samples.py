"""Objects, names and transactions to try a store with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from git_keyval.format.elements import Collection, encode_collection
from git_keyval.format.metadata import DUMMY_OBJECTS, message_only
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, blob, from_content, tree
from git_keyval.format.records import encode_data
from git_keyval.format.values import bytes_value
from git_keyval.store.port import ABSENT, ANY, DELETE, Conflict, Expect, Outcome, RefUpdate, Store, Transaction

UNSTORED = Oid("deadbeef" * 5)
"""The oid of no object."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a ref may point at, with all objects that it needs; the last one is the target."""

    objects: tuple[GitObject, ...]

    @property
    def target(self) -> GitObject:
        return self.objects[-1]

    @property
    def oid(self) -> Oid:
        return self.target.oid


def note(text: str | bytes) -> Sample:
    """Make a commit whose data is its message."""
    return Sample((*DUMMY_OBJECTS, message_only(text.encode() if isinstance(text, str) else text)))


def record(data: bytes) -> Sample:
    """Make a data commit, with a tree and blobs of its own."""
    return Sample(encode_data(bytes_value(data)).objects)


def collection(elements: Mapping[str, GitObject], *, of_json: bool = False) -> Sample:
    """Make a map, with the blobs of its elements, a subtree and a tree of its own."""
    oids = {key: made.oid for key, made in elements.items()}
    if of_json:
        made = encode_collection(Collection("map", "JSON", "application/json", "json", oids))
    else:
        made = encode_collection(Collection("map", "Uint8Array", "application/octet-stream", "bin", oids))
    return Sample((*elements.values(), *made.objects))


def texts(count: int) -> dict[str, GitObject]:
    """Make elements, each with a text of its own."""
    return {f"field {number}": blob(b"%d" % number) for number in range(count)}


def annotated_tag(target: Sample) -> Sample:
    """Make an annotated tag, which this product never writes."""
    head = f"object {target.oid}\ntype commit\ntag v1\ntagger A U Thor <a@example.com> 1750000000 +0200\n\nA release.\n"
    return Sample((*target.objects, from_content("tag", head.encode())))


def plain_blob(data: bytes) -> Sample:
    """Make a blob for a ref to point at, which this product never does."""
    return Sample((blob(data),))


def foreign_commit(text: str) -> Sample:
    """Make a commit as people do: with a parent, an identity of its own, and a subtree."""
    readme = blob(b"Read me.\n")
    leaf = tree([("README.md", readme.oid)])
    root = from_content("tree", b"40000 docs\0" + bytes.fromhex(leaf.oid))
    parent = _by_people(root, "", "the first")
    return Sample((readme, leaf, root, parent, _by_people(root, f"parent {parent.oid}\n", text)))


def _by_people(root: GitObject, parents: str, text: str) -> GitObject:
    who = "A U Thor <a@example.com> 1750000000 +0200"
    return from_content("commit", f"tree {root.oid}\n{parents}author {who}\ncommitter {who}\n\n{text}\n".encode())


def branch(name: str) -> RefName:
    return RefName(f"refs/heads/kv-0a/{name}")


def tag(name: str) -> RefName:
    return RefName(f"refs/tags/kv-0a/bc-1/{name}")


def put(name: RefName, sample: Sample, expect: Oid | Expect = ANY) -> Transaction:
    """Write one ref, with the objects it needs."""
    return Transaction((RefUpdate(name, expect, sample.oid),), sample.objects)


def create(name: RefName, sample: Sample) -> Transaction:
    """Write one ref that must be absent."""
    return put(name, sample, ABSENT)


def delete(name: RefName, expect: Oid | Expect = ANY) -> Transaction:
    """Delete one ref."""
    return Transaction((RefUpdate(name, expect, DELETE),))


def together(*transactions: Transaction) -> Transaction:
    """Make one transaction of several."""
    return Transaction(
        tuple(update for transaction in transactions for update in transaction.updates),
        tuple({obj.oid: obj for transaction in transactions for obj in transaction.objects}.values()),
    )


def assertion(name: RefName, oid: Oid) -> Transaction:
    """Require that a ref is at an oid, and move nothing."""
    return Transaction((RefUpdate(name, oid, oid),))


def all_refs(store: Store) -> dict[RefName, Oid]:
    """Return every ref of the store."""
    return dict(store.list(["refs/"]))


def by_oid(objects: Iterable[GitObject]) -> dict[Oid, GitObject]:
    return {obj.oid: obj for obj in objects}


def conflicts(outcome: Outcome) -> list[RefName]:
    """Return the refs of a conflict, which has each of them once."""
    assert isinstance(outcome, Conflict), outcome
    return sorted(outcome.refs)
