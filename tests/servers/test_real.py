"""What the product promises, on servers that nobody here wrote. One that is not installed is skipped.

``make test`` takes one of each: HTTP and ssh, with protocol version 2 and before.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.exhaustive import only
from tests.servers.binary import git_output, run_git
from tests.servers.catalogue import SERVERS, Server
from tests.servers.race import race
from tests.servers.record import recorded_servers
from tests.servers.site import Site, served_directory
from tests.servers.smoke import smoke


@pytest.fixture(scope="module", params=only({"apache", "nginx-old", "sshd"}, SERVERS))
def server(request: pytest.FixtureRequest) -> Server:
    return SERVERS[request.param]


@pytest.fixture(scope="module")
def site(server: Server) -> Iterator[Site]:
    with served_directory() as directory, server.open(directory) as site:
        yield site


def test_git_itself_finds_the_protocol_of_the_table(server: Server, site: Site) -> None:
    """Else what is shown of version 0 below would be shown of version 2."""
    repository = site.create("asked.git")
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    commit = git_output("commit-tree", tree, "-m", "a commit", directory=repository)
    run_git("update-ref", "refs/heads/a-branch", commit, directory=repository)
    place = site.place(repository)
    options = ["-c", f"http.sslCAInfo={place['SSL_CERT_FILE']}"] if "SSL_CERT_FILE" in place else []
    asked = ["-c", "protocol.version=2", *options, "ls-remote", _with_token(place)]
    environ = {"GIT_TRACE_PACKET": "1", "GIT_SSH_VARIANT": "ssh", **place}
    listed = run_git(*asked, environ=environ)
    assert f"{commit}\trefs/heads/a-branch".encode() in listed.stdout
    assert bool(re.search(rb"git< version 2", listed.stderr)) is (server.protocol == 2)


def test_every_kind_of_step_works(server: Server, site: Site) -> None:
    assert smoke(site, server.steps) == []


def test_increments_are_exact_and_no_healthy_record_is_called_damaged(server: Server, site: Site) -> None:
    """A small race; ``make servers`` runs a larger one."""
    if not server.clients:
        pytest.skip("the race is run on another way to this server, or it keeps no promise to several writers")
    race(site, clients=server.clients, each=server.each)


@pytest.mark.parametrize("name", SERVERS)
def test_the_record_tells_of_what_the_tests_find_or_more(name: str) -> None:
    """``make servers`` writes it."""
    server, recorded = SERVERS[name], recorded_servers()[name]
    assert (recorded.title, recorded.protocol) == (server.title, server.protocol)
    assert recorded.steps >= server.steps
    assert recorded.increments >= server.clients * server.each


def _with_token(place: dict[str, str]) -> str:
    parts, token = urlsplit(place["INPUT_REPOSITORY"]), place.get("INPUT_TOKEN")
    return urlunsplit(parts._replace(netloc=f"x-access-token:{token}@{parts.netloc}")) if token else place["INPUT_REPOSITORY"]
