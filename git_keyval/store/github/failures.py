"""How one request to GitHub's API can fail; failures that may pass are in ``store.patience``.

Internal to this adapter: above it, each of these is an outcome of a transaction or a StoreError.
"""

import re

from git_keyval.errors import AccessDeniedError, NotARepositoryError, StoreError, UnavailableError
from git_keyval.store.patience import LostReplyError, NotYetError, RateLimitedError
from git_keyval.store.port import Refused

_TOO_LARGE = "413"
_NEXT_STEPS = {
    "407": "Give the proxy's user and password in HTTPS_PROXY.",
    _TOO_LARGE: "Raise the limit of the proxy before GitHub, or write less at once.",
}
_DEPENDS = {"STALE_DATA", "UNPROCESSABLE", "409", "422"}
"""Kinds of refusals that depend on what is stored."""
_RULE = re.compile(
    r"rule violation|protected|restricted|push protection|secret|must be made through|declined|can ?not update more", re.IGNORECASE
)
# "Tree SHA does not exist", "tree.sha … is not a valid blob", "GitRPC::BadObjectState", "Object … does not exist".
_LACKS = re.compile(r"does not exist|is not a valid (tree|blob|commit|object)|BadObjectState", re.IGNORECASE)


class RejectedError(Exception):
    """The server did not do what was asked, and says why: ``kind`` is GraphQL's type of the error, or the HTTP status."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(f"{message} ({kind})")

    @property
    def is_final(self) -> bool:
        """Whether the same will be refused again, whatever becomes of refs and objects: by a rule, a limit or a right."""
        return not self._depends or _RULE.search(self.message) is not None

    @property
    def outcome(self) -> Refused:
        """The outcome of a transaction for which it was rejected."""
        return Refused(str(self), next_step=_NEXT_STEPS.get(self.kind, ""), too_large=self.kind == _TOO_LARGE)

    @property
    def lacks(self) -> bool:
        """Whether the server says that it lacks something."""
        return self._depends and _LACKS.search(self.message) is not None

    @property
    def is_stale(self) -> bool:
        """Whether it says, by its kind, that a ref is not as expected."""
        return "STALE_DATA" in self.kind.split()

    @property
    def _depends(self) -> bool:
        return not _DEPENDS.isdisjoint(self.kind.split())


class LaggingError(RejectedError, NotYetError):
    """The server lacks what it stored, or named, a moment ago: the copy that was asked has not heard of it yet."""


class RenamedError(Exception):
    """The repository has another name now, and requests other than GET are not passed on."""


class EmptyRepositoryError(Exception):
    """The repository has no commit yet, and the API stores nothing in such a one."""


def not_visible(name: str) -> StoreError:
    """Return the error for a repository that does not exist, or is hidden from this token: GitHub does not say which."""
    return NotARepositoryError(
        f"GitHub knows no repository {name} that this token may see.",
        "Check `repository`, and that the token may use it. In a workflow, give the job 'permissions: contents: write'.",
    )


def forbidden(message: str, sso: str) -> StoreError:
    """Return why a token that is known may not do this; ``sso`` is the header that names where to authorise it."""
    if sso:
        return AccessDeniedError(
            f"The organization wants the token authorised for single sign-on ({message}).",
            "Authorise it for the organization in your GitHub settings, or use the workflow's own token.",
        )
    if "archived" in message.lower():
        return AccessDeniedError(f"The repository is archived ({message}).", "Unarchive it, or use another one.")
    return AccessDeniedError(
        f"The token may not do this ({message}).",
        "Give a token that may change the contents of the repository. In a workflow, give the job 'permissions: contents: write'.",
    )


def gave_up(failure: LostReplyError | RateLimitedError) -> StoreError:
    """Turn the last failure of a request that changes nothing into the error of the store."""
    if isinstance(failure, LostReplyError):
        return UnavailableError(f"GitHub did not answer ({failure.cause}).", "Try again; see https://www.githubstatus.com.")
    until = "" if failure.seconds is None else f" It asks to wait {failure.seconds:.0f} seconds."
    return UnavailableError(
        f"GitHub limits the rate of requests ({failure.reason}).{until}",
        "Maintenance waits as long as `max-seconds` allows. Wait, or use a token with a higher limit: a workflow's own has 1,000 "
        "requests an hour.",
    )
