"""The documents' workflows run where the examples do, beside two databases of their own."""

import base64

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.access import Permission
from tests.encrypting import secret
from tests.examples import conftest as examples
from tests.examples.conftest import database, emulator
from tests.examples.jobs import GitHub

__all__ = ["database", "emulator", "github"]

DATABASES = ("org/database", "org/archive", *(f"org/kv-{digit}" for digit in "0123456789abcdef"))
TOKEN = "github_pat_markeddatabase77"
ENCRYPTION_KEYS = f"2026: {base64.b64encode(secret('2026')).decode()}"

workflows = examples.github


@pytest.fixture
def github(workflows: GitHub, emulator: GitHubEmulator) -> GitHub:
    """Let a secret token reach the databases, and have secret keys for them."""
    for name in DATABASES:
        emulator.create(*name.split("/"))
        emulator.access.grant(TOKEN, Permission.WRITE, name)
    workflows.secrets |= {"DATABASE_TOKEN": TOKEN, "DATABASE_KEYS": ENCRYPTION_KEYS}
    return workflows
