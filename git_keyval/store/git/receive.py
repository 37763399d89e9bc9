"""The writing half of git's protocol: one push of ref updates and a pack (https://git-scm.com/docs/pack-protocol, "Pushing Data").

Each update carries the oid it expects, and the server compares again under its locks. An update whose old and new oid are equal
is sent too: git checks it with the others, which makes it an assertion.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dulwich import protocol as pkt
from dulwich.errors import GitProtocolError

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid
from git_keyval.store.git.conversation import BrokenConversationError, Transport
from git_keyval.store.git.packets import PacketReader
from git_keyval.store.git.packs import write_pack
from git_keyval.store.messages import one_line

ZERO_OID = Oid("0" * 40)
_OID_DIGITS = 40
_FLUSH = b"0000"
_REPORT, _PROGRESS, _FATAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a push; ZERO_OID as old means that the ref must not exist, as new that it shall not."""

    name: RefName
    old: Oid
    new: Oid


@dataclass(frozen=True, slots=True)
class Push:
    """What to send: commands in order, the objects they need, and whether it must be all or nothing."""

    commands: Sequence[Command]
    objects: Sequence[GitObject]
    atomic: bool


@dataclass(frozen=True, slots=True)
class Advertised:
    """What the server has before a push: those of the refs asked for that exist, and what the server can do."""

    refs: Mapping[RefName, Oid]
    capabilities: frozenset[str]


@dataclass(slots=True)
class Report:
    """What the server says it did: refs that it refused with its reason, and the state of the push as a whole.

    ``state``: ``done`` every ref has its own answer; ``refused`` nothing was applied; ``unknown`` the report did not arrive.
    ``torn`` are commands of a refused push that the server says it executed all the same.
    """

    state: Literal["done", "refused", "unknown"]
    refused: dict[RefName, str] = field(default_factory=dict)
    reason: str = ""
    torn: Sequence[Command] = ()


def push(transport: Transport, names: frozenset[RefName], prepare: Callable[[Advertised], Push | None]) -> Report | None:
    """Ask what the server has, let ``prepare`` decide what to send, send it, and give the report.

    None if ``prepare`` had nothing to send. Raises StoreError where nothing can have been applied.
    """
    with transport.open("receive-pack") as conversation:
        try:
            advertised = _read_advertisement(conversation.advertisement(), names)
        except (GitProtocolError, BrokenConversationError, OSError) as exc:
            raise UnavailableError(
                f"The repository did not accept a connection for writing ({one_line(str(exc))}).", "Try again."
            ) from exc
        wanted = prepare(advertised)
        if wanted is None:
            return None
        try:
            return _read_report(conversation.request(_body(wanted, advertised.capabilities)), wanted)
        except (GitProtocolError, BrokenConversationError, OSError) as exc:
            return Report("unknown", reason=one_line(str(exc)))


def _read_advertisement(stream: PacketReader, names: frozenset[RefName]) -> Advertised:
    # Only the refs of this push are kept: a repository may have a million.
    wanted = {name.encode() for name in names}
    refs: dict[RefName, Oid] = {}
    capabilities: frozenset[str] = frozenset()
    for line in stream.read_lines():
        if b"\0" in line:
            head, _, told = line.partition(b"\0")
            capabilities = frozenset(told.decode("utf-8", "replace").split())
        else:
            head = line
        name = head[_OID_DIGITS + 1 :].rstrip(b"\n")
        if name in wanted:
            refs[RefName(name.decode())] = Oid(head[:_OID_DIGITS].decode("ascii"))
        elif head.startswith(b"ERR "):
            raise BrokenConversationError(head[4:].decode("utf-8", "replace"))
    if "report-status" not in capabilities or "delete-refs" not in capabilities:
        raise StoreError(
            "The git server offers no report of a push, or no deletion of refs.",
            "Check receive.* in the server's configuration.",
        )
    return Advertised(refs, capabilities)


def _body(wanted: Push, capabilities: frozenset[str]) -> Iterator[bytes]:
    asked = [
        "report-status",
        *(["atomic"] if wanted.atomic else []),
        *(["side-band-64k"] if "side-band-64k" in capabilities else []),
    ]
    for number, command in enumerate(wanted.commands):
        line = f"{command.old} {command.new} {command.name}".encode()
        yield pkt.pkt_line(line + (b"\0 " + " ".join(asked).encode() if number == 0 else b""))
    yield _FLUSH
    if any(command.new != ZERO_OID for command in wanted.commands):
        yield from write_pack(wanted.objects)


def _read_report(stream: PacketReader, wanted: Push) -> Report:
    lines = _report_lines(stream)
    unpack = next(lines, "")
    if unpack != "unpack ok":
        if not unpack.startswith("unpack "):
            raise BrokenConversationError("the report of the push is cut off")
        return Report("refused", reason=one_line(unpack.removeprefix("unpack ")))
    answered: dict[RefName, str] = {}
    for line in lines:
        verdict, _, rest = line.partition(" ")
        name, _, reason = rest.partition(" ")
        answered[RefName(name)] = "" if verdict == "ok" else one_line(reason) or "no reason given"
    if {command.name for command in wanted.commands} - answered.keys():
        raise BrokenConversationError("the report of the push is cut off")
    refused = {name: reason for name, reason in answered.items() if reason}
    if not (wanted.atomic and refused):
        return Report("done", refused)
    # What git refuses before it begins its transaction (objects that are missing, hidden refs), it leaves out of that.
    torn = [command for command in wanted.commands if command.name not in refused and command.old != command.new]
    return Report("refused", refused, torn=torn)


def _report_lines(stream: PacketReader) -> Iterator[str]:
    found: list[str] = []
    parser = pkt.PktLineParser(lambda line: None if line is None else found.append(line.decode("utf-8", "replace").rstrip("\n")))
    for line in stream.read_lines():
        channel, data = line[0], line[1:]
        if channel == _REPORT:
            parser.parse(data)
        elif channel == _FATAL:
            raise BrokenConversationError(data.decode("utf-8", "replace"))
        elif channel != _PROGRESS:
            found.append(line.decode("utf-8", "replace").rstrip("\n"))
    yield from found
