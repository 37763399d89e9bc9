"""The documents' workflows run where the examples do, beside two databases of their own."""

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.access import Permission
from tests.examples import conftest as examples
from tests.examples.conftest import database, emulator
from tests.examples.jobs import GitHub

__all__ = ["database", "emulator", "github"]

DATABASES = ("org/database", "org/archive")
TOKEN = "github_pat_markeddatabase77"

workflows = examples.github


@pytest.fixture
def github(workflows: GitHub, emulator: GitHubEmulator) -> GitHub:
    """Let a secret token reach the databases."""
    for name in DATABASES:
        emulator.create(*name.split("/"))
        emulator.access.grant(TOKEN, Permission.WRITE, name)
    workflows.secrets["DATABASE_TOKEN"] = TOKEN
    return workflows
