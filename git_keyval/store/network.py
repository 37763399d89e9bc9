"""Certificates and proxies, by the variables that people set for git, curl, requests and OpenSSL: the same for every server."""

import os
import re
import ssl
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from git_keyval.errors import StoreError
from git_keyval.light_dataclasses import dataclass, field

# https://git-scm.com/docs/git-config (http.sslCAInfo, http.sslCAPath), https://curl.se/docs/manpage.html (ENVIRONMENT),
# https://requests.readthedocs.io/en/latest/user/advanced/#ssl-cert-verification. Each in place of the machine's certificates.
_IN_PLACE: Final = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# https://docs.openssl.org/3.0/man7/openssl-env: in place of the machine's file, and of its folder; what is not there is left out.
_OPENSSL_FILE, _OPENSSL_FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_BEGIN, _CERTIFICATE = b"-----BEGIN ", rb"(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----"
_HASH_DIGITS = 8  # openssl-rehash(1): a certificate is looked for as HASH.0, HASH.1, …
_PROXY_SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the variable that names it. ``url`` may hold a password; ``shown`` does not."""

    variable: str
    url: str = field(repr=False)
    shown: str

    @property
    def credentials(self) -> str | None:
        """Return ``user:password``, or None if it asks for none."""
        parts = urlsplit(self.url)
        return None if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"


class Network:
    """How servers are reached, according to the environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def proxy(self, url: str) -> Proxy | None:
        """Return the proxy by which an address is reached, None for no proxy. Raises StoreError for one that cannot be used.

        ``https_proxy``, ``http_proxy`` by the scheme of the address, then ``all_proxy``, in small letters and then in capitals;
        ``no_proxy`` names what is reached without one: hosts, domains, networks as 10.0.0.0/8, or ``*``.
        """
        scheme = urlsplit(url).scheme
        names = [name for kind in (scheme, "all") for name in (f"{kind}_proxy", f"{kind}_proxy".upper())]
        # Below a web server anybody can set this one, by the header "Proxy" (https://httpoxy.org).
        untrusted = {"HTTP_PROXY"} if "REQUEST_METHOD" in self._environ else set()
        variable = next((name for name in names if self._environ.get(name) and name not in untrusted), None)
        if variable is None or self._goes_without(url):
            return None
        return _proxy(variable, self._environ[variable])

    @property
    def certificate_variables(self) -> list[str]:
        """Return the names of the variables that are set and name certificates."""
        return [name for name in (*_IN_PLACE, _OPENSSL_FILE, _OPENSSL_FOLDER) if self._environ.get(name)]

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Return what verifies servers: by all certificates that the variables name, or by the machine's if they name none.

        Raises StoreError if a variable names no certificates.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        in_place = {name: self._environ[name] for name in _IN_PLACE if self._environ.get(name)}
        for variable, path in in_place.items():
            _load(context, variable, path)
        paths = ssl.get_default_verify_paths()
        machine = ("", "") if in_place else (paths.openssl_cafile, paths.openssl_capath)
        file, folder = self._environ.get(_OPENSSL_FILE) or machine[0], self._environ.get(_OPENSSL_FOLDER) or machine[1]
        if (is_file := Path(file).is_file()) and not _has_all_of(folder, file):
            _load(context, _OPENSSL_FILE, file)
        if folder:
            context.load_verify_locations(capath=folder)
        if not (in_place or is_file or _has_files(folder)):
            import certifi  # noqa: PLC0415  # only where the machine has none

            context.load_verify_locations(certifi.where())
        return context

    def _goes_without(self, url: str) -> bool:
        hosts = self._environ.get("no_proxy") or self._environ.get("NO_PROXY")
        if not hosts:
            return False
        from requests.utils import should_bypass_proxies  # noqa: PLC0415  # slow to import, and few have a proxy

        return should_bypass_proxies(url, hosts)


DIRECT = Network({})
"""Without a proxy, by the certificates of the machine."""


def _proxy(variable: str, value: str) -> Proxy:
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.hostname and parts.scheme not in _PROXY_SCHEMES:
        raise StoreError(
            f"{variable} names a proxy of the kind {parts.scheme}://, which is not supported.",
            "Name one as http://host:port, or the server in NO_PROXY if it can be reached without.",
        )
    if not parts.hostname:
        raise StoreError(f"{variable} names no proxy.", "Write it as http://host:port, or http://user:password@host:port.")
    return Proxy(variable, url, f"{parts.hostname}{port}")


def _load(context: ssl.SSLContext, variable: str, path: str) -> None:
    try:
        if Path(path).is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(cafile=path)
    except OSError as exc:  # ssl.SSLError is one
        raise StoreError(
            f"{variable} names {path}, where no certificates are ({exc.strerror or exc}).",
            "Name a file of certificates in PEM form. In a container it has to be there, too, as what is in the workspace is.",
        ) from exc


def _has_all_of(folder: str, file: str) -> bool:
    """Return whether a folder has each certificate of a file, where OpenSSL looks for those that it needs.

    Systems keep both of the same authorities. To load a file of 150 takes OpenSSL longer than all else that a connection does.
    """
    try:
        data = Path(file).read_bytes()
        certificates = set(re.findall(_CERTIFICATE, data))
        if not certificates or len(certificates) != data.count(_BEGIN):  # whatever else there may be in a file counts, too
            return False
        hashed = [path for path in Path(folder).iterdir() if len(path.stem) == _HASH_DIGITS and path.suffix[1:].isdigit()]
        return certificates <= {path.read_bytes().strip() for path in hashed}
    except OSError:
        return False


def _has_files(folder: str) -> bool:
    """Return whether there is a file in one of the folders, which OpenSSL separates as PATH does."""
    return any(Path(each).is_dir() and any(Path(each).iterdir()) for each in folder.split(os.pathsep))
