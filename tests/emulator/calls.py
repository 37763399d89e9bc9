"""What the answer to one REST request is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tests.emulator.access import Permission
from tests.emulator.answers import refuse
from tests.emulator.bodies import Json, Member, read_body
from tests.emulator.objects import Objects, Stored
from tests.emulator.options import Options
from tests.emulator.refs import Refs
from tests.emulator.repositories import Repository
from tests.emulator.rules import has_secret
from tests.emulator.shapes import Shapes
from tests.servers.loopback import Request

PUSH_PROTECTION = {
    "metadata": {"secret_scanning": {"bypass_placeholders": [{"placeholder_id": "emulated", "token_type": "emulated_token"}]}}
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request about one repository, whose lock is held."""

    request: Request
    repository: Repository
    refs: Refs
    shapes: Shapes
    options: Options
    permission: Permission
    now: datetime
    report: Callable[[str], None]
    lags: bool
    """Whether the copy that answers has not heard of the objects that the request names."""

    def named(self, oid: str, kind: str) -> Stored | None:
        """Find an object that the request names, or what a commit or tag leads to."""
        return None if self.lags else self.objects.peel(oid, kind)

    def kind(self, oid: str) -> str | None:
        """Return the kind of an object that the request names."""
        return None if self.lags else self.objects.kind(oid)

    @property
    def objects(self) -> Objects:
        return self.repository.objects

    def body(self, members: Mapping[str, Member]) -> Json:
        return read_body(self.request.body, members, self.report)

    def refuse_empty(self) -> None:
        if self.options.empty_refuses and self.refs.is_empty():
            raise refuse(409, "Git Repository is empty.")

    def refuse_secrets(self, *contents: bytes, status: int = 422, placeholders: bool = True) -> None:
        """Refuse what push protection finds. Not every operation is documented to tell the placeholders to bypass it by."""
        if has_secret(self.options, contents):
            told = PUSH_PROTECTION if placeholders else {}
            raise refuse(status, "Repository rule violations found\n\nSecret detected in content", **told)

    def commit_named(self, text: str) -> Stored:
        """Find the commit that an oid, a branch or a tag names. A missing one is 422 on GitHub, and not 404."""
        oid = next(
            (oid for name in (f"refs/{text}", text, f"refs/heads/{text}", f"refs/tags/{text}") if (oid := self.refs.get(name))),
            None,
        )
        commit = self.objects.peel(oid or text, "commit")
        if commit is None:
            raise refuse(422, f"No commit found for SHA: {text}")
        return commit
