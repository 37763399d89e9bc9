"""Which files a step opens: those of its job, whatever a pull request has put in their places."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.action.steps import Workflow, refs

OUTSIDE = "s3cret-of-the-machine"


@pytest.fixture
def workspace(tmp_path: Path, workflow: Workflow, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a workspace with a file and a folder .git, beside a file and a home that are not of it."""
    directory = tmp_path / "workspace"
    (directory / ".git" / "hooks").mkdir(parents=True)
    (directory / ".git" / "config").write_text(OUTSIDE)
    (directory / "inside").write_text("inside")
    (tmp_path / "outside").write_text(OUTSIDE)
    (tmp_path / "home").mkdir()
    (tmp_path / "commands").mkdir()
    own = {f"GITHUB_{name}": str(tmp_path / "commands" / name) for name in ("ENV", "PATH")}
    workflow.environ = {**own, "GITHUB_WORKSPACE": str(directory), "HOME": str(tmp_path / "home")}
    workflow.directory = tmp_path / "temporary"
    for file in own.values():
        Path(file).write_text(OUTSIDE)
    monkeypatch.chdir(directory)
    return directory


def linked(target: str) -> Callable[[Path], str]:
    def make(workspace: Path) -> str:
        (workspace / "link").symlink_to(target)
        return "link"

    return make


def fifo(workspace: Path) -> str:
    os.mkfifo(workspace / "fifo")
    return "fifo"


def listening(workspace: Path) -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(workspace / "socket"))
    return "socket"


def below_a_linked_folder(workspace: Path) -> str:
    (workspace / "folder").symlink_to("..")
    return "folder/outside"


def at(path: str) -> Callable[[Path], str]:
    return lambda workspace: path.format(workspace=workspace, above=workspace.parent)


REFUSED: dict[str, tuple[Callable[[Path], str], str]] = {
    "a link to the environment": (linked("/proc/self/environ"), "outside"),
    "the environment": (at("/proc/self/environ"), "outside"),
    "a link to standard output": (linked("/dev/stdout"), "outside"),
    "standard output": (at("/dev/stdout"), "outside"),
    "a full disk": (at("/dev/full"), "outside"),
    "a link to a file outside": (linked("../outside"), "outside"),
    "a link to nothing outside": (linked("../nothing"), "outside"),
    "a file below a linked folder": (below_a_linked_folder, "outside"),
    "a path that leads out": (at("../outside"), "outside"),
    "an absolute path": (at("{above}/outside"), "outside"),
    "a path that only begins like the workspace": (at("{workspace}-2"), "outside"),
    "a link to itself": (linked("link"), "cannot be"),
    "a pipe": (fifo, "not a regular file"),
    "a socket": (listening, "not a regular file"),
    "a folder": (at("."), "Is a directory"),
    "git's configuration": (at(".git/config"), ".git"),
    "a hook": (at(".git/hooks/post-checkout"), ".git"),
    "a hook, for file systems that know no capitals": (at(".GIT/hooks/post-checkout"), ".git"),
    "a link to git's configuration": (linked(".git/config"), ".git"),
    "the variables of later steps": (at("{above}/commands/ENV"), "outside"),
    "a long name": (at("x" * 256), "File name too long"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("given", ["value-file", "output-file"])
def test_no_other_file_is_opened(
    workflow: Workflow, repository: Path, workspace: Path, capfd: pytest.CaptureFixture[str], name: str, given: str
) -> None:
    """Nothing is stored, nothing taken away or written; and it is told before anything is read."""
    workflow.run("set", key="a", value="kept")
    before = refs(repository)
    make, reason = REFUSED[name]
    path = make(workspace)
    command = "set" if given == "value-file" else "getdel"
    error = workflow.run_given(command, {"key": "a", given: path}).error
    assert f"'{given}'" in error
    assert reason in error
    assert OUTSIDE not in error
    assert (refs(repository), capfd.readouterr()) == (before, ("", ""))
    assert (workspace.parent / "outside").read_text() == (workspace / ".git" / "config").read_text() == OUTSIDE
    assert not any((workspace / ".git" / "hooks").iterdir())
    assert not list(workspace.rglob(".git-keyval-*"))


@pytest.mark.parametrize("name", ["a link to a file outside", "a pipe", "git's configuration", "the environment"])
def test_the_config_file_is_opened_in_the_same_way(workflow: Workflow, workspace: Path, name: str) -> None:
    make, reason = REFUSED[name]
    error = workflow.run("maintain", config=make(workspace)).error
    assert reason in error
    assert OUTSIDE not in error


def test_a_config_file_that_is_a_link_out_is_refused_where_nobody_named_it(workflow: Workflow, workspace: Path) -> None:
    (workspace / ".github").mkdir()
    (workspace / ".github" / "git-keyval.yml").symlink_to("../../outside")
    assert "outside the workspace" in workflow.run("maintain").error


@pytest.mark.parametrize("name", ["GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH"])
def test_the_runners_own_files_are_no_files_of_a_job(workflow: Workflow, workspace: Path, name: str) -> None:
    """Also where they are below a folder of the job, as on a runner without a container."""
    own = workspace.parent / "temporary" / "_runner_file_commands"
    own.mkdir(parents=True)
    (own / name).write_text("")
    (own / "another").write_text(OUTSIDE)
    workflow.environ |= {name: str(own / name)}
    workflow.run("set", key="a", value="kept")
    for path in (own / name, own / "another"):
        assert "the runner's own files" in workflow.run("get", key="a", output_file=str(path)).error
        assert "the runner's own files" in workflow.run("set", key="a", value_file=str(path)).error
    assert (own / "another").read_text() == OUTSIDE


@pytest.mark.parametrize("path", ["inside", "new", "{above}/temporary/new", "{above}/home/new", "{workspace}/../workspace/new"])
def test_files_of_the_job_are_opened(workflow: Workflow, workspace: Path, path: str) -> None:
    named = path.format(above=workspace.parent, workspace=workspace)
    workflow.run("set", key="a", value="value")
    assert workflow.run("get", key="a", output_file=named).code == 0
    assert Path(named).read_text() == "value"
    assert workflow.run("set", key="b", value_file=named).code == 0
    assert workflow.run("get", key="b").outputs["value"] == "value"


def test_a_link_that_stays_inside_is_followed(workflow: Workflow, workspace: Path) -> None:
    (workspace / "link").symlink_to("inside")
    (workspace / "folder").symlink_to(".")
    assert workflow.run("set", key="a", value_file="folder/link").code == 0
    workflow.run("set", key="b", value="new")
    assert workflow.run("get", key="b", output_file="link").code == 0
    assert ((workspace / "inside").read_text(), (workspace / "link").is_symlink()) == ("new", True)
    assert workflow.run("get", key="a").outputs["value"] == "inside"


def test_a_link_that_is_made_meanwhile_is_not_followed(workflow: Workflow, repository: Path, workspace: Path) -> None:
    """A hook of the repository stands for a process of the job that is faster."""
    (workspace / "folder").mkdir()
    hook = repository / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\nrm -r '{workspace}/folder' && ln -s .. '{workspace}/folder'\n")
    workflow.run("set", key="a", value="kept")
    hook.chmod(0o755)
    ended = workflow.run("getdel", key="a", output_file="folder/taken")
    assert "refs/heads/" not in ended.error.partition("could not be written")[0]
    assert "outside the workspace" in ended.error
    assert not (workspace.parent / "taken").exists()


def test_the_other_name_of_a_file_keeps_what_it_has(workflow: Workflow, workspace: Path) -> None:
    (workspace / "taken").hardlink_to(workspace.parent / "outside")
    workflow.run("set", key="a", value="new")
    assert workflow.run("get", key="a", output_file="taken").code == 0
    assert ((workspace / "taken").read_text(), (workspace.parent / "outside").read_text()) == ("new", OUTSIDE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_file_belongs_to_the_owner_of_its_folder(workflow: Workflow, workspace: Path) -> None:
    """A step is root, and the job is not (actions/runner#434)."""
    os.chown(workspace, 1234, 1235)
    workflow.run("set", key="a", value="value")
    assert workflow.run("get", key="a", output_file="taken").code == 0
    made = (workspace / "taken").stat()
    assert (made.st_uid, made.st_gid, made.st_mode & 0o777) == (1234, 1235, 0o666 & ~_umask())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_file_that_is_replaced_keeps_its_owner_and_its_permissions(workflow: Workflow, workspace: Path) -> None:
    os.chown(workspace, 1234, 1235)
    os.chown(workspace / "inside", 2345, 2346)
    (workspace / "inside").chmod(0o640)
    workflow.run("set", key="a", value="value")
    assert workflow.run("getdel", key="a", output_file="inside").code == 0
    kept = (workspace / "inside").stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode & 0o777) == (2345, 2346, 0o640)


def _umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found
