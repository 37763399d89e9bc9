import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.races.arena import Arena, make_repository


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    seed, scale = os.environ.get("RACES_SEED") or secrets.token_hex(4), int(os.environ.get("RACES_SCALE", "1"))
    with ExitStack() as clients:
        arena = Arena(make_repository(tmp_path / "database.git"), seed, scale, clients)
        arena.tell(f"RACES_SEED={seed}")
        yield arena
