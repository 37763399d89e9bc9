"""Git's two services over smart HTTP. The credentials go to the host that they were given for, and nowhere else."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from urllib.parse import unquote, urlsplit, urlunsplit

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, make_headers
from urllib3.exceptions import HTTPError, ReadTimeoutError

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git.cleaning import cleaned
from git_keyval.store.git.conversation import (
    BrokenConversationError,
    Conversation,
    Deadline,
    NewDeadline,
    RequestTooLargeError,
    Service,
    Transport,
)
from git_keyval.store.git.packets import PacketReader, packet
from git_keyval.store.git.timed import Running, timed_pools
from git_keyval.store.moved import MOVED, target_of
from git_keyval.store.network import Network, Proxy
from git_keyval.store.patience import UNTOLD_WAIT_SECONDS
from git_keyval.store.port import Capabilities
from git_keyval.store.unreached import WANTS_PASSWORD, proxy_wants_password, unreached

_SERVER_ERROR = 500
_BLOCK = 256 * 1024
_WORDS_BYTES = 4096
_OK, _UNAUTHORIZED, _TOO_LARGE, _TOO_MANY = 200, 401, 413, 429
_MAX_MOVES = 5
# Servers distinguish git from people's browsers by how the name begins.
_HEADERS = {"User-Agent": "git/git-keyval-action", "Pragma": "no-cache"}
# Of the statuses that say that the request is wrong, those that another time may change (RFC 9110, 8470, 6585).
_PASSING = frozenset({408, 425, _TOO_MANY})


class Answer:
    """What came back: status, where it sends to, content type without parameters, and the body."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        """Take a response of which the headers were read; ``close`` releases its connection."""
        self._response = response
        self.status = response.status
        self.location = response.headers.get("Location", "")
        self.content_type = response.headers.get("Content-Type", "").partition(";")[0]
        self.close = response.close

    @property
    def seconds(self) -> float | None:
        """Return for how long the server asks to wait (RFC 9110, Retry-After), if it says that in seconds."""
        given = self._response.headers.get("Retry-After", "")
        return float(given) if given.isascii() and given.isdigit() else None

    @property
    def status_and_words(self) -> str:
        """Return the status, and what the answer says beside it, as GitHub does: in plain text. Pages for people are left out."""
        status = f"status {self.status}"
        if self.content_type != "text/plain":
            return status
        with suppress(BrokenConversationError):
            if words := cleaned(self.read(_WORDS_BYTES).decode("utf-8", "replace")):
                return f"{status}: {words}"
        return status

    def read(self, size: int) -> bytes:
        """Read some of the body. Raises BrokenConversationError, whatever is wrong with it."""
        try:
            return self._response.read(size)
        except HTTPError as exc:
            raise BrokenConversationError("the answer broke off, or is not what its headers say") from exc


class HttpTransport(Transport):
    """A way to one http(s) address."""

    capabilities = Capabilities(batch=1_000, round_trip=0.3, clock_is_servers=True)

    def __init__(self, url: str, token: str, clock: ServerClock, timeout: float, deadline: NewDeadline, network: Network) -> None:
        """Reach the address with the token as password; ``clock`` learns the server's time.

        Credentials in the address are used instead of the token, and are repeated in no error. ``timeout`` is for how many
        seconds the server may be silent while an answer is waited for, ``deadline`` for when a conversation has to be over.
        Raises StoreError if the environment names a proxy, or certificates, that cannot be used.
        """
        parts = urlsplit(url)
        credentials = f"x-access-token:{token}" if token else None
        if parts.username:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        self._is_known = credentials is not None
        self.upload_advertisement = b""
        self.network = network
        self._clock = clock
        self._timeout = timeout
        self._headers = _HEADERS | make_headers(basic_auth=credentials)
        self._new_deadline = deadline
        self.running = Running(deadline("upload-pack"))
        self._reach(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", "")))

    def open(self, service: Service) -> "HttpConversation":
        """Begin a conversation; nothing is sent yet."""
        self.running.deadline = self._new_deadline(service)
        return HttpConversation(self, service)

    def find(self, path: str, headers: dict[str, str]) -> Answer:
        """GET below the address, which changes for good, as with git, where the server redirects. Raises StoreError, HTTPError."""
        for _ in range(_MAX_MOVES):
            answer = self.send("GET", path, headers)
            if answer.status not in MOVED:
                return answer
            answer.close()
            self._reach(_moved_address(self.where, path, answer.location))
        raise StoreError(f"{self.where} sends from address to address.", "Check `repository`.")

    def send(self, method: str, path: str, headers: dict[str, str], body: Iterable[memoryview] | None = None) -> Answer:
        """Send one request below the address. Raises HTTPError."""
        self.requests += 1
        if self._is_forwarded:
            self._pool.clear()  # proxies there are that end a connection after their answer without having said so
        # One policy for trying again, and it is not urllib3's; nor are its redirections, which go anywhere.
        response = self._pool.request(
            method,
            f"{self.where}/{path}",
            headers={**self._headers, **headers},
            body=body,  # type: ignore[arg-type]  # anything that yields bytes
            timeout=self._timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        self._clock.learn(response.headers.get("Date", ""))
        return Answer(response)

    def status_error(self, answer: Answer) -> StoreError:
        """Return the error for a status that says that the request was not executed."""
        if answer.status == WANTS_PASSWORD and self._proxy is not None:
            return proxy_wants_password(self._proxy)
        if answer.status == _UNAUTHORIZED and self._proxy is not None and self._is_forwarded:
            return AccessDeniedError(
                f"{self.where}, or the proxy {self._proxy.shown} before it, refuses access ({answer.status_and_words}).",
                f"Check `token`, and the password in {self._proxy.variable}.",
            )
        return _status_error(answer, self.where, is_known=self._is_known)

    def _reach(self, where: str) -> None:
        """Take an address. Raises ValueError for one without a host, or with a port that is none."""
        parts = urlsplit(where)
        if not parts.hostname or parts.port == 0:  # which looks at the port
            raise ValueError(where)
        self.where = where
        self._proxy = self.network.proxy(where)
        self._pool = _pool(self.network, self._proxy, is_verified=parts.scheme == "https")
        self._pool.pool_classes_by_scheme = timed_pools(self.running)
        self._is_forwarded = self._proxy is not None and parts.scheme == "http"


class HttpConversation(Conversation):
    """A conversation in requests of their own."""

    def __init__(self, transport: HttpTransport, service: Service) -> None:
        self._transport = transport
        self._service = service
        self._answers: list[Answer] = []
        # Push has no version 2: a server asked for it there may answer in a form of its own.
        self._headers = {"Git-Protocol": "version=2"} if service == "upload-pack" else {}

    def advertisement(self) -> PacketReader:
        """Ask for the advertisement; the service line that only HTTP has is read here.

        What version 2 of upload-pack advertises names no refs, so it is asked for once per run.
        """
        if self._service == "upload-pack" and self._transport.upload_advertisement:
            return PacketReader(BytesIO(self._transport.upload_advertisement).read)
        path = f"info/refs?service=git-{self._service}"
        try:
            answer = self._transport.find(path, {"Accept": "*/*", **self._headers})
        except HTTPError as exc:
            failure = "did not answer in time" if isinstance(exc, ReadTimeoutError) else "hung up before it answered"
            raise self._unreached(exc) or UnavailableError(
                f"{self._transport.where} {failure}.", "Try again; check `repository` and the connection if it stays so."
            ) from exc
        self._answers.append(answer)
        if answer.status != _OK:
            raise self._transport.status_error(answer)
        if answer.content_type != f"application/x-git-{self._service}-advertisement":
            raise NotARepositoryError(f"{self._transport.where} does not answer as a git repository.", "Check `repository`.")
        packets = PacketReader(answer.read)
        if (packets.peek() or b"").startswith(b"# service="):
            packets.read_line()
            packets.read_line()
        if (packets.peek() or b"").strip() != b"version 2":
            return packets
        lines = [*packets.read_lines(), None]
        self._transport.upload_advertisement = b"".join(b"0000" if line is None else packet(line) for line in lines)
        return self.advertisement()

    def request(self, body: Iterable[bytes]) -> PacketReader:
        """POST the request. A refusal (4xx) is a StoreError: the service never ran. What else is no answer is broken off."""
        kind = f"application/x-git-{self._service}"
        data = b"".join(body)
        headers = {
            "Content-Type": f"{kind}-request",
            "Accept": f"{kind}-result",
            "Content-Length": str(len(data)),
            **self._headers,
        }
        try:
            answer = self._transport.send("POST", f"git-{self._service}", headers, _blocks(data, self._transport.running.deadline))
        except HTTPError as exc:
            raise self._unreached(exc) or BrokenConversationError("the connection broke before an answer came") from exc
        self._answers.append(answer)
        if answer.status >= _SERVER_ERROR:
            raise BrokenConversationError(f"the server answered with {answer.status_and_words}")
        if answer.status == _TOO_LARGE:
            raise RequestTooLargeError(self._transport.where, len(data))
        if answer.status != _OK:
            raise self._transport.status_error(answer)
        if answer.content_type != f"{kind}-result":
            raise BrokenConversationError("the server answered with another content type")
        return PacketReader(answer.read)

    def _unreached(self, exc: HTTPError) -> StoreError | None:
        return unreached(exc, self._transport.where, self._transport.network, named_by="`repository`")

    def __exit__(self, *exc: object) -> None:
        """End: release the connections."""
        for answer in self._answers:
            answer.close()


def _blocks(data: bytes, deadline: Deadline) -> Iterator[memoryview]:
    """Yield a body in blocks: a socket's time limit is for the whole of what it is given at once."""
    rest = memoryview(data)
    while rest:
        deadline.check()
        yield rest[:_BLOCK]
        deadline.sent(len(rest[:_BLOCK]))
        rest = rest[_BLOCK:]


def _pool(network: Network, proxy: Proxy | None, *, is_verified: bool) -> PoolManager:
    context = network.tls if is_verified else None
    if proxy is None:
        return PoolManager(ssl_context=context)
    return ProxyManager(
        proxy.url,
        proxy_headers=make_headers(proxy_basic_auth=proxy.credentials),
        ssl_context=context,
        proxy_ssl_context=network.tls if proxy.url.startswith("https:") else None,
    )


def _moved_address(where: str, path: str, location: str) -> str:
    """Return where a repository is now, by where a request below its old address is sent. Raises StoreError."""
    target = urlsplit(target_of(f"{where}/{path}", location, named_by="`repository`"))
    moved = urlunsplit(target._replace(netloc=target.netloc.rpartition("@")[2]))
    if not moved.endswith(f"/{path}"):
        raise NotARepositoryError(
            f"{where} does not answer as a git repository, but sends to {target.hostname}{target.path}.",
            "Check `repository` and `token`.",
        )
    return moved.removesuffix(f"/{path}")


def _status_error(answer: Answer, where: str, *, is_known: bool) -> StoreError:
    """Return the error of a status; the server ``is_known`` who asks if it was sent a token, or a password."""
    match status := answer.status:
        case 401 | 403:
            return AccessDeniedError(
                f"{where} refuses access ({answer.status_and_words}).",
                f"{'Check' if is_known else 'Give'} `token`: it must be allowed to read and, for writes, to change the contents of "
                "the repository.",
            )
        case 404:
            return NotARepositoryError(
                f"{where} is no git repository, or not one {'this token' if is_known else 'that everybody'} may see "
                f"({answer.status_and_words}).",
                "Check `repository` and `token`." if is_known else "Check `repository`, and give `token` if it is private.",
            )
        case 407:
            return AccessDeniedError(
                f"The proxy on the way to {where} wants a user name and a password (status 407).",
                "Give them in the address of the proxy: http://USER:PASSWORD@HOST:PORT.",
            )
    if status >= _SERVER_ERROR or status in _PASSING:
        is_limit = status == _TOO_MANY
        what = "limits the rate of requests" if is_limit else "did not answer the request"
        until = "" if answer.seconds is None else f" It asks to wait {answer.seconds:.0f} seconds."
        return UnavailableError(
            f"{where} {what} ({answer.status_and_words}).{until}",
            "Try again later; check `repository` if it stays so.",
            UNTOLD_WAIT_SECONDS if is_limit and answer.seconds is None else answer.seconds,
        )
    return StoreError(
        f"{where} does not take the request ({answer.status_and_words}).",
        "Check that `repository` is the address for git, and what the server or a proxy before it allows: its log says more.",
    )
