"""HTTP on loopback: reads whole requests, and delivers as much of the answers as the faults let through."""

import gzip
import select
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.emulator.answers import Answer, Request

_POLL_MILLISECONDS = 20


class Manner(Enum):
    """How an answer is delivered."""

    WHOLE = "whole"
    HALF = "half"
    """Half of the body arrives, then the connection is closed."""
    NOT = "not"
    """The connection is closed without an answer."""
    HELD = "held"
    """Nothing is sent until the client has gone or the server closes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    answer: Answer
    manner: Manner = Manner.WHOLE

    @property
    def status(self) -> int:
        """What the client sees; 0 if it sees nothing."""
        return self.answer.status if self.manner in {Manner.WHOLE, Manner.HALF} else 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server_version = "github.com"
    sys_version = ""
    server: "Server"

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log is data."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Give the moment of the injected clock, for the header ``Date``."""
        return formatdate(self.server.clock() if timestamp is None else timestamp, usegmt=True)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method that HTTP has: the emulator decides which of them it knows."""
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body("chunked" in headers.get("transfer-encoding", ""))
        if headers.pop("content-encoding", "") == "gzip":
            body = gzip.decompress(body)
        self._deliver(self.server.answer(Request(self.command, where.path, where.query, headers, body)))

    def _body(self, chunked: bool) -> bytes:  # noqa: FBT001  # it is the message's own word
        if not chunked:
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers, which git does not send
        return b"".join(chunks)

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.manner is Manner.HELD:
            self._hold()
        if delivery.manner is not Manner.WHOLE:
            self.close_connection = True
        if delivery.manner in {Manner.NOT, Manner.HELD}:
            return
        answer = delivery.answer
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in {204, 304}:
            self.wfile.write(answer.body if delivery.manner is Manner.WHOLE else answer.body[: len(answer.body) // 2])

    def _hold(self) -> None:
        """Wait until the client closes its end. Needs no clock: a test gives its client a short timeout."""
        waiting = select.poll()
        waiting.register(self.connection, select.POLLIN)
        while not self.server.closing.is_set():
            if waiting.poll(_POLL_MILLISECONDS) and not self.connection.recv(1, socket.MSG_PEEK):
                return


class Server(ThreadingHTTPServer):
    """Keeps the open connections, so that closing ends those that clients keep alive, and the errors of its threads."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[Request], Delivery], clock: Callable[[], float]) -> None:
        self.errors: list[BaseException] = []
        self.answer = answer
        self.clock = clock
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # the signature is the base's
        """Keep an error for the test to raise; a client that went away is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)

    def close(self) -> None:
        self.closing.set()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client closed it first.
                continue
        self.server_close()
