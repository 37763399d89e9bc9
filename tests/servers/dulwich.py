"""dulwich's own HTTP server: in a process of its own, or in a thread, which starts sooner and serves one client at a time.

Run as a program it is that server: ``dulwich.py PORT DIRECTORY`` serves the repositories that are below the directory when they are
asked for, and several clients at once.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import fsdecode
from pathlib import Path
from socketserver import ThreadingMixIn
from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dulwich.repo import Repo
from dulwich.server import Backend, FileSystemBackend
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


@contextmanager
def serve_by_dulwich(root: Path) -> Iterator[str]:
    """Serve all repositories below a directory from a thread; give the base URL."""
    folder = _Folder(root)
    server = make_server("127.0.0.1", 0, make_wsgi_chain(folder), handler_class=_Quiet)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        folder.close()


class _Folder(Backend):
    """The repositories below a directory, each opened anew: git itself may write to them, too."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened = ExitStack()

    def open_repository(self, path: str) -> Repo:
        """Open one; the one before it is closed, because there is one request at a time."""
        self._opened.close()
        return self._opened.enter_context(Repo(str(self._root / fsdecode(path).strip("/"))))

    def close(self) -> None:
        self._opened.close()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main(port: int, directory: str) -> None:
    """Serve until the process is ended."""
    app = make_wsgi_chain(FileSystemBackend(directory))
    make_server("127.0.0.1", port, app, _Server, WSGIRequestHandler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
