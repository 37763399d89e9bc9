"""Git over smart HTTP on loopback: git's own ``http-backend`` behind a small server whose faults are data.

The server keeps no state of its own but its request log and the faults still to come. Replies are buffered whole, so
that a fault can be placed exactly before or after the backend's work.
"""

import base64
import binascii
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.servers.binary import exec_path, isolated_environ

UPLOAD_PACK = "git-upload-pack"
RECEIVE_PACK = "git-receive-pack"


class Cut(Enum):
    """A fault that ends the connection."""

    BEFORE = "before"
    """The request is not applied and never answered."""
    AFTER = "after"
    """The request is applied and never answered."""
    TRUNCATE = "truncate"
    """The request is applied; half of the reply's body is sent."""


@dataclass(frozen=True, slots=True)
class Status:
    """A fault that answers with a status of its own; with ``applied`` after the backend has done its work."""

    code: int
    retry_after: str = ""
    applied: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """A fault that sends the client to the same path below another base URL."""

    base: str
    code: int = 302


Fault = Cut | Status | Redirect


@dataclass(frozen=True, slots=True)
class Logged:
    """One request of the log. ``status`` is 0 where the connection was closed without a reply."""

    method: str
    path: str
    service: str
    status: int
    authorization: bool
    encodings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    encodings: tuple[str, ...]

    @property
    def service(self) -> str:
        asked = parse_qs(self.query).get("service", [""])[0]
        return asked or next((name for name in (UPLOAD_PACK, RECEIVE_PACK) if self.path.endswith(f"/{name}")), "")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut: Cut | None = None


@dataclass(slots=True)
class _Script:
    """A fault and the requests it waits for: the ``nth`` that matches; with ``forever`` all after it, too."""

    nth: int
    fault: Fault
    method: str
    service: str
    forever: bool
    seen: int = field(default=0)

    def meets(self, method: str, service: str) -> bool:
        if self.method not in {"", method} or self.service not in {"", service}:
            return False
        self.seen += 1
        return self.seen == self.nth or (self.forever and self.seen > self.nth)


class GitHttpServer:
    """Serves all bare repositories below a directory while the context is open.

    With a ``token``, every request must carry it as the password of Basic credentials (any user name), or is answered
    401. ``config`` is git configuration for the backend, such as ``receive.advertiseAtomic``; a test may change it. Without
    ``passes_protocol`` git never hears of the version of its protocol that the client asks for, and answers as before version 2.
    """

    def __init__(
        self, root: Path, *, token: str = "", config: Mapping[str, str] | None = None, passes_protocol: bool = True
    ) -> None:
        self.log: list[Logged] = []
        self.config: dict[str, str] = {"http.receivepack": "true", **(config or {})}
        self.token = token
        self.max_body: int | None = None
        """How many bytes the body of a request may have, or it is answered 413, as by nginx's client_max_body_size."""
        self._passes_protocol = passes_protocol
        self._root = root
        self._lock = threading.Lock()
        self._scripts: list[_Script] = []
        self._rivals: deque[Callable[[], object]] = deque()
        self._server = _Server(self._answer)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.close()
        if self._server.errors and error is None:
            raise self._server.errors[0]

    @property
    def url(self) -> str:
        """The base URL; a repository is at ``{url}/{its path below the root}``."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fail(self, nth: int, fault: Fault, *, method: str = "", service: str = "", forever: bool = False) -> None:
        """Script a fault for the nth request from now on, counted from 1, of a method or service if one is given."""
        with self._lock:
            self._scripts.append(_Script(nth, fault, method, service, forever))

    def heal(self) -> None:
        """Forget the faults that are scripted."""
        with self._lock:
            self._scripts.clear()

    def between(self, callback: Callable[[], object]) -> None:
        """Run a callback once, when the next push has arrived: after its advertisement, before it is applied."""
        self._rivals.append(callback)

    def count(self, *, method: str = "", service: str = "") -> int:
        """Count the logged requests, of a method and service where these are given."""
        return sum(method in {"", seen.method} and service in {"", seen.service} for seen in self.log)

    def _answer(self, request: _Request) -> _Reply:
        reply = self._reply(request, self._fault_for(request))
        status = 0 if reply.cut in {Cut.BEFORE, Cut.AFTER} else reply.status
        authorization = "authorization" in request.headers
        entry = Logged(request.method, request.path, request.service, status, authorization, request.encodings)
        with self._lock:
            self.log.append(entry)
        return reply

    def _fault_for(self, request: _Request) -> Fault | None:
        with self._lock:
            # Every script must see the request, or those behind the first that fires would count wrong.
            faults = [script.fault for script in self._scripts if script.meets(request.method, request.service)]
        return faults[0] if faults else None

    def _reply(self, request: _Request, fault: Fault | None) -> _Reply:
        match fault:
            case None:
                return self._serve(request)
            case Cut.BEFORE:
                return _Reply(0, cut=fault)
            case Cut():
                return replace(self._serve(request), cut=fault)
            case Redirect(base, code):
                query = f"?{request.query}" if request.query else ""
                return _Reply(code, (("Location", f"{base}{request.path}{query}"),))
            case Status(code, retry_after, applied):
                if applied:
                    self._serve(request)
                headers = (("Retry-After", retry_after),) if retry_after else ()
                return _Reply(code, (("Content-Type", "text/plain"), *headers), b"A scripted fault.\n")

    def _serve(self, request: _Request) -> _Reply:
        if self.token and _password(request.headers.get("authorization", "")) != self.token:
            return _Reply(HTTPStatus.UNAUTHORIZED, (("WWW-Authenticate", 'Basic realm="git"'),))
        if self.max_body is not None and len(request.body) > self.max_body:
            return _Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, (("Content-Type", "text/html"),), b"<h1>413</h1>")
        if request.method == "POST" and request.service == RECEIVE_PACK and self._rivals:
            self._rivals.popleft()()
        return _run_backend(request, self._backend_environ(request))

    def _backend_environ(self, request: _Request) -> dict[str, str]:
        config = {"GIT_CONFIG_COUNT": str(len(self.config))}
        for number, (name, value) in enumerate(self.config.items()):
            config |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        return isolated_environ(
            {
                "GIT_PROJECT_ROOT": str(self._root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": request.method,
                "PATH_INFO": request.path,
                "QUERY_STRING": request.query,
                "CONTENT_TYPE": request.headers.get("content-type", ""),
                "CONTENT_LENGTH": str(len(request.body)),
                "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
                "GIT_PROTOCOL": request.headers.get("git-protocol", "") if self._passes_protocol else "",
                "REMOTE_USER": "somebody",
                "REMOTE_ADDR": "127.0.0.1",
                **config,
            }
        )


def _password(authorization: str) -> str | None:
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None


def _run_backend(request: _Request, environ: Mapping[str, str]) -> _Reply:
    backend = Path(exec_path(), "git-http-backend")
    done = subprocess.run([backend], input=request.body, env=environ, capture_output=True, check=False, timeout=60)
    head, found, body = done.stdout.partition(b"\r\n\r\n")
    if not found:
        return _Reply(HTTPStatus.INTERNAL_SERVER_ERROR, (("Content-Type", "text/plain"),), done.stderr)
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in head.decode().splitlines())]
    status = next((int(value.split()[0]) for name, value in headers if name.lower() == "status"), HTTPStatus.OK)
    return _Reply(status, tuple((name, value) for name, value in headers if name.lower() != "status"), body)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, has it answered, and delivers as much of the reply as its fault lets through."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "_Server"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log is data."""

    def _answer(self) -> None:
        where = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        names = (headers.get("transfer-encoding", ""), headers.get("content-encoding", ""))
        encodings = tuple(name.lower() for name in names if name)
        request = _Request(self.command, where.path, where.query, headers, self._body(encodings), encodings)
        self._deliver(self.server.answer(request))

    def _body(self, encodings: tuple[str, ...]) -> bytes:
        if "chunked" not in encodings:
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue  # trailers, which git does not send
        return b"".join(chunks)

    def _deliver(self, reply: _Reply) -> None:
        self.close_connection = self.close_connection or reply.cut is not None
        if reply.cut in {Cut.BEFORE, Cut.AFTER}:
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)


class _Server(ThreadingHTTPServer):
    """Keeps the open connections, so that closing ends those that clients keep alive, and the errors of its threads."""

    daemon_threads = False

    def __init__(self, answer: Callable[[_Request], _Reply]) -> None:
        self.errors: list[BaseException] = []
        self.answer = answer
        self._open: set[socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: "socket | tuple[bytes, socket]", client_address: object) -> None:
        assert isinstance(request, socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket | tuple[bytes, socket]") -> None:
        assert isinstance(request, socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002  # the signature is the base's
        """Keep an error for the test to raise; a client that went away is none."""
        error = sys.exception()
        if error is not None and not isinstance(error, ConnectionError):
            self.errors.append(error)

    def close(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(SHUT_RDWR)
            except OSError:
                # The client closed it first.
                continue
        self.server_close()
