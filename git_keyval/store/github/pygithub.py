"""PyGithub's requester, without the classes for all that GitHub's API knows.

The package ``github`` imports every one of them, and cryptography with them: half as much again as all else that a step costs
before its first request (``make bench``). Nothing here uses them, so the package is entered past its ``__init__``, unless somebody
has imported it.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github.Requester import Requester

__all__ = ["Requester", "TokenAuth"]

_PACKAGE = "github"


class TokenAuth:
    """What the requester needs of ``github.Auth.Token``; to import that would import every class of PyGithub."""

    def __init__(self, token: str) -> None:
        self._header = f"token {token}"

    def authentication(self, headers: dict[str, object]) -> None:
        """Add the token to the headers of a request."""
        headers["Authorization"] = self._header

    def mask_authentication(self, headers: dict[str, object]) -> None:
        """Hide the token in headers that are logged."""
        headers["Authorization"] = "token (removed)"


def _import_requester() -> type["Requester"]:
    is_imported = _PACKAGE in sys.modules
    spec = find_spec(_PACKAGE)
    if not is_imported and spec is not None:
        sys.modules[_PACKAGE] = module_from_spec(spec)
    requester: type[Requester] = import_module("github.Requester").Requester
    if not is_imported:
        # Code that imports the package after this gets all of it.
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
    return requester


if not TYPE_CHECKING:
    Requester = _import_requester()
