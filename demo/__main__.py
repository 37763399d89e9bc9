"""Run the demonstration, in a temporary folder."""

import tempfile
from pathlib import Path

from demo.github import on_github
from demo.local import on_a_local_path

with tempfile.TemporaryDirectory() as name:
    on_a_local_path(Path(name))
    on_github(Path(name))
