"""Golden vectors of the stored format: README.md describes the files."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def load(name: str) -> dict[str, Any]:
    """Read one file of vectors."""
    vectors: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="ascii"))
    return vectors
