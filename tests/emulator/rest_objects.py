"""The REST routes of git objects: blobs, trees and commits."""

import base64
import binascii
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from tests.emulator.answers import json_answer, refuse
from tests.emulator.bodies import OPTIONAL_TEXT, TEXT, Json, Member, check_members, invalid, read_person, text_of
from tests.emulator.calls import Call
from tests.emulator.objects import TREE_MODE, Entry, Objects, Oid, Person, Stored, encode_tree, is_oid
from tests.servers.loopback import Answer

RAW_TYPES = ("application/vnd.github.raw+json", "application/vnd.github.raw", "application/vnd.github.v3.raw")
MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")
WEB_FLOW = ("GitHub", "noreply@github.com")
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DOT_GIT_OF_NTFS = re.compile(r"(\.git|git~1)[ .]*([\\:].*)?", re.IGNORECASE | re.DOTALL)
_BAD_STATE = "GitRPC::BadObjectState"
_TREE_MEMBERS = {
    "path": TEXT,
    "mode": TEXT,
    "type": OPTIONAL_TEXT,
    "sha": Member(str, nullable=True),
    "content": OPTIONAL_TEXT,
}
_COMMIT_MEMBERS = {
    "message": TEXT,
    "tree": TEXT,
    "parents": Member(list),
    "author": Member(dict),
    "committer": Member(dict),
}


def get_blob(call: Call, oid: str) -> Answer:
    blob = call.objects.get(oid)
    if blob is None or blob.kind != "blob":
        raise refuse(404, "Not Found")
    if any(kind in call.request.accept for kind in RAW_TYPES):
        return Answer(200, blob.raw, (("Content-Type", f"{RAW_TYPES[0]}; charset=utf-8"),))
    return json_answer(200, call.shapes.blob(blob))


def create_blob(call: Call) -> Answer:
    body = call.body({"content": TEXT, "encoding": OPTIONAL_TEXT})
    content = decode_content(text_of(body, "content"), text_of(body, "encoding", "utf-8"))
    call.refuse_secrets(content)
    return json_answer(201, call.shapes.short_blob(call.objects.add("blob", content)))


def decode_content(content: str, encoding: str) -> bytes:
    if encoding == "utf-8":
        return content.encode("utf-8", "replace")
    if encoding != "base64":
        raise invalid(f"{encoding} is not a known encoding.")
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except binascii.Error:
        raise refuse(422, "content is not valid Base64") from None


def get_tree(call: Call, name: str) -> Answer:
    """Show a tree. Any value of ``recursive``, an empty one or 0 included, asks for the subtrees, too."""
    oid = name if is_oid(name) else next((oid for at in ("heads", "tags") if (oid := call.refs.get(f"refs/{at}/{name}"))), "")
    tree = call.objects.peel(oid, "tree")
    if tree is None:
        raise refuse(404, "Not Found")
    if "recursive" in call.request.parameters:
        entries = call.objects.walk(tree.oid)
    else:
        entries = iter([(entry.text, entry) for entry in call.objects.entries(tree.oid)])
    limit = call.options.tree_listing_limit
    listed = list(islice(entries, limit + 1))
    return json_answer(200, call.shapes.tree(tree.oid, listed[:limit], truncated=len(listed) > limit))


@dataclass(frozen=True, slots=True)
class _Edit:
    """What a new tree has at a path: an entry, or nothing."""

    path: tuple[bytes, ...]
    mode: int
    oid: Oid | None


def create_tree(call: Call) -> Answer:
    body = call.body({"tree": Member(list, required=True), "base_tree": OPTIONAL_TEXT})
    items = body["tree"]
    assert isinstance(items, list)
    limit = call.options.max_tree_entries
    if limit is not None and len(items) > limit:
        raise refuse(422, "Sorry, your request timed out. It's likely that your input was too large to process.")
    if not items:
        raise refuse(422, "Invalid tree info")
    base: Stored | None = None
    if "base_tree" in body:
        base = call.named(text_of(body, "base_tree"), "tree")
        if base is None:
            raise refuse(422, f"base_tree is not a valid tree: {text_of(body, 'base_tree')}")
    contents = [item["content"].encode() for item in items if isinstance(item, dict) and isinstance(item.get("content"), str)]
    call.refuse_secrets(*contents, placeholders=False)
    edits = [_read_edit(call, item) for item in items]
    if len({edit.path for edit in edits}) < len(edits):
        raise refuse(422, "tree.path is named twice")
    oid = _edit_tree(call.objects, base.oid if base else None, edits)
    if oid is None:
        raise refuse(422, "Invalid tree info")
    entries = [(entry.text, entry) for entry in call.objects.entries(oid)]
    return json_answer(201, call.shapes.tree(oid, entries, truncated=False))


def _read_edit(call: Call, item: object) -> _Edit:
    content = check_members(item, _TREE_MEMBERS, call.report, "tree.")
    mode = text_of(content, "mode")
    if mode not in MODES:
        raise refuse(422, f"tree.mode {mode} is not a valid mode")
    if "type" in content and content["type"] != MODES[mode]:
        raise refuse(422, "tree.type does not match tree.mode")
    return _Edit(_read_path(text_of(content, "path")), int(mode, 8), _read_target(call, content, MODES[mode]))


def _read_path(path: str) -> tuple[bytes, ...]:
    """Divide a path at its slashes. Nothing in it is decoded: it is not part of an address, and ``a%2Fb`` is one name.

    That blank ones, a slash at the beginning, ``.git`` and empty parts are refused so, others have observed; that it goes for what
    file systems take for ``.git``, too, is what git itself refuses (``is_hfs_dotgit``, ``is_ntfs_dotgit``).
    """
    if not path.strip():
        raise refuse(422, "tree.path cannot be blank")
    if path.startswith("/"):
        raise refuse(422, "tree.path cannot start with a slash")
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} or _is_dot_git(part) for part in parts):
        raise refuse(422, "tree.path contains a malformed path component")
    return tuple(part.encode() for part in parts)


def _is_dot_git(name: str) -> bool:
    """Return whether HFS+, which ignores some characters, or NTFS, which ignores what comes last, takes a name for ``.git``."""
    if _IGNORED_BY_HFS.sub("", name).lower() == ".git":
        return True
    return _DOT_GIT_OF_NTFS.fullmatch(name) is not None


def _read_target(call: Call, content: Json, kind: str) -> Oid | None:
    if ("sha" in content) == ("content" in content):
        raise refuse(422, "Must supply either tree.sha or tree.content")
    if "content" in content:
        if kind != "blob":
            raise refuse(422, f"tree.content cannot be the content of a {kind}")
        return call.objects.add("blob", text_of(content, "content").encode("utf-8", "replace"))
    if content["sha"] is None:
        return None
    sha = text_of(content, "sha")
    if kind != "commit" and call.kind(sha) != kind:
        raise refuse(422, f"tree.sha {sha} is not a valid {kind}")
    return Oid(sha)


def _edit_tree(objects: Objects, base: Oid | None, edits: Sequence[_Edit]) -> Oid | None:
    """Write a tree and its subtrees; None if nothing is left in it."""
    entries = {entry.name: entry for entry in (objects.entries(base) if base else [])}
    below: dict[bytes, list[_Edit]] = {}
    for edit in edits:
        name, *rest = edit.path
        if rest:
            below.setdefault(name, []).append(_Edit(tuple(rest), edit.mode, edit.oid))
        elif edit.oid:
            entries[name] = Entry(name, edit.mode, edit.oid)
        elif entries.pop(name, None) is None:
            raise refuse(422, _BAD_STATE)
    for name, deeper in below.items():
        old = entries.pop(name, None)
        oid = _edit_tree(objects, old.oid if old and stat.S_ISDIR(old.mode) else None, deeper)
        if oid:
            entries[name] = Entry(name, TREE_MODE, oid)
    return objects.add("tree", encode_tree(entries)) if entries else None


def get_commit(call: Call, oid: str) -> Answer:
    commit = call.objects.get(oid)
    if commit is None or commit.kind != "commit":
        raise refuse(404, "Not Found")
    return json_answer(200, call.shapes.git_commit(commit))


def create_commit(call: Call) -> Answer:
    """Write a commit. The tree must be stored: git knows the empty one by itself, and whether GitHub does is not known."""
    body = call.body(_COMMIT_MEMBERS)
    tree = text_of(body, "tree")
    if call.kind(tree) != "tree":
        raise refuse(422, "Tree SHA does not exist")
    parents = body.get("parents", [])
    assert isinstance(parents, list)
    for parent in parents:
        if not isinstance(parent, str) or call.kind(parent) != "commit":
            raise refuse(422, "Parent SHA does not exist or is not a commit object")
    message = text_of(body, "message")
    if "\0" in message:
        raise refuse(422, "message contains a NUL byte")
    commit = write_commit(call.objects, Oid(tree), [Oid(parent) for parent in parents], message, read_people(call, body))
    return json_answer(201, call.shapes.git_commit(commit))


def read_people(call: Call, body: Mapping[str, object]) -> tuple[Person, Person]:
    """Find author and committer: the committer is the author if not given; without both, GitHub writes its own names.

    On GitHub such a commit is signed, too. Not here, but its oid is not the client's either way.
    """
    bot = Person(*BOT, call.now)
    author = read_person(body["author"], "author", call.now, call.report) if "author" in body else None
    if "committer" in body:
        return author or bot, read_person(body["committer"], "committer", call.now, call.report)
    return (author, author) if author else (bot, Person(*WEB_FLOW, call.now))


def write_commit(objects: Objects, tree: Oid, parents: Sequence[Oid], message: str, people: tuple[Person, Person]) -> Stored:
    """Write a commit with its message as it was given: no line feed is added."""
    author, committer = people
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    head = "\n".join(lines).encode() + b"\nauthor " + author.encode() + b"\ncommitter " + committer.encode()
    oid = objects.add("commit", head + b"\n\n" + message.encode("utf-8", "replace"))
    written = objects.get(oid)
    assert written
    return written
