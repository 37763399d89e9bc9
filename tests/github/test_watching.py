"""Who watches a key for hours takes nothing from the hourly limit of GitHub's API, as long as nothing happens."""

from git_keyval.commands.values import Set
from git_keyval.commands.waiting import NextChange
from git_keyval.database.perform import perform
from tests.emulator import GitHubEmulator
from tests.world import World, key, text

K = key("k")


def test_looks_are_made_by_git(github: World, emulator: GitHubEmulator) -> None:
    perform(github.database(), Set(key=K, value=text("v")))
    seen = perform(github.database(), NextChange(key=K))
    before = len(emulator.requests)
    answer = perform(github.database(), NextChange(key=K, seen=seen, wait=3_600))
    asked = [request.kind for request in emulator.requests[before:]]
    assert answer.met is False
    assert len(asked) > 200
    assert sum(not kind.startswith("git") for kind in asked) <= 1
