"""What a repository is read by: the service on its server, or, at a path, its files and one process of git for objects."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from git_keyval.errors import UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.git.cat_file import fetch_objects
from git_keyval.store.git.conversation import BrokenConversationError, Transport
from git_keyval.store.git.directory import GitDirectory
from git_keyval.store.git.ref_files import NotPlainError, can_list, is_narrow, list_refs, read_refs
from git_keyval.store.messages import one_line
from git_keyval.store.port import Depth

if TYPE_CHECKING:
    from git_keyval.store.git.upload import UploadPack


class Reader(Protocol):
    """One conversation about what a repository has."""

    @property
    def is_old(self) -> bool:
        """Whether it has sent all refs already."""

    @property
    def gives_all(self) -> bool:
        """Whether it sends any object by its oid."""

    def gives(self, oids: set[Oid]) -> set[Oid]:
        """Return the oids that may be asked for."""

    def ls_refs(self, names: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs with these names and below these prefixes."""

    def fetch(self, oids: Sequence[Oid], depth: Depth) -> Iterator[GitObject]:
        """Yield these objects with all that they need."""

    def present(self, oids: Sequence[Oid], one: Oid) -> set[Oid] | None:
        """Return the objects that the repository has, too; ``one`` is an object that it gives. None if it cannot be asked."""


@contextmanager
def reading(transport: Transport) -> Iterator[Reader]:
    """Begin to read. Raises UnavailableError if it breaks off: nothing was written, so it may begin again."""
    directory = transport.directory()
    if directory is None or not directory.is_plain():
        with _service(transport) as server:
            yield server
        return
    with ExitStack() as stack:
        try:
            yield _FromFiles(directory, lambda: stack.enter_context(_service(transport)))
        except (BrokenConversationError, OSError) as exc:
            raise UnavailableError(
                f"Reading from the repository failed ({one_line(str(exc))}).", "Try again; check the repository if it stays so."
            ) from exc


def _service(transport: Transport) -> "AbstractContextManager[UploadPack]":
    from git_keyval.store.git.upload import upload_pack  # noqa: PLC0415  # slow to import, and a few keys of a path do not need it

    return upload_pack(transport)


class _FromFiles:
    """A repository of this machine. What is not plain is asked of a server."""

    is_old = False
    gives_all = True

    def __init__(self, directory: GitDirectory, begin: "Callable[[], UploadPack]") -> None:
        self._directory = directory
        self._begin = begin

    @cached_property
    def _server(self) -> "UploadPack":
        return self._begin()

    def gives(self, oids: set[Oid]) -> set[Oid]:
        return oids

    def ls_refs(self, names: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        last = ""
        with suppress(NotPlainError):
            for name, oid in self._from_files(names, prefixes):
                last = name
                yield name, oid
            return
        # Git lists by name, too.
        yield from (ref for ref in self._server.ls_refs(names, prefixes) if ref[0] > last)

    def _from_files(self, names: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Yield refs by name. Raises NotPlainError for what is to be asked of the server."""
        if not names and can_list(prefixes):
            return list_refs(self._directory.common, prefixes)
        if not is_narrow(names, prefixes):
            raise NotPlainError
        return iter(sorted(read_refs(self._directory.common, [*map(RefName, names)], prefixes).items()))

    def fetch(self, oids: Sequence[Oid], depth: Depth) -> Iterator[GitObject]:
        return fetch_objects(self._directory, oids, depth)

    def present(self, oids: Sequence[Oid], one: Oid) -> set[Oid] | None:
        return self._server.present(oids, one)
