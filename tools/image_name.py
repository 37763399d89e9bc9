"""``python3 -m tools.image_name IMAGE``: have every action.yml name a published image, as the commit of a release tag does.

Needs nothing but Python, because a release runs it before anything is installed.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_IMAGE = re.compile(r"^  image: (?:\.\./)?Dockerfile$", re.MULTILINE)
_PUBLISHED = re.compile(r"docker://[a-z0-9.-]+/[a-z0-9._/-]+@sha256:[0-9a-f]{64}")


def actions(folder: Path) -> list[Path]:
    """Return the action.yml of a folder, and those of the folders in it."""
    return sorted([folder / "action.yml", *folder.glob("*/action.yml")])


def with_image(action: str, image: str) -> str:
    """Return the text of an action.yml that names an image instead of the Dockerfile. Raises ValueError if it has no such line."""
    text, count = _IMAGE.subn(f"  image: {image}", action)
    if count != 1:
        raise ValueError(f"{count} lines name the Dockerfile, where one must")
    return text


def main(arguments: list[str]) -> int:
    """Write the files, and return the status of the process."""
    (image,) = arguments
    if not _PUBLISHED.fullmatch(image):
        print(f"{image} names no published bytes: docker://REGISTRY/NAME@sha256:DIGEST is wanted.", file=sys.stderr)
        return 1
    for path in actions(ROOT):
        path.write_text(with_image(path.read_text(encoding="utf-8"), image), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
