"""What a real web server, or a proxy before it, refuses: one clear error, after few requests, and nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.races.clients import OneShot, StepFailedError
from tests.servers import tinyproxy
from tests.servers.apache import Apache, apache
from tests.servers.binary import git_output
from tests.servers.nginx import Nginx, nginx
from tests.servers.site import Site, served_directory


@pytest.fixture(scope="module")
def server() -> Iterator[Apache]:
    with served_directory() as directory, apache(directory) as running:
        yield running


@pytest.fixture(scope="module")
def front() -> Iterator[Nginx]:
    with served_directory() as directory, nginx(directory) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tinyproxy.tinyproxy(tmp_path_factory.mktemp("proxy")) as address:
        yield address


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps on one repository, each a process of its own."""

    site: Site
    repository: Path

    def run(self, command: str, environ: dict[str, str] | None = None, /, **inputs: str) -> dict[str, str]:
        place = {**self.site.place(self.repository), **(environ or {})}
        return dict(OneShot(place, self.repository.with_suffix(".outputs")).run(command, **inputs).outputs)

    def error(self, command: str, environ: dict[str, str], /, **inputs: str) -> str:
        with pytest.raises(StepFailedError) as failed:
            self.run(command, environ, **inputs)
        assert failed.value.log.count("::error::") == 1
        return failed.value.log


def steps(site: Site, request: pytest.FixtureRequest) -> Steps:
    return Steps(site, site.create(f"{request.function.__name__}.git"))


@pytest.mark.parametrize(("command", "inputs"), [("get", {"key": "a"}), ("set", {"key": "a", "value": "1"}), ("sweep", {})])
def test_a_wrong_password_is_one_error_after_one_request(
    server: Apache, tmp_path: Path, command: str, inputs: dict[str, str]
) -> None:
    before = len(server.requests())
    said = Steps(server.site, tmp_path / "none.git").error(command, {"INPUT_TOKEN": "wrong"}, **inputs)
    assert "refuses access (status 401)" in said
    assert len(server.requests()) - before == 1


def test_who_gives_no_token_reads_and_does_not_write(server: Apache, request: pytest.FixtureRequest) -> None:
    there = steps(server.anonymous, request)
    there.run("set", key="a", value="1")
    assert there.run("get", {"INPUT_TOKEN": ""}, key="a")["value"] == "1"
    assert "status 401" in there.error("set", {"INPUT_TOKEN": ""}, key="a", value="2")
    assert there.run("get", key="a")["value"] == "1"


def test_compressed_answers_are_read(server: Apache, request: pytest.FixtureRequest) -> None:
    there = steps(server.site, request)
    there.run("set", key="a", value="1")
    before = len(server.requests())
    assert there.run("get", key="a")["value"] == "1"
    assert {line.rsplit(" ", 1)[1] for line in server.requests()[before:]} == {"gzip"}


def test_a_value_above_the_limit_of_a_web_server_is_told(front: Nginx, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    there = steps(front.small, request)
    there.run("set", key="a", value="1")
    value = tmp_path / "value"
    value.write_bytes(Random(1).randbytes(1_500_000))
    workspace, inputs = {"GITHUB_WORKSPACE": str(tmp_path)}, {"key": "a", "type": "file", "value_file": str(value)}
    said = there.error("set", workspace, **inputs)
    assert "status 413" in said
    assert "client_max_body_size" in said
    assert there.run("get", key="a")["value"] == "1"
    assert Steps(front.site, there.repository).run("set", workspace, **inputs)["applied"] == "true"


def test_an_unknown_authority_is_named_as_the_cause(server: Apache, request: pytest.FixtureRequest) -> None:
    there = steps(server.tls, request)
    said = there.error("set", {"SSL_CERT_FILE": ""}, key="a", value="1")
    assert "certificate" in said
    assert git_output("-c", "safe.directory=*", "for-each-ref", directory=there.repository) == ""


def test_tls_goes_through_a_proxy_with_a_password(server: Apache, proxy: str, request: pytest.FixtureRequest) -> None:
    there = steps(server.tls, request)
    way = {"https_proxy": f"http://{tinyproxy.USER}:{tinyproxy.PASSWORD}@{proxy}"}
    assert there.run("incr", way, key="builds")["value"] == "1"
    assert there.run("get", way, key="builds")["value"] == "1"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_another_password_is_told_as_that(server: Apache, proxy: str, scheme: str) -> None:
    site = server.site if scheme == "http" else server.tls
    there = Steps(site, site.root / "none.git")
    before = len(server.requests())
    said = there.error("set", {f"{scheme}_proxy": f"http://user:wrong@{proxy}"}, key="a", value="1")
    assert "proxy" in said
    assert "wrong" not in said
    assert len(server.requests()) == before
