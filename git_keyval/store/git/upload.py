"""The reading half of git's protocol: ls-refs with prefixes and a fetch of single objects, protocol version 2 or the one before.

https://git-scm.com/docs/protocol-v2 and https://git-scm.com/docs/pack-protocol. Version 2 is what current servers speak; plain ssh
servers, and HTTP servers that do not pass on a header, often do not let the version through. They answer as before it, with all
refs at once, and send nothing but what these point at: then a ref and its object must be read in one conversation.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.git.conversation import (
    BrokenConversationError,
    Conversation,
    DamagedError,
    MissingObjectError,
    RequestTooLargeError,
    SilentEndError,
    Transport,
    check_object_format,
)
from git_keyval.store.git.packets import HangupError, PacketReader, ProtocolError, packet
from git_keyval.store.git.packs import MalformedPackError, read_pack
from git_keyval.store.messages import one_line
from git_keyval.store.port import Depth

_NO_REF = "^{}"  # what a tag peels to, and the name under which a repository without refs sends its capabilities
_OID_DIGITS = 40
_DELIMITER = b"0001"
_FLUSH = b"0000"
_ACK = b"ACK "
_PACK, _PROGRESS, _FATAL = b"\1", b"\2", b"\3"
_REF = re.compile(rb"[0-9a-f]{40} [^ \n]")
_SECTIONS_BEFORE_PACK = frozenset({b"acknowledgments", b"shallow-info", b"wanted-refs", b"packfile-uris"})
_NOT_OURS = re.compile("not our ref ([0-9a-f]{40})|want ([0-9a-f]{40}) not valid")  # git's words, and JGit's
_DAMAGE = re.compile(
    "corrupt|missing|bad object|bad tree|unable to (read|parse)|is empty|inflate|not a valid object", re.IGNORECASE
)
_LONGEST_ADVERTISEMENT = 1_000
"""How many lines of capabilities a server may send; a dozen is usual."""
_LARGEST_PACK = 8 * 1024**3
"""How many bytes the answer to one request may have: more than is ever asked for, and as much as a disk should have room for."""
# https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---filterltfilter-specgt
_FILTERS = {Depth.MESSAGES: b"tree:0", Depth.TREES: b"blob:none"}
# Some servers insist on thin-pack. It changes nothing: a pack is thin only against what the client says it has, which is nothing.
_OLD_CAPABILITIES = frozenset({b"side-band-64k", b"ofs-delta", b"no-progress", b"thin-pack"})


@contextmanager
def upload_pack(transport: Transport) -> Iterator["UploadPack"]:
    """Hold a conversation with upload-pack. Raises UnavailableError if it breaks: nothing was written, so it may begin again."""
    with transport.open("upload-pack") as conversation:
        try:
            yield UploadPack(conversation)
        except (ProtocolError, BrokenConversationError, MalformedPackError, OSError, UnicodeDecodeError) as exc:
            raise UnavailableError(
                f"Reading from the repository failed ({one_line(str(exc)) or 'the server hung up'}).",
                "Try again; if it stays so, the server, or a proxy on the way to it, is at fault.",
            ) from exc


class UploadPack:
    """One conversation with upload-pack, whose advertisement was read."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._features: frozenset[bytes] = frozenset()
        """What may be asked for in a fetch."""
        self._advertised: dict[RefName, Oid] = {}
        packets = conversation.advertisement()
        self.is_old = (packets.peek() or b"").strip() != b"version 2"
        """Whether the server speaks the protocol before version 2: it has sent all refs already."""
        if self.is_old:
            self._read_refs(packets)
        else:
            lines = zip(packets.read_lines(), range(_LONGEST_ADVERTISEMENT), strict=False)
            capabilities = _checked(line.strip() for line, _ in lines)
            fetch = next((line for line in capabilities if line.startswith(b"fetch=")), b"")
            self._features = frozenset(fetch.removeprefix(b"fetch=").split())

    @property
    def gives_all(self) -> bool:
        """Whether it sends any object by its oid, or only what a ref points at now, with what that needs."""
        return not self.is_old or b"allow-reachable-sha1-in-want" in self._features

    def gives(self, oids: set[Oid]) -> set[Oid]:
        """Return the oids that may be asked for in this conversation, whether the repository has them or not."""
        return oids if self.gives_all else oids.intersection(self._advertised.values())

    def ls_refs(self, names: Sequence[str], prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        """Stream the refs with these names and below these prefixes (servers may send more, which is left out)."""
        wanted, below = frozenset(names), tuple(prefixes)
        for name, oid in self._ls_refs([*names, *prefixes]):
            if name in wanted or name.startswith(below):
                yield name, oid

    def fetch(self, oids: Sequence[Oid], depth: Depth) -> Iterator[GitObject]:
        """Yield these objects with all that they need, without what is beyond the depth, if the server can leave that out.

        An object that is too large for this format is left out. Raises MissingObjectError for the first object that the server
        lacks, and DamagedError if it lacks what one of them needs, before anything is yielded.
        """
        with tempfile.TemporaryFile() as file:
            self._receive_pack(oids, depth, file)
            lacking, reader = set(oids), read_pack(file)
            for obj in reader:
                lacking.discard(obj.oid)
                yield obj
        if lacking and not reader.too_large and depth is Depth.VALUES:
            raise UnavailableError(
                "The server sent other objects than it was asked for.", "Try again; if it stays so, the server is at fault."
            )

    def present(self, oids: Sequence[Oid], one: Oid) -> set[Oid] | None:
        """Return the objects that the repository has, too: the server acknowledges these of all that the client says it has.

        ``one`` is an object that the server sends. None if it cannot be asked. Raises MissingObjectError and DamagedError.
        """
        haves = [b"have " + oid.encode() for oid in oids]
        if not self.is_old:
            waits = b"wait-for-done" in self._features
            want = b"wait-for-done" if waits else b"want " + one.encode()
            answer = self._ask(_request_of(b"fetch", [want, *haves]))
            if _next_line(answer) != b"acknowledgments":
                return None
            return _read_acknowledged(answer, b"") & set(oids)
        if b"multi_ack_detailed" in self._features:
            want = b"want %b multi_ack_detailed side-band-64k ofs-delta" % one.encode()
            lines = [packet(want + b"\n"), _FLUSH, *(packet(have + b"\n") for have in haves), _FLUSH]
            return _read_acknowledged(self._ask(lines), b" common") & set(oids)
        return None

    def _receive_pack(self, oids: Sequence[Oid], depth: Depth, file: IO[bytes]) -> None:
        if self.is_old:
            answer = self._ask(self._old_fetch(oids, depth))
            # Nothing in common: there is nothing to be acknowledged.
            if _next_line(answer) != b"NAK":
                raise BrokenConversationError("the server did not answer what it was asked")
        else:
            answer = self._ask(self._fetch(oids, depth))
            _skip_to_pack(answer)
        _copy_pack(answer, file)

    def _ask(self, request: Sequence[bytes]) -> PacketReader:
        """Send a request and wait for the answer. A server that ends here has met something that it cannot read."""
        answer = self._conversation.request(request)
        try:
            answer.peek()
        except HangupError as exc:
            raise SilentEndError("The server ended without an answer.", "Look for what is lost with the command 'check'.") from exc
        except BrokenConversationError as exc:
            raise _damage_error(str(exc)) or exc from exc
        return answer

    def _read_refs(self, packets: PacketReader) -> None:
        for line in packets.read_lines():
            head, _, offered = line.rstrip(b"\n").partition(b"\0")
            if offered:
                self._features = _checked(offered.split())
            if head.startswith((b"shallow ", b"version 1")):
                continue
            name, oid = _read_ref(head)
            if not name.endswith(_NO_REF):
                self._advertised[name] = oid

    def _ls_refs(self, prefixes: Sequence[str]) -> Iterator[tuple[RefName, Oid]]:
        if self.is_old:
            yield from self._advertised.items()
            return
        arguments = [b"ref-prefix " + prefix.encode() for prefix in prefixes]
        try:
            answer = self._conversation.request(_request_of(b"ls-refs", arguments))
        except RequestTooLargeError:
            if len(prefixes) == 1:
                raise
            middle = len(prefixes) // 2
            yield from self._ls_refs(prefixes[:middle])
            yield from self._ls_refs(prefixes[middle:])
            return
        for line in answer.read_lines():
            if not line.startswith(b"unborn "):
                yield _read_ref(line)

    def _filter(self, depth: Depth) -> list[bytes]:
        return [b"filter " + _FILTERS[depth]] if depth in _FILTERS and b"filter" in self._features else []

    def _fetch(self, oids: Sequence[Oid], depth: Depth) -> list[bytes]:
        wants = [b"want " + oid.encode() for oid in oids]
        return _request_of(b"fetch", [b"no-progress", b"ofs-delta", *self._filter(depth), *wants, b"done"])

    def _old_fetch(self, oids: Sequence[Oid], depth: Depth) -> list[bytes]:
        if b"side-band-64k" not in self._features:
            raise StoreError(
                "The git server is too old: it offers neither protocol version 2 nor side-band-64k.",
                "Use git 2.18 or later.",
            )
        filters = self._filter(depth)
        asked = self._features & (_OLD_CAPABILITIES | {b"filter"} if filters else _OLD_CAPABILITIES)
        lines = [b"want " + oid.encode() for oid in oids]
        lines[0] += b" " + b" ".join(sorted(asked))
        return [*(packet(line + b"\n") for line in [*lines, *filters]), _FLUSH, packet(b"done\n")]


def _read_ref(line: bytes) -> tuple[RefName, Oid]:
    """Read a line of refs. What is no UTF-8 in a name, which git allows, becomes a backslash and digits: it is none of ours."""
    if _REF.match(line) is None:
        _raise_if_error(line)
        raise BrokenConversationError("the server sent a line that names no ref")
    text = line.rstrip(b"\n").decode("utf-8", "backslashreplace")
    # What may follow the name, after a space, is sent only where it is asked for.
    return RefName(text[_OID_DIGITS + 1 :].partition(" ")[0]), Oid(text[:_OID_DIGITS])


def _request_of(name: bytes, arguments: Sequence[bytes]) -> list[bytes]:
    head = [packet(b"command=" + name), packet(b"object-format=sha1")]
    return [*head, _DELIMITER, *(packet(argument) for argument in arguments), _FLUSH]


def _next_line(stream: PacketReader) -> bytes:
    line = stream.read_line()
    if line is None:
        raise BrokenConversationError("the server answered without a pack")
    _raise_if_error(line)
    return line.strip()


def _read_acknowledged(answer: PacketReader, after: bytes) -> set[Oid]:
    """Read what is acknowledged, by lines that end so, up to a line that says that this is all."""
    found: set[Oid] = set()
    for line in answer.read_lines():
        _raise_if_error(line)
        word = line.strip()
        if word in {b"NAK", b"ready"}:
            return found
        if not word.startswith(_ACK):
            raise BrokenConversationError("the server did not answer what it was asked")
        if word.endswith(after):
            found.add(Oid(word[len(_ACK) :].removesuffix(after).decode()))
    if not found:
        raise BrokenConversationError("the server did not answer what it was asked")
    return found


def _skip_to_pack(answer: PacketReader) -> None:
    """Read up to the pack. What comes before it, such as where the history of a shallow repository ends, is not needed here."""
    while (section := _next_line(answer)) != b"packfile":
        if section not in _SECTIONS_BEFORE_PACK:
            raise BrokenConversationError("the server answered with something other than a pack")
        for _ in answer.read_lines():
            pass
        if not answer.at_delimiter:
            raise BrokenConversationError("the server answered without a pack")


def _raise_if_error(line: bytes) -> None:
    if line.startswith(b"ERR "):
        raise _server_error(line[4:])


def _server_error(words: bytes) -> Exception:
    message = one_line(words.decode("utf-8", "replace"))
    if found := _NOT_OURS.search(message):
        return MissingObjectError(Oid(found[1] or found[2]))
    return _damage_error(message) or UnavailableError(
        f"The server refused to be read ({message}).", "Try again; check `repository` if it stays so."
    )


def _damage_error(message: str) -> DamagedError | None:
    if not _DAMAGE.search(message):
        return None
    return DamagedError(f"The repository is damaged ({one_line(message)}).", "Look for what is lost with the command 'check'.")


def _copy_pack(answer: PacketReader, file: IO[bytes]) -> None:
    left = _LARGEST_PACK
    for line in answer.read_lines():
        channel, data = line[:1], line[1:]
        if channel == _PACK:
            left -= len(data)
            if left < 0:
                raise BrokenConversationError("the server sent a pack of more than 8 GiB")
            file.write(data)
        elif channel == _FATAL:
            raise _server_error(data)
        elif channel != _PROGRESS:
            raise BrokenConversationError("the server sent a line without a side band")


def _checked(offered: Iterable[bytes]) -> frozenset[bytes]:
    """Return the capabilities of a server. Raises StoreError if its object ids are other than ours."""
    capabilities = frozenset(offered)
    check_object_format(capabilities)
    return capabilities
