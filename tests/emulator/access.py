"""Who may do what: tokens, and what each of them is allowed in a repository."""

import base64
import binascii
from collections.abc import Mapping
from enum import IntEnum

from tests.emulator.answers import refuse
from tests.servers.loopback import Request

SSO_MESSAGE = (
    "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."
)
SSO_URL = "https://github.com/orgs/{owner}/sso?authorization_request=emulated"


class Permission(IntEnum):
    NONE = 0
    READ = 1
    WRITE = 2


EVERYWHERE = "*"


class Access:
    """What tokens may do, by full name of a repository in lower case, or ``*`` for all others."""

    def __init__(self, tokens: Mapping[str, Permission]) -> None:
        self._tokens = {token: {EVERYWHERE: permission} for token, permission in tokens.items()}

    def grant(self, token: str, permission: Permission, full_name: str = EVERYWHERE) -> None:
        self._tokens.setdefault(token, {})[full_name.lower()] = permission

    def revoke(self, token: str) -> None:
        """Make a token a bad one."""
        self._tokens.pop(token, None)

    def knows(self, token: str) -> bool:
        return token in self._tokens

    def allowed(self, token: str, full_name: str) -> Permission:
        granted = self._tokens.get(token, {})
        return granted.get(full_name.lower(), granted.get(EVERYWHERE, Permission.NONE))

    def api_token(self, request: Request) -> str:
        """Return the token of an API request, or refuse it."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        token = basic_password(credentials) if scheme.lower() == "basic" else credentials.strip()
        if scheme.lower() not in {"token", "bearer", "basic"} or token is None or not self.knows(token):
            raise refuse(401, "Bad credentials")
        return token

    def git_token(self, request: Request) -> str | None:
        """Return the token of a git request, which travels as the password of Basic credentials; None if there is no good one."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        token = basic_password(credentials) if scheme.lower() == "basic" else None
        return token if token is not None and self.knows(token) else None


def basic_password(credentials: str) -> str | None:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return None
