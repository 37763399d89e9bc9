"""``python -m tools.pictures``: make the pictures of the documents anew."""

import tempfile
from pathlib import Path

from tests.action.steps import ROOT
from tools.pictures.terminal import terminal_svg

PICTURES = ROOT / "docs" / "pictures"


def main() -> None:
    """Write them."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        (PICTURES / "terminal.svg").write_text(terminal_svg(Path(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
