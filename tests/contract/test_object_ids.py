"""A repository whose object ids are of SHA-256 is refused by all ways to it, before anything is written."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from git_keyval.errors import StoreError
from git_keyval.store.port import Depth, Selection, Store
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.contract.samples import branch, create, delete, note, put
from tests.servers.binary import git_output, run_git
from tests.servers.http import GitHttpServer

ONE = note("1")
SSH = '#!/bin/sh\nfor command; do :; done\n{}\nexec sh -c "$command"\n'


@contextmanager
def at_path(repository: Path) -> Iterator[str]:
    yield str(repository)


@contextmanager
def at_file_url(repository: Path) -> Iterator[str]:
    yield f"file://{repository}"


@contextmanager
def over_http(repository: Path, *, is_old: bool = False) -> Iterator[str]:
    with GitHttpServer(repository.parent, passes_protocol=not is_old) as server:
        yield f"{server.url}/{repository.name}"


@contextmanager
def over_ssh(repository: Path, *, is_old: bool = False) -> Iterator[str]:
    program = repository.parent / "ssh"
    program.write_text(SSH.format("unset GIT_PROTOCOL" if is_old else ""))
    program.chmod(0o700)
    yield f"ssh://git.example{repository}"


WAYS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "path": at_path,
    "file": at_file_url,
    "HTTP": over_http,
    "HTTP before version 2": lambda repository: over_http(repository, is_old=True),
    "ssh": over_ssh,
    "ssh before version 2": lambda repository: over_ssh(repository, is_old=True),
}
ATTEMPTS: dict[str, Callable[[Store], object]] = {
    "read": lambda store: store.read(Selection((branch("a"),)), depth=Depth.VALUES),
    "list": lambda store: list(store.list(["refs/heads/"])),
    "create": lambda store: store.apply([create(branch("a"), ONE)]),
    "overwrite": lambda store: store.apply([put(branch("a"), ONE)]),
    "delete": lambda store: store.apply([delete(branch("a"))]),
}


@pytest.fixture(params=[False, True], ids=["empty", "with a branch"])
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "database.git"
    run_git("init", "--quiet", "--bare", "--object-format=sha256", "--initial-branch=main", path)
    if request.param:
        commit = git_output("commit-tree", git_output("mktree", directory=path), "-m", "x", directory=path)
        run_git("update-ref", "refs/heads/main", commit, directory=path)
    return path


@pytest.mark.parametrize("attempt", ATTEMPTS)
@pytest.mark.parametrize("way", WAYS)
def test_it_is_refused(repository: Path, clock: FakeClock, way: str, attempt: str) -> None:
    before = git_output("for-each-ref", directory=repository)
    if "before" in way and not before and attempt in {"read", "list"}:
        pytest.skip("a server says nothing at all of an empty repository")
    with WAYS[way](repository) as location:
        program = {"GIT_SSH_COMMAND": str(repository.parent / "ssh")}
        store = open_git_place(repository, location, clock, program).open()
        with pytest.raises(StoreError, match="SHA-1 object ids"):
            ATTEMPTS[attempt](store)
    assert git_output("for-each-ref", directory=repository) == before
