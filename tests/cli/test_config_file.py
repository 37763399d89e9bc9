"""The config file at a terminal: only the one that is named, and what becomes of each repository."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.servers.binary import init_bare

NOWHERE = {"GIT_KEYVAL_REPOSITORY": ""}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a file for two repositories and one that is missing, and go where a workflow would find it."""
    for name in ("one", "two"):
        init_bare(tmp_path / f"{name}.git")
    path = tmp_path / ".github" / "git-keyval.yml"
    path.parent.mkdir()
    path.write_text("repositories: [./one.git, ./none.git, ./two.git]\nretention: 0s\n")
    monkeypatch.chdir(tmp_path)
    return path


def park(keyval: Command, *names: str) -> None:
    for name in names:
        keyval("-r", f"./{name}.git", "set", "a", "1")
        keyval("-r", f"./{name}.git", "getdel", "a")


def test_each_repository_is_told_under_its_name(keyval: Command, config: Path) -> None:
    park(keyval, "one", "two")
    said = keyval("purge", "--config", str(config), environ=NOWHERE)
    assert said.code == 1
    lines = [line for line in said.text.splitlines() if line.startswith("./")]
    assert lines == ["./one.git", "./none.git", "./two.git"]
    assert said.text.count("purge: fine. ") == 2
    assert said.text.endswith("\n3 repositories: 2 fine, 1 failed.\n")
    assert said.stderr.startswith("./none.git: none.git is not a git repository. Check --repository, ")
    assert said.stderr.count("\n") == 1
    config.write_text("repositories: [./one.git, ./two.git]")
    assert keyval("check", "--config", str(config), environ=NOWHERE).code == 0


def test_the_environment_names_a_repository_only_where_nothing_else_does(keyval: Command, config: Path) -> None:
    park(keyval, "one", "two")
    config.write_text("repositories: [./two.git]\nretention: 0s")
    assert keyval("purge", "--config", str(config)).text.startswith("./two.git\n")
    config.write_text("retention: 0s\ndry-run: true")
    said = keyval("purge", "--config", str(config), environ={"GIT_KEYVAL_REPOSITORY": "./one.git"})
    assert said.code == 0
    assert "(dry run)" in said.text


def test_an_option_selects_one_repository(keyval: Command, config: Path) -> None:
    park(keyval, "one")
    said = keyval("-r", "./one.git", "purge", "--config", str(config))
    assert (said.code, said.stderr) == (0, "")
    assert not said.text.startswith("./")
    assert "purge" in said.text


def test_no_file_is_read_that_is_not_named(keyval: Command, config: Path) -> None:
    """What a command does to databases does not depend on the directory in which it is typed."""
    assert config.exists()
    said = keyval("maintain", environ={**NOWHERE, "GITHUB_WORKSPACE": str(config.parent.parent), "GITHUB_REPOSITORY": "a/b"})
    assert (said.code, said.stdout) == (2, b"")
    assert "--repository is missing" in said.stderr


@pytest.mark.parametrize("text", ["retenton: 1d", "retention: soon", "- a", "\t"])
def test_mistakes_of_the_file_are_misuse(keyval: Command, config: Path, text: str) -> None:
    config.write_text(text)
    said = keyval("maintain", "--config", str(config), environ=NOWHERE)
    assert (said.code, said.stdout) == (2, b"")
    assert said.stderr.startswith(f"{config}:1: ")


def test_a_missing_file_is_misuse(keyval: Command) -> None:
    said = keyval("maintain", "--config", "no/such.yml")
    assert (said.code, said.stdout) == (2, b"")
    assert "names no/such.yml, which does not exist" in said.stderr


def test_init_of_several_tells_what_it_created(keyval: Command, config: Path) -> None:
    config.write_text("repositories: [./one.git, ./two.git]")
    created = "init: fine. Created 2 refs.\ncreated refs/heads/main\ncreated refs/tags/kv/dummy-tree\n"
    said = keyval("init", "--config", str(config)).text
    assert said == f"./one.git\n{created}\n./two.git\n{created}\n2 repositories: 2 fine.\n"
