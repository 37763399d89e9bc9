"""What a read asks GraphQL for, and what its answer holds: pure.

Every object that an answer describes is built anew from it, and counts only if its oid is the one asked for. The adapter fetches in
another way what cannot be built so: a signed commit, a file that is no text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from git_keyval.format.names import RefName
from git_keyval.format.objects import FILE_MODE, FOLDER_MODE, GitObject, Oid, blob, commit, tree
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.github.answers import Json
from git_keyval.store.port import Depth

PAGE = 100
"""How many refs below a prefix one answer brings: the most that GitHub allows."""

RESOLVED = ("refs/heads/", "refs/tags/")
"""Where the refs are that GraphQL knows."""

_DATA_FILE = "bytes"
_BLOB = "... on Blob { oid text isTruncated }"
_ENTRIES = "entries { name mode oid }"
_DEEP_ENTRIES = f"entries {{ name mode oid object {{ ... on Tree {{ {_ENTRIES} }} }} }}"
_TARGETS = {
    Depth.OIDS: "oid",
    Depth.MESSAGES: "oid ... on Commit { message tree { oid } }",
    Depth.TREES: f"oid ... on Commit {{ message tree {{ oid {_DEEP_ENTRIES} }} }} ... on Tree {{ {_DEEP_ENTRIES} }} {_BLOB}",
    # A subtree is fetched with the blobs in it, so this asks for none.
    Depth.VALUES: (
        f"oid ... on Commit {{ message tree {{ oid {_ENTRIES} }} "
        f'file(path: "{_DATA_FILE}") {{ object {{ {_BLOB} }} }} }} '
        f"... on Tree {{ {_ENTRIES} }} {_BLOB}"
    ),
}
_FIELDS = {
    "ref": "ref(qualifiedName: $%s) { target { %s } }",
    "object": "object(oid: $%s) { %s }",
    "presence": "object(oid: $%s) { %s }",
    "file": f"%s: file(path: $%s) {{ object {{ {_BLOB} }} }}",
    "refs": "refs(refPrefix: $%s, first: %d, after: %s) { nodes { name prefix target { %s } } pageInfo { hasNextPage endCursor } }",
}
# By its oid any object is asked for, and shown whatever the depth; a key's refs point at commits.
_OBJECTS = {**_TARGETS, Depth.MESSAGES: f"{_TARGETS[Depth.MESSAGES]} ... on Tree {{ {_ENTRIES} }} {_BLOB}"}
_TYPES = {"ref": "String!", "refs": "String!", "object": "GitObjectID!", "presence": "GitObjectID!"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to read: a ref by name, the refs below a prefix (on from a cursor), an object by oid, or whether there is one.

    With the commit of a ref come the ``files`` at these paths in its tree.
    """

    kind: Literal["ref", "refs", "object", "presence"]
    text: str
    after: str | None = None
    files: tuple[str, ...] = ()

    @property
    def is_listed(self) -> bool:
        """Whether no query answers it: a ref that is neither branch nor tag, or what is below a prefix that is no folder."""
        if self.kind in {"object", "presence"}:
            return False
        return not self.text.startswith(RESOLVED) or (self.kind == "refs" and not self.text.endswith("/"))


@dataclass(slots=True)
class Found:
    """What answers hold. ``next_pages`` are still to be asked for; ``moved`` are refs that were not the same each time.

    ``listed`` are the folders of refs that were shown, to the end or up to a next page.

    ``withheld`` are objects that answers name without holding them in full, or that are not there; those that are blobs are in
    ``blobs``, too. ``files`` are the blobs at the paths that were asked for, ``present`` the objects that are there.
    """

    refs: dict[RefName, Oid] = field(default_factory=dict)
    objects: dict[Oid, GitObject] = field(default_factory=dict)
    next_pages: list[Wanted] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    asked: set[RefName] = field(default_factory=set)
    moved: set[RefName] = field(default_factory=set)
    withheld: set[Oid] = field(default_factory=set)
    blobs: set[Oid] = field(default_factory=set)
    files: set[Oid] = field(default_factory=set)
    present: set[Oid] = field(default_factory=set)

    def saw(self, name: RefName, oid: Oid | None) -> None:
        """Add what a ref is; None if it does not exist."""
        if name in self.asked and self.refs.get(name) != oid:
            self.moved.add(name)
        self.asked.add(name)
        if oid is None:
            self.refs.pop(name, None)
        else:
            self.refs[name] = oid


def read_query(wanted: Sequence[Wanted], depth: Depth) -> tuple[str, dict[str, Json]]:
    """Return the query that asks for these in this order, and its variables except ``owner`` and ``name``."""
    fields: list[str] = []
    declared: list[str] = ["$owner: String!", "$name: String!"]
    variables: dict[str, Json] = {}
    target = _TARGETS[depth]
    for number, item in enumerate(wanted):
        alias = _alias(number, item)
        variables[alias] = item.text
        declared.append(f"${alias}: {_TYPES[item.kind]}")
        if item.kind == "refs":
            variables[f"{alias}c"] = item.after
            declared.append(f"${alias}c: String")
            fields.append(f"{alias}: {_FIELDS['refs'] % (alias, PAGE, f'${alias}c', target)}")
        else:
            paths = _paths(number, item, depth)
            variables |= paths
            declared += [f"${name}: String!" for name in paths]
            files = " ".join(_FIELDS["file"] % (name, name) for name in paths)
            shown = {"object": _OBJECTS[depth], "presence": "oid"}.get(item.kind, target)
            shown += f" ... on Commit {{ {files} }}" if files else ""
            fields.append(f"{alias}: {_FIELDS[item.kind] % (alias, shown)}")
    asked = " ".join(["id nameWithOwner isPrivate", *fields])
    text = f"query Read({', '.join(declared)}) {{ repository(owner: $owner, name: $name) {{ {asked} }} }}"
    return text, variables


def _alias(number: int, item: Wanted) -> str:
    """Return what an item is called in the query: answers depend on it if there may be no such object."""
    return f"object{number}" if item.kind in {"object", "presence"} else f"f{number}"


def _paths(number: int, item: Wanted, depth: Depth) -> dict[str, Json]:
    """Return the paths to ask for with a commit, by what they are called in the query; there may be no such files."""
    return {} if depth is Depth.OIDS else {f"file_{number}_{place}": path for place, path in enumerate(item.files)}


def read_answer(wanted: Sequence[Wanted], depth: Depth, data: Mapping[str, Json], found: Found) -> None:
    """Add what the ``repository`` of an answer to ``read_query`` holds."""
    for number, item in enumerate(wanted):
        answer = data[_alias(number, item)]
        if item.kind == "ref":
            target = answer and answer["target"]
            _add_ref(found, RefName(item.text), target, depth)
            _add_files(found, [target.get(name) for name in _paths(number, item, depth)] if target else ())
        elif item.kind == "refs":
            _add_listed(found, item, answer, depth)
        elif answer is not None and item.kind == "presence":
            found.present |= {Oid(answer["oid"])} & {item.text}
        elif item.kind == "object":
            if answer is not None:
                _add(found, answer)
            if item.text not in found.objects:
                found.withheld.add(Oid(item.text))


def _add_listed(found: Found, item: Wanted, answer: Mapping[str, Json] | None, depth: Depth) -> None:
    if answer is None:
        return
    found.listed.add(item.text)
    for node in answer["nodes"]:
        _add_ref(found, RefName(node["prefix"] + node["name"]), node["target"], depth)
    if answer["pageInfo"]["hasNextPage"]:
        found.next_pages.append(Wanted("refs", item.text, answer["pageInfo"]["endCursor"]))


def _add_ref(found: Found, name: RefName, target: Mapping[str, Json] | None, depth: Depth) -> None:
    found.saw(name, Oid(target["oid"]) if target else None)
    if target is not None and depth is not Depth.OIDS:
        _add(found, target)


def _add_files(found: Found, entries: Iterable[Json]) -> None:
    for entry in entries:
        shown = (entry or {}).get("object") or {}
        if "text" in shown:
            _add(found, shown)
            found.files.add(Oid(shown["oid"]))


def _add(found: Found, target: Mapping[str, Json]) -> None:
    """Add the objects that a target describes, and note those that it does not hold in full."""
    found.objects |= {obj.oid: obj for obj in _objects(target)}
    for shown in (target, target.get("tree") or {}, (target.get("file") or {}).get("object") or {}):
        is_described = shown is target or "entries" in shown or "text" in shown
        if is_described and shown["oid"] not in found.objects:
            found.withheld.add(Oid(shown["oid"]))
            if "text" in shown:
                found.blobs.add(Oid(shown["oid"]))


def _objects(shown: Mapping[str, Json]) -> Iterator[GitObject]:
    """Yield what an object of an answer, and all that is shown with it, may be; one that is not shown in full gets another oid."""
    if "message" in shown:
        message = shown["message"].encode("utf-8", "replace")
        # The API shows a message without its last line feed, and is not known to always do so.
        yield from (commit(Oid(shown["tree"]["oid"]), text) for text in (message + b"\n", message))
        yield blob(message)  # metadata.json holds the line that is the message
        yield from _objects(shown["tree"])
        yield from _objects((shown.get("file") or {}).get("object") or {})
    elif shown.get("entries") is not None:
        named: dict[int, list[tuple[str, Oid]]] = {}
        for entry in shown["entries"]:
            named.setdefault(entry["mode"], []).append((entry["name"], Oid(entry["oid"])))
            yield from _objects(entry.get("object") or {})
        yield tree(named.get(FILE_MODE, ()), named.get(FOLDER_MODE, ()))
    elif shown.get("text") is not None:
        yield blob(shown["text"].encode("utf-8", "replace"))
