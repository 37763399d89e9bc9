"""Conditions on a write."""

from dataclasses import dataclass
from typing import Literal

from git_keyval.database.keys import KeyView
from git_keyval.format.objects import Oid
from git_keyval.format.times import Micros


@dataclass(frozen=True, slots=True)
class Condition:
    """When a write may happen: whether the key must exist, and in which version."""

    existence: Literal["", "absent", "present"] = ""
    version: Oid | None = None

    def __bool__(self) -> bool:
        """Tell whether there is any condition at all."""
        return bool(self.existence) or self.version is not None

    def met(self, view: KeyView, now: Micros) -> bool:
        """Tell whether what was read meets the condition."""
        exists = view.exists(now)
        if self.existence == "absent" and exists:
            return False
        if self.existence == "present" and not exists:
            return False
        return self.version is None or view.live_version(now) == self.version


ALWAYS = Condition()
IF_ABSENT = Condition("absent")
