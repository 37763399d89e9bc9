"""Storing objects by REST: which requests a set of objects takes, and making them.

A tree may carry the text of its files, so a value of text takes two requests: one for its blobs and tree, one for its commit. What
is named by its content may be sent again; every answer must repeat the oid that was computed here.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from git_keyval.errors import MalformedRecordError, StoreError
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.objects import COMMIT_TIME, PERSON_EMAIL, PERSON_NAME, GitObject, Oid, read_commit, read_tree
from git_keyval.format.times import iso_utc
from git_keyval.store.github.client import Json
from git_keyval.store.github.failures import RejectedError
from git_keyval.store.github.repository import Repository
from git_keyval.store.messages import one_line

ASSUMED = frozenset(obj.oid for obj in (*DUMMY_OBJECTS, NULL_COMMIT))
"""What every database in use has: sent only if the server turns out to lack it."""

_INLINE_CHARACTERS = 512 * 1024
"""How much of one text a tree may carry; GitHub gives up on trees of a few megabytes."""
# One identity and time for all commits (docs/format.md, "Commits"); both persons are sent, or GitHub signs what it makes.
_PERSON = {"name": PERSON_NAME, "email": PERSON_EMAIL, "date": iso_utc(COMMIT_TIME)}


class Uploads:
    """Stores objects in one repository, each once per run."""

    def __init__(self, repository: Repository) -> None:
        """Store in this repository."""
        self._repository = repository
        self._stored: set[Oid] = set()

    def saw(self, oids: Iterable[Oid]) -> None:
        """Learn that the repository has these commits, and so what they need."""
        self._stored.update(oids)

    def cost(self, objects: Iterable[GitObject]) -> int | None:
        """Count the requests that storing these takes, in a repository that has what every database has.

        None if there is an object that the API cannot make: a tag object, another's commit, a message that is no text.
        """
        missing = self._missing(objects)
        return len(_plan(missing)) if all(map(_is_makable, missing)) else None

    def store(self, objects: Iterable[GitObject]) -> None:
        """Store what is not there yet. Raises RejectedError for what the server does not take, and StoreError."""
        missing = self._missing(objects)
        if not all(map(_is_makable, missing)):
            raise RejectedError("transport", "the API cannot make such an object; git can")
        for step in _plan(missing):
            try:
                self._send(step)
            except RejectedError:
                # The dummy tree is missing, or something is wrong with the object itself: then the second refusal says so.
                if not self.store_assumed():
                    raise
                self._send(step)
        self._stored.update(obj.oid for obj in missing)

    def store_assumed(self) -> bool:
        """Store what every database has; False if this run has done so before."""
        if self._stored >= ASSUMED:
            return False
        self._stored |= ASSUMED
        readme, dummy_tree = DUMMY_OBJECTS
        for step in _plan([readme, dummy_tree, NULL_COMMIT]):
            self._send(step)
        return True

    def _missing(self, objects: Iterable[GitObject]) -> list[GitObject]:
        return list({obj.oid: obj for obj in objects if obj.oid not in self._stored and obj.oid not in ASSUMED}.values())

    def _send(self, step: "_Step") -> None:
        answer = self._repository.post(f"git/{step.resource}", step.body)
        told = answer.get("sha") if isinstance(answer, dict) else None
        if told != step.oid:
            raise StoreError(
                f"GitHub stored another object than was sent ({one_line(str(told))} instead of {step.oid}).",
                "Please report this: nothing may be built on such an object.",
            )


class _Step:
    """One request: what to POST below /git/, and the oid that must come back."""

    def __init__(self, resource: str, body: Mapping[str, Json], oid: Oid) -> None:
        self.resource = resource
        self.body = body
        self.oid = oid


def _plan(objects: Sequence[GitObject]) -> list[_Step]:
    """Give the requests in the order in which the objects need each other: blobs, then trees and commits as they come."""
    texts = {obj.oid: text for obj in objects if obj.kind == "blob" and (text := _text(obj.data)) is not None}
    carried: set[Oid] = set()
    steps: list[_Step] = []
    for obj in objects:
        if obj.kind == "tree":
            files = read_tree(obj)
            small = {oid for oid in files.values() if oid in texts and _fits(texts[oid], files, oid)}
            steps.append(_tree_step(obj, texts, small))
            carried |= small
        elif obj.kind == "commit":
            steps.append(_commit_step(obj))
    return [*(_blob_step(obj, texts.get(obj.oid)) for obj in objects if obj.kind == "blob" and obj.oid not in carried), *steps]


def _fits(text: str, files: Mapping[str, Oid], oid: Oid) -> bool:
    """Tell whether a tree can carry a text in each of its files that hold it."""
    return len(text) * sum(other == oid for other in files.values()) <= _INLINE_CHARACTERS


def _is_makable(obj: GitObject) -> bool:
    try:
        if obj.kind == "commit":
            read_commit(obj)[1].decode()
        elif obj.kind == "tree":
            read_tree(obj)
    except (MalformedRecordError, UnicodeDecodeError):
        return False
    return obj.kind != "tag"


def _text(data: bytes) -> str | None:
    """Give data as text, if JSON can carry it so."""
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def _tree_step(obj: GitObject, texts: Mapping[Oid, str], carried: AbstractSet[Oid]) -> _Step:
    entries = [
        _entry(name, content=texts[oid]) if oid in carried else _entry(name, sha=oid) for name, oid in read_tree(obj).items()
    ]
    return _Step("trees", {"tree": entries}, obj.oid)


def _entry(name: str, **what: str) -> dict[str, str]:
    return {"path": name, "mode": "100644", "type": "blob", **what}


def _blob_step(obj: GitObject, text: str | None) -> _Step:
    if text is not None:
        return _Step("blobs", {"content": text, "encoding": "utf-8"}, obj.oid)
    return _Step("blobs", {"content": base64.b64encode(obj.data).decode(), "encoding": "base64"}, obj.oid)


def _commit_step(obj: GitObject) -> _Step:
    tree_oid, message = read_commit(obj)
    body = {"message": message.decode(), "tree": tree_oid, "parents": [], "author": _PERSON, "committer": _PERSON}
    return _Step("commits", body, obj.oid)
