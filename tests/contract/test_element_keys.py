"""Element keys that mean something to git, a file system or a shell, stored by every way there is: in a map they mean nothing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from git_keyval.format.elements import MAX_NAME_BYTES, decode_collection, encode_element_key
from git_keyval.format.names import MAIN_BRANCH, RefName
from git_keyval.format.objects import GitObject, blob
from git_keyval.store.port import Applied, Depth, Selection
from tests.contract.places import GitPlace, Place
from tests.contract.samples import by_oid, collection, put, texts
from tests.servers.binary import git_output, run_git
from tests.vectors import load

NAME = RefName("refs/heads/kv-0a/val-1")
HOSTILE = [
    *(case["key"] for case in load("elements")["keys"]),
    *("-rf", "--", "-", "GIT~1", "GITMOD~1", ".gitattributes", ".github/workflows/x.yml", "../../../etc/passwd", "a/../../b"),
    *("/etc", "C:\\x", "..\\..\\x", "CON.txt", "nul", "a ", "a..", " .git", "a:b", "%2e%2e", "%00", "\x1b[31m", "\u202e"),
    *("\ufeff", "\U000e0001", ".git\u200c", "\u200d.git", ".\uff47\uff49\uff54", "\uff0e\uff0e", "\u2215"),
    *("/" * (MAX_NAME_BYTES // 3), "\u00e9" * 42, "." + "a" * (MAX_NAME_BYTES - 3)),
]
REFUSED = ["", "a" * 256, "/" * 86, "\u00e9" * 43, "." + "a" * 253, "a" * 10_240, "/" * 10_240, "\ud800"]
ELEMENTS = {key: blob(key.encode()) for key in HOSTILE}


def read(place: Place) -> Mapping[str, GitObject]:
    """Read the elements of the map by their keys."""
    found = place.open().read(Selection((NAME,)), depth=Depth.VALUES)
    record = decode_collection(found.objects[found.refs[NAME]], found.objects)
    return {key: found.objects[oid] for key, oid in record.elements.items()}


def check_out(place: GitPlace, directory: Path) -> Path:
    """Clone the branch as careful people do, on the strictest of terms, and look that all is in its place."""
    work = directory / "around" / "work"
    terms = ("core.protectHFS=true", "core.protectNTFS=true", "transfer.fsckObjects=true", "fetch.fsckObjects=true")
    options = [word for term in terms for word in ("-c", term)]
    branch = NAME.removeprefix("refs/heads/")
    run_git(*options, "clone", "--quiet", "--no-local", "--branch", branch, str(place.repository), str(work))
    assert git_output("status", "--porcelain", "--ignored", directory=work) == ""
    assert git_output("fsck", "--strict", "--no-dangling", "--no-progress", directory=work) == ""
    assert [path.name for path in work.parent.iterdir()] == ["work"]
    assert {path.name for path in work.iterdir()} == {".git", "elements", "metadata.json"}
    assert all(path.is_file() and not path.is_symlink() for path in (work / "elements").iterdir())
    return work / "elements"


def test_hostile_element_keys_are_keys_like_any_other(place: Place, tmp_path: Path) -> None:
    """They are stored in a map, read back, taken out of it and put into it again, and a clone has a file for each."""
    plain = texts(30)
    store = place.open()
    for elements in (ELEMENTS, plain, {**plain, **ELEMENTS}):
        assert store.apply([put(NAME, collection(elements))]) == [Applied()]
        store.read(Selection((NAME,)), depth=Depth.TREES)
        assert read(place) == elements
    assert place.open().read(Selection((NAME,)), depth=Depth.VALUES).objects == by_oid(collection(elements).objects)
    if isinstance(place, GitPlace):
        store.apply([put(MAIN_BRANCH, collection(elements))])
        checked = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=place.repository)
        assert (checked.stdout, checked.stderr) == (b"", b"")
        folder = check_out(place, tmp_path)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            encode_element_key(key): made.data for key, made in elements.items()
        }


@pytest.mark.parametrize("key", REFUSED, ids=lambda key: f"{len(key)} characters, {key[:2]!a}")
def test_element_keys_that_the_format_does_not_have_are_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|takes \d+ bytes|lone surrogate"):
        collection({key: blob(b"1")})
