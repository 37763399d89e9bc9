"""How a database lies in repositories: in one, or in one for each of the first digits of the key ids."""

from collections.abc import Iterator
from itertools import product

from git_keyval.errors import InputError
from git_keyval.format.names import DEFAULT_SHARD_LENGTH, KeyId
from git_keyval.interface.inputs import Inputs
from git_keyval.light_dataclasses import dataclass

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
        """Return the name of the repository of a key."""
        return self.template.replace(SHARD, key_id[: self.digits])

    def all(self) -> Iterator[str]:
        """Yield the names of all repositories, in the order of their digits."""
        for digits in product(_DIGITS, repeat=self.digits):
            yield self.template.replace(SHARD, "".join(digits))


def layout_of(repository: str, inputs: Inputs) -> Layout:
    """Return the layout that a repository's name and ``repository-shard-length`` describe. Raises InputError if they contradict."""
    digits = inputs.repository_shard_length
    if digits is not None and SHARD not in f"{repository} {inputs.redirect_to or ''}":
        raise InputError(_LENGTH, f"is given, but no repository's name has {SHARD}", f"a repository such as org/kv-{SHARD}")
    if SHARD not in repository:
        return Layout(repository)
    if digits is None:
        raise InputError(_LENGTH, f"is missing, and a repository's name has {SHARD}", "1, 2 or 3")
    return Layout(repository, digits)


def shard_length_of(inputs: Inputs, layout: Layout, *, redirected: bool = False) -> int:
    """Return the shard length of a layout's repositories, for keys that are ``redirected`` there or not. Raises InputError.

    It must be greater than the number of digits that all keys of one repository share, or each would have one directory of refs.
    """
    of_redirect = inputs.redirect_shard_length if redirected else None
    length = of_redirect or inputs.shard_length or DEFAULT_SHARD_LENGTH
    if length <= layout.digits:
        name = "redirect-shard-length" if redirected else "shard-length"
        raise InputError(name, f"must be greater than `{_LENGTH}`, which is {layout.digits}", f"{layout.digits + 1} or more")
    return length
