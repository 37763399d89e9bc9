"""The adapter at work on the emulated GitHub: everything that it ever asks and sends."""

from contextlib import suppress
from pathlib import Path

from git_keyval.errors import StoreError
from git_keyval.format.names import MAIN_BRANCH
from git_keyval.format.objects import blob, commit, tree
from git_keyval.format.times import SECOND, Micros
from git_keyval.store.clock import ServerClock
from git_keyval.store.github import GithubPlace, GithubStore, open_github_store
from git_keyval.store.github.queries import PAGE
from git_keyval.store.github.repository import MAX_FIELDS
from git_keyval.store.patience import Patience
from git_keyval.store.port import ABSENT, ANY, DELETE, Depth, RefUpdate, Selection, Transaction
from tests.contract.samples import (
    UNSTORED,
    Sample,
    annotated_tag,
    branch,
    collection,
    foreign_commit,
    note,
    plain_blob,
    put,
    record,
    tag,
    texts,
)
from tests.emulator.server import DEFAULT_TOKEN
from tests.servers.binary import isolated_environ
from tools.contract.exchanges import RecordedGitHub, Recording

_NOW = Micros(1_767_268_800 * SECOND)
_TEXT, _BINARY, _LONG = record(b"text"), record(b"\0\xff"), record(b"long " * 120_000)
_NOTE = note("a note\n")
_MAP, _CHANGED_MAP = collection(texts(120)), collection({**texts(119), "another": blob(b"\0")})


def record_adapter(directory: Path) -> Recording:
    """Have it do all that it can do."""
    github = RecordedGitHub(directory, clock=lambda: _NOW / SECOND)
    return github.record(lambda: _work(github))


def _work(github: RecordedGitHub) -> None:
    github.create("owner", "name")
    for by_git in (True, False):
        _write(_open(github, "owner/name", by_git=by_git))
    _put_foreign(github)
    for repository_id in ("", "told"):
        _read(_open(github, "owner/name", repository_id=repository_id))
    github.options.absent_delete = "refuse"
    _refused(_open(github, "owner/name"))
    github.rename("owner/name", "owner/renamed")
    store = _open(github, "owner/name")
    store.apply([put(branch("renamed"), record(b"stored below the new name"))])
    _empty(github)


def _open(github: RecordedGitHub, name: str, *, by_git: bool = False, repository_id: str = "") -> GithubStore:
    return open_github_store(
        GithubPlace(name, github.api_url, github.graphql_url, github.url, repository_id),
        by_git=by_git,
        environ=isolated_environ(),
        token=DEFAULT_TOKEN,
        clock=ServerClock(lambda: _NOW),
        patience=Patience(300, lambda: 0.0, lambda _seconds: None, lambda: 0.5),
    )


def _write(store: GithubStore) -> None:
    """Store each kind of object that there is, and update refs in each way."""
    readme = _TEXT.objects[0]
    listed = tree([("again", readme.oid)])
    known_blob = Sample((*_TEXT.objects, listed, commit(listed.oid, b"a tree of what is stored\n")))
    name = branch("value")
    store.apply([put(name, _TEXT, ABSENT), put(tag("t"), _NOTE)])
    store.apply([put(name, _BINARY, _TEXT.oid)])
    store.apply([put(branch("stored"), known_blob), put(branch("long"), _LONG), put(branch("note"), _NOTE)])
    store.apply([Transaction((RefUpdate(name, _BINARY.oid, _BINARY.oid), RefUpdate(tag("t"), _NOTE.oid, DELETE)))])
    store.apply([put(branch("map"), _MAP)])
    store.apply([put(branch("map"), _CHANGED_MAP)])
    store.apply([put(name, _TEXT, UNSTORED)])
    store.apply([Transaction((RefUpdate(branch("value"), ANY, DELETE),))])


def _put_foreign(github: RecordedGitHub) -> None:
    """Push what others may have left there, of kinds that this product never makes; and many branches."""
    store = _open(github, "owner/name", by_git=True)
    store.apply(
        [
            put(branch("foreign"), foreign_commit("by people")),
            put(tag("annotated"), annotated_tag(_NOTE)),
            put(tag("blob"), plain_blob(b"a blob")),
        ]
    )
    many = [put(branch(f"many/{number:03}"), _NOTE) for number in range(MAX_FIELDS + 2)]
    store.apply(many)


def _read(store: GithubStore) -> None:
    """Read refs by name and by prefix, over several pages and several queries, and objects, each to every depth."""
    names = tuple(branch(f"many/{number:03}") for number in range(MAX_FIELDS + 2))
    assert len(names) > 2 * PAGE
    everything = ("refs/heads/kv-0a/", "refs/tags/kv-0a/")
    for depth in Depth:
        store.read(Selection((branch("value"), branch("map"), tag("annotated"), tag("blob"), branch("absent"))), depth=depth)
        files = tuple((branch("map"), f"elements/{name}") for name in ("field%200", "absent"))
        store.read(Selection((branch("map"), branch("absent")), files=files, planned=(_NOTE.oid, UNSTORED)), depth=depth)
        store.read(Selection((branch("long"),), everything), Selection((branch("foreign"),)), depth=depth)
        store.read(Selection(names), depth=depth)
        store.objects([_TEXT.oid, _BINARY.oid, _NOTE.oid, UNSTORED, *(obj.oid for obj in _TEXT.objects)], depth)
        store.objects([_MAP.oid, _CHANGED_MAP.objects[-2].oid], depth)
        store.read(Selection((branch("map"),), ("refs/heads/kv-0a/ma",)), Selection((branch("map"),)), depth=depth)
        store.objects([_MAP.objects[0].oid], depth)
    list(store.list(["refs/heads/kv-0a/", "refs/tags/"]))


def _refused(store: GithubStore) -> None:
    """Have a deletion of what is absent refused, and others with it."""
    deletion = Transaction((RefUpdate(branch("absent"), ANY, DELETE),))
    store.apply([deletion, put(branch("beside"), _NOTE), put(branch("stale"), _NOTE, UNSTORED)])


def _empty(github: RecordedGitHub) -> None:
    github.create("owner", "empty", empty=True)
    store = _open(github, "owner/empty")
    with suppress(StoreError):  # as it should be: nothing but a first commit makes the first branch
        store.apply([put(branch("value"), _TEXT)])
    readme = _TEXT.objects[0]
    root = tree([("README.md", readme.oid)])
    first = commit(root.oid, b"Begin\n")
    store.apply([Transaction((RefUpdate(MAIN_BRANCH, ABSENT, first.oid),), (readme, root, first))])
