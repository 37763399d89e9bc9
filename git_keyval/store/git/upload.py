"""The reading half of git's protocol: ls-refs with prefixes and a fetch of single objects, protocol version 2 or the one before.

https://git-scm.com/docs/protocol-v2 and https://git-scm.com/docs/pack-protocol. Version 2 is what current servers speak; plain ssh
servers often do not let the version through and answer as before it, with all refs at once.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from dulwich import protocol as pkt
from dulwich.errors import GitProtocolError

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.git.conversation import BrokenConversationError, Conversation, RequestTooLargeError, Transport
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.git.packs import read_pack
from git_keyval.store.messages import one_line
from git_keyval.store.port import Depth

_NO_REF = b"^{}"  # what a tag peels to, and the name under which a repository without refs tells its capabilities
_OID_DIGITS = 40
_DELIMITER = b"0001"
_FLUSH = b"0000"
_PACK, _PROGRESS, _FATAL = 1, 2, 3
_NOT_OURS = "not our ref "
_DAMAGE = re.compile("corrupt|missing|bad object|unable to (read|parse)", re.IGNORECASE)
_SPOOL_BYTES = 8 * 1024 * 1024
# https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---filterltfilter-specgt
_FILTERS = {Depth.MESSAGES: b"tree:0", Depth.TREES: b"blob:none"}


class DamagedError(StoreError):
    """The server cannot send what was asked for, because it has lost something that it needs."""


class MissingObjectError(Exception):
    """The server does not have an object that was asked for."""

    def __init__(self, oid: Oid) -> None:
        """Keep the oid."""
        self.oid = oid
        super().__init__(oid)


@contextmanager
def upload_pack(transport: Transport) -> Iterator["UploadPack"]:
    """Begin a conversation with upload-pack, and end it."""
    with transport.open("upload-pack") as conversation:
        with _readable():
            server = UploadPack(conversation)
        yield server


class UploadPack:
    """One conversation with upload-pack, whose advertisement was read."""

    def __init__(self, conversation: Conversation) -> None:
        """Read the advertisement."""
        self._conversation = conversation
        self.capabilities: frozenset[bytes] | None = None
        self._old_refs: list[tuple[RefName, Oid]] = []
        self._old_capabilities: frozenset[bytes] = frozenset()
        self._read_advertisement(conversation.advertisement())

    def ls_refs(self, names: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs with these names and below these prefixes (servers may send more, which is left out)."""
        wanted, below = frozenset(names), tuple(prefixes)
        with _readable():
            for name, oid in self._ls_refs([*names, *prefixes]):
                if name in wanted or name.startswith(below):
                    yield name, oid

    def fetch(self, oids: Sequence[Oid], depth: Depth) -> Iterator[GitObject]:
        """Stream these objects with all that they need, but for what is beyond the depth, where the server can leave that out.

        Raises MissingObjectError for the first object that the server lacks, before anything is given.
        """
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool, _readable():
            if self.capabilities is None:
                answer = self._conversation.request(self._old_fetch(oids))
                _refuse(_line(answer))  # else NAK: nothing in common
            else:
                answer = self._conversation.request(self._fetch(oids, depth))
                while (section := _line(answer)) != b"packfile":
                    _refuse(section)
            _copy_pack(answer, spool)
            spool.rollover()
            spool.seek(0)
            yield from read_pack(spool)

    def _read_advertisement(self, packets: PacketReader) -> None:
        if (packets.peek() or b"").strip() == b"version 2":
            self.capabilities = frozenset(line.strip() for line in packets.read_lines())
            _check_hash(self.capabilities)
            return
        for line in packets.read_lines():
            _refuse(line)
            head, _, told = line.rstrip(b"\n").partition(b"\0")
            if told:
                self._old_capabilities = frozenset(told.split())
                _check_hash(self._old_capabilities)
            oid, _, name = head.partition(b" ")
            if not name.endswith(_NO_REF):
                self._old_refs.append((_name(name), Oid(oid.decode("ascii"))))

    def _ls_refs(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        if self.capabilities is None:
            yield from self._old_refs
            return
        arguments = [b"ref-prefix " + prefix.encode() for prefix in prefixes]
        try:
            answer = self._conversation.request(_command(b"ls-refs", arguments))
        except RequestTooLargeError:
            if len(prefixes) == 1:
                raise
            middle = len(prefixes) // 2
            yield from self._ls_refs(prefixes[:middle])
            yield from self._ls_refs(prefixes[middle:])
            return
        for line in answer.read_lines():
            text = _name(line.rstrip(b"\n"))
            if text.startswith("ERR "):
                _refuse(line)
            yield RefName(text[_OID_DIGITS + 1 :]), Oid(text[:_OID_DIGITS])

    def _fetch(self, oids: Sequence[Oid], depth: Depth) -> list[bytes]:
        arguments = [b"no-progress", b"ofs-delta"]
        features = next((line.partition(b"=")[2].split() for line in self.capabilities or () if line.startswith(b"fetch")), [])
        if depth in _FILTERS and b"filter" in features:
            arguments.append(b"filter " + _FILTERS[depth])
        return _command(b"fetch", [*arguments, *(b"want " + oid.encode() for oid in oids), b"done"])

    def _old_fetch(self, oids: Sequence[Oid]) -> list[bytes]:
        if not self._old_refs:
            raise MissingObjectError(oids[0])
        wanted = b" ".join(sorted(self._old_capabilities & {b"side-band-64k", b"ofs-delta", b"no-progress"}))
        if b"side-band-64k" not in self._old_capabilities:
            raise StoreError(
                "The git server is too old: it offers neither protocol version 2 nor side-band-64k.",
                "Use git 2.18 or later.",
            )
        lines = [b"want " + oid.encode() for oid in oids]
        lines[0] += b" " + wanted
        return [*(pkt.pkt_line(line + b"\n") for line in lines), _FLUSH, pkt.pkt_line(b"done\n")]


@contextmanager
def _readable() -> Iterator[None]:
    """Turn what goes wrong while reading into UnavailableError: nothing was written, so trying again is safe."""
    try:
        yield
    except (GitProtocolError, BrokenConversationError, OSError, UnicodeDecodeError) as exc:
        raise UnavailableError(f"Reading from the repository failed ({one_line(str(exc))}).", "Try again.") from exc


def _name(text: bytes) -> RefName:
    """Read a ref name; what is no UTF-8 in it, which git allows and this product never writes, as a backslash and digits."""
    return RefName(text.decode("utf-8", "backslashreplace"))


def _command(name: bytes, arguments: Sequence[bytes]) -> list[bytes]:
    head = [pkt.pkt_line(b"command=" + name), pkt.pkt_line(b"object-format=sha1")]
    return [*head, _DELIMITER, *(pkt.pkt_line(argument) for argument in arguments), _FLUSH]


def _line(stream: PacketReader) -> bytes:
    line = stream.read_line()
    if line is None:
        raise BrokenConversationError("the server answered without a pack")
    return line.strip()


def _refuse(line: bytes) -> None:
    if line.startswith(b"ERR "):
        raise _server_error(line[4:])


def _server_error(told: bytes) -> Exception:
    message = one_line(told.decode("utf-8", "replace"))
    if _NOT_OURS in message:
        return MissingObjectError(Oid(message.rpartition(_NOT_OURS)[2][:40]))
    if _DAMAGE.search(message):
        return DamagedError(f"The repository is damaged ({message}).", "Look for what is lost with the command 'check'.")
    return UnavailableError(f"The server refused to be read ({message}).", "Try again; check 'repository' if it stays so.")


def _copy_pack(answer: PacketReader, file: IO[bytes]) -> None:
    for line in answer.read_lines():
        channel, data = line[0], line[1:]
        if channel == _PACK:
            file.write(data)
        elif channel == _FATAL:
            raise _server_error(data)
        elif channel != _PROGRESS:
            raise BrokenConversationError(f"the server used side band {channel}")


def _check_hash(capabilities: frozenset[bytes]) -> None:
    if any(line.startswith(b"object-format=") and line != b"object-format=sha1" for line in capabilities):
        raise StoreError(
            "The repository does not use SHA-1 object ids, which the stored format is made of.",
            "Use a repository made with git init --object-format=sha1.",
        )
