"""A git server that keeps what it is told of credentials."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.binary import init_bare
from tests.servers.http import GitHttpServer
from tests.servers.loopback import Delivery, Request


class Listening(GitHttpServer):
    """A server that keeps the credentials it is sent. It asks for none."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.credentials: list[str] = []

    def _deliver(self, request: Request) -> Delivery:
        self.credentials.append(request.headers.get("authorization", ""))
        return super()._deliver(request)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    (tmp_path / "listening" / "owner").mkdir(parents=True)
    init_bare(tmp_path / "listening" / "owner" / "name.git")
    with Listening(tmp_path / "listening") as server:
        yield server
