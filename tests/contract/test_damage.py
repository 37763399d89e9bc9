"""Repositories that have lost something, or never had it: what is lost costs itself, and not the others."""

from pathlib import Path

import pytest

from git_keyval.format.objects import Oid
from git_keyval.store.port import Applied, Depth, Selection
from tests.contract.places import GitPlace
from tests.contract.samples import branch, by_oid, collection, create, note, put, record, texts
from tests.servers.binary import git_output, is_older_than, run_git

ALL = Selection((), ("refs/heads/",))
SAMPLES = {branch(f"{number:03}"): note(str(number)) for number in range(200)}
MOST_REQUESTS = 16
"""Over HTTP before version 2, where every conversation is two requests."""


def point_elsewhere(repository: Path, count: int) -> set[Oid]:
    """Have so many refs point at objects that are not there."""
    run_git("pack-refs", "--all", directory=repository)
    file = repository / "packed-refs"
    lines = file.read_text().splitlines()
    lost = {number * 7 + 3: Oid(f"{number * 0x0505050505 + 1:040x}"[::-1]) for number in range(count)}
    file.write_text("".join(f"{lost[at]} {line.split()[1]}\n" if at in lost else f"{line}\n" for at, line in enumerate(lines)))
    return set(lost.values())


@pytest.mark.parametrize("count", [1, 25])
@pytest.mark.parametrize("depth", [Depth.MESSAGES, Depth.VALUES])
def test_what_is_lost_is_left_out_whatever_there_is_of_it(git_place: GitPlace, count: int, depth: Depth) -> None:
    """It takes no more requests to find 25 of 200 than to find one."""
    git_place.open().apply([create(name, sample) for name, sample in SAMPLES.items()])
    lost = point_elsewhere(git_place.repository, count)
    store = git_place.open()
    found = store.read(ALL, depth=depth)
    assert len(lost) == count
    unlisted = SAMPLES.keys() - found.refs.keys()
    assert len(unlisted) in ({0, count} if is_older_than(2, 34) else {0})  # services of such a git list no ref whose object is lost
    assert set(found.refs.values()) - found.objects.keys() == (set() if unlisted else lost)
    assert store.requests <= MOST_REQUESTS


def test_where_all_is_lost_nothing_is_found(git_place: GitPlace) -> None:
    git_place.open().apply([create(branch("a"), note("1")), create(branch("b"), note("2"))])
    for sample in (note("1"), note("2")):
        git_place.lose(sample.oid)
    found = git_place.open().read(ALL)
    assert found.objects == {}


@pytest.mark.parametrize("damage", [b"", b"no zlib"], ids=["empty", "overwritten"])
@pytest.mark.parametrize("depth", [Depth.MESSAGES, Depth.VALUES])
def test_a_damaged_file_of_an_object_hides_no_other(git_place: GitPlace, damage: bytes, depth: Depth) -> None:
    """As the loss of power leaves them."""
    kept, damaged = [record(b"%d" % number) for number in range(6)], record(b"damaged")
    git_place.open().apply([create(branch(str(number)), sample) for number, sample in enumerate([*kept, damaged])])
    file = git_place.repository / "objects" / damaged.oid[:2] / damaged.oid[2:]
    file.chmod(0o600)
    file.write_bytes(damage)
    found = git_place.open().read(ALL, depth=depth)
    assert found.refs[branch("6")] == damaged.oid
    assert damaged.oid not in found.objects
    assert by_oid(sample.target for sample in kept).items() <= found.objects.items()


def test_a_repository_that_is_called_shallow_is_read_and_written(git_place: GitPlace) -> None:
    (git_place.repository / "shallow").touch()
    read_and_write(git_place)


def test_a_shallow_repository_is_read_and_written(git_place: GitPlace, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    run_git("init", "--quiet", "--bare", origin)
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=origin)
    first = git_output("commit-tree", tree, "-m", "first", directory=origin)
    second = git_output("commit-tree", tree, "-p", first, "-m", "second", directory=origin)
    run_git("update-ref", "refs/heads/main", second, directory=origin)
    fetch = ("fetch", "--quiet", "--depth=1", f"file://{origin}", "refs/heads/main:refs/heads/main")
    run_git(*fetch, directory=git_place.repository)
    assert (git_place.repository / "shallow").read_text() == f"{second}\n"
    read_and_write(git_place)


def read_and_write(place: GitPlace) -> None:
    sample = collection(texts(3))
    assert list(place.open().apply([create(branch("a"), record(b"1"))])) == [Applied()]
    assert list(place.open().apply([put(branch("a"), sample, record(b"1").oid)])) == [Applied()]
    found = place.open().read(Selection((branch("a"),)), depth=Depth.VALUES)
    assert found.refs == {branch("a"): sample.oid}
    assert found.objects == by_oid(sample.objects)


def test_a_message_that_is_too_large_is_left_out(git_place: GitPlace) -> None:
    git_place.open().apply([create(branch("a"), note("1")), create(branch("b"), note("x" * 3_000_000))])
    found = git_place.open().read(ALL)
    assert found.refs[branch("b")] == note("x" * 3_000_000).oid
    assert found.objects == {note("1").oid: note("1").target}
