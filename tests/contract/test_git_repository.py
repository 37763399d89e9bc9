"""What the contract means for a bare repository, with git itself as the judge."""

import re
from pathlib import Path

import pytest

from git_keyval.errors import AtomicUnsupportedError, NotARepositoryError, StoreError, TornWriteError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.port import ANY, Applied, Conflict, Refused, Selection, Transaction
from tests.conftest import FakeClock, patience
from tests.contract.places import GitPlace, at_file_url, at_path, over_http
from tests.contract.samples import (
    all_refs,
    annotated_tag,
    assertion,
    branch,
    create,
    delete,
    foreign_commit,
    note,
    plain_blob,
    put,
    record,
    tag,
    together,
)
from tests.servers.binary import git_output, is_older_than, isolated_environ, run_git

ONE, TWO, THREE = note("1"), note("2"), note("3")


def refs(repository: Path) -> dict[str, str]:
    """Return every ref as git tells it."""
    lines = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=repository).splitlines()
    return dict(line.split() for line in lines)


def hook(repository: Path, name: str, script: str) -> None:
    path = repository / "hooks" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)


@pytest.mark.parametrize("words", ["hook declined", "no", "pre-receive: zero to zero makes no sense"])
def test_a_server_that_refuses_to_delete_what_is_not_there_gets_the_rest(git_place: GitPlace, words: str) -> None:
    zero = "0" * 40
    hook(
        git_place.repository,
        "pre-receive",
        f'while read old new ref; do [ "$old$new" != {zero}{zero} ] || {{ echo "{words}" >&2; exit 1; }}; done',
    )
    store = git_place.open()
    assert list(store.apply([together(put(branch("a"), ONE), delete(branch("b")))])) == [Applied()]
    assert refs(git_place.repository) == {branch("a"): ONE.oid}
    hook(git_place.repository, "update", f'[ "$2$3" != {zero}{zero} ] || exit 1')
    assert list(store.apply([together(put(branch("a"), TWO), delete(branch("b")))])) == [Applied()]
    assert refs(git_place.repository) == {branch("a"): TWO.oid}


def test_git_finds_every_object_as_it_was_meant(git_place: GitPlace) -> None:
    samples = [
        note("ключ\n"),
        note(""),
        record(b"\x00\xff"),
        record(b""),
        foreign_commit("f"),
        annotated_tag(note("t")),
        plain_blob(b"b"),
    ]
    git_place.open().apply([create(tag(str(number)), sample) for number, sample in enumerate(samples)])
    assert refs(git_place.repository) == {tag(str(number)): sample.oid for number, sample in enumerate(samples)}
    for sample in samples:
        for obj in sample.objects:
            kind = git_output("cat-file", "-t", obj.oid, directory=git_place.repository)
            stored = run_git("cat-file", kind, obj.oid, directory=git_place.repository).stdout
            assert (kind, stored) == (obj.kind, obj.data)


def test_git_finds_nothing_wrong(git_place: GitPlace) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), record(b"1")), create(branch("b"), note("2")), create(tag("c"), THREE)])
    store.apply([put(branch("a"), record(b"2"), record(b"1").oid), delete(branch("b"), note("2").oid), create(tag("c"), ONE)])
    checked = run_git("fsck", "--strict", "--no-dangling", directory=git_place.repository)
    assert (checked.stdout, checked.stderr.replace(b"notice: HEAD points to an unborn branch (main)\n", b"")) == (
        b"",
        b"",
    )
    left = [path for path in git_place.repository.rglob("*") if re.search(r"\.lock$|tmp_|incoming", path.name)]
    assert left == []


def test_what_git_wrote_is_read_and_left_alone(git_place: GitPlace) -> None:
    """Loose, packed and symbolic refs of other people stay as they are; names that only begin alike are not ours."""
    repository, store = git_place.repository, git_place.open()
    tree = git_output("mktree", directory=repository)
    theirs = git_output("commit-tree", "-m", "theirs", tree, directory=repository)
    names = [
        "heads/main",
        "notes/x",
        "pull/7/head",
        "tags/v1",
        "heads/kv",
        "heads/kv-0a/a-longer",
        "tags/kv-0a/bc-1/a2",
    ]
    for name in names:
        run_git("update-ref", f"refs/{name}", theirs, directory=repository)
    run_git("pack-refs", "--all", directory=repository)
    run_git("tag", "-a", "-m", "v2", "v2", theirs, directory=repository)
    run_git("symbolic-ref", "refs/heads/alias", "refs/heads/main", directory=repository)
    before = refs(repository)
    assert all_refs(git_place.open()) == before
    store.apply([create(branch("a"), ONE), create(tag("a"), TWO), create(branch("a-longer"), ONE)])
    store.apply([put(branch("a"), THREE, ONE.oid), delete(tag("a"), TWO.oid)])
    store.apply([delete(branch("a"))])
    assert refs(repository) == before
    assert git_output("symbolic-ref", "HEAD", directory=repository) == "refs/heads/main"


def test_packed_refs_are_updated_like_loose_ones(git_place: GitPlace) -> None:
    store = git_place.open()
    store.apply([create(branch(name), ONE) for name in "abcd"])
    run_git("pack-refs", "--all", directory=git_place.repository)
    run_git("gc", "--quiet", directory=git_place.repository)
    outcomes = store.apply(
        [
            put(branch("a"), TWO, ONE.oid),
            delete(branch("b"), ONE.oid),
            create(branch("c"), TWO),
            assertion(branch("d"), ONE.oid),
            create(branch("e"), record(b"new")),
        ]
    )
    assert list(outcomes) == [Applied(), Applied(), Conflict((branch("c"),)), Applied(), Applied()]
    expected = {branch("a"): TWO.oid, branch("c"): ONE.oid, branch("d"): ONE.oid, branch("e"): record(b"new").oid}
    assert refs(git_place.repository) == expected
    assert git_place.open().read(Selection((), ("refs/",))).refs == expected


def test_the_order_of_updates_is_kept(git_place: GitPlace) -> None:
    log = git_place.repository / "order"
    store = git_place.open()
    store.apply([create(branch("old"), ONE)])
    hook(git_place.repository, "pre-receive", f"cut -d' ' -f3 > '{log}'")
    names = [tag("z"), branch("m"), tag("a"), branch("old"), branch("b")]
    store.apply([together(*(put(name, TWO) for name in names[:3]), delete(names[3], ONE.oid), put(names[4], TWO))])
    assert log.read_text().split() == names


def test_a_refusal_is_an_outcome_with_the_reason(git_place: GitPlace) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    hook(git_place.repository, "pre-receive", r"printf 'not \033[31mtoday\007\n' >&2; exit 1")
    outcomes = store.apply([put(branch("a"), TWO, ONE.oid), create(branch("b"), TWO)])
    assert all(isinstance(outcome, Refused) for outcome in outcomes), outcomes
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Refused)]
    assert all(reason and reason.isprintable() for reason in reasons), reasons
    assert refs(git_place.repository) == {branch("a"): ONE.oid}


def test_a_refused_ref_refuses_its_transaction_only(git_place: GitPlace) -> None:
    hook(git_place.repository, "update", 'case "$1" in */forbidden) echo "hands off" >&2; exit 1;; esac')
    transactions = [create(branch(f"{number:02}"), ONE) for number in range(20)]
    transactions[7] = together(create(branch("beside"), ONE), create(branch("forbidden"), ONE))
    outcomes = list(git_place.open().apply(transactions))
    assert isinstance(outcomes.pop(7), Refused)
    assert set(outcomes) == {Applied()}
    assert len(refs(git_place.repository)) == 19


def test_a_conflict_beside_a_refusal_is_still_a_conflict(git_place: GitPlace) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    hook(git_place.repository, "update", 'case "$1" in */forbidden) exit 1;; esac')
    outcomes = store.apply([create(branch("forbidden"), ONE), create(branch("a"), TWO), create(branch("c"), THREE)])
    assert isinstance(outcomes[0], Refused)
    assert list(outcomes[1:]) == [Conflict((branch("a"),)), Applied()]
    assert refs(git_place.repository) == {branch("a"): ONE.oid, branch("c"): THREE.oid}


@pytest.mark.parametrize("setting", ["receive.denyNonFastForwards", "receive.denyDeletes"])
def test_a_rule_of_the_server_is_a_refusal(git_place: GitPlace, setting: str) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    run_git("config", setting, "true", directory=git_place.repository)
    forbidden = delete(branch("a"), ONE.oid) if setting.endswith("Deletes") else put(branch("a"), TWO, ONE.oid)
    outcomes = store.apply([create(branch("b"), TWO), forbidden])
    assert outcomes[0] == Applied()
    assert isinstance(outcomes[1], Refused)
    assert refs(git_place.repository) == {branch("a"): ONE.oid, branch("b"): TWO.oid}


def test_a_server_without_atomic_pushes_writes_nothing_by_half(git_place: GitPlace) -> None:
    run_git("config", "receive.advertiseAtomic", "false", directory=git_place.repository)
    transaction = together(create(branch("a"), ONE), create(branch("b"), TWO))
    with pytest.raises(AtomicUnsupportedError):
        git_place.open().apply([transaction])
    assert refs(git_place.repository) == {}


def test_single_refs_need_no_atomic_pushes(git_place: GitPlace) -> None:
    run_git("config", "receive.advertiseAtomic", "false", directory=git_place.repository)
    store = git_place.open()
    assert list(store.apply([create(branch(name), ONE) for name in "abc"])) == [Applied()] * 3
    outcomes = store.apply([put(branch("a"), TWO, ONE.oid), create(branch("b"), TWO), delete(branch("c"), ONE.oid)])
    assert list(outcomes) == [Applied(), Conflict((branch("b"),)), Applied()]
    assert refs(git_place.repository) == {branch("a"): TWO.oid, branch("b"): ONE.oid}


def test_objects_without_a_ref_are_none(git_place: GitPlace) -> None:
    """A conflict that is seen before anything is sent leaves no garbage behind."""
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    store.apply([create(branch("a"), record(b"never"))])
    assert run_git("cat-file", "-e", record(b"never").oid, directory=git_place.repository, check=False).returncode


def test_what_is_no_repository_is_named_so(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "plain").mkdir()
    for location in (tmp_path / "absent", tmp_path / "plain"):
        store = open_git_store(str(location), environ=isolated_environ(), clock=ServerClock(clock), patience=patience(clock))
        with pytest.raises(NotARepositoryError):
            store.read(Selection((branch("a"),)))
        with pytest.raises(NotARepositoryError):
            list(store.list(["refs/"]))
        with pytest.raises(NotARepositoryError):
            store.objects([ONE.oid])
        with pytest.raises(NotARepositoryError):
            store.apply([create(branch("a"), ONE)])
    assert not (tmp_path / "absent").exists()


def test_a_repository_that_went_away_is_an_error_of_the_store(git_place: GitPlace) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    git_place.repository.rename(git_place.repository.with_name("moved"))
    with pytest.raises(StoreError):
        store.read(Selection((branch("a"),)))
    with pytest.raises(StoreError):
        store.apply([put(branch("a"), TWO, ANY)])


# --- a push that git applies by half ----------------------------------------------------------------------------------


def break_a_ref(repository: Path) -> None:
    """Leave a foreign branch as a crash leaves it: empty. From then on git misses objects for whatever is created."""
    (repository / "refs" / "heads" / "empty").touch()


def torn() -> Transaction:
    """Make what git executes by half in such a repository: it deletes, and creates nothing."""
    return together(put(branch("parked"), ONE), delete(branch("a"), ONE.oid), assertion(branch("b"), TWO.oid))


@pytest.fixture
def two(git_place: GitPlace) -> GitPlace:
    git_place.open().apply([create(branch("a"), ONE), create(branch("b"), TWO)])
    return git_place


def test_what_git_did_of_a_push_that_it_refused_is_put_back(two: GitPlace) -> None:
    before = refs(two.repository)
    git_output("config", "receive.hideRefs", branch("parked"), directory=two.repository)
    (outcome,) = two.open().apply([torn()])
    assert isinstance(outcome, Refused)
    assert "hidden" in outcome.reason
    assert refs(two.repository) == before


def test_at_a_path_a_broken_ref_is_in_nobodys_way(tmp_path: Path, clock: FakeClock) -> None:
    with at_path(tmp_path, clock) as place:
        place.open().apply([create(branch("a"), ONE), create(branch("b"), TWO)])
        break_a_ref(place.repository)
        assert list(place.open().apply([torn()])) == [Applied()]
        found = place.open().read(Selection((branch("a"), branch("b"), branch("parked")))).refs
        assert found == {branch("b"): TWO.oid, branch("parked"): ONE.oid}


@pytest.mark.skipif(is_older_than(2, 34), reason="a broken ref is in no way of a push")
def test_on_this_machine_it_is_put_back_where_git_creates_nothing(tmp_path: Path, clock: FakeClock) -> None:
    with at_file_url(tmp_path, clock) as place:
        place.open().apply([create(branch("a"), ONE), create(branch("b"), TWO)])
        before = refs(place.repository)
        break_a_ref(place.repository)
        (outcome,) = place.open().apply([torn()])
        assert isinstance(outcome, Refused)
        assert (outcome.reason, outcome.words) == ("missing necessary objects", "fatal: bad object refs/heads/empty")
        assert "git fsck" in outcome.next_step
        assert refs(place.repository) == before


@pytest.mark.skipif(is_older_than(2, 34), reason="a broken ref is in no way of a push")
def test_elsewhere_it_is_told_what_is_gone(tmp_path: Path, clock: FakeClock) -> None:
    with over_http(tmp_path, clock) as place:
        place.open().apply([create(branch("a"), ONE), create(branch("b"), TWO)])
        break_a_ref(place.repository)
        with pytest.raises(TornWriteError) as caught:
            place.open().apply([torn()])
        assert caught.value.moved == ((branch("a"), ONE.oid),)
        git_output("update-ref", branch("a"), ONE.oid, directory=place.repository)  # as the next step says


def test_what_moved_on_meanwhile_is_left_alone(two: GitPlace) -> None:
    """A rival's write comes after the half that was applied; it is not undone with that."""
    git_output("config", "receive.hideRefs", branch("parked"), directory=two.repository)
    hook(two.repository, "post-receive", f"git update-ref {branch('a')} {TWO.oid}; rm hooks/post-receive")
    (outcome,) = two.open().apply([torn()])
    assert isinstance(outcome, Refused)
    assert refs(two.repository) == {branch("a"): TWO.oid, branch("b"): TWO.oid}
