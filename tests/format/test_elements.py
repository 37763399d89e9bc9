"""Maps and arrays with every kind of element key: read back as written, and harmless to git and to a checkout."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_keyval.errors import MalformedRecordError
from git_keyval.format.elements import (
    Collection,
    decode_collection,
    decode_element_key,
    element_id,
    encode_collection,
    encode_element_key,
    read_record_tree,
)
from git_keyval.format.names import MAIN_BRANCH, KeyId, Naming
from git_keyval.format.objects import GitObject, blob, from_content, tree
from git_keyval.format.records import Record, encode_data
from git_keyval.format.values import parse_value
from tests.format.strategies import TEXTS
from tests.servers.binary import git_output, run_git
from tests.vectors import load

KEYS: list[str] = [case["key"] for case in load("elements")["keys"]]
HOSTILE = st.sampled_from(
    [".", "..", "/", "\\", ".git", ".GIT", "git~1", "\0", "\n", "%", "%2E", "~", ":", "\u200c", "\uff0e", "é"]
)
ELEMENT_KEYS = (TEXTS | st.lists(HOSTILE | TEXTS, max_size=4).map("".join)).filter(lambda key: 0 < len(key.encode()) <= 85)
TREE_PARTS = st.lists(st.sampled_from([b"100644 ", b"a", b"\0", b"1" * 20, b"40000 ", b"\xff"]), min_size=1).map(b"".join)
BLOBS = st.binary(max_size=3).map(blob)


def text_map(keys: list[str]) -> Collection:
    return Collection("map", "String", "text/plain", "txt", {key: blob(key.encode()).oid for key in keys})


def git_store(repository: Path, *objects: GitObject) -> None:
    for made in objects:
        oid = git_output("hash-object", "-w", "-t", made.kind, "--stdin", directory=repository, stdin=made.data)
        assert oid == made.oid


@pytest.fixture
def repository(bare_repository: Callable[[str], Path]) -> Path:
    return bare_repository("database.git")


@given(ELEMENT_KEYS)
def test_an_element_key_is_found_again_in_a_name_that_means_nothing_to_a_file_system(key: str) -> None:
    name = encode_element_key(key)
    assert decode_element_key(name) == key
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-%")
    assert not name.startswith(".")


@given(ELEMENT_KEYS, ELEMENT_KEYS)
def test_two_element_keys_have_two_names_and_two_ids(one: str, other: str) -> None:
    assert (encode_element_key(one) == encode_element_key(other)) == (one == other)
    assert (element_id(one) == element_id(other)) == (one == other)


@given(st.text(max_size=300))
def test_any_name_is_read_as_the_key_that_is_written_so_or_refused(name: str) -> None:
    try:
        key = decode_element_key(name)
    except ValueError:
        return
    assert encode_element_key(key) == name


@given(st.dictionaries(ELEMENT_KEYS, BLOBS.map(lambda made: made.oid), max_size=8))
def test_a_map_reads_back_whatever_its_keys(elements: dict[str, str]) -> None:
    collection = Collection("map", "Uint8Array", "application/octet-stream", "bin", elements)  # type: ignore[arg-type]
    record = encode_collection(collection)
    assert decode_collection(record.commit, {made.oid: made for made in record.objects}) == collection


@given(st.sets(st.integers(0, 2**53 - 2), max_size=8), st.integers(0, 2**53 - 1))
def test_an_array_reads_back_whatever_its_holes(indices: set[int], more: int) -> None:
    length = max([more, *(index + 1 for index in indices)])
    elements = {str(index): blob(b"%d" % index).oid for index in indices}
    collection = Collection("array", "Number", "text/plain", "txt", elements, length)
    record = encode_collection(collection)
    assert decode_collection(record.commit, {made.oid: made for made in record.objects}) == collection


@given(st.binary(min_size=1) | TREE_PARTS)
def test_a_subtree_of_any_bytes_is_read_or_refused(content: bytes) -> None:
    subtree = from_content("tree", content)
    record = encode_collection(text_map([]))
    line = record.commit.data.replace(tree([]).oid.encode(), subtree.oid.encode())
    with pytest.raises(MalformedRecordError):
        decode_collection(from_content("commit", line), {subtree.oid: subtree})


def stored_map(repository: Path) -> Record:
    """Store a map with all keys of the vectors, by git, as the value of a key on a branch and as its main branch."""
    record = encode_collection(text_map(KEYS))
    git_store(repository, *(blob(key.encode()) for key in KEYS), *record.objects)
    key_id = encode_data(parse_value("String", "map")).key_id
    for name in (Naming().value(key_id), MAIN_BRANCH):
        run_git("update-ref", name, record.commit.oid, directory=repository)
    for key in KEYS:
        run_git("update-ref", Naming().element_expiry(key_id, element_id(key)), record.commit.oid, directory=repository)
    return record


def test_git_makes_the_same_trees_of_the_same_elements(repository: Path) -> None:
    record = encode_collection(text_map(KEYS))
    elements, metadata, root, _ = record.objects
    lines = "".join(f"100644 blob {blob(key.encode()).oid}\t{encode_element_key(key)}\0" for key in KEYS[::-1])
    assert git_output("mktree", "-z", "--missing", directory=repository, stdin=lines.encode()) == elements.oid
    lines = f"100644 blob {metadata.oid}\tmetadata.json\n040000 tree {elements.oid}\telements\n"
    assert git_output("mktree", "--missing", directory=repository, stdin=lines.encode()) == root.oid


def test_fsck_has_nothing_to_say_about_hostile_element_keys(repository: Path) -> None:
    stored_map(repository)
    checked = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=repository)
    assert (checked.stdout, checked.stderr) == (b"", b"")


def test_a_clone_checks_out_every_element_below_its_folder(repository: Path, tmp_path: Path) -> None:
    """Also where git is told to refuse what file systems of other machines would take for something else."""
    stored_map(repository)
    work = tmp_path / "work"
    protect = ("-c", "core.protectHFS=true", "-c", "core.protectNTFS=true", "-c", "transfer.fsckObjects=true")
    run_git(*protect, "clone", "--quiet", "--no-local", str(repository), str(work))
    files = {Path(folder, name).relative_to(work) for folder, _, names in os.walk(work) for name in names}
    outside = {path for path in files if path.parts[0] not in {".git", "elements"}}
    assert outside == {Path("metadata.json")}
    assert {path.name for path in files if path.parts[0] == "elements"} == {encode_element_key(key) for key in KEYS}
    assert all((work / "elements" / encode_element_key(key)).read_bytes() == key.encode() for key in KEYS)
    assert git_output("status", "--porcelain", directory=work) == ""


@pytest.mark.parametrize("key_id", [KeyId("0" * 40), KeyId("0123456789" * 4)])
def test_the_prefix_of_element_expiries_covers_none_but_them(key_id: KeyId) -> None:
    prefix = Naming().element_expiries(key_id)
    assert Naming().element_expiry(key_id, element_id("a")).startswith(prefix)
    assert not any(name.startswith(prefix) for name in (Naming().expiry(key_id), Naming().value(key_id), Naming().key(key_id)))


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        (["metadata.json"], ["docs"]),
        (["metadata.json"], ["elements", "docs"]),
        (["README.md"], ["elements"]),
        (["metadata.json", "bytes"], ["elements"]),
        ([], ["elements"]),
    ],
)
def test_a_tree_with_folders_that_the_format_does_not_write_is_refused(files: list[str], folders: list[str]) -> None:
    leaf = tree([])
    with pytest.raises(MalformedRecordError):
        read_record_tree(tree([(name, blob(b"").oid) for name in files], [(name, leaf.oid) for name in folders]))
