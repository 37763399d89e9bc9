"""The composition root for the terminal: ``git-keyval --repository ./db.git get greeting``."""

import sys

__all__ = ["main"]

_INTERRUPTED = 130


def main() -> None:
    """Run the terminal command; it needs the extra ``cli``."""
    try:
        from git_keyval.cli.application import run

        code = run(sys.argv[1:])
    except ModuleNotFoundError as exc:
        sys.exit(f"The terminal command needs {exc.name}: pip install 'git-keyval-action[cli]'.")
    except KeyboardInterrupt:  # before a command has begun: `application` handles all others
        sys.exit(_INTERRUPTED)
    sys.exit(code)
