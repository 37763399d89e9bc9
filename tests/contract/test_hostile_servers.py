"""Servers that answer with anything: it is theirs to answer for, and never taken for what the repository holds."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from dulwich.protocol import pkt_line

from git_keyval.errors import StoreError, UnavailableError
from git_keyval.format.objects import GitObject, from_content
from git_keyval.store.clock import ServerClock
from git_keyval.store.closure import incomplete
from git_keyval.store.git import open_git_store
from git_keyval.store.git.pack_writer import write_pack
from git_keyval.store.patience import Patience
from git_keyval.store.port import Depth, Selection, Store
from tests.conftest import FakeClock
from tests.contract.mutations import mutated
from tests.contract.samples import annotated_tag, branch, collection, create, note, record, tag, texts
from tests.servers.binary import init_bare, isolated_environ, run_git

ALL = Selection((), ("refs/",))
SAMPLES = {
    branch("a"): record(b"1" * 3_000),
    branch("b"): note("2"),
    branch("c"): collection(texts(20)),
    tag("t"): annotated_tag(note("3")),
}
FLUSH, DELIMITER = b"0000", b"0001"


@dataclass(frozen=True)
class Replay:
    """A server that says the same whatever it is asked, and each time that it is asked."""

    directory: Path

    def open(self, said: bytes, clock: FakeClock) -> Store:
        """Open it as an ssh address; nothing is tried a second time, or each would be."""
        (self.directory / "said").write_bytes(said)
        command = f"cat {shlex.quote(str(self.directory / 'said'))}; :"
        return self._open(f"ssh://host{self.directory}", f"sh -c {shlex.quote(command)}", clock)

    def record(self, repository: Path, version: int, clock: FakeClock) -> bytes:
        """Return all that git says to a store that reads everything."""
        program = self.directory / "recording-ssh"
        protocol = f"GIT_PROTOCOL=version={version}"
        told = shlex.quote(str(self.directory / "told"))
        program.write_text(f'#!/bin/sh\nfor last; do :; done\n{protocol} sh -c "$last" | tee {told}\n')
        program.chmod(0o700)
        self._open(f"ssh://host{repository}", shlex.quote(str(program)), clock).read(ALL, depth=Depth.VALUES)
        return (self.directory / "told").read_bytes()

    def _open(self, url: str, ssh: str, clock: FakeClock) -> Store:
        return open_store(url, {"GIT_SSH_COMMAND": ssh}, clock)


def open_store(location: str, environ: Mapping[str, str], clock: FakeClock) -> Store:
    patience = Patience(0.0, lambda: 0.0, clock.advance, lambda: 0.5)
    return open_git_store(location, environ=isolated_environ(environ), clock=ServerClock(clock), patience=patience)


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    return Replay(tmp_path)


@pytest.fixture
def repository(tmp_path: Path, clock: FakeClock) -> Path:
    """Make a repository with a pack that has deltas."""
    repository = init_bare(tmp_path / "database.git")
    store = open_store(str(repository), {}, clock)
    store.apply([create(name, sample) for name, sample in SAMPLES.items()])
    run_git("repack", "-adq", directory=repository)
    return repository


@pytest.mark.parametrize("version", [2, 0])
def test_a_conversation_that_was_tampered_with_is_an_error_or_changes_nothing(
    replay: Replay, repository: Path, clock: FakeClock, version: int
) -> None:
    """Except for what nobody can see: another name of a ref."""
    told, random = replay.record(repository, version, clock), Random(version)
    refs = {name: sample.oid for name, sample in SAMPLES.items()}
    assert replay.open(told, clock).read(ALL, depth=Depth.VALUES).refs == refs
    errors = 0
    for _ in range(150):
        try:
            found = replay.open(mutated(told, random), clock).read(ALL, depth=Depth.VALUES)
        except StoreError:
            errors += 1
            continue
        assert not incomplete(found.refs, found.objects, Depth.VALUES)
        assert set(found.refs.values()) <= set(refs.values())
        assert all(from_content(obj.kind, obj.data) == obj for obj in found.objects.values())
    assert errors > 100


ADVERTISED = b"".join(map(pkt_line, [b"version 2\n", b"ls-refs\n", b"fetch\n", None]))
OID = note("2").oid.encode()
LISTED = pkt_line(OID + b" refs/heads/kv-0a/b\n") + FLUSH
PACKFILE = pkt_line(b"packfile\n")


def answer(*objects: GitObject) -> bytes:
    return PACKFILE + pkt_line(b"\1" + b"".join(write_pack(objects))) + FLUSH


def version_0(*lines: bytes | None) -> bytes:
    first = OID + b" refs/heads/kv-0a/b\0 side-band-64k ofs-delta"
    return b"".join(map(pkt_line, [first, None, *lines]))


WRONG: dict[str, bytes] = {
    "nothing": b"",
    "a web page": b"<!DOCTYPE html>",
    "a size that none has": ADVERTISED + b"0003",
    "a size with a sign": ADVERTISED + b"+00a" + LISTED,
    "a size that is too large": ADVERTISED + b"fff9" + b"x" * 70_000,
    "an oid that is too short": ADVERTISED + pkt_line(OID[:39] + b" refs/heads/kv-0a/b\n") + FLUSH,
    "an oid that is too long": ADVERTISED + pkt_line(OID + b"0 refs/heads/kv-0a/b\n") + FLUSH,
    "an oid in upper case": ADVERTISED + pkt_line(OID.upper() + b" refs/heads/kv-0a/b\n") + FLUSH,
    "an oid that is no hex": ADVERTISED + pkt_line(b"g" * 40 + b" refs/heads/kv-0a/b\n") + FLUSH,
    "a ref without a name": ADVERTISED + pkt_line(OID + b" ") + FLUSH,
    "an empty line of refs": ADVERTISED + b"0004" + FLUSH,
    "a listing without an end": ADVERTISED + LISTED[:-4],
    "no pack": ADVERTISED + LISTED + FLUSH,
    "sections without a pack": ADVERTISED + LISTED + pkt_line(b"shallow-info") + FLUSH,
    "an unknown section": ADVERTISED + LISTED + pkt_line(b"surprise") + DELIMITER + answer(*note("2").objects),
    "another object": ADVERTISED + LISTED + answer(*note("3").objects),
    "no object": ADVERTISED + LISTED + answer(),
    "an empty line of the pack": ADVERTISED + LISTED + PACKFILE + b"0004" + answer(*note("2").objects)[len(PACKFILE) :],
    "an unknown side band": ADVERTISED + LISTED + PACKFILE + pkt_line(b"\7x") + FLUSH,
    "an end in the middle of the pack": ADVERTISED + LISTED + answer(*note("2").objects)[:-12] + FLUSH,
    "an error": ADVERTISED + LISTED + pkt_line(b"ERR no, thanks"),
    "an error in the listing": ADVERTISED + pkt_line(b"ERR no, thanks"),
    "an error beside the pack": ADVERTISED + LISTED + PACKFILE + pkt_line(b"\3no, thanks") + FLUSH,
    "an object that was not asked for is missing": ADVERTISED + LISTED + pkt_line(b"ERR not our ref " + b"7" * 40),
    "before version 2: no NAK": version_0(b"what?"),
    "before version 2: an error": version_0(b"ERR no, thanks"),
    "before version 2: another object": version_0(b"NAK\n", b"\1" + b"".join(write_pack(note("3").objects)), None),
    "before version 2: an oid that is none": b"".join(map(pkt_line, [b"0" * 39 + b" refs/heads/a\0 side-band-64k", None])),
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("depth", [Depth.MESSAGES, Depth.VALUES])
def test_what_is_no_answer_is_an_error_of_the_server(replay: Replay, clock: FakeClock, said: bytes, depth: Depth) -> None:
    with pytest.raises(StoreError) as told:
        replay.open(said, clock).read(ALL, depth=depth)
    assert "internal" not in str(told.value).lower()


def test_what_nobody_asked_for_and_nobody_needs_is_passed_over(replay: Replay, clock: FakeClock) -> None:
    told = OID + b" refs/heads/kv-0a/b symref-target:refs/heads/x peeled:" + OID + b"\n"
    listed = pkt_line(b"unborn HEAD symref-target:refs/heads/main\n") + pkt_line(told) + FLUSH
    sections = [[b"acknowledgments", b"NAK"], [b"shallow-info", b"shallow " + OID], [b"wanted-refs"], [b"packfile-uris"]]
    before = b"".join(b"".join(map(pkt_line, section)) + DELIMITER for section in sections)
    keepalive, progress = pkt_line(b"\1"), pkt_line(b"\2Counting objects")
    pack = PACKFILE + keepalive + progress + answer(*note("2").objects)[len(PACKFILE) :]
    found = replay.open(ADVERTISED + listed + before + pack, clock).read(ALL, depth=Depth.VALUES)
    assert found.refs == {branch("b"): note("2").oid}
    assert found.objects == {obj.oid: obj for obj in note("2").objects}


def test_capabilities_without_an_end_are_an_error(replay: Replay, clock: FakeClock) -> None:
    endless = pkt_line(b"version 2\n") + pkt_line(b"x=y") * 3_000
    with pytest.raises(UnavailableError):
        replay.open(endless, clock).read(ALL)
