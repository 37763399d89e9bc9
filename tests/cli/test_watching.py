"""watch: lines as changes come, how it ends, and what it outlives."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.database.answers import Answer, shown_value
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.dispatch.watching import changes
from git_keyval.errors import NotARepositoryError
from git_keyval.format.times import SECOND
from git_keyval.interface.inputs import Inputs
from git_keyval.process import surroundings
from git_keyval.progress import silent
from tests.action.steps import version_of
from tests.cli.conftest import PROGRAM, Command
from tests.conftest import FakeClock
from tests.replacing import replace
from tests.servers.binary import isolated_environ
from tests.servers.http import GitHttpServer, Status


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def outside(clock: FakeClock, warnings: list[str]) -> Surroundings:
    """Have time only pass where somebody sleeps."""
    begun = clock()
    return replace(
        surroundings(isolated_environ(), silent, warnings.append),
        clock=clock,
        elapsed=lambda: (clock() - begun) / SECOND,
        sleep=clock.advance,
        random=lambda: 0.5,
    )


def during(outside: Surroundings, acts: dict[int, Callable[[], object]]) -> Surroundings:
    """Have somebody else act in certain pauses, by their number."""
    pauses = iter(range(1_000_000))

    def sleep(seconds: float) -> None:
        outside.sleep(seconds)
        acts.get(next(pauses), lambda: None)()

    return replace(outside, sleep=sleep)


def inputs(repository: Path, **more: object) -> Inputs:
    return Inputs({"repository": str(repository), "key": "k", **more})


def shown(answer: Answer) -> str:
    return "absent" if answer.value is None else shown_value(answer.value)


def test_each_change_is_yielded_once(keyval: Command, repository: Path, outside: Surroundings) -> None:
    acts: dict[int, Callable[[], object]] = {
        2: lambda: keyval("set", "k", "1"),
        5: lambda: keyval("set", "k", "2"),
        9: lambda: keyval("del", "k"),
        60: lambda: keyval("incr", "k"),
    }
    found = list(changes(inputs(repository), during(outside, acts), interval=5, seconds=600))
    assert [shown(answer) for answer in found] == ["1", "2", "absent", "1"]


def test_what_there_is_at_first_is_no_change_unless_another_version_was_known(
    keyval: Command, repository: Path, outside: Surroundings
) -> None:
    keyval("set", "k", "1")
    assert list(changes(inputs(repository), outside, seconds=60)) == []
    assert list(changes(inputs(repository, **{"if-version": version_of("1")}), outside, seconds=60)) == []
    (found,) = changes(inputs(repository, **{"if-version": version_of("0")}), outside, seconds=60)
    assert shown(found) == "1"


def test_it_ends_when_the_time_is_over(repository: Path, outside: Surroundings) -> None:
    for seconds in (0, 7, 1_000):
        begun = outside.elapsed()
        assert list(changes(inputs(repository), outside, seconds=seconds)) == []
        assert outside.elapsed() - begun == seconds


def test_a_server_that_is_gone_for_a_while_is_asked_again(
    keyval: Command, repository: Path, outside: Surroundings, warnings: list[str]
) -> None:
    """With pauses that become longer, and what happened meanwhile is told."""
    pauses: list[float] = []
    with GitHttpServer(repository.parent) as server:

        def sleep(seconds: float) -> None:
            outside.sleep(seconds)
            pauses.append(seconds)
            if len(pauses) == 3:
                server.fail(1, Status(503), forever=True)
            if seconds == 120:
                keyval("set", "k", "1")
                server.heal()

        given = Inputs({"repository": f"{server.url}/{repository.name}", "key": "k"})
        assert shown(next(changes(given, replace(outside, sleep=sleep), seconds=9_000))) == "1"
    assert [pause for pause in pauses if pause in {15, 30, 60, 120, 240}] == [15, 30, 60, 120]
    assert len(warnings) == 4
    assert all("503" in warning and warning.endswith("It is asked again.") for warning in warnings)


def test_what_is_final_ends_it(outside: Surroundings, tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError):
        next(changes(inputs(tmp_path / "nowhere"), outside))


LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t(\w+)\t(.*)\n")


def test_a_line_has_the_time_the_type_and_the_value(program: Command, repository: Path) -> None:
    """It is there as soon as the change is seen, and no value can pretend to be another line."""
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    watch = [str(PROGRAM), "watch", "k", "--count", "2", "--interval", "1s"]
    with subprocess.Popen(watch, env=environ, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        time.sleep(1)
        program("set", "k", "two\nlines")
        first = LINE.fullmatch(running.stdout.readline())
        program("hset", "k2", "a", "1")
        program("del", "k")
        second = LINE.fullmatch(running.stdout.readline())
        assert first
        assert second
        assert first.groups() == ("string", "two\\nlines")
        assert second.groups() == ("absent", "")
    assert running.returncode == 0


def test_ctrl_c_ends_it(repository: Path) -> None:
    environ = isolated_environ({"GIT_KEYVAL_REPOSITORY": str(repository)})
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen([PROGRAM, "watch", "k"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            time.sleep(2)
            running.send_signal(signal.SIGINT)
            _, message = running.communicate(timeout=30)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (running.returncode, message) == (130, b"Interrupted; nothing was written.\n")


def test_the_exit_code_says_whether_there_were_enough(keyval: Command) -> None:
    keyval("set", "k", "1")
    other = ["--if-version", version_of("0")]
    assert keyval("watch", "k", "--timeout", "0s").code == 0
    assert keyval("watch", "k", "--timeout", "0s", "--count", "1").code == 0
    assert keyval("watch", "k", "--timeout", "0s", "--count", "1", "--exit-code").code == 4
    assert keyval("watch", "k", "--timeout", "0s", "--count", "1", "--exit-code", *other).code == 0


def test_json_is_an_object_for_each_change(keyval: Command) -> None:
    keyval("set", "k", "1", "--type", "number")
    found = keyval("watch", "k", "--timeout", "0s", "--if-version", version_of("1"), "--json").json
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.pop("time"))
    assert (found["command"], found["value"], found["json"], found["type"]) == ("watch", "1", 1, "number")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "KEY is missing."),
        (["k", "--interval", "0s"], "--interval was given '0s', which is not accepted."),
        (["k", "--count", "0"], "--count was given '0', which is not accepted."),
        (["k", "--timeout", "5"], "--timeout was given '5', which is not accepted."),
        (["k", "--until", "present"], "watch does not take --until."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_is_told(keyval: Command, arguments: list[str], message: str) -> None:
    said = keyval("watch", *arguments)
    assert (said.code, said.stdout) == (2, b"")
    assert message in said.stderr


def test_it_explains_itself(keyval: Command) -> None:
    text = keyval("watch", "--help").text
    assert text.startswith("Usage: git-keyval watch [OPTIONS] KEY [FIELD]")
    assert all(f"--{name} " in text for name in ("count", "timeout", "interval", "if-version", "shard-length"))
