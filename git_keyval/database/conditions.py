"""Conditions on a write."""

from git_keyval.database.keys import KeyView
from git_keyval.format.objects import Oid
from git_keyval.light_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Condition:
    """When a write may happen: where the key is ``absent`` or ``present``, or either way, and in which version."""

    existence: str = ""
    version: Oid | None = None

    def __bool__(self) -> bool:
        return bool(self.existence) or self.version is not None

    def met(self, view: KeyView) -> bool:
        """Return whether what was read meets the condition."""
        exists = view.exists()
        if self.existence == "absent" and exists:
            return False
        if self.existence == "present" and not exists:
            return False
        return view.is_at(self.version)


ALWAYS = Condition()
IF_ABSENT = Condition("absent")
