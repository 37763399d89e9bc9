"""What commands of maps and commands of arrays have in common."""

from collections.abc import Sequence
from typing import ClassVar

from git_keyval.commands.keyed import AboutKey
from git_keyval.database.collections import AllElements, CollectionView, Elements
from git_keyval.format.elements import CollectionCategory


class OfElements(AboutKey[CollectionView]):
    """A command of elements of one map or array."""

    category: ClassVar[CollectionCategory]

    def elements_read(self) -> Sequence[str]:
        return ()

    def reads(self) -> Elements | AllElements:
        return Elements(keys=self.keys_used, category=self.category, command=self.name, elements=self.elements_read())


class OfMap(OfElements):
    """A command of fields of one map."""

    category = "map"


class OfArray(OfElements):
    """A command of elements of one array."""

    category = "array"
