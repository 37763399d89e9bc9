"""How a database lies in repositories: in one, or in one for each of the first digits of the key ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import cast

from git_keyval.errors import InputError
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, KeyId

SHARD = "{shard}"
"""Stands in a repository's name for the digits that choose it."""

_DIGITS = "0123456789abcdef"
_LENGTH = "repository-shard-length"


@dataclass(frozen=True, slots=True)
class Layout:
    """Repositories by the first ``digits`` of the key id, which stand in their name for ``{shard}``; 0 for one repository."""

    template: str
    digits: int = 0

    def of_key(self, key_id: KeyId) -> str:
        """Name the repository of a key."""
        return self.template.replace(SHARD, key_id[: self.digits]) if self.digits else self.template

    def all(self) -> Iterator[str]:
        """Name all repositories, in the order of their digits."""
        for digits in product(_DIGITS, repeat=self.digits):
            yield self.template.replace(SHARD, "".join(digits)) if self.digits else self.template


def layout_of(repository: str, inputs: Mapping[str, object]) -> Layout:
    """Give the layout that a repository's name and ``repository-shard-length`` describe. Raises InputError if they contradict."""
    digits = cast("int", inputs.get(_LENGTH, 0)) if SHARD in repository else 0
    if SHARD in repository and not digits:
        raise InputError(_LENGTH, f"is missing, and a repository's name has {SHARD}", "1, 2 or 3")
    if _LENGTH in inputs and SHARD not in f"{repository} {inputs.get('redirect-to', '')}":
        raise InputError(_LENGTH, f"is given, but no repository's name has {SHARD}", f"a repository such as org/kv-{SHARD}")
    return Layout(repository, digits)


def shard_length_of(inputs: Mapping[str, object], layout: Layout, name: str = "shard-length") -> int:
    """Give the shard length of a layout's repositories, which an input names. Raises InputError.

    It must be greater than the number of digits that all keys of one repository share, or each would have one directory of refs.
    """
    length = cast("int", inputs.get(name, inputs.get("shard-length", DEFAULT_SHARD_LENGTH)))
    if length <= layout.digits:
        raise InputError(name, f"must be greater than '{_LENGTH}', which is {layout.digits}", f"{layout.digits + 1} or more")
    return length
