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
        """Return the elements that it is about."""
        return ()

    def values_read(self) -> Sequence[str]:
        """Return the elements whose values it will most likely need."""
        return ()

    def reads(self) -> Elements | AllElements:
        elements, values = self.elements_read(), self.values_read()
        return Elements(keys=self.keys_used, category=self.category, command=self.name, elements=elements, values=values)


class OfMap(OfElements):
    """A command of fields of one map."""

    category = "map"


class OfArray(OfElements):
    """A command of elements of one array."""

    category = "array"
