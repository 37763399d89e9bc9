"""A step as a runner starts it: the action's own entry point as a process, with inputs in the environment, outputs in a file."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ENTRY_POINT = Path(__file__).parent.parent / "entrypoint.py"


@dataclass(frozen=True, slots=True)
class Database:
    """A repository as the input ``repository`` names it, and what the runner tells beside the inputs."""

    repository: str
    environ: Mapping[str, str] = field(default_factory=dict)

    def step(self, command: str, **inputs: str) -> dict[str, str]:
        """Run one step as a process of its own; give its outputs. The demonstration ends where a step fails."""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as outputs:
            given = {"command": command, "repository": self.repository, **inputs}
            environ = {
                **os.environ,
                **self.environ,
                **{f"INPUT_{name.upper()}": text for name, text in given.items()},
                "GITHUB_OUTPUT": outputs.name,
            }
            done = subprocess.run([sys.executable, str(ENTRY_POINT)], env=environ, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"{command} failed: {done.stdout}{done.stderr}")
            return parse(outputs.read())


def parse(text: str) -> dict[str, str]:
    """Read the runner's output format: name<<delimiter, lines, delimiter."""
    lines, outputs = iter(text.splitlines()), {}
    for line in lines:
        name, _, delimiter = line.partition("<<")
        outputs[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return outputs
