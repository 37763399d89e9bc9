"""Looking up expiry ids in a registry, at a CDN that may do anything."""

import gzip
import itertools
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from git_keyval.format.expiry import encode_expiry
from git_keyval.format.objects import Oid
from git_keyval.format.registry import encode_entry
from git_keyval.format.times import SECOND
from git_keyval.maintenance.commands import PublishExpiries
from git_keyval.store.network import Network
from git_keyval.store.registry import ExpiryRegistry
from tests.conftest import FakeClock
from tests.contract.places import open_git_place
from tests.emulator import Drop, Fault, GitHubEmulator, Malformed, Status, Timeout, Truncated
from tests.servers.authority import make_authority
from tests.servers.binary import init_bare, run_git
from tests.servers.raw import RawServer
from tests.servers.tinyproxy import PASSWORD, USER, tinyproxy
from tests.servers.tls import before
from tests.vectors import load
from tests.world import World

DAY = 86_400
MIDNIGHT = FakeClock()() // SECOND // DAY * DAY
DAYS = range(MIDNIGHT, MIDNIGHT + 60 * DAY, DAY)
REGISTRY = "org/expiries"
_SOON = 0.3
"""Seconds that pass in earnest."""


def oid_of(expiry: int) -> Oid:
    return encode_expiry(expiry).oid


TODAY = oid_of(MIDNIGHT)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clock = FakeClock()
    path = init_bare(tmp_path_factory.mktemp("filled") / "registry.git")
    PublishExpiries(horizon=60 * DAY).run(World(open_git_place(path, str(path), clock, {}), clock).maintenance())
    run_git("repack", "-adq", directory=path)
    run_git("pack-refs", "--all", directory=path)
    return path


@pytest.fixture
def cdn(filled: Path, emulator: GitHubEmulator) -> Iterator[GitHubEmulator]:
    shutil.copytree(filled, emulator.repositories.root / f"{REGISTRY}.git")
    emulator.options.public.add(REGISTRY)
    emulator.reset_log()
    yield emulator
    assert emulator.unexpected == []
    assert emulator.count() == emulator.count("cdn")


@pytest.fixture
def registry(cdn: GitHubEmulator) -> ExpiryRegistry:
    return ExpiryRegistry(cdn.cdn_url, REGISTRY)


def test_a_look_up_goes_by_the_proxy_that_the_environment_names(cdn: GitHubEmulator, tmp_path: Path) -> None:
    with tinyproxy(tmp_path) as address:
        network = Network({"http_proxy": f"http://{USER}:{PASSWORD}@{address}"})
        assert ExpiryRegistry(cdn.cdn_url, REGISTRY, network=network).resolve({TODAY}) == {TODAY: MIDNIGHT}
    assert " GET http://" in (tmp_path / "tinyproxy.log").read_text()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_leaves_the_ids_unknown(cdn: GitHubEmulator, proxy: str) -> None:
    assert ExpiryRegistry(cdn.cdn_url, REGISTRY, network=Network({"http_proxy": proxy})).resolve({TODAY}) == {}


def test_a_look_up_trusts_the_authorities_that_the_environment_names(cdn: GitHubEmulator, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    with before(urlsplit(cdn.cdn_url).port or 0, authority) as front:
        address = cdn.cdn_url.replace(cdn.url, front.url)
        assert ExpiryRegistry(address, REGISTRY).resolve({TODAY}) == {}
        network = Network({"SSL_CERT_FILE": str(authority.certificate)})
        assert ExpiryRegistry(address, REGISTRY, network=network).resolve({TODAY}) == {TODAY: MIDNIGHT}


def test_an_id_is_found_by_the_oid_of_its_commit(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    assert registry.resolve({TODAY}) == {TODAY: MIDNIGHT}
    assert [entry.path for entry in cdn.requests] == [f"/gh/org/expiries@expiry-{TODAY}/view.txt"]


def test_many_are_asked_for_once_each(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    wanted = {oid_of(expiry): expiry for expiry in DAYS}
    assert registry.resolve(wanted.keys()) == wanted
    assert cdn.count() == len(wanted)
    assert registry.resolve(wanted.keys()) == wanted
    assert cdn.count() == len(wanted)


def test_nothing_is_asked_for_nothing(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    assert registry.resolve(set()) == {}
    assert cdn.count() == 0


def test_what_is_not_there_is_unknown_and_not_asked_for_again(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    strangers = {oid_of(MIDNIGHT + 60), oid_of(MIDNIGHT - 1000 * DAY), Oid("0" * 40)}
    for _ in range(3):
        assert registry.resolve({TODAY, *strangers}) == {TODAY: MIDNIGHT}
    assert cdn.count() == 4


def test_what_was_used_longest_ago_is_forgotten(cdn: GitHubEmulator) -> None:
    registry = ExpiryRegistry(cdn.cdn_url, REGISTRY, capacity=2)
    first, second, third = (oid_of(expiry) for expiry in DAYS[:3])
    for asked, requests in ((first, 1), (second, 2), (first, 2), (third, 3), (first, 3), (second, 4), (first, 4), (third, 5)):
        assert registry.resolve({asked}).keys() == {asked}
        assert cdn.count() == requests


def test_more_than_are_remembered_are_answered_at_once(cdn: GitHubEmulator) -> None:
    registry = ExpiryRegistry(cdn.cdn_url, REGISTRY, capacity=2)
    wanted = {oid_of(expiry): expiry for expiry in DAYS[:20]}
    assert registry.resolve(wanted.keys()) == wanted
    assert registry.resolve(wanted.keys()) == wanted
    assert cdn.count() == 20 + 18


def test_a_deleted_tag_is_still_served(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    """What a CDN has served once it goes on serving; so nobody loses an answer by a registry that is lost."""
    registry.resolve({TODAY})
    cdn.options.public.clear()
    assert ExpiryRegistry(cdn.cdn_url, REGISTRY).resolve({TODAY}) == {TODAY: MIDNIGHT}
    assert ExpiryRegistry(cdn.cdn_url, REGISTRY).resolve({oid_of(MIDNIGHT + DAY)}) == {}


TEXT = b"%d" % MIDNIGHT
OTHER = str(MIDNIGHT + DAY)


def said(body: str, *headers: tuple[str, str]) -> Status:
    return Status(200, body=body, content_type="text/plain; charset=utf-8", headers=headers)


LIES: dict[str, Fault] = {
    "another id": said(OTHER),
    "an id with more behind it": said(f"{MIDNIGHT}\n"),
    "an id with much behind it": said(f"{MIDNIGHT}{' ' * 10_000_000}"),
    "a page": said("<html>1</html>"),
    "nothing": said(""),
    "digits of another script": said("\u0661" * 10),
    "not there": Status(404, body=str(MIDNIGHT)),
    "forbidden": Status(403, body=str(MIDNIGHT)),
    "too many requests": Status(429, body=str(MIDNIGHT), headers=(("Retry-After", "3600"),)),
    "broken": Status(500, body=str(MIDNIGHT)),
    "only a part": Status(206, body=str(MIDNIGHT)),
    "compressed without being asked": said(gzip.compress(TEXT).decode("latin-1"), ("Content-Encoding", "gzip")),
    "no answer": Drop(),
    "half an answer": Truncated(),
    "a mangled answer": Malformed(),
}


@pytest.mark.parametrize("lie", LIES)
def test_whatever_else_a_cdn_says_is_not_believed(registry: ExpiryRegistry, cdn: GitHubEmulator, lie: str) -> None:
    cdn.on_request = lambda _: LIES[lie]
    assert registry.resolve({TODAY}) == {}
    cdn.on_request = None
    assert ExpiryRegistry(cdn.cdn_url, REGISTRY).resolve({TODAY}) == {TODAY: MIDNIGHT}


@pytest.mark.parametrize("case", load("expiry")["refusedAnswers"], ids=lambda case: ascii(case["text"][:20]))
def test_the_answers_of_the_vectors_are_not_believed(registry: ExpiryRegistry, cdn: GitHubEmulator, case: dict[str, str]) -> None:
    cdn.on_request = lambda _: said(case["text"])
    assert registry.resolve({Oid(case["expiryOid"])}) == {}


def test_one_lie_spoils_no_other_answer(registry: ExpiryRegistry, cdn: GitHubEmulator) -> None:
    cdn.on_request = lambda entry: said(OTHER) if TODAY in entry.path else None
    tomorrow = oid_of(MIDNIGHT + DAY)
    assert registry.resolve({TODAY, tomorrow}) == {tomorrow: MIDNIGHT + DAY}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_redirection_is_followed(registry: ExpiryRegistry, cdn: GitHubEmulator, status: int, host: str) -> None:
    """Not even to the right answer: to where an answer comes from belongs that nobody else learns what was asked for."""
    numbers = itertools.count()
    place = f"{cdn.cdn_url.replace('127.0.0.1', host)}/org/expiries@expiry-{TODAY}/view.txt"
    cdn.on_request = lambda _: None if next(numbers) else Status(status, body=str(MIDNIGHT), headers=(("Location", place),))
    assert registry.resolve({TODAY}) == {}
    assert cdn.count() == 1


def test_no_password_of_the_users_is_sent(
    registry: ExpiryRegistry, cdn: GitHubEmulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator reports whatever credentials come."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert registry.resolve({TODAY}) == {TODAY: MIDNIGHT}
    assert cdn.unexpected == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/gh", "https://cdn.invalid/gh", "nonsense", "http://[bad/gh", "file:///etc"]
)
def test_an_address_where_nobody_answers_makes_ids_unknown(address: str) -> None:
    assert ExpiryRegistry(address, REGISTRY).resolve({TODAY}) == {}


class Dripping(RawServer):
    """Sends a byte now and then, and never comes to an end."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(answer)
        self._stop = threading.Event()
        self.asked = 0

    def __exit__(self, *failure: object) -> None:
        self._stop.set()
        super().__exit__(*failure)

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        self.asked += 1
        for byte in itertools.chain(answer, itertools.repeat(ord("0"))):
            if self._stop.wait(0.01):
                return
            connection.sendall(bytes([byte]))


SLOW: dict[str, Callable[[], RawServer]] = {
    "headers": lambda: Dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
    "a body": lambda: Dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
}


@pytest.mark.parametrize("what", SLOW)
def test_who_sends_slowly_is_not_waited_for_and_not_asked_again(what: str) -> None:
    with SLOW[what]() as server:
        registry = ExpiryRegistry(server.url, REGISTRY, seconds=_SOON)
        begun = time.monotonic()
        assert registry.resolve({oid_of(expiry) for expiry in DAYS}) == {}
        assert registry.resolve({oid_of(MIDNIGHT - DAY)}) == {}
        assert time.monotonic() - begun < 10 * _SOON
        assert isinstance(server, Dripping)
        assert server.asked == 1


def test_a_cdn_that_was_too_slow_once_is_not_asked_again(cdn: GitHubEmulator) -> None:
    """Or a command that tries again and again would wait as often."""
    cdn.on_request = lambda _: Timeout()
    registry = ExpiryRegistry(cdn.cdn_url, REGISTRY, seconds=_SOON)
    assert registry.resolve({TODAY}) == {}
    cdn.on_request = None
    assert registry.resolve({oid_of(MIDNIGHT + DAY)}) == {}
    assert cdn.count() == 1


def test_what_came_in_time_counts(cdn: GitHubEmulator) -> None:
    cdn.on_request = lambda entry: Timeout() if TODAY in entry.path else None
    registry = ExpiryRegistry(cdn.cdn_url, REGISTRY, seconds=_SOON)
    days = {oid_of(expiry): expiry for expiry in DAYS[1:8]}
    assert registry.resolve({TODAY, *days}) == days
    assert registry.resolve(days.keys()) == days


def test_a_registry_without_the_right_tags_answers_nothing(cdn: GitHubEmulator) -> None:
    """Somebody pointed one tag at the id of another day."""
    wrong = encode_entry(MIDNIGHT + DAY).record
    found = cdn.repositories.find(REGISTRY)
    assert found
    tag = found.path / "refs" / "tags" / f"expiry-{TODAY}"
    tag.write_text(f"{wrong.commit.oid}\n")
    assert ExpiryRegistry(cdn.cdn_url, REGISTRY).resolve({TODAY}) == {}
