"""HTTP connections whose answers are read until a deadline: the time limit of a socket begins anew with each byte that comes."""

from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from typing import TYPE_CHECKING

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from git_keyval.light_dataclasses import dataclass
from git_keyval.store.git.conversation import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(slots=True)
class Running:
    """The conversation that was begun last.

    Connections know this and not its transport: from there a way leads back to them, and urllib3 would then never close them.
    """

    deadline: Deadline


def timed_pools(running: Running) -> dict[str, type[HTTPConnectionPool]]:
    """Return the pools of a pool manager, by scheme, whose answers belong to the conversation that is running."""

    class TimedResponse(HTTPResponse):
        def __init__(self, sock: socket, debuglevel: int = 0, method: str | None = None, url: str | None = None) -> None:
            super().__init__(sock, debuglevel, method, url)
            self.fp = BufferedReader(_TimedStream(self.fp.detach(), sock, running.deadline))

    class TimedPool(HTTPConnectionPool):
        class ConnectionCls(HTTPConnection):
            response_class = TimedResponse

    class SecureTimedPool(HTTPSConnectionPool):
        class ConnectionCls(HTTPSConnection):
            response_class = TimedResponse

    return {"http": TimedPool, "https": SecureTimedPool}


class _TimedStream(RawIOBase):
    """What a socket receives, none of it later than the deadline, nor after a silence that is longer than the socket allows."""

    def __init__(self, received: RawIOBase, sock: socket, deadline: Deadline) -> None:
        self._received = received
        self._socket = sock
        self._silence = sock.gettimeout()
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        left = self._deadline.check()
        self._socket.settimeout(left if self._silence is None else min(self._silence, left))
        count: int | None = self._received.readinto(buffer)
        self._deadline.received(count or 0)
        return count

    def close(self) -> None:
        self._received.close()
        super().close()
