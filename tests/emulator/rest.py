"""The REST routes, and the ones about a repository as a whole. There are no others: an unknown one is reported."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.emulator import rest_objects, rest_refs
from tests.emulator.access import Permission
from tests.emulator.answers import json_answer, refuse
from tests.emulator.bodies import OPTIONAL_TEXT, TEXT, Member, text_of
from tests.emulator.calls import Call
from tests.emulator.objects import TREE_MODE, ZERO, Entry, Oid, Stored, encode_tree
from tests.emulator.refs import HEADS, Change, apply_changes
from tests.emulator.rules import act_of, protection
from tests.emulator.shapes import Json
from tests.servers.binary import run_git
from tests.servers.loopback import Answer

SHA_TYPES = ("application/vnd.github.sha", "application/vnd.github.v3.sha")
_CONTENT_MEMBERS = {
    "message": TEXT,
    "content": TEXT,
    "sha": OPTIONAL_TEXT,
    "branch": OPTIONAL_TEXT,
    "author": Member(dict),
    "committer": Member(dict),
}
_STATUSES = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}


def get_repository(call: Call) -> Answer:
    branch = call.refs.default_branch().removeprefix(HEADS)
    push = call.permission >= Permission.WRITE
    return json_answer(
        200, call.shapes.whole_repository(branch, private=call.options.is_private(call.repository.full_name), push=push)
    )


def get_commit(call: Call, name: str) -> Answer:
    commit = call.commit_named(name)
    if any(kind in call.request.accept for kind in SHA_TYPES):
        headers = (("Content-Type", f"{SHA_TYPES[0]}; charset=utf-8"), ("ETag", f'"{commit.oid}"'))
        return Answer(200, commit.oid.encode(), headers)
    return json_answer(200, call.shapes.commit(commit, _files(call, commit)))


def _files(call: Call, commit: Stored) -> list[Json]:
    """List what a commit changed; a root commit has every file with its content, as a patch."""
    diff = ("diff-tree", "--root", "--no-commit-id", "--no-renames", "-r", "-z")
    path = call.repository.path
    raw = run_git(*diff, "--raw", "--no-abbrev", commit.oid, directory=path).stdout.split(b"\0")
    numbers = run_git(*diff, "--numstat", commit.oid, directory=path).stdout.split(b"\0")
    patches = run_git(*(word for word in diff if word != "-z"), "--patch", commit.oid, directory=path).stdout
    hunks = [patch.partition(b"\n@@ ") for patch in re.split(rb"^diff --git ", patches, flags=re.MULTILINE)[1:]]
    files = []
    for what, name, counts, hunk in zip(raw[:-1:2], raw[1::2], numbers, hunks, strict=False):
        _, _, before, after, status = what.decode().split()
        added, deleted = (int(count) if count != "-" else 0 for count in counts.decode().split("\t")[:2])
        oid = before if status == "D" else after
        patch = f"@@ {hunk[2].decode('utf-8', 'replace').removesuffix(chr(10))}" if hunk[1] else None
        files.append(call.shapes.file(commit, name.decode("utf-8", "replace"), oid, _STATUSES[status], (added, deleted), patch))
    return files


def branches_where_head(call: Call, oid: str) -> Answer:
    """List the branches that point at a commit: all of them at once, and no tags."""
    commit = call.commit_named(oid)
    names = [name for name, head in call.refs.starting(HEADS).items() if head == commit.oid]
    shapes = [
        call.shapes.short_branch(
            name.removeprefix(HEADS), commit.oid, protected=protection(call.options, name, "update") is not None
        )
        for name in names
    ]
    return json_answer(200, shapes)


def put_contents(call: Call, path: str) -> Answer:
    """Commit one file to a branch. The only way to make the first commit of an empty repository by REST."""
    body = call.body(_CONTENT_MEMBERS)
    content = rest_objects.decode_content(text_of(body, "content"), "base64")
    call.refuse_secrets(content, status=409)
    name = f"{HEADS}{text_of(body, 'branch')}" if "branch" in body else call.refs.default_branch()
    before = call.refs.get(name)
    if before is None and not call.refs.is_empty():
        raise refuse(404, f"Branch {name.removeprefix(HEADS)} not found")
    head = call.objects.get(before) if before else None
    old = call.objects.entry_at(head.tree, path) if head else None
    if old and "sha" not in body:
        raise refuse(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if "sha" in body and (old is None or old.oid != body["sha"]):
        raise refuse(409, f"{path} does not match {body['sha']}")
    blob = call.objects.add("blob", content)
    tree = _put(call, head.tree if head else None, path.split("/"), blob)
    people = rest_objects.read_people(call, {} if call.options.signs_contents else body)
    commit = rest_objects.write_commit(call.objects, tree, [before] if before else [], text_of(body, "message"), people)
    change = Change(name, before or ZERO, commit.oid)
    rule = protection(call.options, name, act_of(change.before, change.after))
    if rule:
        raise refuse(409, f"Repository rule violations found\n\n{rule}\n\n")
    call.repository.remember([name])
    if not apply_changes(call.repository.path, [change]):
        raise refuse(409, "Reference update failed")
    stored = call.objects.get(blob)
    assert stored
    return json_answer(200 if old else 201, call.shapes.file_commit(path, stored, name.removeprefix(HEADS), commit))


def _put(call: Call, tree: Oid | None, path: list[str], blob: Oid) -> Oid:
    entries = {entry.name: entry for entry in (call.objects.entries(tree) if tree else [])}
    name, rest = path[0].encode(), path[1:]
    if rest:
        below = entries.get(name)
        entries[name] = Entry(name, TREE_MODE, _put(call, below.oid if below and below.kind == "tree" else None, rest, blob))
    else:
        entries[name] = Entry(name, 0o100644, blob)
    return call.objects.add("tree", encode_tree(entries))


@dataclass(frozen=True, slots=True)
class Route:
    """A method and the path below ``/repos/{owner}/{name}``; its groups become arguments."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[..., Answer]
    even_if_empty: bool = False

    @property
    def writes(self) -> bool:
        return self.method != "GET"


_OID = r"([0-9a-fA-F]+)"
ROUTES = tuple(
    Route(method, re.compile(pattern), answer, even_if_empty)
    for method, pattern, answer, even_if_empty in (
        ("GET", "", get_repository, True),
        ("GET", rf"/git/blobs/{_OID}", rest_objects.get_blob, False),
        ("POST", "/git/blobs", rest_objects.create_blob, False),
        ("GET", "/git/trees/(.+)", rest_objects.get_tree, False),
        ("POST", "/git/trees", rest_objects.create_tree, False),
        ("GET", rf"/git/commits/{_OID}", rest_objects.get_commit, False),
        ("POST", "/git/commits", rest_objects.create_commit, False),
        ("GET", "/git/ref/(.+)", rest_refs.get_ref, False),
        ("GET", "/git/matching-refs/(.*)", rest_refs.matching_refs, False),
        ("POST", "/git/refs", rest_refs.create_ref, False),
        ("PATCH", "/git/refs/(.+)", rest_refs.update_ref, False),
        ("DELETE", "/git/refs/(.+)", rest_refs.delete_ref, False),
        ("GET", rf"/commits/{_OID}/branches-where-head", branches_where_head, False),
        ("GET", "/commits/(.+)", get_commit, False),
        ("PUT", "/contents/(.+)", put_contents, True),
    )
)


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Find the route of a path below the repository. ``HEAD`` has the routes of ``GET``."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match and route.method == ("GET" if method == "HEAD" else method):
            return route, match.groups()
    return None
