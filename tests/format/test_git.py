"""The format against the git binary: the same oids, objects that fsck accepts, and names that git allows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_keyval.format.counters import Counter, encode_counter, encode_delta
from git_keyval.format.expiry import encode_expiry
from git_keyval.format.metadata import DUMMY_OBJECTS, NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH, Naming, RefName
from git_keyval.format.objects import Entries, GitObject, Oid, blob, commit, read_entries, read_tree, tree
from git_keyval.format.records import encode_data
from git_keyval.format.times import Timestamp
from git_keyval.format.values import Value, bytes_value, file_value, parse_value
from tests.servers.binary import git_output, run_git
from tests.vectors import load

VALUES: list[Value] = [
    parse_value("String", ""),
    parse_value("String", "né 😀\0\n"),
    parse_value("Number", "-1.5e300"),
    parse_value("Boolean", "true"),
    parse_value("JSON", '{"b":[1,{}],"a":null}'),
    bytes_value(bytes(range(256))),
    file_value(b"\x89PNG", media_type="image/png"),
    file_value(b"{}", media_type="application/json"),
]
TIME = Timestamp("20261122T140355123456Z")
OP = "q7w8e9r0t1y2"
MEMORY = tuple((f"done{number:04d}", None if number % 2 else -number) for number in range(128))
COMMITS: dict[str, GitObject] = {
    "null commit": NULL_COMMIT,
    "expiry": encode_expiry(1795392000),
    "increment": encode_delta(-(2**63)),
    "counter": encode_counter(Counter(-3, OP, 1, ((OP, -3),), TIME)),
    "counter with a long memory": encode_counter(Counter(2**63 - 1, OP, 128, MEMORY)),
    "message without a line feed": commit(DUMMY_OBJECTS[1].oid, b"x"),
    "message beyond ASCII": commit(DUMMY_OBJECTS[1].oid, "é\n\n\n".encode()),
}
TREES: dict[str, GitObject] = {
    "empty": tree([]),
    "dummy": DUMMY_OBJECTS[1],
    "names in git's order": tree((name, DUMMY_OBJECTS[0].oid) for name in ("b", "a.b", "a-b", "a", "Z", "a0", "é")),
}


@pytest.fixture
def repository(bare_repository: Callable[[str], Path]) -> Path:
    return bare_repository("database.git")


def store(repository: Path, *objects: GitObject) -> None:
    """Store objects with git; each must get the oid that was computed for it."""
    for made in objects:
        oid = git_output("hash-object", "-w", "-t", made.kind, "--stdin", directory=repository, stdin=made.data)
        assert oid == made.oid


def create(repository: Path, refs: dict[RefName, Oid]) -> None:
    """Create all refs in one transaction."""
    lines = "".join(f"create {name} {oid}\n" for name, oid in refs.items())
    run_git("update-ref", "--stdin", directory=repository, stdin=lines.encode())


def refs_of(key: Value, naming: Naming) -> dict[RefName, Oid]:
    """Return every ref that a key can have."""
    key_id = encode_data(key).key_id
    return {
        naming.value(key_id): COMMITS["counter"].oid,
        naming.expiry(key_id): COMMITS["expiry"].oid,
        RefName(f"{naming.expiry(key_id)}-{blob(b'field').oid}"): COMMITS["expiry"].oid,
        naming.key(key_id): encode_data(key).commit.oid,
        naming.breadcrumb(key_id, TIME, OP): COMMITS["increment"].oid,
        naming.breadcrumb(key_id, TIME, "0" * 40): NULL_COMMIT.oid,
        naming.parked(key_id, TIME): COMMITS["counter"].oid,
    }


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.type)
def test_git_gives_the_objects_of_a_value_the_same_oids(repository: Path, value: Value) -> None:
    """What is computed before anything is sent is what every git server computes."""
    store(repository, *encode_data(value).objects)


@pytest.mark.parametrize("name", COMMITS)
def test_git_gives_a_message_only_commit_the_same_oid(repository: Path, name: str) -> None:
    """Commits are made of bytes, so git and we hash the same ones."""
    store(repository, *DUMMY_OBJECTS, COMMITS[name])


@pytest.mark.parametrize("name", TREES)
def test_git_makes_the_same_tree_of_the_same_entries(repository: Path, name: str) -> None:
    """The order and the modes of a tree are git's."""
    entries = list(read_tree(TREES[name]).items())
    lines = "".join(f"100644 blob {oid}\t{file}\0" for file, oid in entries[::-1])
    assert git_output("mktree", "-z", "--missing", directory=repository, stdin=lines.encode()) == TREES[name].oid


@pytest.mark.parametrize("name", COMMITS)
def test_git_reads_tree_and_message_of_a_commit(repository: Path, name: str) -> None:
    """A record can be looked at with git alone."""
    store(repository, *DUMMY_OBJECTS, COMMITS[name])
    message = run_git("cat-file", "commit", COMMITS[name].oid, directory=repository).stdout.partition(b"\n\n")[2]
    assert message == COMMITS[name].data.partition(b"\n\n")[2]
    assert git_output("rev-parse", f"{COMMITS[name].oid}^{{tree}}", directory=repository) == DUMMY_OBJECTS[1].oid
    assert git_output("log", "--format=%P|%an|%ae|%cn|%ce|%at|%ct", COMMITS[name].oid, directory=repository) == (
        "|a a|a@a.a|a a|a@a.a|1735689600|1735689600"
    )


def test_git_makes_the_same_commit_from_identity_and_time(repository: Path) -> None:
    """Any client that can set git's identity and time makes the format's commits."""
    store(repository, *DUMMY_OBJECTS)
    person = {"NAME": "a a", "EMAIL": "a@a.a", "DATE": "1735689600 +0000"}
    identity = {f"GIT_{role}_{what}": given for role in ("AUTHOR", "COMMITTER") for what, given in person.items()}
    made = run_git("commit-tree", DUMMY_OBJECTS[1].oid, directory=repository, stdin=b"+1\n", environ=identity).stdout.decode()
    assert made.strip() == encode_delta(1).oid


def test_fsck_finds_nothing_to_say_about_a_database(repository: Path) -> None:
    """Strict servers check what they are sent (transfer.fsckObjects), so no object may earn even a warning."""
    store(repository, *DUMMY_OBJECTS, *COMMITS.values())
    refs: dict[RefName, Oid] = {ANCHOR_TAG: NULL_COMMIT.oid, MAIN_BRANCH: NULL_COMMIT.oid}
    for number, value in enumerate(VALUES):
        store(repository, *encode_data(value).objects)
        refs |= refs_of(value, Naming(1 + number))
        refs[Naming(1 + number).value(encode_data(value).key_id)] = encode_data(value).commit.oid
    create(repository, refs)
    checked = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=repository)
    assert (checked.stdout, checked.stderr) == (b"", b"")


@pytest.mark.parametrize("length", range(1, 40))
def test_git_allows_every_name_for_every_shard_length(repository: Path, length: int) -> None:
    """The refs of a key live side by side in one repository, and git lists them under the names we gave."""
    store(repository, *DUMMY_OBJECTS, *COMMITS.values(), *encode_data(VALUES[0]).objects)
    refs = refs_of(VALUES[0], Naming(length))
    for name in refs:
        run_git("check-ref-format", name)
    create(repository, refs)
    listed = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=repository)
    assert dict(line.split() for line in listed.splitlines()) == refs


def test_git_allows_every_name_of_the_vectors() -> None:
    """Clients in other languages make names that git takes."""
    for case in load("names")["names"]:
        nested = [case[part]["name"] for part in ("elementExpiry", "breadcrumb", "parked")]
        for name in [case["value"], case["expiry"], case["key"], *nested]:
            run_git("check-ref-format", name)


@pytest.mark.parametrize("case", load("objects")["trees"], ids=lambda case: case["name"])
def test_git_gives_the_trees_of_the_vectors_their_oids(repository: Path, case: dict[str, Any]) -> None:
    """The vectors are git's truth, not ours."""
    lines = "".join(f"100644 blob {oid}\t{name}\0" for name, oid in case["entries"].items())
    assert git_output("mktree", "-z", "--missing", directory=repository, stdin=lines.encode()) == case["oid"]


@pytest.mark.parametrize("case", load("objects")["commits"], ids=lambda case: case["name"])
def test_git_gives_the_commits_of_the_vectors_their_oids(repository: Path, case: dict[str, Any]) -> None:
    """The vectors are git's truth, not ours."""
    content = case["content"].encode()
    assert git_output("hash-object", "-t", "commit", "--stdin", directory=repository, stdin=content) == case["oid"]


NAMES = ["a", "a.b", "a-b", "a0", "a\x7f", "é", "A", "~", " ", "a b", "\U0001f600"]


@pytest.mark.parametrize("folders", [NAMES[:1], NAMES[1:4], NAMES[4:], NAMES, []])
def test_trees_are_those_of_git(tmp_path: Path, folders: list[str]) -> None:
    """A folder is sorted as if its name ended with a slash, which is before a digit and after a full stop."""
    files = [name for name in NAMES if name not in folders]
    run_git("init", "--quiet", "--bare", tmp_path)
    text = git_output("hash-object", "-w", "--stdin", directory=tmp_path, stdin=b"x")
    empty = git_output("hash-object", "-w", "-t", "tree", "--stdin", directory=tmp_path)
    lines = [f"100644 blob {text}\t{name}\0" for name in files] + [f"040000 tree {empty}\t{name}\0" for name in folders]
    made = tree([(name, Oid(text)) for name in files], [(name, Oid(empty)) for name in folders])
    assert git_output("mktree", "-z", directory=tmp_path, stdin="".join(lines).encode()) == made.oid
    assert read_entries(made) == Entries(dict.fromkeys(files, Oid(text)), dict.fromkeys(folders, Oid(empty)))
