"""A server's end of TLS, before any server on loopback."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.servers.authority import Authority

LOOPBACK = "127.0.0.1"


@dataclass(slots=True)
class Front:
    """TLS before a server: where it listens, and how many connections have come."""

    port: int
    calls: int = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"https://{LOOPBACK}:{self.port}"


@contextmanager
def before(port: int, authority: Authority) -> Iterator[Front]:
    """Listen with the authority's certificate, and pass on to a port of this machine what is said and answered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_certificate, authority.server_key)
    with socket.create_server((LOOPBACK, 0)) as listening:
        front = Front(listening.getsockname()[1])
        connections: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                front.calls += 1
                connections.append(plain)
                threading.Thread(target=answer, args=(plain,), daemon=True).start()

        def answer(plain: socket.socket) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(plain, server_side=True) as outside,
                socket.create_connection((LOOPBACK, port)) as inside,
            ):
                connections.append(inside)
                back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
                back.start()
                _copy(outside, inside)
                back.join()

        accepting = threading.Thread(target=serve)
        accepting.start()
        try:
            yield front
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
