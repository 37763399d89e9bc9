"""How large the objects are that are read."""

from collections.abc import Mapping

from git_keyval.format.objects import Kind
from git_keyval.format.values import MAX_VALUE_BYTES

_MIB = 1024 * 1024
LARGEST: Mapping[Kind, int] = {"commit": _MIB, "tag": _MIB, "tree": 64 * _MIB, "blob": 4 * MAX_VALUE_BYTES}
"""The largest size in bytes of an object that is read. A counter that remembers a gather's increments has half of that of a commit,
a map of a million fields that of a tree. Other clients may write larger values than this one, up to what GitHub takes."""
