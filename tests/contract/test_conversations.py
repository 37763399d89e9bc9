"""Servers that talk, hang up and dawdle: whatever they do, a conversation with them ends, and nothing said is lost."""

import itertools
import random
import time
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest

from git_keyval.errors import AccessDeniedError, StoreError, UnavailableError
from git_keyval.store.clock import ServerClock
from git_keyval.store.git import GitStore, open_git_store
from git_keyval.store.patience import Patience
from git_keyval.store.port import Applied, Outcome, Refused, Selection, Unknown
from tests.conftest import FakeClock
from tests.contract.places import GitPlace, HttpPlace
from tests.contract.samples import Sample, assertion, branch, create, delete, note, put, record, tag, together
from tests.servers.binary import git_output, init_bare, is_older_than, isolated_environ, run_git
from tests.servers.http import RECEIVE_PACK, GitHttpServer, Status, service_of
from tests.servers.loopback import Answer, Request
from tests.servers.raw import RawServer

ONE, TWO = note("1"), note("2")
MUCH = "head -c 1000000 /dev/zero | tr '\\0' x"
"""Prints more than all the pipes on the way hold."""


def install(repository: Path, name: str, script: str) -> None:
    hook = repository / "hooks" / name
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o700)


def refs(repository: Path) -> set[str]:
    return set(git_output("for-each-ref", "--format=%(refname)", directory=repository).splitlines())


def large() -> Sample:
    """Make a value that no pipe holds, however it is compressed."""
    return record(random.Random(1).randbytes(3_000_000))


def ticking(step: float) -> Callable[[], float]:
    """Return a clock that goes on whenever it is looked at."""
    return itertools.count(step=step).__next__


class Program:
    """A program in the place of ssh. It finds git's own command in $command, and the path of the repository in $repository."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "program"
        self.repository = init_bare(directory / "database.git")
        self.sign = directory / "sign"

    def open(self, script: str, elapsed: Callable[[], float] = lambda: 0.0, total: float = 300.0) -> GitStore:
        self._path.write_text(
            f"#!/bin/sh\nfor command; do :; done\nrepository='{self.repository}' sign='{self.sign}'\nunset GIT_PROTOCOL\n{script}\n"
        )
        self._path.chmod(0o700)
        clock = FakeClock()
        return open_git_store(
            f"ssh://git.example{self.repository}",
            environ=isolated_environ({"GIT_SSH_COMMAND": str(self._path)}),
            clock=ServerClock(clock),
            patience=Patience(0.0, elapsed, clock.advance, lambda: 0.5),
            total=total,
        )


ADVERTISEMENT = 'git receive-pack --advertise-refs "$repository" 2>/dev/null'


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


# --- pipes ----------------------------------------------------------------------------------------------------------


def test_hooks_may_write_more_than_a_pipe_holds(git_place: GitPlace) -> None:
    for name in ("pre-receive", "update", "post-receive"):
        install(git_place.repository, name, f"{MUCH} >&2; {MUCH}")
    assert list(git_place.open().apply([create(branch("a"), ONE), create(tag("a"), TWO)])) == [Applied()] * 2
    assert refs(git_place.repository) == {branch("a"), tag("a")}


def test_a_server_may_complain_more_than_a_pipe_holds(program: Program) -> None:
    """As ssh does with a banner, and git where its tracing is switched on over there."""
    run_git("config", "uploadpack.allowAnySHA1InWant", "true", directory=program.repository)
    store = program.open(f'({MUCH}; echo) >&2; GIT_TRACE=2 GIT_TRACE_PACKET=2 sh -c "$command"; rc=$?; {MUCH} >&2; exit $rc')
    assert list(store.apply([create(branch(f"{number:03}"), ONE) for number in range(1_000)])) == [Applied()] * 1_000
    assert len(store.read(Selection((), ("refs/heads/",))).refs) == 1_000


def test_a_server_may_answer_at_length_before_it_has_read_the_push(program: Program) -> None:
    keeps_alive = "yes 0005$(printf '\\2') | tr -d '\\n' | head -c 5000000"
    store = program.open(f'{ADVERTISEMENT}; {keeps_alive}; sh -c "$command" | (head -c 0; tail -c +1)')
    outcome = store.apply([create(branch("a"), large())])[0]
    assert isinstance(outcome, Applied | Unknown)


# --- last words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "says",
    ["echo 'fatal: quota exceeded' >&2", "printf '0016ERR quota exceeded'", "printf '0013\\003quota exceeded'"],
    ids=["complains", "answers", "answers in a side band"],
)
def test_a_server_that_hangs_up_in_the_middle_of_a_push_is_listened_to(program: Program, says: str) -> None:
    """That it was not applied is not known: the server may have, and hung up afterwards."""
    (outcome,) = program.open(f"{ADVERTISEMENT}; {says}").apply([create(branch("a"), large())])
    assert isinstance(outcome, Unknown)
    assert "quota exceeded" in outcome.cause


def test_a_server_that_hangs_up_before_it_begins_is_listened_to(program: Program) -> None:
    with pytest.raises(StoreError, match="go away; and stay there"):
        program.open("printf 'go away\\nand stay there\\n' >&2").apply([create(branch("a"), ONE)])


@pytest.mark.parametrize("line", ["0008zzzz", "zzzz", "0032" + "x" * 40 + " refs/h", ""])
def test_a_list_of_refs_that_is_none_is_the_servers_fault(program: Program, line: str) -> None:
    with pytest.raises(StoreError):
        program.open(f"printf '{line}0000'").apply([create(branch("a"), ONE)])


# --- what hooks say -------------------------------------------------------------------------------------------------

SAYS = r"printf 'remote: \033[31mNo\033[0m writes\r\n\n::error::on [sundays]\007; see https://me:secret@ops.example/\nspäter\n' >&2"
SAID = "No writes; : :error: :on [sundays] ; see https://ops.example/; später"


def test_the_words_of_a_hook_are_told_clean(git_place: GitPlace) -> None:
    install(git_place.repository, "pre-receive", f"{SAYS}; exit 1")
    (outcome,) = git_place.open().apply([together(create(branch("a"), ONE), create(branch("b"), ONE))])
    assert outcome == Refused("pre-receive hook declined", words=SAID)


def test_of_many_words_the_first_and_the_last_are_told(git_place: GitPlace) -> None:
    install(git_place.repository, "pre-receive", f"echo first >&2; {MUCH} >&2; echo >&2; echo last >&2; exit 1")
    (outcome,) = git_place.open().apply([create(branch("a"), ONE)])
    assert isinstance(outcome, Refused)
    assert len(outcome.words) <= 500
    assert outcome.words.startswith("first; xxx")
    assert outcome.words.endswith("xxx; last")


def test_a_ref_that_a_hook_denies_is_named_with_its_words(git_place: GitPlace) -> None:
    install(git_place.repository, "update", 'case "$1" in */forbidden) echo "hands off" >&2; exit 1;; esac')
    (outcome,) = git_place.open().apply([together(create(branch("a"), ONE), create(branch("forbidden"), ONE))])
    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.ref) == ("hook declined", branch("forbidden"))
    assert outcome.words.startswith("hands off; ")
    assert refs(git_place.repository) == set()


ABORTED = "in '{}' phase, update aborted by the reference-transaction hook"
"""What git says since 2.54."""


@pytest.mark.parametrize("says", ["ref updates aborted by hook", ABORTED.format("preparing"), ABORTED.format("prepared")])
def test_what_git_says_of_a_hook_that_aborts_is_known_of_every_version(program: Program, says: str) -> None:
    (outcome,) = program.open(f'{ADVERTISEMENT}; echo "not now" >&2; echo "fatal: {says}" >&2').apply([create(branch("a"), ONE)])
    assert outcome == Refused(says, words="not now")


@pytest.mark.parametrize("place", ["path", "ssh"])
def test_a_transaction_that_a_hook_aborts_is_refused(program: Program, place: str) -> None:
    """Git ends without a report then. Over HTTP its last words stay with the server, and the outcome unknown."""
    install(program.repository, "reference-transaction", '[ "$1" != prepared ] || { echo "not now" >&2; exit 1; }')
    store = program.open('sh -c "$command"') if place == "ssh" else opened(program.repository)
    outcomes = store.apply([create(branch("a"), ONE), together(create(branch("b"), ONE), create(branch("c"), ONE))])
    reason = "ref updates aborted by hook" if is_older_than(2, 54) else ABORTED.format("prepared")
    assert list(outcomes) == [Refused(reason, words="not now")] * 2
    assert refs(program.repository) == set()


REFUSED = ("unpack error Cannot lock pack in x.pack\n", "ng refs/heads/a n/a\n")


@pytest.mark.parametrize(("times", "ends"), [(1, Applied), (100, Refused)])
def test_what_a_server_cannot_store_for_a_moment_is_sent_again(program: Program, times: int, ends: type[object]) -> None:
    """JGit says so to the second of two that push the same objects at once."""
    lines = "".join(f"{len(line) + 4:04x}{line}" for line in REFUSED) + "0000"
    report = program.repository / "report"
    report.write_text(f"{len(lines) + 5:04x}\1{lines}0000")
    refuse = f"{ADVERTISEMENT}; head -c 150 > /dev/null; cat '{report}'; cat > /dev/null"
    is_refused = f"echo >> '{report}.count' && [ $(wc -l < '{report}.count') -le {times} ]"
    script = f'case "$command" in *receive-pack*) if {is_refused}; then {refuse}; exit; fi;; esac; sh -c "$command"'
    (outcome,) = program.open(script).apply([create(branch("a"), ONE)])
    assert isinstance(outcome, ends)
    assert not isinstance(outcome, Refused) or "Cannot lock pack" in outcome.reason


def opened(repository: Path | str, elapsed: Callable[[], float] = lambda: 0.0, total: float = 300.0) -> GitStore:
    clock = FakeClock()
    return open_git_store(
        str(repository),
        environ=isolated_environ(),
        clock=ServerClock(clock),
        patience=Patience(0.0, elapsed, clock.advance, lambda: 0.5),
        total=total,
    )


@pytest.mark.parametrize("setting", ["receive.denyNonFastForwards", "receive.denyDeletes"])
def test_a_setting_that_is_in_the_way_is_named(git_place: GitPlace, setting: str) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE), create(branch("b"), ONE)])
    run_git("config", setting, "true", directory=git_place.repository)
    (outcome,) = store.apply([together(put(branch("a"), ONE, ONE.oid), put(branch("b"), TWO, ONE.oid), delete(branch("a-1")))])
    assert (outcome == Applied()) == (setting == "receive.denyDeletes")
    (outcome,) = store.apply([together(put(branch("a"), note("3"), ONE.oid), delete(branch("b")))])
    assert isinstance(outcome, Refused)
    assert setting in outcome.next_step


@pytest.mark.parametrize("name", ["packed-refs.lock", f"{branch('a')}.lock"])
def test_a_lock_that_was_left_behind_is_named(git_place: GitPlace, name: str) -> None:
    store = git_place.open()
    store.apply([create(branch("a"), ONE)])
    (git_place.repository / name).touch()
    run_git("config", "core.packedRefsTimeout", "0", directory=git_place.repository)
    (outcome,) = store.apply([delete(branch("a"), ONE.oid)])
    assert isinstance(outcome, Refused)
    assert f"/{name}': File exists" in outcome.words
    assert "remove the file" in outcome.next_step


# --- too large ------------------------------------------------------------------------------------------------------


def test_a_push_that_is_too_large_is_refused_as_that(git_place: GitPlace) -> None:
    run_git("config", "receive.maxInputSize", "100000", directory=git_place.repository)
    store = git_place.open()
    requests = store.requests
    outcomes = store.apply([create(branch("a"), large()), create(branch("b"), ONE)])
    assert [(type(outcome), outcome.too_large) for outcome in outcomes if isinstance(outcome, Refused)] == [(Refused, True)] * 2
    assert "receive.maxInputSize" in str(outcomes[0].next_step if isinstance(outcomes[0], Refused) else "")
    assert store.requests - requests <= 2
    assert refs(git_place.repository) == set()


def test_so_is_one_that_a_web_server_does_not_let_through(http_place: HttpPlace) -> None:
    http_place.server.max_body = 100_000
    (outcome,) = http_place.open().apply([create(branch("a"), large())])
    assert isinstance(outcome, Refused)
    assert outcome.too_large
    assert "client_max_body_size" in outcome.next_step
    assert http_place.server.count() == 2


@pytest.mark.parametrize(
    "words",
    [
        "error: File v is 120.00 MB; this exceeds GitHub's file size limit of 100.00 MB",
        "GitLab: You are attempting to check in one or more blobs which exceed the 100MiB limit",
        "fatal: pack exceeds maximum allowed size (2.00 GiB)",
    ],
)
def test_a_hook_that_finds_something_too_large_is_understood(git_place: GitPlace, words: str) -> None:
    install(git_place.repository, "pre-receive", f'echo "{words}" >&2; exit 1')
    (outcome,) = git_place.open().apply([create(branch("a"), ONE)])
    assert isinstance(outcome, Refused)
    assert outcome.too_large


@pytest.mark.parametrize("code", [400, 407, 411, 415])
def test_a_status_that_is_final_is_not_asked_again(http_place: HttpPlace, code: int) -> None:
    http_place.server.fail(1, Status(code), method="POST", service=RECEIVE_PACK, forever=True)
    with pytest.raises(StoreError) as caught:
        http_place.open().apply([create(branch("a"), ONE)])
    assert "gain" not in str(caught.value)
    assert http_place.server.count() == 2


# --- time -----------------------------------------------------------------------------------------------------------

DRIBBLES = "while :; do printf '0005\\002'; sleep 0.01; done"

LISTS_FOR_EVER = f"while :; do printf '003a{'1' * 40} refs/heads/a\\n'; sleep 0.01; done"


def locks(repository: Path) -> list[Path]:
    return list(repository.rglob("*.lock"))


def test_a_server_that_dribbles_holds_a_push_for_so_long_only(program: Program) -> None:
    store = program.open(f"{ADVERTISEMENT}; {DRIBBLES}", ticking(0.1), total=3)
    (outcome,) = store.apply([create(branch("a"), ONE)])
    assert outcome == Unknown("the server took too long")


@pytest.mark.parametrize("script", [LISTS_FOR_EVER, "sleep 5"])
def test_nor_does_one_hold_a_read(program: Program, script: str) -> None:
    with pytest.raises(UnavailableError, match="took too long"):
        program.open(f'exec sh -c "{script}"', ticking(0.05), total=0.3).read(Selection((branch("a"),)))


def test_a_server_that_does_not_read_holds_a_push_for_so_long_only(program: Program) -> None:
    script = f"{ADVERTISEMENT}; while :; do echo busy >&2; sleep 0.01; done"
    (outcome,) = program.open(script, ticking(0.1), total=3).apply([create(branch("a"), large())])
    assert outcome == Unknown("the server took too long")


def test_a_hook_that_never_ends_leaves_no_lock_behind(tmp_path: Path) -> None:
    """It is git that holds locks then, and removes them when it is told to end."""
    repository, sign = init_bare(tmp_path / "database.git"), tmp_path / "sign"
    sign.touch()
    install(repository, "reference-transaction", f"while [ -e '{sign}' ]; do sleep 0.05; done")
    (outcome,) = opened(repository, ticking(0.02), total=0.2).apply([create(branch("a"), ONE)])
    sign.unlink()
    assert outcome == Unknown("the server took too long")
    assert locks(repository) == []
    assert list(opened(repository).apply([create(branch("a"), ONE)])) == [Applied()]


def test_what_is_reported_counts_though_a_hook_never_ends(tmp_path: Path) -> None:
    repository, sign = init_bare(tmp_path / "database.git"), tmp_path / "sign"
    sign.touch()
    install(repository, "post-receive", f"while [ -e '{sign}' ]; do echo waits; sleep 0.01; done")
    outcomes = opened(repository, ticking(0.01), total=0.5).apply([create(branch("a"), ONE), assertion(branch("a"), TWO.oid)])
    sign.unlink()
    assert isinstance(outcomes[0], Applied | Unknown)
    assert refs(repository) == {branch("a")}


@pytest.mark.parametrize(("sample", "outcome"), [(ONE, Unknown("the server took too long")), (large(), Applied())])
def test_a_long_push_has_the_time_that_it_needs(tmp_path: Path, sample: Sample, outcome: Outcome) -> None:
    """Ten seconds, and many more for 3 MB: a hook that takes twenty is too slow for a short push only."""
    repository, sign = init_bare(tmp_path / "database.git"), tmp_path / "sign"
    install(repository, "pre-receive", f"touch '{sign}'; echo >&2; sleep 0.3")
    store = opened(repository, lambda: 20.0 if sign.exists() else 0.0, total=10)
    assert list(store.apply([create(branch("a"), sample)])) == [outcome]


class Dribbling(RawServer):
    """Sends the beginning of its answer at once, and then a byte now and then."""

    def __init__(self, answer: bytes, at_once: int) -> None:
        super().__init__(answer)
        self._at_once = at_once

    def _send(self, connection: socket, answer: bytes) -> None:
        connection.sendall(answer[: self._at_once])
        for byte in answer[self._at_once :]:
            connection.sendall(bytes([byte]))
            time.sleep(0.005)  # it is the server that takes its time


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-receive-pack-advertisement\r\n"
ANSWERS = {
    "headers": (HEAD + b"X: " + b"x" * 60_000 + b"\r\n\r\n", 10),
    "body": (HEAD + b"Content-Length: 60000\r\n\r\n" + b"0000" * 15_000, len(HEAD) + 40),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"x" * 60_000 + b"\r\n", len(HEAD) + 40),
}


@pytest.mark.parametrize("part", ANSWERS)
def test_a_web_server_that_dribbles_holds_nobody(part: str) -> None:
    with Dribbling(*ANSWERS[part]) as server, pytest.raises(UnavailableError, match="took too long"):
        opened(f"{server.url}/database.git", ticking(0.1), total=3).apply([create(branch("a"), ONE)])


def test_a_long_push_over_http_has_the_time_that_it_needs(http_place: HttpPlace) -> None:
    """It is sent in blocks, each of which is looked at by the clock."""
    url = http_place.server.url.replace("://", "://x:s3cret@")
    store = opened(f"{url}/database.git", ticking(1.5), total=12)
    assert list(store.apply([create(branch("a"), large())])) == [Applied()]


class Plain(GitHttpServer):
    """Refuses every push in the words of GitHub's server, and repeats what it was sent."""

    def _serve(self, request: Request) -> Answer:
        if service_of(request) != RECEIVE_PACK:
            return super()._serve(request)
        said = (
            f"This repository was archived\r\nso it is read-only.\n{request.headers.get('authorization')} ghp_a1 github_pat_1A_b\n"
        )
        return Answer(403, said.encode(), (("Content-Type", "text/plain; charset=utf-8"),))


def test_what_a_web_server_says_in_plain_text_is_told(tmp_path: Path) -> None:
    init_bare(tmp_path / "database.git")
    with Plain(tmp_path) as server:
        store = opened(f"{server.url.replace('://', '://me:secret@')}/database.git")
        with pytest.raises(AccessDeniedError) as caught:
            store.apply([create(branch("a"), ONE)])
    assert "(status 403: This repository was archived; so it is read-only. Basic *** *** ***)" in caught.value.what
