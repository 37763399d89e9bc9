"""lighttpd with git's http-backend as a CGI program."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.binary import exec_path
from tests.servers.site import SAFE, Site, free_port, program, running

_CONFIGURATION = """\
server.modules = ("mod_alias", "mod_setenv", "mod_cgi")
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.upload-dirs = ("{directory}")
alias.url = ("/git" => "{backend}")
$HTTP["url"] =~ "^/git" {{
  cgi.assign = ("" => "")
  setenv.set-environment = ({environ})
}}
"""


@contextmanager
def lighttpd(directory: Path) -> Iterator[Site]:
    """Run lighttpd on an empty directory."""
    command = program("lighttpd")
    root, port, configuration = directory / "repositories", free_port(), directory / "lighttpd.conf"
    root.mkdir()
    environ = {**SAFE, "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "somebody"}
    configuration.write_text(
        _CONFIGURATION.format(
            root=root,
            directory=directory,
            port=port,
            backend=Path(exec_path(), "git-http-backend"),
            environ=", ".join(f'"{name}" => "{value}"' for name, value in environ.items()),
        )
    )
    with running([command, "-D", "-f", configuration], directory / "start.log", port):
        yield Site(root, lambda repository: f"http://127.0.0.1:{port}/git/{repository.name}")
