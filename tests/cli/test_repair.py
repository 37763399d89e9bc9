"""What check advises is done as it is printed, and then check finds nothing any more."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.action.steps import expiry_ref, refs, value_ref
from tests.cli.conftest import Command
from tests.servers.binary import git_output, isolated_environ, run_git
from tests.servers.http import GitHttpServer


def foreign(repository: Path) -> str:
    return git_output("commit-tree", "-m", "somebody's", git_output("mktree", directory=repository), directory=repository)


def lost(repository: Path) -> str:
    oid = foreign(repository)
    (repository / "objects" / oid[:2] / oid[2:]).unlink()
    return oid


def put(repository: Path, ref: str, oid: str) -> None:
    """Point a ref at an object, or at none, behind git's back."""
    path = repository / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{oid}\n")


def repaired(text: str, directory: Path) -> int:
    """Run the commands that a report prints; give how many there were."""
    commands = re.findall(r": (git .*)$", text, re.MULTILINE)
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=directory, env=isolated_environ(), check=True, capture_output=True, timeout=60)
    return len(commands)


DAMAGED: dict[str, tuple[Callable[[str], str], Callable[[Path], str]]] = {
    "a value that is none": (value_ref, foreign),
    "a value that is lost": (value_ref, lost),
    "an expiry that is none": (expiry_ref, foreign),
    "an expiry that is lost": (expiry_ref, lost),
    "a breadcrumb that is none": (lambda key: value_ref(key).replace("heads", "tags").replace("val-", "bc-") + "/x", foreign),
    "a branch in the way": (lambda _: "refs/heads/kv-00", foreign),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_check_advises_is_done_as_printed(keyval: Command, repository: Path, tmp_path: Path, name: str) -> None:
    """The key of a damaged ref has no name that anybody could type."""
    ref_of, made = DAMAGED[name]
    keyval("set", "sound", "1")
    if "expiry" in name:
        keyval("set", "a", "1")
    put(repository, ref_of("a"), made(repository))
    found = keyval("check")
    assert ref_of("a") in found.text
    assert repaired(found.text, tmp_path) == 1
    again = keyval("check")
    assert (again.code, "No problems found" in again.text, keyval("get", "sound").text) == (0, True, "1")


def test_a_database_behind_an_address_is_repaired_from_any_clone(keyval: Command, repository: Path, tmp_path: Path) -> None:
    keyval("set", "sound", "1")
    put(repository, value_ref("a"), foreign(repository))
    run_git("init", "--quiet", tmp_path / "clone")
    with GitHttpServer(tmp_path, config={"http.receivepack": "true"}) as server:
        url = f"{server.url}/{repository.name}"
        found = keyval("-r", url, "check")
        assert f"git push {url} --delete {value_ref('a')}" in found.text
        assert repaired(found.text, tmp_path / "clone") == 1
        assert keyval("-r", url, "check").code == 0


def test_the_report_has_the_same_command(keyval: Command, repository: Path) -> None:
    keyval("set", "sound", "1")
    put(repository, value_ref("a"), foreign(repository))
    (problem,) = keyval("check", "--json").json["report"]["problems"]
    assert problem["nextStep"].endswith(f": git -C {repository} update-ref -d {value_ref('a')}")


def test_what_a_dry_run_would_do_is_planned_and_not_done(keyval: Command, repository: Path) -> None:
    keyval("set", "a", "1")
    keyval("getdel", "a")
    before = refs(repository)
    planned = keyval("purge", "--retention", "0s", "--dry-run").text
    assert re.search(r"^job +refs read  planned\npurge +1        1\n", planned, re.MULTILINE)
    assert "made" not in planned
    assert refs(repository) == before
    assert "made" in keyval("purge", "--retention", "0s").text
