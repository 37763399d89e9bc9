"""Certificates, proxies and redirections: the same for git over HTTP and for GitHub's API, and each told for what it is."""

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError, ProtocolError, ProxyError

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.format.times import SECOND
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import open_git_store
from git_keyval.store.github import GithubPlace, open_github_store
from git_keyval.store.network import Network
from git_keyval.store.port import Applied, Selection, Store, Unknown
from git_keyval.store.unreached import unreached
from tests.conftest import FakeClock, patience
from tests.contract.places import TOKEN
from tests.contract.samples import branch, create, note
from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN
from tests.servers.authority import Authority, make_authority
from tests.servers.binary import init_bare, isolated_environ
from tests.servers.closing import closing_proxy
from tests.servers.http import RECEIVE_PACK, Cut, GitHttpServer, Redirect
from tests.servers.raw import RawServer
from tests.servers.tinyproxy import PASSWORD, USER, tinyproxy
from tests.servers.tls import before

ONE = note("1")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a repository behind a server. ``open`` reaches it at another base URL of the same server."""

    url: str
    open: Callable[[str, Mapping[str, str]], Store]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


@contextmanager
def by_git(directory: Path, clock: FakeClock) -> Iterator[Way]:
    init_bare(directory / "database.git")
    with GitHttpServer(directory, token=TOKEN) as server:

        def opened(base: str, environ: Mapping[str, str]) -> Store:
            return open_git_store(
                f"{base}/database.git",
                environ=isolated_environ(environ),
                token=TOKEN,
                clock=ServerClock(clock),
                patience=patience(clock),
            )

        yield Way(server.url, opened)


@contextmanager
def by_api(directory: Path, clock: FakeClock) -> Iterator[Way]:
    with GitHubEmulator(directory, clock=lambda: clock() / SECOND) as emulator:
        emulator.create("owner", "name")

        def opened(base: str, environ: Mapping[str, str]) -> Store:
            api, graphql = (each.replace(emulator.url, base) for each in (emulator.api_url, emulator.graphql_url))
            return open_github_store(
                GithubPlace("owner/name", api, graphql, base),
                by_git=False,
                environ=isolated_environ(environ),
                token=DEFAULT_TOKEN,
                clock=ServerClock(clock),
                patience=patience(clock),
            )

        yield Way(emulator.url, opened)


WAYS: Mapping[str, Callable[[Path, FakeClock], AbstractContextManager[Way]]] = {"git": by_git, "api": by_api}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Way]:
    with WAYS[request.param](tmp_path / "served", clock) as opened:
        yield opened


@pytest.fixture
def served(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


def authority_of(directory: Path, server: str = "127.0.0.1", ends: timedelta = timedelta(days=1)) -> Authority:
    directory.mkdir()
    return make_authority(directory, server, ends=ends)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return authority_of(tmp_path / "authority")


@pytest.fixture
def other(tmp_path: Path) -> Authority:
    return authority_of(tmp_path / "other")


def use(store: Store) -> None:
    assert list(store.apply([create(branch("a"), ONE)])) == [Applied()]
    assert store.read(Selection((branch("a"),))).objects == {ONE.oid: ONE.target}


def fail(store: Store, kind: type[StoreError] = StoreError) -> str:
    """Read and write in vain; give what the read says."""
    with pytest.raises(StoreError) as read:
        store.read(Selection((branch("a"),)))
    with pytest.raises(StoreError) as written:
        store.apply([create(branch("a"), ONE)])
    assert type(read.value) is type(written.value) is kind
    assert TOKEN not in str(read.value)
    return str(read.value)


FILES = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"]
FOLDERS = ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAPATH"]


@pytest.mark.parametrize("variable", FILES)
def test_an_authority_is_trusted_that_a_variable_names(way: Way, authority: Authority, variable: str) -> None:
    with before(way.port, authority) as front:
        use(way.open(front.url, {variable: str(authority.certificate)}))


@pytest.mark.parametrize("variable", FOLDERS)
def test_a_folder_of_authorities_is_too(way: Way, authority: Authority, variable: str) -> None:
    with before(way.port, authority) as front:
        use(way.open(front.url, {variable: str(authority.folder())}))


def test_all_variables_count_together(way: Way, authority: Authority, other: Authority) -> None:
    environ = {"GIT_SSL_CAINFO": str(other.certificate), "SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": ""}
    for one in (authority, other):
        with before(way.port, one) as front:
            way.open(front.url, environ).read(Selection((branch("a"),)))


def test_a_file_is_trusted_of_which_a_folder_has_a_part(way: Way, authority: Authority, other: Authority, tmp_path: Path) -> None:
    """A file is not loaded where the folder has all that is in it, which must not be taken for granted."""
    file = tmp_path / "bundle.pem"
    file.write_bytes(authority.certificate.read_bytes() + b"# Another one\n" + other.certificate.read_bytes())
    folder = str(authority.folder())
    for one in (authority, other):
        with before(way.port, one) as front:
            way.open(front.url, {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": folder}).now(ask=True)


def test_a_file_is_trusted_of_which_a_folder_has_all(way: Way, authority: Authority, other: Authority) -> None:
    environ = {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": str(authority.folder())}
    with before(way.port, authority) as front:
        use(way.open(front.url, environ))
    with before(way.port, other) as front:
        fail(way.open(front.url, environ))


@pytest.mark.parametrize("name", ["authority.0", "12345678.pem"])
def test_a_certificate_counts_that_its_folder_has_under_another_name(
    way: Way, authority: Authority, tmp_path: Path, name: str
) -> None:
    """OpenSSL looks for a certificate by the hash of its name alone."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / name).write_bytes(authority.certificate.read_bytes())
    with before(way.port, authority) as front:
        use(way.open(front.url, {"SSL_CERT_FILE": str(authority.certificate), "SSL_CERT_DIR": str(folder)}))


def test_what_openssl_does_not_find_is_left_out(way: Way, authority: Authority, tmp_path: Path) -> None:
    """Variables of a job reach its containers, and the files that they name do not."""
    environ = {
        "REQUESTS_CA_BUNDLE": str(authority.certificate),
        "SSL_CERT_FILE": str(tmp_path / "no"),
        "SSL_CERT_DIR": str(tmp_path / "no"),
    }
    with before(way.port, authority) as front:
        use(way.open(front.url, environ))


def test_a_file_without_certificates_is_told_beside_a_folder_that_has_some(way: Way, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "bundle.pem"
    file.write_text("no certificate")
    environ = {"SSL_CERT_FILE": str(file), "SSL_CERT_DIR": str(authority.folder())}
    with pytest.raises(StoreError, match=f"^SSL_CERT_FILE names {file}, where no certificates are"):
        way.open("https://127.0.0.1:1", environ).read(Selection((branch("a"),)))


@pytest.mark.parametrize("variable", ["GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_variable_that_names_no_certificates_is_told(way: Way, tmp_path: Path, variable: str, content: str | None) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StoreError, match=f"^{variable} names {path}, where no certificates are"):
        way.open("https://127.0.0.1:1", {variable: str(path)}).read(Selection((branch("a"),)))


@pytest.mark.parametrize(
    ("server", "ends", "trusted", "told"),
    [
        ("127.0.0.1", 1, {}, ["SSL_CERT_FILE"]),
        ("127.0.0.1", 1, {"REQUESTS_CA_BUNDLE": "other"}, ["REQUESTS_CA_BUNDLE"]),
        ("127.0.0.1", -1, {"SSL_CERT_FILE": "own"}, ["expired", "clock"]),
        ("elsewhere.example", 1, {"SSL_CERT_FILE": "own"}, ["mismatch"]),
    ],
    ids=["unknown authority", "another authority", "expired", "another name"],
)
def test_a_certificate_that_is_not_accepted_is_final(
    way: Way, tmp_path: Path, other: Authority, server: str, ends: int, trusted: Mapping[str, str], told: list[str]
) -> None:
    own = authority_of(tmp_path / "own", server, timedelta(days=ends))
    files = {"own": own.certificate, "other": other.certificate}
    with before(way.port, own) as front:
        store = way.open(front.url, {name: str(files[whose]) for name, whose in trusted.items()})
        message = fail(store)
        assert front.calls == 2
    assert all(word in message for word in [f"127.0.0.1:{front.port} has a certificate", *told]), message


def test_a_refused_connection_is_told_and_tried_again(way: Way, clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = clock()
    message = fail(way.open(f"http://127.0.0.1:{port}", {}), UnavailableError)
    assert f"127.0.0.1:{port} refuses the connection" in message
    assert "HTTP_PROXY" in message
    assert clock() > started


def test_a_name_that_does_not_exist_is_final(way: Way, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a machine without a name server says is not what one with it says."""

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    started = clock()
    store = way.open("https://db.invalid", {})
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert "db.invalid has a name that cannot be resolved" in fail(store)
    assert clock() == started


def test_a_name_that_nobody_answers_for_now_is_asked_again(way: Way, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def unanswered(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    started = clock()
    store = way.open("https://db.invalid", {})
    monkeypatch.setattr(socket, "getaddrinfo", unanswered)
    assert "db.invalid has a name that cannot be resolved" in fail(store, UnavailableError)
    assert clock() > started


@dataclass(frozen=True, slots=True)
class Proxy:
    """A tinyproxy: ``host:port``, and the file to which it writes what it does."""

    address: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://{USER}:{PASSWORD}@{self.address}"

    def requests(self) -> list[str]:
        """Return the request lines that have come, without the version."""
        return re.findall(r"Request \(.*?\): (\S+ \S+)", self.log.read_text())


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with tinyproxy(tmp_path) as address:
        yield Proxy(address, tmp_path / "tinyproxy.log")


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_plain_requests_go_by_the_proxy(way: Way, proxy: Proxy, clock: FakeClock, variable: str) -> None:
    store = way.open(way.url, {variable: proxy.url})
    started = clock()
    use(store)
    for _ in range(4):
        store.read(Selection((branch("a"),)))
    assert clock() == started
    assert len(proxy.requests()) == store.requests


@pytest.mark.parametrize("fault", [Cut.BEFORE, Cut.AFTER], ids=str)
def test_a_push_that_the_proxy_hangs_up_on_is_in_doubt(served: Path, clock: FakeClock, fault: Cut) -> None:
    """urllib3 tells of it as of a proxy that cannot be reached. The server serves as the proxy, too."""
    init_bare(served / "database.git")
    with GitHttpServer(served) as server:
        server.fail(1, fault, method="POST", service=RECEIVE_PACK)
        store = open_git_store(
            "http://db.example/database.git",
            environ=isolated_environ({"http_proxy": server.url}),
            clock=ServerClock(clock),
            patience=patience(clock),
        )
        (outcome,) = store.apply([create(branch("a"), ONE)])
        assert isinstance(outcome, Unknown)
        assert server.count(method="POST", service=RECEIVE_PACK) == 1
        found = store.read(Selection((branch("a"),))).refs
    assert found == ({branch("a"): ONE.oid} if fault is Cut.AFTER else {})


def test_a_reply_is_lost_although_an_earlier_connection_was_refused() -> None:
    """An exception tells what was being handled when it was raised, which may be the failure of an attempt before."""
    network = Network({"http_proxy": "http://proxy.example:1"})
    lost = ProxyError("Unable to connect to proxy", RemoteDisconnected("Tunnel connection failed: 407"))
    lost.__context__ = NewConnectionError(HTTPConnection("proxy.example"), "refused")
    for exc in (lost, ProtocolError("Connection aborted.", BadStatusLine("Tunnel connection failed: 407"))):
        assert unreached(exc, "http://db.example/db.git", network, named_by="'repository'") is None


def test_a_connection_that_the_proxy_ends_is_not_used_again(way: Way, clock: FakeClock) -> None:
    """tinyproxy ends it right after its answer; whether that has come to be known before the next request is chance."""
    with closing_proxy() as address:
        store = way.open(way.url, {"http_proxy": address})
        started = clock()
        use(store)
        store.read(Selection((branch("a"),)))
        assert clock() == started


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
def test_tls_goes_through_the_proxy(way: Way, proxy: Proxy, authority: Authority, variable: str) -> None:
    with before(way.port, authority) as front:
        environ = {variable: proxy.url, "SSL_CERT_FILE": str(authority.certificate), "http_proxy": "http://127.0.0.1:1"}
        use(way.open(front.url, environ))
        assert set(proxy.requests()) == {f"CONNECT 127.0.0.1:{front.port}"}


def test_a_proxy_may_be_named_without_a_scheme(way: Way, proxy: Proxy) -> None:
    use(way.open(way.url, {"http_proxy": proxy.url.removeprefix("http://")}))
    assert proxy.requests()


@pytest.mark.parametrize(("scheme", "credentials"), [("http:", ""), ("https:", ""), ("https:", "user:wrong@")])
def test_a_proxy_that_wants_a_password_is_final_and_named(
    way: Way, proxy: Proxy, clock: FakeClock, scheme: str, credentials: str
) -> None:
    started = clock()
    message = fail(way.open(way.url.replace("http:", scheme), {"ALL_PROXY": f"http://{credentials}{proxy.address}"}))
    assert clock() == started
    assert f"The proxy {proxy.address} wants a password" in message
    assert "ALL_PROXY" in message
    assert "wrong@" not in message


def test_a_wrong_password_may_be_the_one_of_the_proxy(served: Path, clock: FakeClock, proxy: Proxy) -> None:
    """Where there is no tunnel tinyproxy answers with 401, as the server behind it would."""
    with by_git(served, clock) as way:
        store = way.open(way.url, {"http_proxy": f"http://user:wrong@{proxy.address}"})
        message = fail(store, AccessDeniedError)
    assert f"or the proxy {proxy.address} before it" in message


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.0/8", "*", "example.com, 127.0.0.1"])
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_some_servers_are_reached_without_the_proxy(way: Way, variable: str, hosts: str) -> None:
    use(way.open(way.url, {"http_proxy": "http://127.0.0.1:1", variable: hosts}))


@pytest.mark.parametrize("scheme", ["http:", "https:"])
def test_a_proxy_that_is_not_there_is_told(way: Way, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    base = way.url.replace("http:", scheme)
    message = fail(way.open(base, {"ALL_PROXY": f"http://user:s3cret@{address}"}), UnavailableError)
    assert f"The proxy {address} refuses the connection" in message
    assert "ALL_PROXY" in message


@pytest.mark.parametrize(("status", "kind"), [(403, StoreError), (502, UnavailableError), (504, UnavailableError)])
def test_a_proxy_that_makes_no_tunnel_is_told(way: Way, status: int, kind: type[StoreError]) -> None:
    with RawServer(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()) as server:
        message = fail(way.open("https://db.invalid", {"HTTPS_PROXY": server.url}), kind)
    assert f"does not connect to db.invalid (status {status})" in message
    assert "HTTPS_PROXY" in message


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("socks5://127.0.0.1:1080", "https_proxy names a proxy of the kind socks5://, which is not supported"),
        ("socks5h://user:s3cret@127.0.0.1", "https_proxy names a proxy of the kind socks5h://"),
        ("http://", "https_proxy names no proxy"),
        ("http://[", "https_proxy names no proxy"),
        ("127.0.0.1:port", "https_proxy names no proxy"),
    ],
)
def test_a_variable_that_names_no_proxy_to_use_is_named(way: Way, value: str, told: str) -> None:
    with pytest.raises(StoreError) as failure:
        way.open("https://127.0.0.1:1", {"https_proxy": value}).read(Selection((branch("a"),)))
    assert str(failure.value).startswith(told)
    assert "s3cret" not in str(failure.value)


def test_the_password_of_a_proxy_is_written_as_in_any_address() -> None:
    proxy = Network({"http_proxy": "http://us%3Aer:p%40ss%25@proxy.example:3128"}).proxy("http://db.example")
    assert proxy is not None
    assert proxy.credentials == "us:er:p@ss%"
    assert "p%40ss" not in repr(proxy)


def test_what_a_web_server_was_sent_names_no_proxy() -> None:
    """A hook behind a web server has the headers of the request in its environment, "Proxy" among them."""
    environ = {"HTTP_PROXY": "http://evil.example:1"}
    assert Network(environ).proxy("http://db.example") is not None
    assert Network({**environ, "REQUEST_METHOD": "POST"}).proxy("http://db.example") is None


@pytest.fixture
def moving(served: Path, clock: FakeClock) -> Iterator[tuple[GitHttpServer, Callable[[str], Store]]]:
    """A server of git that may send elsewhere, and what opens a repository of it."""
    (served / "new").mkdir()
    for name in ("old.git", "new/old.git"):
        init_bare(served / name)
    with GitHttpServer(served, token=TOKEN) as server:

        def opened(name: str) -> Store:
            return open_git_store(
                f"{server.url}/{name}", environ=isolated_environ(), token=TOKEN, clock=ServerClock(clock), patience=patience(clock)
            )

        yield server, opened


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_repository_that_moved_on_its_server_is_followed(moving: tuple[GitHttpServer, Callable[[str], Store]], code: int) -> None:
    server, opened = moving
    store = opened("old.git")
    server.fail(1, Redirect(f"{server.url}/new", code))
    use(store)
    assert opened("new/old.git").read(Selection((branch("a"),))).refs == {branch("a"): ONE.oid}
    assert opened("old.git").read(Selection((branch("a"),))).refs == {}
    assert [seen.path for seen in server.log if seen.service == RECEIVE_PACK][:3] == [
        "/old.git/info/refs",
        "/new/old.git/info/refs",
        "/new/old.git/git-receive-pack",
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_another_server_is_not_followed(moving: tuple[GitHttpServer, Callable[[str], Store]], tmp_path: Path, host: str) -> None:
    """Another port of the same machine is another server."""
    server, opened = moving
    (tmp_path / "elsewhere").mkdir()
    init_bare(tmp_path / "elsewhere" / "old.git")
    with GitHttpServer(tmp_path / "elsewhere") as other:
        server.fail(1, Redirect(other.url.replace("127.0.0.1", host)), forever=True)
        message = fail(opened("old.git"), NotARepositoryError)
        assert other.log == []
    assert server.url in message
    assert f"http://{host}" in message


def test_what_is_less_safe_is_not_followed(authority: Authority, served: Path, clock: FakeClock) -> None:
    with by_git(served, clock) as way, GitHttpServer(served) as plain, before(way.port, authority) as front:
        store = way.open(front.url, {"SSL_CERT_FILE": str(authority.certificate)})
        use(store)
        plain.fail(1, Redirect(f"http://127.0.0.1:{front.port}"), forever=True)
        with before(urlsplit(plain.url).port or 0, authority) as sending:
            store = way.open(sending.url, {"SSL_CERT_FILE": str(authority.certificate)})
            assert "without encryption" in fail(store, NotARepositoryError)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("{url}/login#", "does not answer as a git repository, but sends to 127.0.0.1/login"),
        ("http://[", "sends to an address that is none"),
        ("{url}", "from address to address"),
    ],
)
def test_a_redirection_that_leads_to_no_repository_is_told(
    moving: tuple[GitHttpServer, Callable[[str], Store]], target: str, told: str
) -> None:
    server, opened = moving
    fault = Redirect(target.format(url=server.url))
    server.fail(1, fault, forever=True)
    store = opened("old.git")
    with pytest.raises(StoreError, match=told):
        store.read(Selection((branch("a"),)))


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_an_api_that_sends_to_another_server_is_not_followed(served: Path, clock: FakeClock, code: int) -> None:
    answer = f"HTTP/1.1 {code} No\r\nLocation: https://login.example/?next=\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with by_api(served, clock) as way, RawServer(answer.encode()) as server:
        started = clock()
        message = fail(way.open(server.url, {}), NotARepositoryError)
        assert clock() == started
        assert f"{server.url} sends to https://login.example, another server, which is not followed" in message
        assert "GITHUB_API_URL" in message


@pytest.mark.parametrize("code", [302, 307])
def test_an_api_that_sends_along_on_its_server_is_no_defect_of_ours(served: Path, clock: FakeClock, code: int) -> None:
    answer = f"HTTP/1.1 {code} No\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with by_api(served, clock) as way, RawServer(answer.encode()) as server:
        with pytest.raises(StoreError):
            way.open(server.url, {}).read(Selection((), ("refs/heads/",)))
        with pytest.raises(StoreError):
            list(way.open(server.url, {}).list(["refs/heads/kv-0"]))
