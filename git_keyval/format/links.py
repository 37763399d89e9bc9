"""Links to what a public repository holds, at a CDN that serves its files by tag or commit."""

from git_keyval.format.objects import Oid
from git_keyval.format.records import encode_data, view_file
from git_keyval.format.values import Value

MAX_LINKED_BYTES = 20_000_000
"""The largest file that jsDelivr serves (https://github.com/jsdelivr/jsdelivr/issues/18550)."""


def file_link(cdn: str, repository: str, ref: str, file: str) -> str:
    """Return the address of a file at a full commit oid, or at a tag whose short name has no slash."""
    return f"{cdn}/{repository}@{ref}/{file}"


def value_link(cdn: str, repository: str, version: Oid, value: Value) -> str | None:
    """Return the address of a value by its commit, so that it never changes, under the name by which a CDN knows its media type.

    None for a value that is too large, and for a version that is not the value's own data commit: encrypted, it is another one.
    """
    if len(value.data) > MAX_LINKED_BYTES or encode_data(value).commit.oid != version:
        return None
    return file_link(cdn, repository, version, view_file(value.extension))
