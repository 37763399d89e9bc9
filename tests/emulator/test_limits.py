"""The limits that GitHub documents besides those of an hour's requests, each switched on by itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from github import GithubException

from tests.emulator import GitHubEmulator, Options
from tests.emulator.conftest import Client, Clock
from tests.emulator.test_git import Git, git, work

__all__ = ["git", "work"]


def read_rest(client: Client) -> None:
    client.get("")


def write_rest(client: Client) -> None:
    client.post("/git/blobs", {"content": "text", "encoding": "utf-8"})


def query(client: Client) -> None:
    client.query("id")


def refused(ask: Callable[[Client], None], client: Client) -> tuple[int, str, str | None]:
    """Ask what is refused; give the status, the text of the answer, and for how long to wait."""
    with pytest.raises(GithubException) as caught:
        ask(client)
    assert caught.value.headers is not None
    return caught.value.status, str(caught.value.data), caught.value.headers.get("retry-after")


@pytest.mark.parametrize(("ask", "points"), [(read_rest, 1), (write_rest, 5)])
def test_rest_takes_so_many_points_a_minute(
    emulator: GitHubEmulator, client: Client, clock: Clock, ask: Callable[[Client], None], points: int
) -> None:
    emulator.options.rest_points_per_minute = 10
    for _ in range(10 // points):
        ask(client)
        clock.now += 1
    status, text, seconds = refused(ask, client)
    assert status == 403
    assert "secondary rate limit" in text
    assert "content creation" not in text
    query(client)  # GraphQL counts its own

    assert seconds is not None
    clock.now += int(seconds)
    ask(client)


def test_what_was_taken_long_ago_makes_room_for_as_much(emulator: GitHubEmulator, client: Client, clock: Clock) -> None:
    """A write needs the points of five reads, so the fifth of them has to be a minute old."""
    emulator.options.rest_points_per_minute = 10
    for _ in range(10):
        read_rest(client)
        clock.now += 2
    seconds = refused(write_rest, client)[2]
    assert seconds == str(60 - 20 + 4 * 2 + 1)
    clock.now += int(seconds)
    write_rest(client)


def test_a_mutation_counts_five_points_of_graphql_and_a_query_one(emulator: GitHubEmulator, client: Client) -> None:
    oid = client.commit()
    emulator.options.graphql_points_per_minute = 7
    client.update({"name": "refs/heads/x", "afterOid": oid})  # after a query for the repository's id
    query(client)
    status, text, seconds = refused(query, client)
    assert (status, seconds) == (400, "61")  # PyGithub's status for an answer of 200 that has errors
    assert "secondary rate limit" in text
    read_rest(client)


@pytest.mark.parametrize(("per_minute", "per_hour", "wait"), [(3, None, 60), (None, 3, 3_600), (80, 3, 3_600), (3, 500, 60)])
def test_content_is_limited_for_rest_and_graphql_together(
    emulator: GitHubEmulator, client: Client, clock: Clock, per_minute: int | None, per_hour: int | None, wait: int
) -> None:
    emulator.options.content_per_minute, emulator.options.content_per_hour = per_minute, per_hour
    oid = client.commit()  # two requests
    client.update({"name": "refs/heads/x", "afterOid": oid})
    status, text, seconds = refused(write_rest, client)
    assert status == 403
    assert "content creation" in text
    assert seconds == str(wait + 1)
    read_rest(client)
    clock.now += wait
    write_rest(client)


def test_an_answer_need_not_say_when_to_come_back(emulator: GitHubEmulator, client: Client, git: Git) -> None:
    emulator.options.says_when = False
    emulator.options.content_per_minute = emulator.options.pushes_per_minute = 1
    write_rest(client)
    git("push", "--quiet", "URL", "HEAD:refs/heads/w")
    assert refused(write_rest, client)[2] is None
    assert b"429" in git("push", "--quiet", "URL", "HEAD:refs/heads/x", ok=False).stderr


def test_a_repository_takes_so_many_pushes_a_minute(emulator: GitHubEmulator, git: Git, clock: Clock, path: Path) -> None:
    emulator.create("o", "other")
    emulator.options.pushes_per_minute = 2
    git("push", "--quiet", "URL", "HEAD:refs/heads/a")
    clock.now += 10
    git("push", "--quiet", "URL", "HEAD:refs/heads/b")
    assert b"429" in git("push", "--quiet", "URL", "HEAD:refs/heads/c", ok=False).stderr
    assert not (path / "refs" / "heads" / "c").exists()
    git("ls-remote", "URL")
    clock.now += 51
    git("push", "--quiet", "URL", "HEAD:refs/heads/c")
    assert b"429" not in git("push", "--quiet", "--dry-run", "URL", "HEAD:refs/heads/d").stderr


def test_a_repository_takes_so_many_reads_by_git_a_second(emulator: GitHubEmulator, git: Git, clock: Clock) -> None:
    emulator.options.git_reads_per_second = 1
    git("ls-remote", "URL")
    assert b"429" in git("ls-remote", "URL", ok=False).stderr
    clock.now += 1
    git("ls-remote", "URL")


def test_what_is_refused_takes_nothing_and_other_repositories_and_tokens_have_their_own(
    emulator: GitHubEmulator, connect: Callable[..., Client], clock: Clock
) -> None:
    emulator.options.rest_points_per_minute = 1
    emulator.access.grant("another", emulator.access.allowed("emulated-token", "o/r"))
    client = connect()
    read_rest(client)
    for _ in range(3):
        clock.now += 10
        refused(read_rest, client)
    read_rest(connect("another"))
    clock.now += 31
    read_rest(client)
    assert [emulator.limits.converse(name, "push") for name in ("o/r", "o/other")] == [None, None]


def test_all_that_is_documented_is_enforced_at_once() -> None:
    options = Options.documented(1_000)
    assert (options.core_limit, options.graphql_limit) == (1_000, 1_000)
    assert (options.content_per_minute, options.content_per_hour) == (80, 500)
    assert (options.rest_points_per_minute, options.graphql_points_per_minute) == (900, 2_000)
    assert (options.pushes_per_minute, options.git_reads_per_second) == (6, 15)
