import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.options import Options
from tests.emulator.server import DEFAULT_TOKEN
from tests.exhaustive import exhaustive
from tests.races.arena import Arena, make_repository

_UNLIMITED = 10**9
_SCALES = [1, exhaustive(4)]
"""How often, or how long, those who race do what they do."""


@pytest.fixture(params=_SCALES)
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arena]:
    """A repository that is a path of this machine. Some clients use it as that, and some by git's services."""
    repository = make_repository(tmp_path / "database.git")
    by_services = {"INPUT_REPOSITORY": f"file://{repository}"}
    with opened(repository, {"INPUT_REPOSITORY": str(repository)}, request.param, by_services) as arena:
        yield arena


@pytest.fixture(params=_SCALES)
def github_arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arena]:
    """A repository on the emulated GitHub, which asks nobody to wait."""
    options = Options(core_limit=_UNLIMITED, graphql_limit=_UNLIMITED)
    with GitHubEmulator(tmp_path / "github", options=options) as emulator:
        (tmp_path / "github" / "owner").mkdir(parents=True)
        repository = make_repository(tmp_path / "github" / "owner" / "name.git")
        place = {"INPUT_REPOSITORY": "owner/name", "INPUT_TOKEN": DEFAULT_TOKEN, **emulator.environ}
        with opened(repository, place, request.param) as arena:
            yield arena
        assert emulator.unexpected == []


@contextmanager
def opened(repository: Path, place: Mapping[str, str], scale: int, others: Mapping[str, str] | None = None) -> Iterator[Arena]:
    """Yield an arena on a repository, with the seed of all random choices in it; ``others`` is another way to it."""
    seed, scale = os.environ.get("RACES_SEED") or secrets.token_hex(4), scale * int(os.environ.get("RACES_SCALE", "1"))
    with ExitStack() as clients:
        arena = Arena(repository, place, seed, scale, clients, others or {})
        arena.tell(f"RACES_SEED={seed}")
        yield arena
