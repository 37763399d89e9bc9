"""A git server that keeps what it is told of credentials."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.binary import init_bare
from tests.servers.http import GitHttpServer, _Request


class Listening(GitHttpServer):
    """A server that keeps the credentials it is sent. It asks for none."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.credentials: list[str] = []

    def _answer(self, request: _Request):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as its base
        self.credentials.append(request.headers.get("authorization", ""))
        return super()._answer(request)


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    (tmp_path / "listening" / "owner").mkdir(parents=True)
    init_bare(tmp_path / "listening" / "owner" / "name.git")
    with Listening(tmp_path / "listening") as server:
        yield server
