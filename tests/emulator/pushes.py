"""What GitHub refuses of a push before git sees it: names, rulesets, too many refs, and secrets in the contents."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.emulator.objects import ZERO, Oid
from tests.emulator.options import Options
from tests.emulator.refs import Change, is_refused_by_github
from tests.emulator.repositories import Repository
from tests.emulator.rules import TOO_MANY_REFS, act_of, has_secret, protection
from tests.servers.binary import run_git
from tests.servers.loopback import Answer

_DECLINED = "push declined due to repository rule violations"
_HEADERS = (("Content-Type", "application/x-git-receive-pack-result"), ("Cache-Control", "no-cache"))
_LINE = 65_515


@dataclass(frozen=True, slots=True)
class Push:
    changes: tuple[Change, ...]
    capabilities: frozenset[str]
    pack: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the remote says, and the reason of each ref that is refused."""

    said: str
    reasons: dict[str, str]


def read_lines(data: bytes) -> Iterator[tuple[bytes | None, int]]:
    """Yield the packet lines, None for a flush, each with where the next one starts."""
    at = 0
    while at < len(data):
        size = int(data[at : at + 4], 16)
        yield (data[at + 4 : at + size] if size else None), at + max(size, 4)
        at += max(size, 4)


def parse_push(body: bytes) -> Push:
    changes = []
    capabilities: frozenset[str] = frozenset()
    rest = b""
    lines = read_lines(body)
    for line, after in lines:
        if line is None:
            rest = body[after:]
            break
        command, _, asked = line.partition(b"\0")
        capabilities |= frozenset(asked.decode().split())
        words = command.decode().strip().split(" ", 2)
        if words[0] != "shallow":
            changes.append(Change(words[2], Oid(words[0]), Oid(words[1])))
    if "push-options" in capabilities:
        rest = next(rest[after:] for line, after in read_lines(rest) if line is None)
    return Push(tuple(changes), capabilities, rest)


def answer_push(body: bytes, repository: Repository, options: Options, backend: Callable[[bytes], Answer]) -> Answer:
    """Refuse a push, or let git apply it. One refused ref refuses the whole push."""
    push = parse_push(body) if body != b"0000" else None
    refusal = _refusal(push, repository, options) if push else None
    if push and refusal:
        return _refused(push, refusal)
    if push:
        repository.remember(change.name for change in push.changes)
    return backend(body)


def _refusal(push: Push, repository: Repository, options: Options) -> Refusal | None:
    taken = [change.name for change in push.changes if is_refused_by_github(change.name) and change.after != ZERO]
    if taken:
        said = f"error: GH002: Sorry, branch or tag names consisting of 40 hex characters are not allowed: {', '.join(taken)}"
        return Refusal(said, dict.fromkeys(taken, "pre-receive hook declined"))
    limit = options.max_push_refs
    if limit is not None and len(push.changes) > limit:
        names = [change.name for change in push.changes]
        return Refusal(_violation(names, TOO_MANY_REFS.format(limit=limit)), dict.fromkeys(names, _DECLINED))
    rules = {change.name: rule for change in push.changes if (rule := _rule(change, options))}
    if rules:
        said = "\n".join(_violation([name], rule) for name, rule in rules.items())
        return Refusal(said, dict.fromkeys(rules, _DECLINED))
    if options.secrets and push.pack and has_secret(options, contents_of_pack(push.pack, repository.path)):
        names = [change.name for change in push.changes]
        return Refusal(_violation(names, "Push cannot contain secrets"), dict.fromkeys(names, _DECLINED))
    return None


def _rule(change: Change, options: Options) -> str | None:
    return protection(options, change.name, act_of(change.before, change.after))


def _violation(names: Sequence[str], rule: str) -> str:
    return f"error: GH013: Repository rule violations found for {', '.join(names)}.\n\n- {rule}\n"


def contents_of_pack(pack: bytes, repository: Path) -> list[bytes]:
    """Unpack beside the repository, which stays as it is, and give the blobs."""
    with tempfile.TemporaryDirectory() as directory:
        environ = {"GIT_OBJECT_DIRECTORY": directory, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository / "objects")}
        run_git("unpack-objects", "-q", directory=repository, stdin=pack, environ=environ)
        oids = [f"{file.parent.name}{file.name}" for file in Path(directory).glob("??/*")]
        listed = "".join(f"{oid}\n" for oid in oids).encode()
        output = run_git("cat-file", "--batch", directory=repository, stdin=listed, environ=environ).stdout
    contents = []
    while output:
        head, _, output = output.partition(b"\n")
        _, kind, size = head.split()
        if kind == b"blob":
            contents.append(output[: int(size)])
        output = output[int(size) + 1 :]
    return contents


def _refused(push: Push, refusal: Refusal) -> Answer:
    """Report as ``receive-pack`` would: what the remote says on the second side band, the reasons on the first."""
    other = "atomic push failure" if "atomic" in push.capabilities else _DECLINED
    report = _packet(b"unpack ok\n")
    for change in push.changes:
        report += _packet(f"ng {change.name} {refusal.reasons.get(change.name, other)}\n".encode())
    report += b"0000"
    if not {"side-band-64k", "side-band"} & push.capabilities:
        return Answer(200, report, _HEADERS)
    said = _packet(b"\2" + f"{refusal.said}\n".encode())
    bands = b"".join(_packet(b"\1" + report[at : at + _LINE]) for at in range(0, len(report), _LINE))
    return Answer(200, said + bands + b"0000", _HEADERS)


def _packet(content: bytes) -> bytes:
    return f"{len(content) + 4:04x}".encode() + content
