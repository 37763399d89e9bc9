"""The composition root for the terminal: ``git-keyval --repository ./db.git get greeting``."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the terminal command; it needs the extra ``cli``."""
    try:
        from git_keyval.cli.application import application  # explains itself where the extra is missing
    except ModuleNotFoundError as exc:
        sys.exit(f"The terminal command needs {exc.name}: pip install 'git-keyval-action[cli]'.")
    application()
