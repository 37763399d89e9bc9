"""``python -m tools.prose``: lint the prose of the documents with proselint, which would take code and addresses for prose."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.action.steps import ROOT
from tests.documents.markdown import DOCUMENTS, without_code

_CONFIG = Path(__file__).parent / "proselint.json"
_ADDRESS = re.compile(r"\]\([^)]*\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def main() -> int:
    """Print what is found, by the lines of the documents, and return the status of the process."""
    with tempfile.TemporaryDirectory(prefix="prose-") as folder:
        for document in DOCUMENTS:
            plain = Path(folder) / document.relative_to(ROOT)
            plain.parent.mkdir(exist_ok=True)
            text = _ADDRESS.sub("]", _HEADING.sub(r"\1.", without_code(document)))
            plain.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "proselint", "check", "--config", str(_CONFIG), folder]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # ours
    print(done.stdout.replace(f"{folder}/", ""), end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
