"""The output ``url``: where a CDN has the value."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.action.steps import WORKFLOW_TOKEN, Workflow, version_of
from tests.emulator import GitHubEmulator, Permission
from tests.emulator.shapes import node_id

TELLS = {"private": False, "visibility": "public"}


@dataclass(frozen=True, slots=True)
class Site:
    """A public repository ``owner/name`` on the emulated GitHub, its CDN, and steps whose event names it."""

    emulator: GitHubEmulator
    workflow: Workflow
    tell: Callable[[Mapping[str, object]], None]
    """Let the event tell so of the repository."""

    def step(self, command: str, /, **inputs: str) -> str | None:
        ended = self.workflow.run(command, **inputs)
        assert ended.code == 0, ended.log
        return ended.outputs.get("url")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with GitHubEmulator(tmp_path / "github", tokens={WORKFLOW_TOKEN: Permission.WRITE}) as emulator:
        emulator.create("owner", "name")
        emulator.options.public.add("owner/name")
        found = emulator.repositories.find("owner/name")
        assert found
        event = tmp_path / "event.json"

        def tell(more: Mapping[str, object]) -> None:
            named = {"node_id": node_id("R", found.number), "full_name": "owner/name"}
            event.write_text(json.dumps({"repository": {**named, **more}}))

        workflow = Workflow(
            tmp_path / "steps",
            "owner/name",
            {},
            {**emulator.environ, "GITHUB_EVENT_PATH": str(event), "GITHUB_WORKSPACE": str(tmp_path)},
        )
        tell(TELLS)
        workflow.run("init")
        yield Site(emulator, workflow, tell)
        assert emulator.unexpected == []


VALUES = {
    "string": ({"value": "grüße"}, "txt", "grüße".encode(), "text/plain; charset=utf-8"),
    "number": ({"value": "7.50", "type": "number"}, "txt", b"7.5", "text/plain; charset=utf-8"),
    "json": ({"value": '{"a": 1}', "type": "json"}, "json", b'{"a":1}', "application/json; charset=utf-8"),
    "bytes": ({"value": "AP8=", "type": "bytes"}, "bin", b"\0\xff", "application/octet-stream"),
    "file": ({"value": "PHN2Zy8+", "type": "file", "media-type": "image/svg+xml"}, "svg", b"<svg/>", "image/svg+xml"),
}


@pytest.mark.parametrize("kind", VALUES)
def test_the_link_leads_to_the_value(site: Site, kind: str) -> None:
    """Under the name that makes the CDN answer with its media type, and by the oid of its commit, which is its version."""
    given, extension, data, media_type = VALUES[kind]
    written = site.workflow.run_given("set", {"key": "k", **given})
    read = site.workflow.run("get", key="k")
    url = written.outputs["url"]
    assert url == read.outputs["url"] == f"{site.emulator.cdn_url}/owner/name@{read.outputs['version']}/view.{extension}"
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, data, media_type)


def test_a_value_in_a_file_has_its_link_too(site: Site, tmp_path: Path) -> None:
    site.step("set", key="k", value="v")
    assert site.step("get", key="k", output_file=str(tmp_path / "out")) is not None


@pytest.mark.parametrize(
    "tells",
    [
        {"private": True, "visibility": "private"},
        {"private": False, "visibility": "internal"},
        {"private": "false"},
        {},
    ],
    ids=["private", "internal", "text", "nothing"],
)
def test_a_write_that_reads_nothing_has_a_link_only_if_the_event_says_that_it_is_public(
    site: Site, tells: Mapping[str, object]
) -> None:
    site.tell(tells)
    assert site.step("set", key="k", value="v") is None
    assert site.step("get", key="k") is not None


def test_the_query_for_the_id_of_a_repository_tells_it_too(site: Site) -> None:
    """Which a write needs where the event names another repository."""
    site.tell({**TELLS, "full_name": "owner/another"})
    assert site.step("set", key="k", value="v") is not None
    site.emulator.options.public.clear()
    assert site.step("set", key="k", value="v") is None


def test_a_private_repository_has_no_links(site: Site) -> None:
    site.tell({"private": True})
    site.emulator.options.public.clear()
    site.step("set", key="k", value="v", keep_ttl="true")
    assert site.step("set", key="k", value="w", keep_ttl="true") is None
    assert site.step("get", key="k") is None


def test_what_is_not_there_has_no_link(site: Site) -> None:
    assert site.step("get", key="k", default="v") is None
    site.step("set", key="k", value="v", ttl="1m")
    assert site.step("set", key="k", value="w", if_="absent") is None


def test_a_counter_has_no_link(site: Site) -> None:
    """Its number is not a file."""
    site.step("incr", key="k")
    assert site.step("get", key="k") is None
    assert site.step("set", key="k", value="5", type="counter") is None


@pytest.mark.parametrize(("size", "linked"), [(20_000_000, True), (20_000_001, False)])
def test_a_value_that_the_cdn_refuses_has_no_link(site: Site, tmp_path: Path, size: int, *, linked: bool) -> None:
    file = tmp_path / "value"
    file.write_bytes(b"x" * size)
    url = site.step("set", key="k", value_file=str(file), transport="git")
    assert url is None
    url = site.step("get", key="k", output_file=str(tmp_path / "out"))
    assert (url is not None) is linked
    if url:
        assert requests.get(url, timeout=10).status_code == 200


def test_other_servers_have_no_cdn(site: Site, repository: Path) -> None:
    """jsDelivr knows github.com alone; for another GitHub server somebody has to name a CDN."""
    site.step("set", key="k", value="v")
    del site.workflow.environ["GIT_KEYVAL_CDN_URL"]
    assert site.step("set", key="k", value="v") is None
    assert site.step("get", key="k") is None
    site.workflow.environ["GIT_KEYVAL_CDN_URL"] = "https://cdn.example/gh/"
    assert site.step("get", key="k") == f"https://cdn.example/gh/owner/name@{version_of('v')}/view.txt"
    assert site.step("set", key="k", value="v", repository=str(repository)) is None
    assert site.step("get", key="k", repository=str(repository)) is None


@pytest.mark.parametrize("is_public", [True, False])
def test_of_a_redirected_key_the_repository_counts_that_has_it(site: Site, *, is_public: bool) -> None:
    """Where the public one only says that it is elsewhere, nobody learns more of a private one."""
    site.emulator.create("owner", "other")
    if is_public:
        site.emulator.options.public.add("owner/other")
    for command, inputs in (("init", {}), ("set", {"key": "k", "value": "v"})):
        assert site.workflow.run(command, repository="owner/other", **inputs).code == 0
    assert site.workflow.run("redirect", key="k", redirect_to="owner/other").code == 0
    link = f"{site.emulator.cdn_url}/owner/other@{version_of('v')}/view.txt" if is_public else None
    assert site.step("get", key="k") == link
    assert site.step("set", key="k", value="v", follow_writes="true") == link


def test_what_is_encrypted_has_no_link(site: Site) -> None:
    """The CDN would show what nobody can read."""
    secret = f"2026: {b64encode(bytes(32)).decode()}"
    assert site.step("set", key="k", value="v", encryption_key=secret) is None
    assert site.step("get", key="k", encryption_key=secret) is None
