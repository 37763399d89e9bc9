"""HTTP on loopback, for every front end: reads whole requests, and delivers as much of the answers as the faults let through.

Behind each front end git's own ``http-backend`` answers what is git's.
"""

import gzip
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from tests.replacing import replace
from tests.servers.binary import exec_path, is_older_than, isolated_environ

_POLL_MILLISECONDS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived. Header names are lower case; the path is quoted."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The path, unquoted: GitHub takes ``%2F`` and ``/`` for the same."""
        return unquote(self.path)

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")

    def decoded(self) -> "Request":
        """Return it without the encoding of its body."""
        if self.headers.get("content-encoding") != "gzip":
            return self
        headers = {name: value for name, value in self.headers.items() if name != "content-encoding"}
        return replace(self, headers=headers, body=gzip.decompress(self.body))


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        return Answer(self.status, self.body, (*self.headers, *headers))


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
    sys_version = ""
    server: "Server"

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log is data."""

    def version_string(self) -> str:
        return self.server.calls_itself

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the moment of the injected clock, for the header ``Date``."""
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

    def __init__(self, port: int, answer: Callable[[Request], Delivery], clock: Callable[[], float], *, calls_itself: str) -> None:
        """``calls_itself`` is its header ``Server``, and the clock is in seconds since 1970."""
        self.calls_itself = calls_itself
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

    def start(self) -> None:
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> list[BaseException]:
        """End the open connections and all threads; return the errors that they met."""
        self.shutdown()
        self._thread.join()
        self._close()
        return self.errors

    def _close(self) -> None:
        self.closing.set()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client closed it first.
                continue
        self.server_close()


def run_backend(request: Request, root: Path, path: str, config: Mapping[str, str], *, protocol: str) -> Answer:
    """Have git answer a request for a path below a directory of bare repositories, with this configuration of git."""
    done = subprocess.run(
        [Path(exec_path(), "git-http-backend")],
        input=request.body,
        env=_environ(request, root, path, config, protocol),
        capture_output=True,
        check=False,
        timeout=60,
    )
    head, found, content = done.stdout.partition(b"\r\n\r\n")
    if not found:
        return Answer(500, done.stderr, (("Content-Type", "text/plain; charset=utf-8"),))
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head.decode().splitlines())]
    status = next((int(value.split()[0]) for name, value in headers if name.lower() == "status"), 200)
    return Answer(status, content, tuple((name, value) for name, value in headers if name.lower() != "status"))


def _environ(request: Request, root: Path, path: str, config: Mapping[str, str], protocol: str) -> Mapping[str, str]:
    settings = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (name, value) in enumerate(config.items()):
        settings |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    if is_older_than(2, 31):
        settings = {"GIT_CONFIG_PARAMETERS": " ".join(f"'{name}={value}'" for name, value in config.items())}
    return isolated_environ(
        {
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": request.method,
            "PATH_INFO": path,
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": protocol,
            "REMOTE_USER": "somebody",
            "REMOTE_ADDR": "127.0.0.1",
            **settings,
        }
    )
