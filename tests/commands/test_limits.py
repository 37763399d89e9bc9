"""What a server finds too large: what is all or nothing stays so, the rest goes on in parts."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_keyval.commands.values import Del, Get, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.errors import PartlyDeletedError, TooLargeError
from git_keyval.format.values import bytes_value
from git_keyval.maintenance.commands import Sweep
from git_keyval.maintenance.report import to_json
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, HttpPlace, open_git_place, over_http
from tests.servers.binary import run_git
from tests.servers.http import RECEIVE_PACK, GitHttpServer
from tests.servers.nginx import nginx
from tests.servers.site import served_directory
from tests.world import World, install_hook, key, text

KEYS = [key(f"{number:03}") for number in range(100)]
ENTRIES = dict.fromkeys(KEYS, text("v"))
VALUE = bytes_value(random.Random(1).randbytes(500_000))


@pytest.fixture
def web(tmp_path: Path, clock: FakeClock) -> Iterator[World]:
    with over_http(tmp_path, clock) as place:
        yield World(place, clock)


def server_of(world: World) -> GitHttpServer:
    assert isinstance(world.place, HttpPlace)
    return world.place.server


def keys_of(world: World) -> int:
    return sum("/val-" in name for name in world.refs())


def limit(world: World, size: int) -> None:
    """Have git itself take no larger pack."""
    assert isinstance(world.place, GitPlace)
    run_git("config", "receive.maxInputSize", str(size), directory=world.place.repository)


def test_a_value_that_is_too_large_is_told_its_size_and_whose_limit_it_is(git: World) -> None:
    perform(git.database(), Set(key=key("first"), value=text("v")))
    limit(git, 10_000)
    before = git.store.requests
    with pytest.raises(TooLargeError) as caught:
        perform(git.database(), Set(key=key(), value=VALUE))
    assert 500_000 < caught.value.size < 501_000
    assert f"{caught.value.size:,} bytes" in str(caught.value)
    assert "Raise receive.maxInputSize" in caught.value.next_step
    assert git.store.requests - before == 2  # the settings, which are new, and the push
    assert keys_of(git) == 1


def test_what_is_set_at_once_is_not_set_in_parts(git: World) -> None:
    perform(git.database(), Set(key=key("first"), value=text("v")))
    limit(git, 2_000)
    before = git.store.requests
    with pytest.raises(TooLargeError):
        perform(git.database(), Mset(values={one: text(f"{random.Random(1).random()} of {one}") for one in KEYS}))
    assert git.store.requests - before == 2  # the settings, which are new, and the push
    assert keys_of(git) == 1


def test_nor_is_it_over_http(web: World) -> None:
    perform(web.database(), Set(key=key("first"), value=text("v")))
    server_of(web).log.clear()
    server_of(web).max_body = 5_000
    with pytest.raises(TooLargeError, match="client_max_body_size"):
        perform(web.database(), Mset(values=ENTRIES))
    assert server_of(web).count(method="POST", service=RECEIVE_PACK) == 1
    assert keys_of(web) == 1


def test_nginx_is_known_by_its_limit(clock: FakeClock) -> None:
    """It answers before it has read the whole request."""
    with served_directory() as directory, nginx(directory) as servers:
        repository = servers.small.create("limited.git")
        world = World(open_git_place(repository, servers.small.address(repository), clock, {}), clock)
        perform(world.database(), Set(key=key(), value=VALUE))
        before = world.store.requests
        with pytest.raises(TooLargeError, match=r"write of 2,000,\d{3} bytes: .*client_max_body_size"):
            perform(world.database(), Set(key=key("k2"), value=bytes_value(random.Random(2).randbytes(2_000_000))))
        assert world.store.requests - before == 2
        assert keys_of(world) == 1


def test_keys_are_deleted_in_parts(web: World) -> None:
    perform(web.database(), Mset(values=ENTRIES))
    server_of(web).log.clear()
    server_of(web).max_body = 5_000
    assert perform(web.database(), Del(keys=KEYS)).count == 100
    assert web.errors() == []
    assert perform(web.database(), Get(key=KEYS[0])).found is False
    assert server_of(web).count(method="POST", service=RECEIVE_PACK) < 20


def test_a_part_that_is_refused_does_not_keep_the_others(web: World) -> None:
    perform(web.database(), Mset(values=ENTRIES))
    server_of(web).max_body = 5_000
    denied = web.database().naming.value(KEYS[7].id)
    install_hook(web, "update", f'#!/bin/sh\n[ "$1" != "{denied}" ] || {{ echo "it is mine" >&2; exit 1; }}\n')
    with pytest.raises(PartlyDeletedError, match=r"99 of the keys.* \(it is mine; "):
        perform(web.database(), Del(keys=KEYS))
    assert [perform(web.database(), Get(key=one)).found for one in KEYS[6:9]] == [False, True, False]


def test_maintenance_goes_on_in_batches_that_the_server_takes(web: World) -> None:
    perform(web.database(), Mset(values=ENTRIES, ttl=60))
    web.clock.advance(120)
    server_of(web).log.clear()
    server_of(web).max_body = 5_000
    report = Sweep().run(web.maintenance())
    assert (len(report.jobs[0].applied), report.notable(), report.error) == (100, 0, "")
    posts = [seen.status for seen in server_of(web).log if (seen.method, seen.service) == ("POST", RECEIVE_PACK)]
    # Halved until they fit, and not grown again beyond that.
    assert posts.count(413) == 3
    assert len(posts) < 20


def test_a_report_has_the_words_of_a_hook(git: World) -> None:
    perform(git.database(), Mset(values=dict(list(ENTRIES.items())[:2]), ttl=60))
    git.clock.advance(120)
    install_hook(git, "pre-receive", '#!/bin/sh\necho "$(date +%N): nothing goes" >&2\nexit 1\n')
    report = json.dumps(to_json(Sweep().run(git.maintenance())))
    assert report.count("nothing goes") == 2
    assert "pre-receive hook declined" in report


def test_a_hook_that_says_something_else_each_time_ends_the_job_all_the_same(git: World) -> None:
    perform(git.database(), Mset(values=ENTRIES, ttl=60))
    git.clock.advance(120)
    install_hook(git, "pre-receive", '#!/bin/sh\necho "request $(date +%N)" >&2\nexit 1\n')
    before = git.store.requests
    assert len(Sweep().run(git.maintenance()).jobs[0].failed) == 100
    assert git.store.requests - before < 40
