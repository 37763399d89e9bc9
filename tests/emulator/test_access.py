"""Who is let in, and how much they may ask."""

import json
import re
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from github import BadCredentialsException, GithubException, RateLimitExceededException, UnknownObjectException

from tests.emulator import GitHubEmulator, Permission
from tests.emulator.conftest import START, Client, Clock
from tests.emulator.server import DEFAULT_TOKEN


def test_bad_token_is_401(connect: Callable[..., Client]) -> None:
    stranger = connect("bad")

    with pytest.raises(BadCredentialsException):
        stranger.get("")
    with pytest.raises(BadCredentialsException):
        stranger.query("id")


def test_missing_token_is_401(emulator: GitHubEmulator) -> None:
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{emulator.url}/repos/o/r")  # noqa: S310  # on loopback

    with caught.value as answer:
        assert answer.status == 401
        assert json.load(answer)["message"] == "Bad credentials"


def test_repository_without_access_does_not_exist(connect: Callable[..., Client], emulator: GitHubEmulator) -> None:
    emulator.access.grant("other", Permission.WRITE, "o/elsewhere")
    other = connect("other")

    with pytest.raises(UnknownObjectException):
        other.get("")
    with pytest.raises(UnknownObjectException):
        other.query("id")


def test_reader_may_not_write(connect: Callable[..., Client], emulator: GitHubEmulator) -> None:
    emulator.access.grant("reader", Permission.READ, "O/R")
    reader = connect("reader")

    assert reader.refused("POST", "/git/blobs", {"content": "a"}) == (403, "Resource not accessible by integration")
    assert reader.query("viewerPermission") == {"viewerPermission": "READ"}
    emulator.access.revoke("reader")
    assert reader.refused("GET", "") == (401, "Bad credentials")


def test_single_sign_on(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.sso_tokens.add(DEFAULT_TOKEN)

    with pytest.raises(GithubException) as caught:
        client.get("")

    assert caught.value.status == 403
    assert caught.value.data["message"].startswith("Resource protected by organization SAML enforcement")
    assert re.match("required; url=http", (caught.value.headers or {})["x-github-sso"])
    with pytest.raises(GithubException):
        client.query("id")


def test_answers_tell_the_limit_by_the_clock(client: Client, emulator: GitHubEmulator, clock: Clock) -> None:
    emulator.options.core_limit = 2

    headers = [client.rest("GET", "")[0] for _ in range(2)]
    with pytest.raises(RateLimitExceededException):
        client.get("")

    assert [one["x-ratelimit-remaining"] for one in headers] == ["1", "0"]
    assert headers[0]["x-ratelimit-reset"] == str(int(START) + 3600)
    assert headers[0]["x-ratelimit-resource"] == "core"
    assert headers[0]["date"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    # Asking for the limit is free.
    assert client.requester.requestJsonAndCheck("GET", "/rate_limit")[1]["resources"]["core"]["remaining"] == 0
    assert client.query("nameWithOwner")
    clock.now += 3600
    assert client.get("")


def test_graphql_has_a_limit_of_its_own(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.graphql_limit = 1

    assert client.query("nameWithOwner")
    with pytest.raises(GithubException) as caught:
        client.query("nameWithOwner")

    assert caught.value.data["errors"][0]["type"] == "RATE_LIMITED"
    assert (caught.value.headers or {})["x-ratelimit-resource"] == "graphql"


@pytest.mark.parametrize(("name", "span"), [("content_per_minute", 60), ("content_per_hour", 3600)])
def test_writes_have_a_secondary_limit(client: Client, emulator: GitHubEmulator, clock: Clock, name: str, span: int) -> None:
    setattr(emulator.options, name, 2)
    client.commit()

    with pytest.raises(RateLimitExceededException) as caught:
        client.post("/git/blobs", {"content": "a"})

    assert int((caught.value.headers or {})["retry-after"]) >= span
    assert client.get("")
    clock.now += span + 1
    assert client.post("/git/blobs", {"content": "a"})
