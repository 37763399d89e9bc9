"""tinyproxy, a plain HTTP proxy, which asks for a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.site import free_port, program, running

USER, PASSWORD = "proxy-user", "proxy-password"

_CONFIGURATION = """\
Port {port}
Listen 127.0.0.1
Allow 127.0.0.1
BasicAuth {user} {password}
MaxClients 100
Timeout 60
"""


@contextmanager
def tinyproxy(directory: Path) -> Iterator[str]:
    """Run tinyproxy; gives its host and port."""
    command = program("tinyproxy")
    port, configuration = free_port(), directory / "tinyproxy.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, user=USER, password=PASSWORD))
    with running([command, "-d", "-c", configuration], directory / "tinyproxy.log", port):
        yield f"127.0.0.1:{port}"
