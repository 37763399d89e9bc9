"""``replace`` for the records of the product and for the dataclasses of the tests, which are made by two modules."""

import dataclasses
from typing import TYPE_CHECKING, Any

from git_keyval import light_dataclasses

__all__ = ["replace"]

if TYPE_CHECKING:
    from dataclasses import replace
else:

    def replace(record: Any, /, **changes: object) -> Any:  # noqa: ANN401  # a type checker sees that of the standard library
        """Return a record of the same class in which some fields are changed."""
        module = dataclasses if dataclasses.is_dataclass(record) else light_dataclasses
        return module.replace(record, **changes)
