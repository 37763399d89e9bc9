"""nginx with fcgiwrap and git's http-backend: with and without its limit of 1 MB, and protocol v2."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.binary import exec_path
from tests.servers.site import SAFE, Site, free_port, program, running

_CONFIGURATION = """\
{user}
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{}}
http {{
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  fastcgi_temp_path {directory}/fastcgi;
  proxy_temp_path {directory}/proxy;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  gzip on;
  gzip_types *;
  server {{
    listen 127.0.0.1:{port};
    {locations}
  }}
}}
"""
_LOCATION = """\
location ~ ^/{name}(/.*)$ {{
      {limit}
      fastcgi_pass unix:{socket};
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param PATH_INFO $1;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER somebody;
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param HTTP_GIT_PROTOCOL {protocol};
      {environ}
    }}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx: ``site`` takes a request of any size, ``small`` of 1 MB as by default, ``old`` hears of no protocol v2."""

    site: Site
    small: Site
    old: Site


@contextmanager
def nginx(directory: Path) -> Iterator[Nginx]:
    """Run nginx and fcgiwrap on an empty directory."""
    command, wrapper = program("nginx"), program("fcgiwrap")
    root, socket, port = directory / "repositories", directory / "fcgiwrap.sock", free_port()
    root.mkdir()

    def location(name: str, limit: str, protocol: str) -> str:
        backend = Path(exec_path(), "git-http-backend")
        environ = "\n      ".join(f"fastcgi_param {name} {value};" for name, value in SAFE.items())
        return _LOCATION.format(
            name=name, limit=limit, protocol=protocol, socket=socket, root=root, backend=backend, environ=environ
        )

    def site(name: str) -> Site:
        return Site(root, lambda repository: f"http://127.0.0.1:{port}/{name}/{repository.name}")

    locations = [
        location("git", "client_max_body_size 0;", "$http_git_protocol"),
        location("small", "", "$http_git_protocol"),
        location("old", "client_max_body_size 0;", '""'),
    ]
    configuration = directory / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, user=user, locations="".join(locations)))
    log = directory / "start.log"
    with (
        running([wrapper, "-c", "8", "-s", f"unix:{socket}"], log, socket),
        running([command, "-e", directory / "error.log", "-c", configuration, "-g", "daemon off;"], log, port),
    ):
        yield Nginx(site("git"), site("small"), site("old"))
