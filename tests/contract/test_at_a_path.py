"""A repository at a path is read and written without its services: as git does it, and at the same cost however large it is."""

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import Oid
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import GitStore, open_git_store
from git_keyval.store.patience import Patience
from git_keyval.store.port import ANY, Applied, Conflict, Depth, Outcome, RefUpdate, Refused, Selection, Transaction, Unknown
from tests.conftest import FakeClock, patience
from tests.contract.samples import (
    annotated_tag,
    assertion,
    branch,
    by_oid,
    collection,
    create,
    delete,
    note,
    put,
    record,
    tag,
    texts,
    together,
)
from tests.exhaustive import first
from tests.servers.binary import git_output, init_bare, is_older_than, isolated_environ, run_git

ONE, TWO, THREE = note("1"), note("2"), note("3")
COMMIT = ("commit", "--quiet", "--allow-empty", "--message", "x")
READ, SETTINGS, OBJECTS, REFS, SERVICE = 1, 1, 1, 1, 1
"""Processes of git: one for all objects of a read, one that is asked for settings once, and one for each half of a write."""


def open_path(path: Path | str) -> GitStore:
    clock = FakeClock()
    return open_git_store(str(path), environ=isolated_environ(), clock=ServerClock(clock), patience=patience(clock))


def refs(repository: Path) -> dict[str, str]:
    lines = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=repository).splitlines()
    return dict(line.split() for line in lines)


def install(repository: Path, name: str, script: str) -> None:
    hook = repository / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o700)


# --- kinds of repositories ------------------------------------------------------------------------------------------


def bare(directory: Path) -> Path:
    return init_bare(directory / "database.git")


def with_work_tree(directory: Path) -> Path:
    run_git("init", "--quiet", "--initial-branch=main", directory / "work")
    run_git(*COMMIT, directory=directory / "work")
    return directory / "work"


def worktree(directory: Path) -> Path:
    """Make a second worktree: its refs and objects are those of the repository that it belongs to."""
    run_git("worktree", "add", "--quiet", directory / "second", directory=with_work_tree(directory))
    return directory / "second"


def borrowing(directory: Path) -> Path:
    """Make a repository that has the objects of another one as its alternates, and lacks them itself."""
    origin = init_bare(directory / "origin.git")
    open_path(origin).apply([put(branch(str(number)), record(b"%d" % number)) for number in range(10)])
    run_git("clone", "--quiet", "--mirror", "--shared", origin, directory / "database.git")
    return directory / "database.git"


def shallow(directory: Path) -> Path:
    origin = with_work_tree(directory)
    run_git(*COMMIT, directory=origin)
    run_git("clone", "--quiet", "--bare", "--depth=1", f"file://{origin}", directory / "database.git")
    assert (directory / "database.git" / "shallow").exists()
    return directory / "database.git"


def logging(directory: Path) -> Path:
    run_git("config", "core.logAllRefUpdates", "always", directory=bare(directory))
    return directory / "database.git"


def shared(directory: Path) -> Path:
    run_git("config", "core.sharedRepository", "group", directory=bare(directory))
    return directory / "database.git"


def reftable(directory: Path) -> Path:
    """Make a repository that keeps its refs in another way: services read it, and git writes."""
    if is_older_than(2, 45):
        pytest.skip("git before 2.45 has no reftable")
    run_git("init", "--quiet", "--bare", "--ref-format=reftable", "--initial-branch=main", directory / "database.git")
    return directory / "database.git"


KINDS: Mapping[str, Callable[[Path], Path]] = {
    "bare": bare,
    "work tree": with_work_tree,
    "worktree": worktree,
    "alternates": borrowing,
    "shallow": shallow,
    "reflogs": logging,
    "shared": shared,
    "reftable": reftable,
}


@pytest.fixture(params=list(KINDS.values()), ids=list(KINDS))
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: Path = request.param(tmp_path)
    return made


def nothing(_path: Path) -> None:
    """Leave refs and objects as they were written."""


def pack_refs(path: Path) -> None:
    run_git("pack-refs", "--all", directory=path)


def gc(path: Path) -> None:
    run_git("gc", "--quiet", directory=path)


@pytest.mark.parametrize("tidy", [nothing, pack_refs, gc])
def test_every_kind_of_repository_is_written_and_read(path: Path, tidy: Callable[[Path], None]) -> None:
    before = refs(path)
    some = collection(texts(3))
    assert (
        list(open_path(path).apply([create(branch("a"), ONE), create(tag("b"), record(b"v")), create(branch("c"), TWO)]))
        == [Applied()] * 3
    )
    tidy(path)
    outcomes = open_path(path).apply(
        [
            put(branch("a"), some, ONE.oid),
            assertion(tag("b"), record(b"v").oid),
            delete(branch("c"), TWO.oid),
            create(branch("d"), THREE),
            put(branch("e"), THREE, ONE.oid),
        ]
    )
    assert list(outcomes) == [Applied()] * 4 + [Conflict((branch("e"),))]
    tidy(path)
    expected = {branch("a"): some.oid, branch("d"): THREE.oid, tag("b"): record(b"v").oid}
    found = open_path(path).read(Selection((branch("a"), branch("c"), branch("d")), ("refs/tags/kv-0a/",)), depth=Depth.VALUES)
    assert found.refs == expected
    assert by_oid([*some.objects, THREE.target, *record(b"v").objects]).items() <= found.objects.items()
    assert refs(path) == before | expected
    assert run_git("fsck", "--strict", "--no-dangling", directory=path).stdout == b""


def test_what_a_log_says_is_what_a_push_says(tmp_path: Path) -> None:
    repository = logging(tmp_path)
    open_path(repository).apply([create(branch("a"), ONE)])
    assert git_output("reflog", "show", branch("a"), "--format=%gs", directory=repository) == "push"


# --- what it costs --------------------------------------------------------------------------------------------------


def grow(repository: Path, count: int, *, packed: bool) -> None:
    """Add so many refs beside those that the tests use, each a name of its own in one of 256 folders."""
    open_path(repository).apply([create(branch("seed"), ONE)])
    names = [hashlib.sha1(b"%d" % number, usedforsecurity=False).hexdigest() for number in range(count)]
    lines = "".join(f"create refs/heads/kv-{name[:2]}/val-{name[2:]} {ONE.oid}\n" for name in names)
    run_git("update-ref", "--stdin", directory=repository, stdin=lines.encode())
    if packed:
        pack_refs(repository)


@pytest.mark.parametrize("packed", [False, True], ids=["loose", "packed"])
@pytest.mark.parametrize("count", [10, 2_000])
def test_reads_and_writes_start_as_many_processes_however_many_keys_there_are(tmp_path: Path, count: int, *, packed: bool) -> None:
    grow(bare(tmp_path), count, packed=packed)
    store = open_path(tmp_path / "database.git")
    steps: list[tuple[int, Callable[[], object]]] = [
        (SETTINGS + OBJECTS + REFS, lambda: store.apply([put(branch("a"), ONE)])),
        (OBJECTS + REFS, lambda: store.apply([put(branch("a"), record(b"1"), ONE.oid)])),
        (REFS, lambda: store.apply([Transaction((RefUpdate(branch("b"), ANY, ONE.oid),))])),
        (REFS, lambda: store.apply([delete(branch("b"))])),
        (0, lambda: store.apply([put(branch("a"), TWO, TWO.oid)])),
        (0, lambda: store.read(Selection((branch("none"),), ("refs/tags/kv-0a/",)))),
        (0, lambda: store.read(Selection((branch("a"),)), depth=Depth.OIDS)),
        (READ, lambda: store.read(Selection((branch("none"),)), Selection((branch("a"),)), depth=Depth.VALUES)),
        (0, lambda: store.read(Selection((branch("a"),)), depth=Depth.VALUES)),
    ]
    for expected, step in steps:
        before = store.requests
        step()
        assert store.requests - before == expected, steps.index((expected, step))


def test_much_at_once_costs_as_many_processes_and_its_objects_become_a_pack(tmp_path: Path) -> None:
    repository, store = bare(tmp_path), open_path(tmp_path / "database.git")
    many = [create(branch(f"{number:04}"), note(str(number))) for number in range(1_200)]
    assert set(store.apply(many)) == {Applied()}
    assert store.requests == SETTINGS + OBJECTS + REFS
    assert loose(repository) == 0
    assert len(store.read(Selection((), ("refs/heads/",))).refs) == 1_200
    assert len(open_path(repository).read(Selection(tuple(map(RefName, refs(repository)))), depth=Depth.MESSAGES).objects) == 1_200
    assert store.requests == SETTINGS + OBJECTS + REFS + READ
    assert len(refs(repository)) == 1_200


def test_many_refs_are_deleted_at_once(tmp_path: Path) -> None:
    repository = bare(tmp_path)
    grow(repository, 1_500, packed=True)
    before, store = refs(repository), open_path(repository)
    going = [*before][: len(before) // 2]
    moved = RefName(going.pop())
    outcomes = store.apply([*(delete(RefName(name), Oid(before[name])) for name in going), delete(moved, THREE.oid)])
    assert list(outcomes) == [Applied()] * len(going) + [Conflict((moved,))]
    assert refs(repository).keys() == before.keys() - set(going)


# --- what a repository says of pushes -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pre-receive", "update", "post-receive", "post-update", "reference-transaction"])
def test_a_hook_runs_by_the_service(tmp_path: Path, name: str) -> None:
    repository, mark = bare(tmp_path), tmp_path / "mark"
    store = open_path(repository)
    assert list(store.apply([create(branch("a"), ONE)])) == [Applied()]
    install(repository, name, f"touch '{mark}'")
    before = store.requests
    assert list(store.apply([create(branch("b"), ONE)])) == [Applied()]
    assert mark.exists()
    assert store.requests - before == SERVICE


@pytest.mark.parametrize("where", ["repository", "user"])
def test_hooks_elsewhere_run_too(tmp_path: Path, where: str) -> None:
    repository, home = bare(tmp_path), tmp_path / "home"
    install(tmp_path, "pre-receive", "exit 1")
    home.mkdir()
    config = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig")}
    file = repository / "config" if where == "repository" else home / ".gitconfig"
    run_git("config", "--file", file, "core.hooksPath", tmp_path / "hooks")
    clock = FakeClock()
    store = open_git_store(str(repository), environ=isolated_environ(config), clock=ServerClock(clock), patience=patience(clock))
    assert isinstance(store.apply([create(branch("a"), ONE)])[0], Refused)


def test_hooks_that_no_push_runs_change_nothing(tmp_path: Path) -> None:
    install(bare(tmp_path), "pre-commit", "exit 1")
    store = open_path(tmp_path / "database.git")
    assert list(store.apply([create(branch("a"), ONE)])) == [Applied()]
    assert store.requests == SETTINGS + OBJECTS + REFS


def test_a_setting_that_came_meanwhile_counts(tmp_path: Path) -> None:
    repository = bare(tmp_path)
    store = open_path(repository)
    assert list(store.apply([create(branch("a"), ONE)])) == [Applied()]
    run_git("config", "receive.denyDeletes", "true", directory=repository)
    assert isinstance(store.apply([delete(branch("a"), ONE.oid)])[0], Refused)


def test_what_is_hidden_is_not_read(tmp_path: Path) -> None:
    repository = bare(tmp_path)
    open_path(repository).apply([create(branch("a"), ONE)])
    run_git("config", "uploadpack.hideRefs", "refs/heads", directory=repository)
    assert open_path(repository).read(Selection((branch("a"),))).refs == {}


def test_nothing_is_fetched_from_elsewhere(tmp_path: Path) -> None:
    """A partial clone has git fetch what it lacks; what a read needs is not asked of a third place."""
    origin = bare(tmp_path)
    open_path(origin).apply([create(branch("a"), record(b"v"))])
    run_git("config", "uploadpack.allowFilter", "true", directory=origin)
    run_git("clone", "--quiet", "--mirror", "--filter=tree:0", f"file://{origin}", tmp_path / "clone.git")
    store = open_path(tmp_path / "clone.git")
    assert store.read(Selection((branch("a"),))).refs == {branch("a"): record(b"v").oid}


# --- who packs ------------------------------------------------------------------------------------------------------


def loose(repository: Path) -> int:
    return int(git_output("count-objects", directory=repository).split()[0])


def test_git_packs_what_has_become_many_objects(tmp_path: Path) -> None:
    """As after a push, git is asked once there are so many that it might find it is time."""
    repository = bare(tmp_path)
    run_git("config", "gc.auto", "200", directory=repository)
    run_git("config", "gc.autoDetach", "false", directory=repository)
    store = open_path(repository)
    for number in range(4):
        store.apply([create(branch(f"{number}-{each}"), record(b"%d %d" % (number, each))) for each in range(60)])
    assert loose(repository) < 300
    assert (repository / "packed-refs").exists()
    assert len(store.read(Selection((), ("refs/heads/kv-0a/",)), depth=Depth.OIDS).refs) == 240


@pytest.mark.parametrize(("name", "value"), [("gc.auto", "0"), ("maintenance.auto", "false"), ("gc.auto", "1k")])
def test_git_is_not_asked_where_it_would_do_nothing(tmp_path: Path, name: str, value: str) -> None:
    repository = bare(tmp_path)
    run_git("config", name, value, directory=repository)
    store = open_path(repository)
    store.apply([create(branch("a"), ONE)])
    before = store.requests
    store.apply([put(branch("a"), record(b"v"))])
    assert store.requests - before == OBJECTS + REFS


# --- refs as git keeps them -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with three objects, and packed-refs of several kilobytes."""
    repository = init_bare(tmp_path_factory.mktemp("refs") / "template.git")
    store = open_path(repository)
    store.apply([create(branch("one"), ONE), create(branch("two"), TWO), create(tag("three"), annotated_tag(THREE))])
    return repository


def random_refs(random: Random, repository: Path) -> list[str]:
    """Scatter refs over files and packed-refs, with names that are alike, long, or begin as others do; return names to ask for."""
    oids = [ONE.oid, TWO.oid, annotated_tag(THREE).oid]
    alphabet = ["a", "b", "-", "0", "z", "a" * random.randint(1, 35)]
    names = set()
    for _ in range(random.choice([5, 60, 400])):
        folder = random.choice(["refs/heads/kv-00", "refs/heads/kv-0a", "refs/tags/kv-00/bc-1", "refs/heads", "refs/notes"])
        names.add(f"{folder}/{''.join(random.choices(alphabet, k=random.randint(1, 6)))}".replace("/-", "/x-"))
    there = [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
    for share in (0.7, 0.3):
        chosen = [name for name in there if random.random() < share]
        lines = "".join(f"update {name} {random.choice(oids[: 2 if 'heads' in name else 3])}\n" for name in chosen)
        run_git("update-ref", "--stdin", directory=repository, stdin=lines.encode())
        if random.random() < 0.8:
            pack_refs(repository)
    gone = [name for name in sorted(refs(repository).keys() & set(there)) if random.random() < 0.1]
    run_git("update-ref", "--stdin", directory=repository, stdin="".join(f"delete {name}\n" for name in gone).encode())
    return [*sorted(names), "refs/heads/kv-00/absent", "refs/heads/kv-0", "refs/tags/kv-00/bc-1/a"]


@pytest.mark.parametrize("seed", first(6, range(50)))
def test_refs_are_read_as_git_reads_them(tmp_path: Path, template: Path, seed: int) -> None:
    random, repository = Random(seed), tmp_path / "database.git"
    shutil.copytree(template, repository)
    asked = random_refs(random, repository)
    present, store = refs(repository), open_path(repository)
    for names, prefixes in selections(random, asked):
        before = store.requests
        found = store.read(Selection(tuple(map(RefName, names)), tuple(prefixes)), depth=Depth.OIDS).refs
        wanted = {name: oid for name, oid in present.items() if name in names or name.startswith(tuple(prefixes))}
        assert found == wanted, (seed, names, prefixes)
        is_here = not any("refs/notes" in name for name in names) and (
            not names or all(prefix.count("/") > 2 for prefix in prefixes)
        )
        assert (store.requests == before) == is_here, (seed, names, prefixes)


def selections(random: Random, asked: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    yield asked, []
    yield [], ["refs/heads/kv-00/", "refs/tags/kv-00/bc-1/"]
    yield [], ["refs/heads/kv-"]
    yield [], ["refs/tags/kv", "refs/heads/", "refs/heads/kv-00/", "refs/gc/"]
    for _ in range(20):
        name = random.choice(asked)
        yield random.sample(asked, 2), [name[: random.randint(len("refs/heads/kv-00"), max(len(name), 17))]]


@pytest.mark.parametrize("seed", first(6, range(50)))
def test_refs_are_listed_by_name_as_git_lists_them(tmp_path: Path, template: Path, seed: int) -> None:
    random, repository = Random(seed), tmp_path / "database.git"
    shutil.copytree(template, repository)
    random_refs(random, repository)
    store, prefixes = open_path(repository), ["refs/heads/", "refs/tags/kv-0"]
    wanted = [(name, oid) for name, oid in refs(repository).items() if name.startswith(tuple(prefixes))]
    assert list(store.list(prefixes)) == sorted(wanted)
    assert store.requests == 0


def test_a_list_that_is_damaged_in_the_middle_is_git_to_judge(tmp_path: Path, template: Path) -> None:
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    header = "# pack-refs with: peeled fully-peeled sorted \n"
    lines = [f"{ONE.oid} {branch(f'{number:05}')}\n" for number in range(1_000)]
    (repository / "packed-refs").write_text("".join([header, *lines[:900], "nonsense\n", *lines[900:]]))
    with pytest.raises(StoreError):
        list(open_path(repository).list(["refs/heads/"]))


def test_what_cannot_be_read_here_in_the_middle_of_a_list_is_listed_by_git(tmp_path: Path, template: Path) -> None:
    """Git follows links among the files of refs."""
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    grow(repository, 2_000, packed=True)
    (repository / "refs" / "tags" / "odd").symlink_to("kv-0a")
    (repository / "refs" / "tags" / "link").symlink_to(repository / "HEAD")
    before = refs(repository)
    assert list(open_path(repository).list(["refs/heads/", "refs/tags/"])) == sorted(before.items())


def test_refs_that_are_very_many_files_are_listed_by_git(tmp_path: Path, template: Path) -> None:
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    for number in range(10_001):
        (repository / branch(f"{number:05}")).write_text(f"{ONE.oid}\n")
    store = open_path(repository)
    assert len(list(store.list(["refs/heads/kv-"]))) == 10_003
    assert store.requests == SERVICE


@pytest.mark.parametrize(
    "content",
    ["ref: refs/heads/kv-0a/two\n", "", "no oid\n", f"{ONE.oid}x\n", f"{ONE.oid[:-1]}\n"],
    ids=["symbolic", "empty", "no oid", "too long", "too short"],
)
def test_what_is_no_plain_ref_is_what_git_takes_it_for(tmp_path: Path, template: Path, content: str) -> None:
    here, there = tmp_path / "here.git", tmp_path / "there.git"
    for repository in (here, there):
        shutil.copytree(template, repository)
        (repository / branch("odd")).write_text(content)
    selection = Selection((branch("odd"), branch("one")), ("refs/tags/kv-0a/",))
    assert open_path(here).read(selection).refs == open_path(f"file://{there}").read(selection).refs


@pytest.mark.parametrize("make", [Path.symlink_to, lambda path, _target: path.mkdir()], ids=["link", "folder"])
def test_a_link_is_git_to_read_and_a_folder_is_no_ref(tmp_path: Path, template: Path, make: Callable[[Path, str], None]) -> None:
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    make(repository / branch("odd"), "two")
    expected = open_path(f"file://{repository}").read(Selection((branch("odd"),))).refs
    assert open_path(repository).read(Selection((branch("odd"),))).refs == expected


@pytest.mark.parametrize("header", ["", "# pack-refs with: peeled fully-peeled \n"])
def test_a_list_that_is_not_said_to_be_sorted_is_read_all_the_same(tmp_path: Path, template: Path, header: str) -> None:
    """Other programs than git write it, in an order of their own."""
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    pack_refs(repository)
    (repository / "packed-refs").write_text(f"{header}{TWO.oid} {branch('two')}\n{ONE.oid} {branch('one')}\n")
    found = open_path(repository).read(Selection((branch("one"), branch("two"))), depth=Depth.OIDS)
    assert found.refs == {branch("one"): ONE.oid, branch("two"): TWO.oid}


def test_a_name_stands_for_itself_only(tmp_path: Path, template: Path) -> None:
    """git looks for what it is given below refs/heads as well, where people put refs by mistake."""
    repository = tmp_path / "database.git"
    shutil.copytree(template, repository)
    run_git("update-ref", f"refs/heads/{branch('lost')}", ONE.oid, directory=repository)
    assert open_path(repository).read(Selection((branch("lost"),))).refs == {}


def test_a_ref_that_is_packed_and_moved_meanwhile_is_always_there(tmp_path: Path) -> None:
    """A ref that counts up, now a file and now in packed-refs, never seems absent, nor to go back."""
    repository = bare(tmp_path)
    order = [note(str(number)) for number in range(60)]
    numbers = {sample.oid: number for number, sample in enumerate(order)}
    open_path(repository).apply(
        [create(branch("n"), order[0]), *(create(tag(f"{number:02}"), order[number]) for number in range(60))]
    )

    def write() -> None:
        for number in range(1, 60):
            run_git("update-ref", branch("n"), order[number].oid, directory=repository)
            if number % 2:
                run_git("pack-refs", "--all", "--prune", directory=repository)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        store, seen = open_path(repository), [0]
        while not writing.done():
            found = store.read(Selection((branch("n"),), ("refs/tags/kv-0a/bc-1/",)), depth=Depth.OIDS).refs
            assert len(found) == 61
            seen.append(numbers[Oid(found[branch("n")])])
        writing.result()
    assert seen == sorted(seen)
    assert len(set(seen)) > 5


# --- a git that fails -----------------------------------------------------------------------------------------------


class Program:
    """A program in the place of git, which does something else in the place of one of its commands."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / "bin"
        self._folder.mkdir()
        self.repository = init_bare(directory / "database.git")

    def open(self, command: str, script: str, elapsed: Callable[[], float] = lambda: 0.0) -> GitStore:
        """Open the repository by a path; ``$git`` is git itself."""
        program = self._folder / "git"
        program.write_text(f'#!/bin/sh\ngit={shutil.which("git")}\ncase "$*" in *{command}*) {script};; *) exec $git "$@";; esac\n')
        program.chmod(0o700)
        environ = isolated_environ()
        clock = FakeClock()
        return open_git_store(
            str(self.repository),
            environ={**environ, "PATH": f"{self._folder}:{environ['PATH']}"},
            clock=ServerClock(clock),
            patience=Patience(0.0, elapsed, clock.advance, lambda: 0.5),
            total=0.5,
        )


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.mark.parametrize(
    "words",
    [
        "error: insufficient permission for adding an object to repository database objects\nfatal: failed to write object",
        "fatal: unable to write loose object file: No space left on device",
    ],
)
def test_objects_that_cannot_be_stored_are_a_refusal_with_gits_words(program: Program, words: str) -> None:
    (outcome,) = program.open("unpack-objects", f"printf '{words}' >&2; exit 128").apply([create(branch("a"), ONE)])
    assert isinstance(outcome, Refused)
    assert outcome.words == words.replace("\n", "; ")
    assert "permissions" in outcome.next_step
    assert refs(program.repository) == {}


def test_a_ref_in_the_way_is_named_with_gits_words(program: Program) -> None:
    open_path(program.repository).apply([create(branch("a"), ONE)])
    (outcome,) = program.open("none", "").apply([together(create(branch("a/b"), ONE), create(branch("c"), ONE))])
    assert isinstance(outcome, Refused)
    assert f"'{branch('a')}' exists; cannot create '{branch('a/b')}'" in outcome.words
    assert "Delete or rename the ref" in outcome.next_step
    assert set(refs(program.repository)) == {branch("a")}


@pytest.mark.parametrize(
    ("command", "script", "outcome"),
    [
        ("unpack-objects", "exec sleep 60", Refused("the server took too long")),
        ("update-ref", "exec sleep 60", Unknown("the server took too long")),
        ("update-ref", '$git "$@" >/dev/null; exec sleep 60', Unknown("the server took too long")),
        ("update-ref", "exit 1", None),
        ("update-ref", "printf 'start: ok\\nprepare: ok\\n'; exit 128", Unknown("git update-ref ended with 128")),
        ("update-ref", "kill -9 $$", Unknown("git update-ref ended with -9")),
        ("update-ref", '$git "$@"; kill -9 $$', Applied()),
    ],
    ids=["objects hang", "refs hang", "done and hangs", "ends", "ends in the middle", "killed", "killed when it was done"],
)
def test_what_is_not_known_is_called_so(program: Program, command: str, script: str, outcome: Outcome | None) -> None:
    ticks = itertools.count(step=0.1 if "sleep" in script else 0.0)
    (found,) = program.open(command, script, lambda: next(ticks)).apply([create(branch("a"), ONE)])
    assert found == outcome if outcome else isinstance(found, Refused)


def test_what_arrives_of_a_write_is_all_or_nothing(program: Program, tmp_path: Path) -> None:
    """Whoever writes to git may be killed at any moment, and git does what it was told up to there."""
    changes = together(create(branch("a"), ONE), create(branch("b"), ONE), create(branch("c"), ONE))
    said = tmp_path / "said"
    assert list(program.open("update-ref", f"tee '{said}' | $git \"$@\"").apply([changes])) == [Applied()]
    open_path(program.repository).apply([delete(branch(name)) for name in "abc"])
    ends = [end for end, byte in enumerate(said.read_bytes(), start=1) if not byte]
    for end in ends[:-1]:
        (outcome,) = program.open("update-ref", f'head -c {end} | $git "$@"').apply([changes])
        assert not isinstance(outcome, Applied)
        assert refs(program.repository) == {}, end


@pytest.mark.parametrize(
    "change",
    [
        assertion(branch("a"), ONE.oid),
        put(branch("a"), TWO, ONE.oid),
        delete(branch("a"), ONE.oid),
        create(branch("new"), TWO),
        put(branch("a"), ONE, ONE.oid),
    ],
    ids=["assertion", "overwrite", "deletion", "creation", "the same"],
)
def test_what_a_rival_does_after_we_looked_is_a_conflict(program: Program, change: Transaction) -> None:
    open_path(program.repository).apply([create(branch("a"), ONE), create(branch("rivals"), THREE)])
    (name,) = (update.name for update in change.updates)
    rival = f"$git --git-dir='{program.repository}' update-ref {name} {THREE.oid}"
    (outcome,) = program.open("update-ref", f'{rival}; exec $git "$@"').apply([together(change, create(branch("beside"), ONE))])
    assert outcome == Conflict((name,))
    assert refs(program.repository) == {branch("a"): ONE.oid, branch("rivals"): THREE.oid} | {name: THREE.oid}


def test_a_read_of_a_git_that_hangs_ends(program: Program) -> None:
    open_path(program.repository).apply([create(branch("a"), ONE)])
    ticks = itertools.count(step=0.1)
    with pytest.raises(UnavailableError, match="took too long"):
        program.open("cat-file", "exec sleep 60", lambda: next(ticks)).read(Selection((branch("a"),)))


@pytest.mark.parametrize("script", ["echo 'fatal: bad config line 1' >&2; exit 128", "echo nonsense", "exit 0", "kill -9 $$"])
def test_a_read_of_a_git_that_answers_otherwise_is_an_error(program: Program, script: str) -> None:
    """It is no reason to take an object for lost."""
    open_path(program.repository).apply([create(branch("a"), ONE)])
    with pytest.raises(StoreError):
        program.open("cat-file", script).read(Selection((branch("a"),)))


def test_settings_that_cannot_be_read_are_an_error_at_once(tmp_path: Path) -> None:
    repository, clock = bare(tmp_path), FakeClock()
    open_path(repository).apply([create(branch("a"), ONE)])
    (repository / "config").write_text("[core\n")
    before = clock()
    for use in (
        lambda store: store.read(Selection((branch("a"),))),
        lambda store: store.apply([create(branch("b"), ONE)]),
        lambda store: list(store.list(["refs/"])),
    ):
        store = open_git_store(str(repository), environ=isolated_environ(), clock=ServerClock(clock), patience=patience(clock))
        with pytest.raises(StoreError, match="config"):
            use(store)
    assert clock() == before


def test_an_object_that_ends_git_hides_no_other(tmp_path: Path) -> None:
    """A file that is cut off is met by git only when it has begun to tell of it."""
    repository, samples = bare(tmp_path), [record(random_bytes(number)) for number in range(4)]
    open_path(repository).apply([create(branch(f"{number}"), sample) for number, sample in enumerate(samples)])
    for sample in samples[:2]:
        file = repository / "objects" / sample.objects[0].oid[:2] / sample.objects[0].oid[2:]
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:300])
    found = open_path(repository).read(Selection(tuple(branch(f"{number}") for number in range(4))), depth=Depth.VALUES)
    there = by_oid(obj for sample in samples for obj in sample.objects)
    lost = {sample.objects[0].oid for sample in samples[:2]}
    assert found.objects == {oid: obj for oid, obj in there.items() if oid not in lost}


def random_bytes(seed: int) -> bytes:
    return Random(seed).randbytes(5_000)
