"""The emulator as people start it."""

import threading
from pathlib import Path

import pytest
from github import Auth, Github

from tests.emulator.__main__ import serve


def test_served_repository_is_reached_with_what_is_printed(tmp_path: Path) -> None:
    lines: list[str] = []
    stop, ready = threading.Event(), threading.Event()

    def write(line: str) -> None:
        lines.append(line)
        if line.startswith("export GITHUB_TOKEN"):
            ready.set()

    arguments = ["--directory", str(tmp_path), "--repository", "some/data", "--token", "secret"]
    thread = threading.Thread(target=serve, args=(arguments, write, stop))
    thread.start()
    assert ready.wait(10)
    exports = (line.removeprefix("export ").partition("=") for line in lines)
    environ = {name: value for name, _, value in exports}
    with Github(auth=Auth.Token(environ["GITHUB_TOKEN"]), base_url=environ["GITHUB_API_URL"]) as github:
        assert github.get_repo(environ["GITHUB_REPOSITORY"]).default_branch == "main"
    stop.set()
    thread.join()

    assert "rest" in lines[-1]
    assert "GET    /repos/some/data" in lines[-1]
    assert (tmp_path / "some" / "data.git").is_dir()


def test_repository_is_named_with_its_owner(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serve(["--repository", "data"], print, threading.Event())

    assert "owner/name" in capsys.readouterr().err
