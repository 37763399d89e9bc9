"""``python -m tools.pictures``: make the pictures of the documents anew."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.action.steps import ROOT
from tools.pictures.browser import draw, sources
from tools.pictures.terminal import terminal_svg

PICTURES = ROOT / "docs" / "pictures"
SOURCES = PICTURES / "sources.json"
"""The SHA-256 of what each PNG shows: so it can be known, without a browser, that one is out of date."""


def digests(documents: Mapping[str, str]) -> Mapping[str, str]:
    """Return what is kept of what pictures show."""
    return {f"{name}.png": hashlib.sha256(text.encode()).hexdigest() for name, text in documents.items()}


def main() -> None:
    """Write them."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        (PICTURES / "terminal.svg").write_text(terminal_svg(Path(name)), encoding="utf-8")
    documents = sources()
    draw(documents, PICTURES)
    SOURCES.write_text(json.dumps(digests(documents), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
