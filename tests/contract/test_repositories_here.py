"""Repositories on this machine: called from within git, owned by somebody else, named by strange paths. Git itself is the judge."""

import os
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from git_keyval.errors import NotARepositoryError, StoreError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.git.children import REPOSITORY_VARIABLES, child_environment
from git_keyval.store.git.owners import service_at
from git_keyval.store.port import Applied, Selection, Store
from tests.action.steps import Workflow
from tests.cli.conftest import PROGRAM
from tests.conftest import FakeClock, patience
from tests.contract.samples import branch, create, note, put
from tests.servers.binary import git_output, init_bare, is_older_than, isolated_environ, run_git

NOBODY = 65534
ONE, TWO = note("1"), note("2")
COMMIT = ("commit", "--quiet", "--allow-empty", "--message", "x")

Opener = Callable[..., Store]


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def open_store(clock: FakeClock, warnings: list[str]) -> Opener:
    def opened(location: str | Path, environ: Mapping[str, str] | None = None) -> Store:
        return open_git_store(
            str(location),
            environ=isolated_environ(environ),
            clock=ServerClock(clock),
            patience=patience(clock),
            warn=warnings.append,
        )

    return opened


def use(store: Store) -> None:
    """Write, write again, read."""
    assert list(store.apply([create(branch("a"), ONE)])) == [Applied()]
    assert list(store.apply([put(branch("a"), TWO, ONE.oid)])) == [Applied()]
    assert store.read(Selection((branch("a"),))).refs == {branch("a"): TWO.oid}


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_no_variable_that_git_has_for_a_repository_reaches_git() -> None:
    listed = set(git_output("rev-parse", "--local-env-vars").split())
    assert listed <= REPOSITORY_VARIABLES
    given = dict.fromkeys([*REPOSITORY_VARIABLES, "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"], "x")
    kept = {"GIT_CONFIG_GLOBAL": "/g", "GIT_CONFIG_NOSYSTEM": "1", "GIT_EXEC_PATH": "/e", "GIT_SSL_CAINFO": "/c"}
    assert child_environment({**given, **kept}) == {**kept, "GIT_PROTOCOL": "version=2", "LC_ALL": "C"}


class Nested:
    """A database, and another repository whose git calls the terminal command on it."""

    def __init__(self, directory: Path) -> None:
        self.database = init_bare(directory / "db.git")
        self.command = f"'{PROGRAM}' -r '{self.database}'"
        self.work = directory / "work"
        run_git("init", "--quiet", self.work)
        run_git(*COMMIT, directory=self.work)
        self.seen = directory / "seen"

    def hook(self, repository: Path, name: str) -> None:
        """Have a hook increment a counter, and tell which of git's variables it was given."""
        script(repository / "hooks" / name, f"env | grep ^GIT_ >'{self.seen}'; {self.command} incr n")

    def counted(self) -> str:
        environ = isolated_environ()
        done = subprocess.run(["sh", "-c", f"{self.command} get n"], env=environ, capture_output=True, check=True)
        return done.stdout.decode()


@pytest.fixture
def nested(tmp_path: Path) -> Nested:
    return Nested(tmp_path)


def test_a_hook_of_another_repository_that_takes_a_push_may_use_a_database(nested: Nested, tmp_path: Path) -> None:
    other = init_bare(tmp_path / "other.git")
    nested.hook(other, "pre-receive")
    run_git("push", "--quiet", other, "HEAD:refs/heads/x", directory=nested.work)
    assert "GIT_QUARANTINE_PATH=" in nested.seen.read_text()
    assert nested.counted() == "1"


def test_a_hook_in_a_worktree_may(nested: Nested, tmp_path: Path) -> None:
    run_git("worktree", "add", "--quiet", tmp_path / "second", directory=nested.work)
    nested.hook(nested.work / ".git", "post-commit")
    run_git(*COMMIT, directory=tmp_path / "second")
    assert "GIT_DIR=" in nested.seen.read_text()
    assert nested.counted() == "1"


def test_an_alias_may(nested: Nested) -> None:
    (nested.work / "sub").mkdir()
    run_git("-c", f"alias.kv=!env | grep ^GIT_ >'{nested.seen}'; {nested.command} incr n", "kv", directory=nested.work / "sub")
    assert "GIT_PREFIX=sub/" in nested.seen.read_text()
    assert nested.counted() == "1"


def test_a_rebase_may(nested: Nested) -> None:
    run_git(*COMMIT, directory=nested.work)
    run_git("rebase", "--quiet", "--keep-empty", "--exec", f"{nested.command} incr n", "HEAD~1", directory=nested.work)
    assert nested.counted() == "1"


def test_settings_that_are_meant_for_another_repository_do_not_count(tmp_path: Path, open_store: Opener) -> None:
    """``git -c`` of who calls hands its settings down in the environment."""
    parameters = {"GIT_CONFIG_PARAMETERS": "'receive.denyDeletes'='true' 'transfer.hideRefs'='refs/heads/kv-0a'"}
    counted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "transfer.hideRefs", "GIT_CONFIG_VALUE_0": "refs/heads/kv-0a"}
    for number, environ in enumerate((parameters, counted)):
        use(open_store(init_bare(tmp_path / f"{number}.git"), environ))


Place = Callable[[Path, str], None]


def hook(name: str) -> Place:
    def place(repository: Path, command: str) -> None:
        script(repository / "hooks" / name, command)

    return place


def hook_elsewhere(repository: Path, command: str) -> None:
    script(repository / "mine" / "pre-receive", command)
    run_git("config", "core.hooksPath", repository / "mine", directory=repository)


def hook_of_included_settings(repository: Path, command: str) -> None:
    script(repository / "mine" / "pre-receive", command)
    run_git("config", "--file", repository / "more", "core.hooksPath", repository / "mine")
    run_git("config", "include.path", "more", directory=repository)


def hook_before_tidying_up(repository: Path, command: str) -> None:
    script(repository / "hooks" / "pre-auto-gc", command)
    run_git("config", "gc.auto", "1", directory=repository)
    run_git("config", "gc.autoDetach", "false", directory=repository)
    for number in range(600):  # git estimates from those of one folder, times 256
        run_git("hash-object", "-w", "--stdin", directory=repository, stdin=b"%d" % number)
        if len(list((repository / "objects").glob("17/*"))) > 1:
            return


def refs_of_an_alternate(repository: Path, command: str) -> None:
    (repository / "objects" / "info" / "alternates").write_text(f"{init_bare(repository / 'alternate')}/objects\n")
    run_git("config", "core.alternateRefsCommand", f"{command}; true", directory=repository)
    # Where only objects are stored and refs moved, nobody asks for the refs of an alternate.
    run_git("config", "receive.keepAlive", "5", directory=repository)


RUN_AT_A_PUSH: Mapping[str, Place] = {
    **{name: hook(name) for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction")},
    "elsewhere": hook_elsewhere,
    "included": hook_of_included_settings,
    "tidying up": hook_before_tidying_up,
    "alternate": refs_of_an_alternate,
}
"""What git runs at a push of its own accord, each by how a command is put there."""


@pytest.fixture
def give_away() -> Callable[[Path], None]:
    """Make everything below a path another user's; only root can."""
    if os.geteuid() != 0:
        pytest.skip("only root can give files to another user")

    def give(path: Path) -> None:
        for each in (path, *path.rglob("*")):
            os.chown(each, NOBODY, NOBODY, follow_symlinks=False)

    return give


@pytest.mark.parametrize("kind", RUN_AT_A_PUSH)
def test_nothing_of_another_users_repository_is_run(
    tmp_path: Path, open_store: Opener, warnings: list[str], give_away: Callable[[Path], None], kind: str
) -> None:
    own, others, mark = init_bare(tmp_path / "own.git"), init_bare(tmp_path / "others.git"), tmp_path / "mark"
    for repository in (own, others):
        RUN_AT_A_PUSH[kind](repository, f"touch '{mark}'")
    give_away(others)
    use(open_store(others))
    assert not mark.exists()
    assert [warning.partition(",")[0] for warning in warnings] == [f"{others} belongs to another user"]
    use(open_store(own))
    assert mark.exists()
    assert len(warnings) == 1


def test_a_step_and_the_terminal_warn_once_and_are_done(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    others = init_bare(tmp_path / "others.git")
    script(others / "hooks" / "pre-receive", f"touch '{tmp_path / 'mark'}'")
    give_away(others)
    ended = Workflow(tmp_path / "steps", str(others)).run("incr", key="n")
    assert (ended.code, ended.outputs["value"]) == (0, "1")
    assert re.findall("^::warning::.*hooks.*$", ended.log, re.MULTILINE) == ended.log.splitlines()[:1]
    done = subprocess.run([PROGRAM, "-r", others, "incr", "n"], env=isolated_environ(), capture_output=True, check=True)
    assert done.stdout == b"2"
    assert b"hooks" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "mark").exists()


def test_without_hooks_there_is_nothing_to_tell(
    tmp_path: Path, open_store: Opener, warnings: list[str], give_away: Callable[[Path], None]
) -> None:
    others = init_bare(tmp_path / "others.git")
    give_away(others)
    use(open_store(others))
    assert warnings == []


def bare(directory: Path) -> tuple[Path, Path]:
    return init_bare(directory / "others.git"), directory / "others.git"


def without_suffix(directory: Path) -> tuple[Path, Path]:
    return init_bare(directory / "others.git"), directory / "others"


def linked(directory: Path) -> tuple[Path, Path]:
    (directory / "link").symlink_to(directory / "others.git")
    return init_bare(directory / "others.git"), directory / "link"


def with_work_tree(directory: Path) -> tuple[Path, Path]:
    run_git("init", "--quiet", directory / "work")
    return directory / "work" / ".git", directory / "work"


def own_worktree(directory: Path) -> tuple[Path, Path]:
    """Make a worktree that is the user's, of a repository that is not."""
    repository, work = with_work_tree(directory)
    run_git(*COMMIT, directory=work)
    run_git("worktree", "add", "--quiet", directory / "second", directory=work)
    return repository, directory / "second"


def own_gitfile(directory: Path) -> tuple[Path, Path]:
    run_git("init", "--quiet", "--separate-git-dir", directory / "elsewhere", directory / "work")
    return directory / "elsewhere", directory / "work"


@pytest.mark.parametrize("make", [bare, without_suffix, linked, with_work_tree, own_worktree, own_gitfile])
def test_the_owner_is_that_of_the_repository_however_it_is_named(
    tmp_path: Path,
    open_store: Opener,
    warnings: list[str],
    give_away: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], tuple[Path, Path]],
) -> None:
    repository, path = make(tmp_path)
    script(repository / "hooks" / "pre-receive", f"touch '{tmp_path / 'mark'}'")
    give_away(repository)
    monkeypatch.chdir(tmp_path)
    use(open_store(path.name))
    assert not (tmp_path / "mark").exists()
    assert len(warnings) == 1


def test_a_worktree_of_ones_own_leaves_the_repository_another_users(
    tmp_path: Path, open_store: Opener, warnings: list[str], give_away: Callable[[Path], None]
) -> None:
    """The directory of a worktree is its user's; hooks and settings are those of the repository that it belongs to."""
    repository, path = own_worktree(tmp_path)
    script(repository / "hooks" / "pre-receive", f"touch '{tmp_path / 'mark'}'")
    give_away(repository)
    os.chown(repository / "worktrees" / "second", os.geteuid(), os.getegid())
    use(open_store(path))
    assert not (tmp_path / "mark").exists()
    assert len(warnings) == 1


@pytest.mark.skipif(is_older_than(2, 38), reason="git takes this setting from no command line, nor do its services ask for it")
def test_only_the_repository_that_was_named_is_taken_for_safe(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    one, other = init_bare(tmp_path / "one.git"), init_bare(tmp_path / "other.git")
    give_away(one)
    settings = [word for setting in service_at(str(one), isolated_environ()).settings for word in ("-c", setting)]
    assert "safe.directory=*" not in settings
    assert not service_at(str(other), isolated_environ()).settings
    give_away(other)
    assert run_git(*settings, "-C", one, "rev-parse", "--git-dir", check=False).returncode == 0
    assert run_git(*settings, "-C", other, "rev-parse", "--git-dir", check=False).returncode


@pytest.mark.skipif(is_older_than(2, 31), reason="git has neither such hooks nor settings in variables")
def test_hooks_in_the_configuration_are_switched_off_by_their_names(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    """Git has them since 2.54. A name may have whatever a setting of git may."""
    others = init_bare(tmp_path / "others.git")
    names = ["lint", 'a=b "c".d', "Ünïcode\tname"]
    for name in names:
        run_git("config", f"hook.{name}.event", "pre-receive", directory=others)
        run_git("config", f"hook.{name}.command", "true", directory=others)
    give_away(others)
    service = service_at(str(others), isolated_environ())
    assert service.left_out
    for name in names:
        asked = ("--git-dir", others, "config", "--type=bool", f"hook.{name}.enabled")
        assert run_git(*asked, environ=service.environ).stdout == b"false\n"


def test_settings_of_another_user_that_cannot_be_read_are_an_error(
    tmp_path: Path, open_store: Opener, give_away: Callable[[Path], None]
) -> None:
    others = init_bare(tmp_path / "others.git")
    (others / "config").write_text("[core\n")
    give_away(others)
    with pytest.raises(StoreError, match="config"):
        open_store(others).read(Selection((branch("a"),)))


@pytest.mark.parametrize(
    "address",
    [
        "~nosuchuser/db.git",
        "~nosuchuser",
        "file://~root/db.git",
        "file://db.git",
        "file://",
        "/a\0b",
        "host:",
        "git@host:",
        "ssh://host",
        "ssh://host/",
        "/" + "a" * 5_000,
        "host:" + "a" * 200_000,
        "https://host/" + "a" * 200_000,
    ],
    ids=lambda address: address[:20],
)
def test_an_address_that_can_be_none_is_told_as_one(open_store: Opener, address: str) -> None:
    with pytest.raises(NotARepositoryError, match=r"^The address of 'repository'"):
        open_store(address)


@pytest.mark.parametrize("path", ["~", "a" * 300, "-x", "--upload-pack=x", ".", "/", ""])
def test_a_path_where_nothing_is_is_no_repository(
    tmp_path: Path, open_store: Opener, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match="git repository"):
        open_store(path).read(Selection((branch("a"),)))
    with pytest.raises(StoreError, match="git repository"):
        open_store(path).apply([create(branch("a"), ONE)])


def test_a_path_that_begins_with_a_hyphen_is_a_path(tmp_path: Path, open_store: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    init_bare(tmp_path / "-c.git")
    use(open_store("-c.git"))
