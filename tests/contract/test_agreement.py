"""Memory, git and GitHub do the same: one random run drives two stores at once and compares every answer."""

import builtins  # because a method is named list
import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from git_keyval.format.names import RefName
from git_keyval.format.objects import GitObject, Oid, blob, from_content
from git_keyval.format.times import SECOND
from git_keyval.store.port import (
    ABSENT,
    ANY,
    DELETE,
    Conflict,
    Depth,
    Expect,
    New,
    Outcome,
    RefUpdate,
    Selection,
    Transaction,
)
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, open_git_place, open_github_place
from tests.contract.samples import (
    UNSTORED,
    all_refs,
    annotated_tag,
    branch,
    by_oid,
    collection,
    foreign_commit,
    note,
    record,
    tag,
    texts,
)
from tests.emulator import GitHubEmulator
from tests.exhaustive import first
from tests.memory import MemoryStore
from tests.servers.binary import init_bare, run_git
from tests.servers.ssh import shell_ssh

BRANCHES = [branch(name) for name in ("a", "a1", "b", "a-1", "a-2")]
TAGS = [tag(name) for name in ("a", "a1", "b")]
NAMES = BRANCHES + TAGS
# No name is a directory of another: where that must fail, stores differ in how they say so.
PREFIXES = [
    "refs/",
    "refs/heads/",
    "refs/heads/kv-0a/a",
    "refs/heads/kv-0a/a-",
    "refs/tags/kv-",
    TAGS[0],
    "refs/none/",
    "refs/none",
]
HOSTILE = {key: blob(key.encode()) for key in ("..", ".git", "a/b", "%2E", "\0", "é", "-", "x" * 255)}
MAPS = [
    collection(elements)
    # Some are alike, on both sides of how many entries a tree needs to be the base of another.
    for elements in (
        {},
        {"a": blob(b"1")},
        {"a": blob(b"1"), "b": blob(b"\0")},
        HOSTILE,
        texts(16),
        texts(17),
        texts(40),
        {**texts(39), "field 3": blob(b"\xff"), "..": blob(b"2")},
        {**texts(40), **HOSTILE},
    )
]
SAMPLES = [note("1"), note("ключ"), record(b"1"), record(b"2" * 70_000), foreign_commit("theirs"), *MAPS]
TAG_SAMPLES = [*SAMPLES, annotated_tag(note("tagged"))]
OIDS = [sample.oid for sample in TAG_SAMPLES]
FOREIGN = {foreign_commit("theirs").oid, annotated_tag(note("tagged")).oid}
PARTS = sorted({obj.oid for sample in (*MAPS, record(b"1")) for obj in sample.objects})
"""The oids of commits, trees and elements."""


class Current(Enum):
    """What a ref is at that moment of the run."""

    CURRENT = "current"


CURRENT = Current.CURRENT
Expected = Oid | Expect | Current
Step = tuple[RefName, Expected, int | New]


@st.composite
def batches(draw: st.DrawFn) -> list[list[Step]]:
    """Draw the updates of some transactions, which share no ref; a new value is the number of a sample."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)))
    ends = sorted(draw(st.sets(st.integers(1, len(names)))) | {len(names)}) if names else []
    parts = [names[start:end] for start, end in itertools.pairwise([0, *ends])]
    return [[draw(steps(name)) for name in part] for part in parts]


def steps(name: RefName) -> st.SearchStrategy[Step]:
    # What a ref is comes twice, or most transactions would be conflicts.
    expects = st.sampled_from([CURRENT, CURRENT, ANY, ABSENT, *OIDS[:3], UNSTORED])
    numbers = range(len(SAMPLES if name in BRANCHES else TAG_SAMPLES))
    return st.tuples(st.just(name), expects, st.sampled_from([*numbers, DELETE, DELETE]))


selections = st.builds(
    Selection,
    st.lists(st.sampled_from([*NAMES, branch("absent")]), max_size=3).map(tuple),
    st.lists(st.sampled_from(PREFIXES), max_size=2).map(tuple),
)
depths = st.sampled_from(Depth)


def comparable(outcome: Outcome) -> Outcome:
    """Return the outcome with the refs of a conflict in order: they are a set."""
    return Conflict(tuple(sorted(outcome.refs))) if isinstance(outcome, Conflict) else outcome


class Agreement(RuleBasedStateMachine):
    """A store in memory and one of a bare repository, to which the same is done."""

    make_place: Callable[[], GitPlace]
    """Makes the place of a repository that is new, and empty."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = MemoryStore(FakeClock())
        self.place: GitPlace | None = None

    @initialize()
    def open(self) -> None:
        self.place = type(self).make_place()
        self.git = self.place.open()

    def teardown(self) -> None:
        if self.place is not None:
            self.check_all()
            shutil.rmtree(self.place.repository)

    @rule(batch=batches(), sends_all=st.booleans())
    def apply(self, batch: Sequence[Sequence[Step]], *, sends_all: bool) -> None:
        """Send all that the new values need, or only what is not there yet."""
        there = set() if sends_all else self.memory.objects([*OIDS, *PARTS], Depth.VALUES).keys()
        transactions = [self.transaction(part, there) for part in batch]
        expected = [comparable(outcome) for outcome in self.memory.apply(transactions)]
        assert [comparable(outcome) for outcome in self.git.apply(transactions)] == expected

    @rule(asked=st.lists(selections, max_size=3), depth=depths)
    def read(self, asked: Sequence[Selection], depth: Depth) -> None:
        expected, found = self.memory.read(*asked, depth=depth), self.git.read(*asked, depth=depth)
        assert found.refs == expected.refs
        assert found.moved == frozenset()
        if depth is not Depth.OIDS:
            assert self.told(expected.objects).items() <= found.objects.items()
        assert all(from_content(obj.kind, obj.data) == obj for obj in found.objects.values())

    @rule(prefixes=st.lists(st.sampled_from(PREFIXES), max_size=3))
    def list(self, prefixes: Sequence[str]) -> None:
        assert sorted(self.git.list(prefixes)) == sorted(self.memory.list(prefixes))

    @rule(
        oids=st.lists(st.sampled_from([*OIDS, UNSTORED]) | st.sampled_from(PARTS), max_size=4),
        depth=st.sampled_from([Depth.MESSAGES, Depth.TREES, Depth.VALUES]),
    )
    def objects(self, oids: Sequence[Oid], depth: Depth) -> None:
        assert self.place is not None
        if not self.place.gives_all:
            oids = [oid for oid in oids if oid in self.memory.refs.values()]
        # Git may keep objects of a transaction that it refused.
        found = self.git.objects(oids, depth)
        assert self.told(self.memory.objects(oids, depth)).items() <= found.items()
        assert all(from_content(obj.kind, obj.data) == obj for obj in found.values())

    @rule()
    def look_afresh(self) -> None:
        assert self.place is not None
        self.git = self.place.open()

    @rule()
    def pack(self) -> None:
        assert self.place is not None
        run_git("pack-refs", "--all", directory=self.place.repository)

    def check_all(self) -> None:
        """Compare everything, and let git look for damage."""
        assert self.place is not None
        self.git = self.place.open()
        assert all_refs(self.git) == self.memory.refs
        self.read([Selection((), ("refs/",))], Depth.VALUES)
        run_git("fsck", "--strict", "--no-dangling", directory=self.place.repository)

    def told(self, objects: Mapping[Oid, GitObject]) -> dict[Oid, GitObject]:
        """Return those of the objects that the place does not leave out."""
        assert self.place is not None
        return {oid: obj for oid, obj in objects.items() if self.place.tells_foreign or oid not in FOREIGN}

    def transaction(self, part: Sequence[Step], there: AbstractSet[Oid]) -> Transaction:
        updates: builtins.list[RefUpdate] = []
        objects: dict[Oid, GitObject] = {}
        for name, expected, number in part:
            expect = self.memory.refs.get(name, ABSENT) if expected is CURRENT else expected
            if number is DELETE:
                # Deleting what must be absent says nothing, and is not allowed.
                updates.append(RefUpdate(name, ANY if expect is ABSENT else expect, DELETE))
            else:
                objects |= by_oid(obj for obj in TAG_SAMPLES[number].objects if obj.oid not in there)
                updates.append(RefUpdate(name, expect, TAG_SAMPLES[number].oid))
        return Transaction(tuple(updates), tuple(objects.values()))


SHARES = pytest.mark.parametrize("share", first(1, [15, 4]), ids="one in {}".format)


def agree(make_place: Callable[[], GitPlace], share: int) -> None:
    Agreement.make_place = staticmethod(make_place)
    # Some eight seconds: nearly every step starts git two or three times. To shrink a failure takes minutes, so only
    # the deep profile does it.
    phases = [phase for phase in settings().phases if phase is not Phase.shrink or not settings().derandomize]
    examples = settings().max_examples // share
    run_state_machine_as_test(Agreement, settings=settings(max_examples=examples, stateful_step_count=30, phases=phases))


@SHARES
def test_memory_and_git_agree(tmp_path: Path, share: int) -> None:
    # Copied for each run, because copying is faster than making one.
    template = init_bare(tmp_path / "template.git")

    def make_place() -> GitPlace:
        repository = Path(tempfile.mkdtemp(dir=tmp_path)) / "database.git"
        shutil.copytree(template, repository)
        return open_git_place(repository, str(repository), FakeClock(), {})

    agree(make_place, share)


@SHARES
def test_memory_and_a_server_before_version_2_agree(tmp_path: Path, share: int) -> None:
    ssh = shell_ssh(tmp_path, passes_protocol=False)

    def make_place() -> GitPlace:
        repository = init_bare(Path(tempfile.mkdtemp(dir=tmp_path)) / "database.git")
        return open_git_place(repository, f"ssh://host{repository}", FakeClock(), ssh, gives_all=False)

    agree(make_place, share)


@SHARES
@pytest.mark.parametrize("by_git", [True, False], ids=["auto", "api"])
def test_memory_and_github_agree(tmp_path: Path, share: int, *, by_git: bool) -> None:
    clock, numbers = FakeClock(), itertools.count()
    with GitHubEmulator(tmp_path, clock=lambda: clock() / SECOND) as emulator:
        agree(lambda: open_github_place(emulator, f"name{next(numbers)}", clock, by_git=by_git), share)
