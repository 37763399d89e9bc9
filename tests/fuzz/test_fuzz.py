"""``make fuzz`` runs FUZZ_STEPS steps, from the seed FUZZ_SEED on; without it these are a few, always the same."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.action.steps import WORKFLOW_TOKEN
from tests.emulator import GitHubEmulator
from tests.emulator.access import Permission
from tests.exhaustive import first
from tests.fuzz.step import run_seed

STEPS, FEW = int(os.environ.get("FUZZ_STEPS", "1000")), 10
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
AT_ONCE = 20
"""How many steps are one test, of which ``make test`` runs a few."""


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A folder in memory, where there is one: a step writes a hundred files."""
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own in it
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def emulator(directory: Path) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(directory / "github", tokens={WORKFLOW_TOKEN: Permission.WRITE}) as emulator:
        yield emulator


@pytest.mark.parametrize("begin", first(FEW, range(FIRST, FIRST + STEPS, AT_ONCE)))
def test_any_step_on_any_store_ends_as_a_step_has_to(
    begin: int, directory: Path, emulator: GitHubEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(begin, min(begin + AT_ONCE, FIRST + STEPS)):
        folder = directory / str(seed)
        folder.mkdir()
        monkeypatch.chdir(folder)
        run_seed(seed, folder, emulator)
        shutil.rmtree(folder)
