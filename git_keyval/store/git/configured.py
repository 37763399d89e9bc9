"""What git's configuration says of this program: the settings ``keyval.*``."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from git_keyval.errors import StoreError
from git_keyval.store.git.owners import Setting
from git_keyval.store.messages import one_line

_OURS = r"^keyval\."
_NONE = 1
"""git's exit code where no setting has such a name."""

# A directory that came with a clone can look like a bare repository, with a configuration: https://git-scm.com/docs/git-config
# (safe.bareRepository).
_ANYWHERE = ("-c", "safe.bareRepository=explicit", "config", "--null", "--show-scope", "--get-regexp", _OURS)


def configured(environ: Mapping[str, str]) -> list[Setting]:
    """Return the settings of git's configuration where this process runs; git reads none of a repository of another user.

    Nothing of it is run. Raises StoreError for what git cannot read.
    """
    words = _read(_ANYWHERE, environ)
    return [Setting(scope, *_name_and_value(entry)) for scope, entry in zip(words[::2], words[1::2], strict=True)]


def configured_in(file: Path, environ: Mapping[str, str]) -> list[Setting]:
    """Return the settings of one file in the syntax of git's configuration, which includes no other. Raises StoreError."""
    words = _read(("config", "--null", "--no-includes", "--file", str(file), "--get-regexp", _OURS), environ)
    return [Setting("file", *_name_and_value(entry)) for entry in words]


def _read(arguments: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    try:
        done = subprocess.run(["git", *arguments], env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return []  # without git, there is no configuration of it
    if done.returncode not in {0, _NONE}:
        reason = one_line(done.stderr.decode("utf-8", "replace"))
        raise StoreError(
            f"The configuration of git cannot be read ({reason}).", "Correct it, or name the database by `repository`."
        )
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


def _name_and_value(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("\n")
    return name, value
