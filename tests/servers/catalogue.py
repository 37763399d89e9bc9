"""The real servers that can be started here, by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.replacing import replace
from tests.servers import tinyproxy
from tests.servers.apache import Apache, apache
from tests.servers.dulwich import dulwich_server
from tests.servers.jgit import jgit_daemon
from tests.servers.lighttpd import lighttpd
from tests.servers.nginx import Nginx, nginx
from tests.servers.site import Site
from tests.servers.smoke import STEPS
from tests.servers.ssh import SshStandIn
from tests.servers.sshd import sshd


@dataclass(frozen=True, slots=True)
class Server:
    """A way to a repository: what people call it, the version of git's protocol that it speaks, and how it is started.

    ``increments`` is how many each of the eight processes makes in the race of ``make servers``, and ``clients`` and ``each`` are
    the race in the tests; there is none where these are 0. ``steps`` are those of the smoke in the tests.
    """

    title: str
    protocol: int
    open: Callable[[Path], AbstractContextManager[Site]]
    increments: int = 20
    clients: int = 4
    each: int = 5
    steps: int = len(STEPS)


@contextmanager
def old_ssh(directory: Path) -> Iterator[Site]:
    """Reach a server as ssh does that accepts no variable, and whose git gives only what it advertises."""
    ssh = SshStandIn(directory / "ssh", accepts_environ=False)
    yield Site(directory, ssh.url, ssh.install())


@contextmanager
def by_proxy(directory: Path) -> Iterator[Site]:
    """Run Apache, and a proxy before it that asks for a password."""
    with apache(directory) as running, tinyproxy.tinyproxy(directory) as proxy:
        url = f"http://{tinyproxy.USER}:{tinyproxy.PASSWORD}@{proxy}"
        yield replace(running.site, environ={**running.site.environ, "http_proxy": url, "https_proxy": url})


def _of_apache(choose: Callable[[Apache], Site]) -> Callable[[Path], AbstractContextManager[Site]]:
    @contextmanager
    def opened(directory: Path) -> Iterator[Site]:
        with apache(directory) as running:
            yield choose(running)

    return opened


def _of_nginx(choose: Callable[[Nginx], Site]) -> Callable[[Path], AbstractContextManager[Site]]:
    @contextmanager
    def opened(directory: Path) -> Iterator[Site]:
        with nginx(directory) as running:
            yield choose(running)

    return opened


_APACHE = "Apache with `git http-backend`"
_UNRACED = {"increments": 0, "clients": 0}
SERVERS: Mapping[str, Server] = {
    "apache": Server(f"{_APACHE}, Basic authentication", 2, _of_apache(lambda one: one.site)),
    "apache-anonymous": Server(f"{_APACHE}, where only pushes need a user", 2, _of_apache(lambda one: one.anonymous), **_UNRACED),
    "apache-tls": Server(f"{_APACHE}, with a private certificate authority", 2, _of_apache(lambda one: one.tls), **_UNRACED),
    "apache-moved": Server(f"{_APACHE}, after a permanent redirect", 2, _of_apache(lambda one: one.moved), **_UNRACED),
    "tinyproxy": Server(f"{_APACHE}, through tinyproxy with a password", 2, by_proxy, clients=2),
    "nginx": Server("nginx with fcgiwrap", 2, _of_nginx(lambda one: one.site)),
    "nginx-old": Server("nginx with fcgiwrap, without the header `Git-Protocol`", 0, _of_nginx(lambda one: one.old)),
    "lighttpd": Server("lighttpd with `git http-backend`", 2, lighttpd),
    # Every conversation begins with a handshake of keys.
    "sshd": Server("OpenSSH with `git-shell`, as Debian configures it", 0, sshd, increments=5, clients=3, each=3),
    "old-ssh": Server("any ssh server that does not accept `GIT_PROTOCOL`", 0, old_ssh),
    # It waits for seconds after many a write.
    "jgit": Server("JGit's daemon, through a tunnel", 0, jgit_daemon, increments=5, clients=3, each=3, steps=12),
    # It reports as done what it has not done because another write came first: what is raced is lost there.
    "dulwich": Server("dulwich's HTTP server, for one writer at a time", 0, dulwich_server, **_UNRACED),
}
