"""Storing objects by REST: which requests a set of objects takes, and making them.

A tree may carry the text of its files, so a value of text takes two requests: one for its blobs and tree, one for its commit. Of a
large tree that is like one seen before, only what differs is sent. What is named by its content may be sent again; every answer
must repeat the oid that was computed here.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_keyval.errors import MalformedRecordError, StoreError
from git_keyval.format.elements import read_record_tree
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.objects import COMMIT_TIME, PERSON_EMAIL, PERSON_NAME, GitObject, Oid, read_commit
from git_keyval.format.times import iso_utc
from git_keyval.store.github.answers import Json
from git_keyval.store.github.failures import RejectedError
from git_keyval.store.github.repository import Repository
from git_keyval.store.github.trees import Bases, TreeUpload, inlined
from git_keyval.store.messages import one_line

ASSUMED = frozenset(obj.oid for obj in (*DUMMY_OBJECTS, NULL_COMMIT))
"""What every database in use has. It is sent only if the server turns out to lack it."""

_ASSUMED_REQUESTS = 2

# One identity and time for all commits (docs/format.md, "Commits"); both persons are sent, or GitHub signs what it makes.
PERSON = {"name": PERSON_NAME, "email": PERSON_EMAIL, "date": iso_utc(COMMIT_TIME)}


class Uploads:
    """Stores objects in one repository, each once per run."""

    def __init__(self, repository: Repository) -> None:
        """Store in this repository."""
        self._repository = repository
        self._stored: set[Oid] = set()
        self._refusals: dict[Oid, RejectedError] = {}
        self._bases = Bases()

    def saw(self, oids: Iterable[Oid]) -> None:
        """Learn that the repository has these commits, and so what they need."""
        self._stored.update(oids)

    def saw_objects(self, objects: Iterable[GitObject]) -> None:
        """Learn that the repository has the trees among these objects, and so what they name."""
        self._bases.add(objects)

    def cost(self, objects: Iterable[GitObject], *, anchors: bool = False) -> int | None:
        """Count the requests that storing these takes, in a repository that has what every database has, unless it ``anchors`` one.

        None if there is an object that the API cannot make: a tag object, a commit that this format does not write, a message that
        is no text, a tree that is empty or not of this format.
        """
        missing = self._missing(objects)
        assumed = _ASSUMED_REQUESTS if anchors and not self._stored >= ASSUMED else 0
        return assumed + len(_Plan(missing, self._bases)) if all(map(_is_makable, missing)) else None

    def store(self, objects: Iterable[GitObject]) -> None:
        """Store what is not there yet. Raises StoreError, and RejectedError for an object that the server does not take.

        Such an object is sent once a run.
        """
        missing = self._missing(objects)
        if not all(map(_is_makable, missing)):
            raise RejectedError("transport", "the API cannot make such an object; git can")
        for step in _Plan(missing, self._bases).steps():
            if refusal := self._refusals.get(step.oid):
                raise refusal
            try:
                self._send_with_assumed(step)
            except RejectedError as exc:
                self._refusals[step.oid] = exc
                raise
        self._stored.update(obj.oid for obj in missing)
        self._bases.add(missing)

    def store_assumed(self) -> bool:
        """Store what every database has; return False if this run has done so before."""
        if self._stored >= ASSUMED:
            return False
        self._stored |= ASSUMED
        readme, dummy_tree = DUMMY_OBJECTS
        for step in _Plan([readme, dummy_tree, NULL_COMMIT], self._bases).steps():
            self._send(step)
        return True

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

    def _missing(self, objects: Iterable[GitObject]) -> list[GitObject]:
        return list({obj.oid: obj for obj in objects if not self._has(obj.oid)}.values())

    def _has(self, oid: Oid) -> bool:
        return oid in self._stored or oid in ASSUMED or self._bases.hold(oid)

    def _send(self, step: "_Step", *, all_stored: bool = True) -> None:
        answer = self._repository.post(f"git/{step.resource}", step.body, all_stored=all_stored)
        stored = answer.get("sha") if isinstance(answer, dict) else None
        if stored != step.oid:
            raise StoreError(
                f"GitHub stored another object than was sent ({one_line(str(stored))} instead of {step.oid}).",
                "Please report this: nothing may be built on such an object.",
            )


class _Step:
    """One request: what to POST below /git/, and the oid that must come back."""

    def __init__(self, resource: str, body: Mapping[str, Json], oid: Oid) -> None:
        self.resource = resource
        self.body = body
        self.oid = oid

    @property
    def names(self) -> set[Oid]:
        """Return the oids of the objects that the body names: the tree of a commit, the base and the entries of a tree."""
        tree = self.body.get("tree", ())
        named = [tree] if isinstance(tree, str) else [self.body.get("base_tree"), *(entry.get("sha") for entry in tree)]
        return {Oid(oid) for oid in named if oid is not None}


class _Plan:
    """The requests in the order in which the objects need each other: blobs, then trees and commits as they come."""

    def __init__(self, objects: Sequence[GitObject], bases: Bases) -> None:
        texts = {obj.oid: text for obj in objects if obj.kind == "blob" and (text := _as_text(obj.data)) is not None}
        carried = inlined((obj for obj in objects if obj.kind == "tree"), texts)
        self._blobs = [_blob_step(obj, texts.get(obj.oid)) for obj in objects if obj.kind == "blob" and obj.oid not in carried]
        self._others = [
            _commit_step(obj) if obj.kind == "commit" else TreeUpload(obj, carried, bases) for obj in objects if obj.kind != "blob"
        ]

    def __len__(self) -> int:
        return len(self._blobs) + sum(1 if isinstance(other, _Step) else len(other) for other in self._others)

    def steps(self) -> Iterator[_Step]:
        yield from self._blobs
        for other in self._others:
            if isinstance(other, _Step):
                yield other
            else:
                yield from (_Step("trees", body, oid) for body, oid in other.bodies())


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
