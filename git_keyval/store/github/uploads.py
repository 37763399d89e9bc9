"""Storing objects by REST: which requests a set of objects takes, and making them.

A tree may carry the text of its files, so a value of text takes two requests: one for its blobs and tree, one for its commit. So
does a map or an array, whose subtree goes with the tree around it. Of a large tree that is like one seen before, only what differs
is sent. What is named by its content may be sent again; every answer must repeat the oid that was computed here.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

from git_keyval.errors import MalformedRecordError, StoreError
from git_keyval.format.elements import read_record_tree
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.objects import COMMIT_TIME, PERSON_EMAIL, PERSON_NAME, GitObject, Oid, read_commit
from git_keyval.format.times import iso_utc
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.closure import closure
from git_keyval.store.github.answers import Json
from git_keyval.store.github.failures import RejectedError
from git_keyval.store.github.repository import Repository
from git_keyval.store.github.trees import Bases, inlined, nested_body, tree_bodies
from git_keyval.store.messages import one_line
from git_keyval.store.port import Depth

ASSUMED = frozenset(obj.oid for obj in (*DUMMY_OBJECTS, NULL_COMMIT))
"""What every database in use has. It is sent only if the server turns out to lack it."""

_ASSUMED_REQUESTS = 2

# One identity and time for all commits (docs/format.md, "Commits"); both persons are sent, or GitHub signs what it makes.
PERSON = {"name": PERSON_NAME, "email": PERSON_EMAIL, "date": iso_utc(COMMIT_TIME)}


class Uploads:
    """Stores objects in one repository, each once per run."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._stored: set[Oid] = set()
        self._found: set[Oid] = set()
        self._left_out: dict[Oid, GitObject] = {}
        self._refusals: dict[Oid, RejectedError] = {}
        self._bases = Bases()
        self._nests = True

    def saw(self, oids: Iterable[Oid]) -> None:
        """Learn that the repository has these commits, and so what they need."""
        self._stored.update(oids)

    def found(self, oids: Iterable[Oid]) -> None:
        """Learn that the repository has these objects, and so what they need; but no ref need point at any, so it may lose them."""
        self._found.update(oids)

    @property
    def known(self) -> AbstractSet[Oid]:
        """Return objects of which it is known that the repository has them."""
        return self._stored

    def saw_objects(self, objects: Iterable[GitObject]) -> None:
        """Learn that the repository has the trees among these objects, and so what they name."""
        self._bases.add(objects)

    def cost(self, objects: Iterable[GitObject], most: int, *, anchors: bool) -> int | None:
        """Count the requests that storing these takes, up to ``most``; with ``anchors`` what every database has is not there yet.

        None if there is an object that the API cannot make: a tag object, a commit that this format does not write, a message that
        is no text, a tree that is empty or not of this format.
        """
        missing = self._missing(objects)
        assumed = _ASSUMED_REQUESTS if anchors and not self._stored >= ASSUMED else 0
        if not all(map(_is_makable, missing)):
            return None
        return assumed + sum(1 for _ in islice(_steps(missing, self._bases, nests=self._nests), most))

    def store(self, objects: Iterable[GitObject]) -> None:
        """Store what is not there yet. Raises StoreError, and RejectedError for what the server does not take, once a run."""
        all_ = list(objects)
        missing = self._missing(all_)
        sent = {obj.oid for obj in missing}
        self._left_out |= {obj.oid: obj for obj in self._missing(all_, trusting=False) if obj.oid not in sent}
        if not all(map(_is_makable, missing)):
            raise RejectedError("transport", "the API cannot make such an object; git can")
        for step in _steps(missing, self._bases, nests=self._nests):
            if refusal := self._refusals.get(step.oid):
                raise refusal
            try:
                self._send_in_parts(step)
            except RejectedError as exc:
                self._refusals[step.oid] = exc
                raise
        self._stored.update(obj.oid for obj in missing)
        self._bases.add(missing)

    def store_left_out(self) -> bool:
        """Store what was not sent because the server seemed to have it; return False if that is nothing, or is refused."""
        left_out, self._left_out = list(self._left_out.values()), {}
        self._found.clear()
        try:
            self.store(left_out)
            return bool(left_out) or self.store_assumed()
        except RejectedError:
            return False

    def store_assumed(self) -> bool:
        """Store what every database has; return False if this run has done so before."""
        if self._stored >= ASSUMED:
            return False
        for step in _steps([*DUMMY_OBJECTS, NULL_COMMIT], self._bases, nests=False):
            self._send(step)
        self._stored |= ASSUMED
        return True

    def _send_in_parts(self, step: "_Step") -> None:
        """Send a step, and in its place its parts if the server does not make of it what it should."""
        try:
            self._send_with_assumed(step)
        except (RejectedError, _AnotherObjectError) as exc:
            if step.parts is None or (isinstance(exc, RejectedError) and exc.is_final):
                raise
            self._nests = False
            for part in step.parts():
                self._send_with_assumed(part)

    def _send_with_assumed(self, step: "_Step") -> None:
        needs_assumed = not step.names.isdisjoint(ASSUMED - self._stored)
        try:
            self._send(step, all_stored=not needs_assumed)
        except RejectedError as exc:
            if exc.is_final or not needs_assumed:
                raise
            # The dummy tree is missing, or something is wrong with the object itself: then the second refusal says so.
            self.store_assumed()
            self._send(step)

    def _missing(self, objects: Iterable[GitObject], *, trusting: bool = True) -> list[GitObject]:
        """Return what the repository lacks, as far as is known; if not ``trusting``, what was only found to be there, too."""
        by_oid = {obj.oid: obj for obj in objects}
        known = self._stored | ASSUMED
        found = closure(self._found & by_oid.keys(), by_oid, Depth.VALUES).keys() if trusting else set()
        others = (obj.oid for obj in by_oid.values() if found and obj.kind == "commit" and obj.oid not in known | found)
        left_out = known | (found - closure(others, by_oid, Depth.VALUES).keys())
        return [obj for oid, obj in by_oid.items() if oid not in left_out and not self._bases.hold(oid)]

    def _send(self, step: "_Step", *, all_stored: bool = True) -> None:
        answer = self._repository.post(f"git/{step.resource}", step.body, all_stored=all_stored)
        stored = answer.get("sha") if isinstance(answer, dict) else None
        if stored != step.oid:
            raise _AnotherObjectError(
                f"GitHub stored another object than was sent ({one_line(str(stored))} instead of {step.oid}).",
                "Please report this: nothing may be built on such an object.",
            )


class _AnotherObjectError(StoreError):
    """The server stored something else than it was sent."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One request: what to POST below /git/, and the oid that must come back.

    ``parts`` are requests that make the same one by one.
    """

    resource: str
    body: Mapping[str, Json]
    oid: Oid
    parts: "Callable[[], Iterable[_Step]] | None" = None

    @property
    def names(self) -> set[Oid]:
        """Return the oids of the objects that the body names: the tree of a commit, the base and the entries of a tree."""
        tree = self.body.get("tree", ())
        named = [tree] if isinstance(tree, str) else [self.body.get("base_tree"), *(entry.get("sha") for entry in tree)]
        return {Oid(oid) for oid in named if oid is not None}


def _steps(objects: Sequence[GitObject], bases: Bases, *, nests: bool) -> Iterator[_Step]:
    """Yield the requests in the order in which the objects need each other: blobs, then trees and commits as they come.

    If it ``nests``, a subtree that comes before the tree around it goes with that.
    """
    texts = {obj.oid: text for obj in objects if obj.kind == "blob" and (text := _as_text(obj.data)) is not None}
    carried = inlined((obj for obj in objects if obj.kind == "tree"), texts)
    yield from (_blob_step(obj, texts.get(obj.oid)) for obj in objects if obj.kind == "blob" and obj.oid not in carried)
    folders = {oid for obj in objects if nests and obj.kind == "tree" for oid in read_record_tree(obj).folders.values()}
    waiting: dict[Oid, GitObject] = {}
    for obj in objects:
        if obj.kind == "commit":
            yield _commit_step(obj)
        elif obj.oid in folders:
            waiting[obj.oid] = obj
        elif obj.kind == "tree":
            below = [waiting.pop(oid) for oid in read_record_tree(obj).folders.values() if oid in waiting]
            yield from _tree_steps([*below, obj], carried, bases)


def _tree_steps(trees: Sequence[GitObject], texts: Mapping[Oid, str], bases: Bases) -> Iterator[_Step]:
    """Yield what makes a tree, after its subtree if there is one to be made."""
    (*below, obj) = trees
    for folder in below:
        body = nested_body(obj, folder, texts, bases)
        if body is not None:
            yield _Step("trees", body, obj.oid, lambda: _one_by_one(trees, texts, bases))
            return
    yield from _one_by_one(trees, texts, bases)


def _one_by_one(trees: Iterable[GitObject], texts: Mapping[Oid, str], bases: Bases) -> Iterator[_Step]:
    return (_Step("trees", body, oid) for obj in trees for body, oid in tree_bodies(obj, texts, bases))


def _is_makable(obj: GitObject) -> bool:
    try:
        if obj.kind == "commit":
            read_commit(obj)[1].decode()
        elif obj.kind == "tree":
            return bool(read_record_tree(obj).files)
    except (MalformedRecordError, UnicodeDecodeError):
        return False
    return obj.kind != "tag"


def _as_text(data: bytes) -> str | None:
    """Return data as text; None if JSON cannot carry it so."""
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _blob_step(obj: GitObject, text: str | None) -> _Step:
    if text is not None:
        return _Step("blobs", {"content": text, "encoding": "utf-8"}, obj.oid)
    return _Step("blobs", {"content": base64.b64encode(obj.data).decode(), "encoding": "base64"}, obj.oid)


def _commit_step(obj: GitObject) -> _Step:
    tree_oid, message = read_commit(obj)
    body = {"message": message.decode(), "tree": tree_oid, "parents": [], "author": PERSON, "committer": PERSON}
    return _Step("commits", body, obj.oid)
