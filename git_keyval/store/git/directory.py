"""The directory of a repository of this machine, and what its settings and hooks say of how it may be used."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_keyval.errors import StoreError
from git_keyval.light_dataclasses import dataclass

if TYPE_CHECKING:
    from git_keyval.store.git.pipes import Child

# Where one of these words is, refs or objects may be kept in another way, or hidden, or elsewhere. Git looks for such settings in
# the repository's own files only, but for those that hide: https://git-scm.com/docs/git-config.
_NOT_PLAIN = re.compile(rb"extensions|hiderefs|\[\s*include|worktree\s*=|promisor|partialclone", re.IGNORECASE)
CONFIG_FILES = ("config", "config.worktree")

_PUSHES_DIFFER = r"(receive|transfer|hook)\..*|core\.worktree|extensions\.objectformat"
_PUSH_HOOKS = (
    "pre-receive",
    "update",
    "proc-receive",
    "post-receive",
    "post-update",
    "push-to-checkout",
    "reference-transaction",
)
# https://git-scm.com/docs/git-gc, gc.auto and gc.autoPackLimit: git guesses how many loose objects there are by one of 256 folders.
_LOOSE_OBJECTS, _PACKS = 6700, 50
_FOLDER, _FOLDERS = "17", 256
_OFF = {"false", "no", "off", "0"}


@dataclass(frozen=True, slots=True)
class GitDirectory:
    """A repository as a directory. ``path`` is that of one worktree, ``common`` has what all of them share.

    ``start`` runs a command of git in it. Without ``is_own`` it is another user's, whose hooks are not run.
    """

    path: Path
    common: Path
    is_own: bool
    start: "Callable[[Sequence[str]], Child]"
    settings: Callable[[], Mapping[str, str]]
    """Return the settings by name, in lower case as far as git ignores it."""
    explain: Callable[[str], StoreError]
    """Make an error of what git says when it cannot be run here."""

    def is_plain(self) -> bool:
        """Return whether refs and objects are kept as they have always been, and all of them may be read."""
        files = {folder / name for folder in (self.path, self.common) for name in CONFIG_FILES}
        try:
            return not any(_NOT_PLAIN.search(_content(file)) for file in files)
        except OSError:
            return False

    def takes_updates(self) -> bool:
        """Return whether a push does no more than to store objects and to move refs: no hook has a say, and no rule of a server."""
        settings = self.settings()
        has_rules = any(re.fullmatch(_PUSHES_DIFFER, name) for name in settings)
        return not has_rules and not (self.is_own and self._has_push_hooks(settings))

    def is_untidy(self) -> bool:
        """Return whether there are so many objects that git would pack them after a push."""
        settings = self.settings()
        if not self.is_own or settings.get("maintenance.auto", "").lower() in _OFF:
            return False
        loose = _number(settings.get("gc.auto"), _LOOSE_OBJECTS)
        packs = _number(settings.get("gc.autopacklimit"), _PACKS)
        objects = self.common / "objects"
        has_many = len(_names(objects / _FOLDER)) > -(-loose // _FOLDERS)
        return loose > 0 and (has_many or 0 < packs < sum(name.endswith(".pack") for name in _names(objects / "pack")))

    def _has_push_hooks(self, settings: Mapping[str, str]) -> bool:
        path = settings.get("core.hookspath")
        try:
            hooks = self.common / "hooks" if path is None else self.path / Path(path).expanduser()
        except RuntimeError:
            return True
        return (path or "").startswith("%(") or any(os.access(hooks / name, os.X_OK) for name in _PUSH_HOOKS)


def _content(path: Path) -> bytes:
    """Return a file of settings; empty if there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _number(text: str | None, usual: int) -> int:
    """Return a number of the settings; 1 for one with a unit, or that is none, so that git looks at it."""
    if text is None:
        return usual
    try:
        return int(text)
    except ValueError:
        return 1
