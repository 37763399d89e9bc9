import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.races.arena import Arena
from tests.servers.binary import init_bare


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    seed = os.environ.get("RACES_SEED") or secrets.token_hex(4)
    print(f"RACES_SEED={seed}")
    repository = init_bare(tmp_path / "database.git")
    if "RACES_LOG" in os.environ:
        hook = repository / "hooks/reference-transaction"
        hook.write_text(f"#!/bin/sh\nA=$(cat | tr '\\n' ';'); echo \"$(date +%s.%N) $1 $PPID $A\" >> {tmp_path}/log\n")
        hook.chmod(0o755)
    with ExitStack() as clients:
        yield Arena(repository, seed, int(os.environ.get("RACES_SCALE", "1")), clients)
