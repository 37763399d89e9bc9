"""Why a server was not reached: certificate, proxy, name, a refusal, silence. In each of these cases no request was sent."""

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.light_dataclasses import dataclass
from git_keyval.store.messages import one_line
from git_keyval.store.network import Network, Proxy

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")  # how http.client tells what a proxy answers to CONNECT
WANTS_PASSWORD = 407
"""The status of a proxy that wants a password, or another one."""

_UNAUTHORIZED = 401  # what tinyproxy answers to a wrong password
_CANNOT_REACH = {502, 503, 504}
# X509_V_ERR_…: a certificate that nobody who is trusted has signed (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error).
_UNTRUSTED = {2, 7, 18, 19, 20, 21}


@dataclass(frozen=True, slots=True)
class _Obstacle:
    """What is in the way, as the predicate of a sentence about the other end, and whether another time may change it."""

    predicate: str
    next_step: str = ""
    passes: bool = True


def unreached(exc: BaseException, url: str, network: Network, *, named_by: str) -> StoreError | None:
    """Return the error that explains an exception of urllib3 or requests, if the server was not reached; None if it was.

    It is an UnavailableError if another time may change it. ``named_by`` is the input or variable by which the user named the
    server, for the next step.
    """
    causes = list(_causes(exc))
    obstacle = _obstacle(causes, network)
    host = urlsplit(url).netloc.rpartition("@")[2]
    proxy = network.proxy(url)
    # urllib3 calls it an error of the proxy, too, if a proxy without a tunnel hangs up on a request that it was sent.
    if proxy is not None and any(isinstance(cause, ProxyError) for cause in causes):
        return _proxy_error(proxy, host, causes, obstacle)
    if obstacle is None:
        return None
    variable = f"{urlsplit(url).scheme.upper()}_PROXY"
    hint = f" If only a proxy reaches it, name that in {variable}." if proxy is None and not obstacle.next_step else ""
    kind = UnavailableError if obstacle.passes else StoreError
    return kind(f"{host} {obstacle.predicate}.", f"{obstacle.next_step or f'Check {named_by} and the connection.'}{hint}")


def proxy_wants_password(proxy: Proxy) -> StoreError:
    """Return the error of a proxy that answers with status 407."""
    return StoreError(
        f"The proxy {proxy.shown} wants a password, or another one (status {WANTS_PASSWORD}).",
        f"Give {proxy.variable} as http://user:password@{proxy.shown}; @, : and / in these two are written %40, %3A and %2F.",
    )


def _proxy_error(proxy: Proxy, host: str, causes: list[BaseException], obstacle: _Obstacle | None) -> StoreError | None:
    check = f"Check {proxy.variable}, or name the server in NO_PROXY if it can be reached without."
    if obstacle is not None:
        kind = UnavailableError if obstacle.passes else StoreError
        return kind(f"The proxy {proxy.shown} {obstacle.predicate}.", check)
    refused = (_TUNNEL.match(str(cause)) for cause in causes if type(cause) is OSError)
    answered = next((int(found[1]) for found in refused if found), None)
    if answered is None:
        return None
    if answered in {WANTS_PASSWORD, _UNAUTHORIZED}:
        return proxy_wants_password(proxy)
    kind = UnavailableError if answered in _CANNOT_REACH else StoreError
    return kind(f"The proxy {proxy.shown} does not connect to {host} (status {answered}).", check)


def _obstacle(causes: list[BaseException], network: Network) -> _Obstacle | None:
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return _certificate(cause, network.certificate_variables)
            case socket.gaierror():
                return _Obstacle("has a name that cannot be resolved", passes=cause.errno == socket.EAI_AGAIN)
            case ConnectionRefusedError() if any(isinstance(one, NewConnectionError) for one in causes):
                return _Obstacle("refuses the connection")
    if any(isinstance(cause, NewConnectionError) for cause in causes):
        return _Obstacle("cannot be reached")
    if any(isinstance(cause, ConnectTimeoutError) for cause in causes):
        return _Obstacle("did not answer in time when it was called")
    return None


def _certificate(exc: ssl.SSLCertVerificationError, variables: list[str]) -> _Obstacle:
    if exc.verify_code not in _UNTRUSTED:
        advice = "Check the name of the server, its certificate, and the clock of this machine."
    elif variables:
        advice = f"Have {' or '.join(variables)} name a file with the certificate of its authority."
    else:
        advice = "If its authority is one of your own, name a file with the certificate of that in SSL_CERT_FILE."
    return _Obstacle(f"has a certificate that is not accepted ({one_line(exc.verify_message)})", advice, passes=False)


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from or wraps, each once; urllib3 and requests wrap in ways of their own.

    Other exceptions that were being handled when it was raised do not count: they may be failures of an attempt before.
    """
    waiting, seen = [exc], set()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        wrapped = [cause.__cause__, getattr(cause, "reason", None), *cause.args]
        waiting += [one for one in wrapped if isinstance(one, BaseException)]
