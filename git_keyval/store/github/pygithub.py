"""PyGithub's requester, without the classes for all that GitHub's API knows.

The package ``github`` imports every one of them, and cryptography with them: more than all else that a step costs before its first
request (``make bench``). Nothing here uses them, so the package is entered past its ``__init__``, unless somebody has imported it.
"""

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github.GithubException import GithubException
    from github.Requester import Requester

__all__ = ["GithubException", "Requester", "TokenAuth"]

_PACKAGE = "github"


class TokenAuth:
    """What the requester asks of ``github.Auth.Token``, which it would take every class of PyGithub to import."""

    def __init__(self, token: str) -> None:
        """Authenticate with a token."""
        self._header = f"token {token}"

    def authentication(self, headers: dict[str, object]) -> None:
        """Add the token to the headers of a request."""
        headers["Authorization"] = self._header

    def mask_authentication(self, headers: dict[str, object]) -> None:
        """Hide the token in headers that are logged."""
        headers["Authorization"] = "token (removed)"


def _import_requester() -> tuple[type["Requester"], type["GithubException"]]:
    is_imported = _PACKAGE in sys.modules
    spec = find_spec(_PACKAGE)
    if not is_imported and spec is not None:
        sys.modules[_PACKAGE] = module_from_spec(spec)
    requester, exceptions = import_module("github.Requester"), import_module("github.GithubException")
    if not is_imported:
        # The one thing that the requester takes from the package itself are these classes.
        vars(sys.modules[_PACKAGE]).update({name: one for name, one in vars(exceptions).items() if isinstance(one, type)})
        # Whoever imports the package after this gets all of it.
        for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
    return requester.Requester, exceptions.GithubException


if not TYPE_CHECKING:
    Requester, GithubException = _import_requester()
