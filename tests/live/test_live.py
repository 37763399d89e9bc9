"""`make live`, with the emulated GitHub in the place of the real one, which the tests cannot reach."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.server import DEFAULT_TOKEN
from tools.live import reads, updates
from tools.live.__main__ import main
from tools.live.probes import NO_ANSWER, Probe
from tools.live.target import Target
from tools.live.wire import Wire

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubEmulator]:
    with GitHubEmulator(tmp_path_factory.mktemp("github")) as emulator:
        emulator.create("owner", "name")
        yield emulator


@pytest.fixture
def environ(github: GitHubEmulator) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "GITHUB_SERVER_URL": github.url,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_GRAPHQL_URL": github.graphql_url,
        "GIT_KEYVAL_LIVE_TOKEN": DEFAULT_TOKEN,
        "GIT_KEYVAL_LIVE_REPOSITORY": "owner/name",
        "GIT_KEYVAL_LIVE_PAUSE": "0",
    }


@pytest.fixture
def wire(environ: dict[str, str]) -> Iterator[Wire]:
    target = Target.of(environ)
    assert target is not None
    opened = Wire(target)
    yield opened
    opened.clean()
    assert refs(opened) == ["refs/heads/main"]


def refs(wire: Wire) -> list[str]:
    return [ref["ref"] for ref in wire.rest("GET", "/git/matching-refs/").body]


@pytest.mark.parametrize("probe", [*updates.PROBES, *reads.PROBES], ids=lambda probe: probe.ask.__name__)
def test_every_probe_gives_an_answer(wire: Wire, probe: Probe) -> None:
    answer = probe.answer(wire)
    assert answer
    assert NO_ANSWER not in answer


def test_a_probe_that_fails_says_so(wire: Wire) -> None:
    def ask(_wire: Wire) -> str:
        raise LookupError("nothing")

    assert Probe("", "", ask).answer(wire) == "no answer: LookupError: nothing"


@pytest.mark.parametrize(
    ("ask", "name", "expected"),
    [
        (updates.stale_before, "stale", "200; type STALE_DATA, path ['updateRefs']: Expected {} to point to"),
        (updates.named_twice, "twice", "200; type UNPROCESSABLE, path ['updateRefs']: {} is updated more than once."),
        (updates.all_or_nothing, "", "the good one was not applied (reading it: 404; Not Found)"),
    ],
)
def test_an_answer_has_the_type_and_the_message(wire: Wire, ask: Callable[[Wire], str], name: str, expected: str) -> None:
    assert ask(wire).startswith(expected.format(wire.branch(name)))


def test_without_a_repository_it_is_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main({}, []) == 0
    assert "Skipped" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["heads/kv-0a/val-x", "tags/kv/dummy-tree", "heads/gc/x"])
def test_a_repository_that_may_hold_a_database_is_refused(
    wire: Wire, environ: dict[str, str], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    oid = wire.commit("first\n")
    wire.update({"name": f"refs/{name}", "afterOid": oid})
    assert main(environ, []) == 1
    assert f"refs/{name} exists" in capsys.readouterr().out
    wire.update({"name": f"refs/{name}", "afterOid": "0" * 40})


def test_the_contract_suite_runs_there(github: GitHubEmulator, wire: Wire, environ: dict[str, str]) -> None:
    suite = ["-m", "pytest", "tests/contract", "-p", "tools.live.place", "-n", "0", "-q", "-m", "", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, *suite, "-k", "is_created or no_refs or trees_and_blobs or stay"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 skipped" in done.stdout  # the one about refs/heads/main, which the repository has
    assert refs(wire) == ["refs/heads/main"]
    assert github.count("graphql-mutation") > 0
