"""Apache with git's http-backend: passwords, compressed answers, a redirect that stays, TLS by an authority of our own."""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.authority import Authority, make_authority
from tests.servers.binary import exec_path
from tests.servers.site import SAFE, Site, free_port, program, running

USER, PASSWORD = "alice", "apache-password"
_TOKEN_USER = "x-access-token"
_MODULES = Path("/usr/lib/apache2/modules")
_LOADED = (
    *("mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic"),
    *("alias", "cgid", "env", "setenvif", "filter", "deflate", "ssl"),
)

_CONFIGURATION = """\
ServerRoot "{directory}"
ServerName 127.0.0.1
PidFile "{directory}/apache.pid"
DefaultRuntimeDir "{directory}"
ErrorLog "{directory}/error.log"
LogFormat "%m %U%q %>s %{{Content-Encoding}}o" short
CustomLog "{directory}/access.log" short
{modules}
{user}
ScriptSock "{directory}/cgid.sock"
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{tls_port}
{environ}
SetEnv GIT_PROJECT_ROOT "{root}"
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnvIf Git-Protocol ".*" GIT_PROTOCOL=$0
# Answers are compressed for clients that do not ask for it, too, as some proxies do.
SetEnv force-gzip 1
ScriptAlias /git/ "{backend}/"
ScriptAlias /open/ "{backend}/"
RedirectMatch 301 "^/moved/(.*?)(\\.git)?/(info/refs|git-.*-pack)$" "/git/$1.git/$3"
<Location /git/>
  AuthType Basic
  AuthName git
  SetOutputFilter DEFLATE
  AuthUserFile "{directory}/users"
  Require valid-user
</Location>
<Location /open/>
  AuthType Basic
  AuthName git
  SetOutputFilter DEFLATE
  AuthUserFile "{directory}/users"
  <If "%{{QUERY_STRING}} =~ /service=git-receive-pack/ || %{{REQUEST_URI}} =~ m#/git-receive-pack$#">
    Require valid-user
  </If>
  <Else>
    Require all granted
  </Else>
</Location>
<VirtualHost 127.0.0.1:{tls_port}>
  SSLEngine on
  SSLCertificateFile "{authority.server_certificate}"
  SSLCertificateKeyFile "{authority.server_key}"
</VirtualHost>
"""


@dataclass(frozen=True, slots=True)
class Apache:
    """A running Apache: ``site`` asks everybody for a token, ``anonymous`` only those who push, ``tls`` is ``site`` by https.

    ``moved`` is named without ``.git``, and redirects to ``site``.
    """

    site: Site
    tls: Site
    anonymous: Site
    moved: Site
    url: str
    authority: Authority
    _log: Path

    def requests(self) -> list[str]:
        """Return what it was asked for so far, the status, and how the answer was compressed: ``GET /git/a.git/HEAD 404 -``."""
        return self._log.read_text().splitlines()


@contextmanager
def apache(directory: Path) -> Iterator[Apache]:
    """Run Apache on an empty directory."""
    command = program("apache2")
    root, log = directory / "repositories", directory / "access.log"
    root.mkdir()
    port, tls_port = free_port(), free_port()
    authority = make_authority(directory)
    (directory / "users").write_text(f"{_entry(USER)}\n{_entry(_TOKEN_USER)}\n")
    configuration = directory / "apache.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            directory=directory,
            root=root,
            port=port,
            tls_port=tls_port,
            authority=authority,
            backend=Path(exec_path(), "git-http-backend"),
            modules="\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _LOADED),
            # Apache refuses to serve as root.
            user="User nobody\nGroup #65534" if os.geteuid() == 0 else "",
            environ="\n".join(f"SetEnv {name} {value}" for name, value in SAFE.items()),
        )
    )
    url, tls_url = f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}"
    token = {"INPUT_TOKEN": PASSWORD}
    with running([command, "-DFOREGROUND", "-f", configuration], directory / "start.log", port):
        yield Apache(
            _site(root, f"{url}/git", token),
            _site(root, f"{tls_url}/git", {**token, "SSL_CERT_FILE": str(authority.certificate)}),
            _site(root, f"{url}/open", token),
            Site(root, lambda repository: f"{url}/moved/{repository.stem}", token, shared=os.geteuid() == 0),
            url,
            authority,
            log,
        )


def _site(root: Path, base: str, environ: Mapping[str, str]) -> Site:
    return Site(root, lambda repository: f"{base}/{repository.name}", environ, shared=os.geteuid() == 0)


def _entry(user: str) -> str:
    # https://httpd.apache.org/docs/2.4/misc/password_encryptions.html
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
    return f"{user}:{{SHA}}{digest}"
