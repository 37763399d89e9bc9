"""The workflows of this repository run where the examples do."""

from tests.examples.conftest import database, emulator, github

__all__ = ["database", "emulator", "github"]
