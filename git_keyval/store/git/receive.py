"""The writing half of git's protocol: one push of ref updates and a pack (https://git-scm.com/docs/pack-protocol, "Pushing Data").

Each update carries the oid it expects, and the server compares again under its locks. An update whose old and new oid are equal
is sent too: git checks it with the others, which makes it an assertion.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Literal

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import ZERO_OID, GitObject, Oid
from git_keyval.light_dataclasses import dataclass, field
from git_keyval.store.git.advertised import UnusualOrderError, lines_of
from git_keyval.store.git.cleaning import cleaned
from git_keyval.store.git.conversation import BrokenConversationError, RequestTooLargeError, Transport, check_object_format
from git_keyval.store.git.pack_writer import write_pack
from git_keyval.store.git.packets import PacketReader, ProtocolError, packet
from git_keyval.store.git.words import Words
from git_keyval.store.messages import one_line

_OID_DIGITS = 40
_FLUSH = b"0000"
# refs.c, ref_transaction_prepare(): before git 2.54, and since.
_ABORTED = re.compile(r"(?s)(.*)fatal: (ref updates aborted by hook|in '\w+' phase, update aborted by the .* hook)")


@dataclass(frozen=True, slots=True)
class PushCommand:
    """One line of a push; ZERO_OID as old means that the ref must not exist, as new that it will not."""

    name: RefName
    old: Oid
    new: Oid


@dataclass(frozen=True, slots=True)
class Push:
    """What to send: commands in order, the objects they need, and whether it must be all or nothing."""

    commands: Sequence[PushCommand]
    objects: Sequence[GitObject]
    atomic: bool


@dataclass(frozen=True, slots=True)
class Advertised:
    """What the server has before a push: those of the refs asked for that exist, and what the server can do."""

    refs: Mapping[RefName, Oid]
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True)
class PushReport:
    """What the server says it did: refs that it refused with its reason, and the state of the push as a whole.

    ``state``: ``done`` every ref has its own answer; ``refused`` nothing was applied; ``unknown`` the report did not arrive.
    ``reason`` is for all refs at once. ``words`` are what hooks, and git there, said beside it. Both are safe to print.
    ``torn`` are commands of a refused push that the server says it executed all the same.
    """

    state: Literal["done", "refused", "unknown"]
    refused: Mapping[RefName, str] = field(default_factory=dict)
    reason: str = ""
    words: str = ""
    torn: Sequence[PushCommand] = ()


def push(transport: Transport, names: frozenset[RefName], prepare: Callable[[Advertised], Push | None]) -> PushReport | None:
    """Ask what the server has, let ``prepare`` decide what to send, send it, and return the report.

    None if ``prepare`` had nothing to send. Raises StoreError where nothing can have been applied.
    """
    with transport.open("receive-pack") as conversation:
        try:
            advertised = _read_advertisement(conversation.advertisement(), names, in_order=transport.is_in_order)
        except (ProtocolError, BrokenConversationError, OSError, UnicodeDecodeError) as exc:
            transport.is_in_order = transport.is_in_order and not isinstance(exc, UnusualOrderError)
            raise UnavailableError(
                f"The repository did not accept a connection for writing ({one_line(str(exc))}).", "Try again."
            ) from exc
        wanted = prepare(advertised)
        if wanted is None:
            return None
        answer, broken = _Answer(), ""
        try:
            answer.read(conversation.request(_request_body(wanted, advertised.capabilities)))
        except RequestTooLargeError as exc:
            return PushReport("refused", reason=f"no request of {exc.size:,} bytes is taken (status 413)")
        except (ProtocolError, BrokenConversationError, OSError) as exc:
            broken = cleaned(str(exc))
        return _judge(answer, wanted, broken, "" if broken else conversation.complaints())


def _read_advertisement(stream: PacketReader, names: frozenset[RefName], *, in_order: bool) -> Advertised:
    # Only the refs of this push are kept: a repository may have a million.
    wanted = {name.encode() for name in names}
    refs: dict[RefName, Oid] = {}
    capabilities: frozenset[str] = frozenset()
    for line in lines_of(stream, wanted) if in_order else stream.read_lines():
        head, has_more, offered = line.partition(b"\0")
        if has_more:
            check_object_format(offered.split())
            capabilities = frozenset(offered.decode("utf-8", "replace").split())
        name = head[_OID_DIGITS + 1 :].rstrip(b"\n")
        if name in wanted:
            refs[RefName(name.decode())] = Oid(head[:_OID_DIGITS].decode("ascii"))
        elif head.startswith(b"ERR "):
            raise BrokenConversationError(cleaned(head[4:].decode("utf-8", "replace")))
    if "report-status" not in capabilities or "delete-refs" not in capabilities:
        raise StoreError(
            "The git server offers no report of a push, or no deletion of refs.",
            "Check receive.* in the server's configuration.",
        )
    return Advertised(refs, capabilities)


def _request_body(wanted: Push, capabilities: frozenset[str]) -> Iterator[bytes]:
    asked = [
        "report-status",
        *(["atomic"] if wanted.atomic else []),
        # Quiet leaves out git's progress, but none of a hook's words.
        *(each for each in ("side-band-64k", "quiet") if each in capabilities),
    ]
    for number, command in enumerate(wanted.commands):
        line = f"{command.old} {command.new} {command.name}".encode()
        yield packet(line + (b"\0 " + " ".join(asked).encode() if number == 0 else b""))
    yield _FLUSH
    if any(command.new != ZERO_OID for command in wanted.commands):
        yield from write_pack(wanted.objects)


class _Answer:
    """What has arrived of the answer to a push: the report, and what was said beside it."""

    def __init__(self) -> None:
        self._report = bytearray()
        self.said = Words()

    def read(self, stream: PacketReader) -> None:
        """Read to the end. Raises ProtocolError or BrokenConversationError; what came before that is kept."""
        for line in stream.read_lines():
            match line[:1]:
                case b"\x01":
                    self._report += line[1:]
                case b"\x02":
                    self.said.add(line[1:])
                case b"\x03":
                    raise BrokenConversationError(line[1:].decode("utf-8", "replace"))
                case _ if line.startswith(b"ERR "):
                    raise BrokenConversationError(line[4:].decode("utf-8", "replace"))
                case _:
                    # A server without side bands sends the report itself.
                    self._report += packet(line)
        self._report += _FLUSH

    def lines(self) -> list[str]:
        """Return the lines of the report, at least one: an empty one if there is no report that can be read."""
        reader = PacketReader(BytesIO(self._report).read)
        try:
            return [line.decode("utf-8", "backslashreplace").rstrip("\n") for line in reader.read_lines()] or [""]
        except ProtocolError:
            return [""]


def _judge(answer: _Answer, wanted: Push, broken: str, complaints: str) -> PushReport:
    """Judge by what arrived: a complete report counts, however the conversation ended after it."""
    words = answer.said.text() or complaints
    unpack, *verdicts = answer.lines()
    if unpack.startswith("unpack ") and unpack != "unpack ok":
        return PushReport("refused", reason=cleaned(unpack.removeprefix("unpack ")), words=words)
    answered = dict(map(_read_verdict, verdicts))
    if unpack != "unpack ok" or {command.name for command in wanted.commands} - answered.keys():
        return _without_report(wanted, broken or "the report of the push is cut off", words)
    refused = {name: reason for name, reason in answered.items() if reason}
    if not (wanted.atomic and refused):
        return PushReport("done", refused, words=words)
    # Git leaves out of its transaction what it refuses before that begins: objects that are missing, and hidden refs.
    torn = [command for command in wanted.commands if command.name not in refused and command.old != command.new]
    return PushReport("refused", refused, words=words, torn=torn)


def _without_report(wanted: Push, broken: str, words: str) -> PushReport:
    # An atomic push is one transaction. Git ends if a hook does not let it commit that (refs.c, ref_transaction_prepare).
    if wanted.atomic and (aborted := _ABORTED.fullmatch(broken)):
        return PushReport("refused", reason=aborted[2], words=aborted[1].strip("; "))
    return PushReport("unknown", reason=broken, words=words)


def _read_verdict(line: str) -> tuple[RefName, str]:
    verdict, _, rest = line.partition(" ")
    name, _, reason = rest.partition(" ")
    return RefName(name), "" if verdict == "ok" else one_line(reason) or "no reason given"
