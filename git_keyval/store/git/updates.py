"""A push without a server: objects and refs written by git's own commands in a repository of this machine.

``git receive-pack`` lists every ref before a push, and again to see whether its objects are complete: among a million keys that
takes a gigabyte. Where it would do nothing else than store objects and move refs, because no hook and no rule has a say, git stores
and moves them by these commands.
"""

from collections.abc import Callable, Iterator
from typing import Final

from git_keyval.errors import StoreError
from git_keyval.format.names import RefName
from git_keyval.format.objects import ZERO_OID
from git_keyval.store.git import receive
from git_keyval.store.git.conversation import BrokenConversationError, Transport
from git_keyval.store.git.directory import GitDirectory
from git_keyval.store.git.pack_writer import write_pack
from git_keyval.store.git.reading import reading
from git_keyval.store.git.receive import Advertised, Push, PushCommand, PushReport

_CAN: Final = frozenset({"atomic"})
_LOOSE = 1_000
"""Up to so many objects become a file each, and more become a pack."""
_FAILED = "atomic transaction failed"
"""What a server says of each ref then; the ref that was in the way is in the words beside it."""
_PREPARED, _COMMITTED = b"prepare: ok\n", b"commit: ok\n"


def push(transport: Transport, names: frozenset[RefName], prepare: Callable[[Advertised], Push | None]) -> PushReport | None:
    """Look what there is, let ``prepare`` decide what to write, write it, and return what became of it.

    None if ``prepare`` had nothing to write. Raises StoreError where nothing can have been applied.
    """
    directory = transport.directory()
    if directory is None or not directory.takes_updates():
        return receive.push(transport, names, prepare)
    with reading(transport) as reader:
        present = dict(reader.ls_refs(sorted(names), ()))
    wanted = prepare(Advertised(present, _CAN))
    if wanted is None:
        return None
    report = _store(directory, wanted) or _move(directory, wanted)
    if report.state == "done" and directory.is_untidy():
        _tidy(directory)
    return report


def _store(directory: GitDirectory, wanted: Push) -> PushReport | None:
    """Store the objects; return a report only if that failed."""
    if not wanted.objects:
        return None
    command = ["unpack-objects", "-q"] if len(wanted.objects) <= _LOOSE else ["index-pack", "--stdin"]
    try:
        with directory.start(command) as git:
            ended = git.run(write_pack(wanted.objects))
    except BrokenConversationError as exc:
        return PushReport("refused", reason=str(exc))
    return PushReport("refused", reason=f"{command[0]} abnormal exit", words=ended.complaints) if ended.code else None


def _move(directory: GitDirectory, wanted: Push) -> PushReport:
    """Move the refs in one transaction, which git undoes if its end does not arrive."""
    try:
        with directory.start(["update-ref", "-m", "push", "--stdin", "-z"]) as git:
            ended = git.run(_lines(wanted))
    except BrokenConversationError as exc:
        return PushReport("unknown", reason=str(exc))
    if _COMMITTED in ended.output:
        return PushReport("done")
    if ended.code < 0 or _PREPARED in ended.output:
        return PushReport("unknown", reason=f"git update-ref ended with {ended.code}", words=ended.complaints)
    return PushReport("refused", dict.fromkeys((command.name for command in wanted.commands), _FAILED), words=ended.complaints)


def _lines(wanted: Push) -> Iterator[bytes]:
    yield b"start\0"
    for command in wanted.commands:
        yield _line(command).encode()
    yield b"prepare\0commit\0"


def _line(command: PushCommand) -> str:
    old, new = ("" if oid == ZERO_OID else oid for oid in (command.old, command.new))
    if not new:
        return f"delete {command.name}\0{old}\0"
    if old == new:
        return f"verify {command.name}\0{old}\0"
    return f"update {command.name}\0{new}\0{old}\0" if old else f"create {command.name}\0{new}\0"


def _tidy(directory: GitDirectory) -> None:
    """Have git pack objects if it thinks that it is time, as it does after a push. What becomes of that changes no outcome."""
    try:
        with directory.start(["gc", "--auto", "--quiet"]) as git:
            git.run()
    except (BrokenConversationError, StoreError):
        return
