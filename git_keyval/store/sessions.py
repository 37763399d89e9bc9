"""A session of requests that reaches one server as the environment says."""

from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager

from git_keyval.errors import StoreError
from git_keyval.store.moved import MOVED, target_of
from git_keyval.store.network import Network, Proxy
from git_keyval.store.unreached import WANTS_PASSWORD, proxy_wants_password


def direct(session: Session, url: str, network: Network, *, named_by: str) -> None:
    """Make a session reach the server of an address by the proxy and the certificates that the environment names.

    Raises StoreError if these cannot be used. The session raises it if the proxy wants a password, and if an answer sends the
    session to another server. ``named_by`` is the input or variable by which the user named the server.
    """
    scheme = urlsplit(url).scheme
    proxy = network.proxy(url)
    # Otherwise requests looks for both by itself, in other variables, and for a password in a file of the user's.
    session.trust_env = False
    session.proxies = {} if proxy is None else {scheme: proxy.url}
    session.mount(f"{scheme}://", _Adapter(network, proxy, named_by, scheme))


class _Adapter(HTTPAdapter):
    """An adapter with one context for all that is verified, whatever ``verify`` says."""

    def __init__(self, network: Network, proxy: Proxy | None, named_by: str, scheme: str) -> None:
        self._network = network
        self._proxy = proxy
        self._named_by = named_by
        self._scheme = scheme
        super().__init__()

    def init_poolmanager(self, *args: Any, **settings: Any) -> None:  # noqa: ANN401  # as its base
        super().init_poolmanager(*args, ssl_context=self._network.tls if self._scheme == "https" else None, **settings)

    def proxy_manager_for(self, proxy: str, **settings: Any) -> ProxyManager:  # noqa: ANN401  # as its base
        context = self._network.tls
        manager: ProxyManager = super().proxy_manager_for(proxy, ssl_context=context, proxy_ssl_context=context, **settings)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **settings: Any) -> Response:  # noqa: ANN401  # as its base
        if self._proxy is not None and self._scheme == "http":  # it passes on what it is sent, without a tunnel
            self.close()  # proxies there are that end a connection after their answer without having said so
        answer = super().send(request, *args, **settings)
        try:
            self._check(answer)
        except StoreError:
            answer.close()
            raise
        return answer

    def _check(self, answer: Response) -> None:
        if answer.status_code == WANTS_PASSWORD and self._proxy is not None:
            raise proxy_wants_password(self._proxy)
        if answer.status_code in MOVED:
            target_of(answer.url, answer.headers.get("Location", ""), named_by=self._named_by)

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Do nothing: requests would add the certificates that it brings along to the context."""
