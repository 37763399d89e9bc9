"""A program in the place of git, which dies, or kills, the Nth time that it is called."""

import shutil
from pathlib import Path

from tests.servers.binary import isolated_environ


class Deadly:
    """``death`` is what a shell does at that call in the place of git, which it finds in ``$git``; ``environ`` has its path."""

    def __init__(self, directory: Path, death: str) -> None:
        directory.mkdir()
        self._count, self._number = directory / "count", directory / "number"
        program = directory / "git"
        program.write_text(
            f"""#!/bin/sh
git='{shutil.which("git")}'
number=$(($(cat '{self._count}') + 1))
echo $number >'{self._count}'
[ $number = "$(cat '{self._number}')" ] || exec "$git" "$@"
{death}
"""
        )
        program.chmod(0o700)
        self.environ = {"PATH": f"{directory}:{isolated_environ()['PATH']}"}

    def dies(self, number: int) -> None:
        """Die at this call from now on."""
        self._count.write_text("0\n")
        self._number.write_text(f"{number}\n")

    @property
    def calls(self) -> int:
        """Return how often it was called since."""
        return int(self._count.read_text())
