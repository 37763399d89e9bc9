"""dulwich's own HTTP server, in a process of its own.

Run as a program it is that server: ``dulwich.py PORT DIRECTORY`` serves the repositories that are below the directory when they are
asked for, and several clients at once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dulwich.server import FileSystemBackend
from dulwich.web import make_wsgi_chain

from tests.servers.site import Site, free_port, running


@contextmanager
def dulwich_server(directory: Path) -> Iterator[Site]:
    """Run dulwich's server on an empty directory."""
    port = free_port()
    command = [sys.executable, "-m", "tests.servers.dulwich", str(port), str(directory)]
    root = str(Path(__file__).parents[2])
    with running(command, directory / "dulwich.log", port, {"PYTHONPATH": root}):
        yield Site(directory, lambda repository: f"http://127.0.0.1:{port}{repository}")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main(port: int, directory: str) -> None:
    """Serve until the process is ended."""
    app = make_wsgi_chain(FileSystemBackend(directory))
    make_server("127.0.0.1", port, app, _Server, WSGIRequestHandler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
