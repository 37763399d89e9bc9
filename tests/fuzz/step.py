"""One step, drawn by its seed, and what must be true of it, whatever was drawn."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

from git_keyval.action.runner import LOCK_STATE
from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import SECOND
from git_keyval.interface.commands import COMMANDS
from tests.action.steps import WORKFLOW_TOKEN, Ended, Workflow
from tests.conftest import FakeClock
from tests.emulator import GitHubEmulator
from tests.fuzz.inputs import ENCRYPTION_KEYS, anything, draw_addresses, draw_inputs
from tests.fuzz.records import HOSTILE, SECRET
from tests.fuzz.stores import TOTAL, Repository, draw_repository, foreign, key_id, refs_of, total, witness
from tests.replacing import replace

LIMIT_SECONDS = 300
"""How long a step may take. Most take a tenth of a second, and waiting none; git looks for what is missing once for each ref."""

_SERVER = "http://127.0.0.1:1"
_NOWHERE = {"GITHUB_SERVER_URL": _SERVER, "GITHUB_API_URL": _SERVER, "GIT_KEYVAL_CDN_URL": f"{_SERVER}/gh"}
"""Whatever is not at a path is where nobody answers."""


class HangingError(BaseException):
    """The step does not end. No handler of ours takes it for an error of what it does."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was drawn. ``state`` is that of a post step, None for a step of its own."""

    command: str
    inputs: dict[str, str]
    repository: Repository
    state: str | None = None

    def __repr__(self) -> str:
        """Describe it, as short as it can be run by hand."""
        inputs = {name: text if len(text) < 90 else f"{text[:80]}… ({len(text)})" for name, text in self.inputs.items()}
        return f"{self.command} {inputs} state={self.state!r} files={sorted(self.repository.files)} packed={self.repository.packed}"


def run_seed(seed: int, folder: Path, emulator: GitHubEmulator) -> None:
    """Draw a step and run it in an empty folder, and expect of it what holds for all."""
    r = Random(seed)
    step, on_disk = _draw(r, folder)
    try:
        if on_disk:
            _expect_harmless(step, *_at_path(folder), r)
        else:
            step.inputs.setdefault("transport", r.choice(("api", "git", "auto")))
            _expect_harmless(step, *_on_github(emulator, f"s{seed}", folder), r)
    except BaseException as exc:
        exc.add_note(f"{step}\nAgain: make fuzz FUZZ_SEED={seed} FUZZ_STEPS=1")
        raise


def _at_path(folder: Path) -> tuple[Workflow, Path]:
    repository = folder / "octo" / "db.git"
    return Workflow(folder / "steps", str(repository), {}, {**_told(folder), **_NOWHERE}), repository


def _on_github(emulator: GitHubEmulator, name: str, folder: Path) -> tuple[Workflow, Path]:
    emulator.create("octo", name)
    environ = {**emulator.environ, **_told(folder)}
    return Workflow(folder / "steps", f"octo/{name}", {}, environ), emulator.repositories.root / "octo" / f"{name}.git"


def _expect_harmless(step: Step, workflow: Workflow, repository: Path, r: Random) -> None:
    """Run the step, and expect that it ends well, and that what it does not name is as it was."""
    step.repository.write(repository)
    if r.random() < 0.3:
        draw_repository(r).write(workflow.directory.parent / "octo" / "other.git")  # where redirects lead to
    before = refs_of(repository)
    with _limited(LIMIT_SECONDS):
        ended = _run(step, workflow, r)
    _judge(step, ended)
    after = refs_of(repository)
    touched = foreign(before).items() ^ foreign(after).items()
    assert not touched, f"foreign refs were touched: {touched}"
    assert witness(after) == witness(before), "a healthy key that no step names was touched"
    assert total(repository, after) == TOTAL, "a healthy counter that no step names has another value"
    shutil.rmtree(repository)


def _draw(r: Random, folder: Path) -> tuple[Step, bool]:
    files = folder / "files"
    _write_files(r, files)
    on_disk = r.random() < 0.9
    if r.random() < 0.03:
        return Step("post", {}, draw_repository(r, "locks", on_disk=on_disk), _state(r)), on_disk
    command = COMMANDS[r.choice(sorted(COMMANDS))]
    repository = draw_repository(r, command.family, on_disk=on_disk)
    inputs = draw_inputs(r, command, repository, files)
    if r.random() < 0.04:
        inputs["repository"] = draw_addresses(r)
    return Step(command.name if r.random() < 0.99 else anything(r), inputs, repository), on_disk


def _state(r: Random) -> str:
    unlock = {"key": r.choice(("alpha", "beta")), "owner": r.choice(("me", SECRET))}
    left = {"unlock": unlock, "key": r.choice((key_id(unlock["key"]), "0" * 40))}
    held = {**left, "fence": 1, "until": r.choice((1, 9**12))}
    states: tuple[object, ...] = (left, held, held, {}, {"in-doubt": True}, {"unlock": {}}, {"unlock": []}, [], 7)
    return json.dumps(r.choice(states)) if r.random() < 0.8 else anything(r)


def _write_files(r: Random, files: Path) -> None:
    (files / "folder").mkdir(parents=True)
    (files / "small").write_bytes(r.choice((SECRET.encode(), b"12", r.randbytes(50))))
    (files / "empty").touch()
    (files / "large").write_bytes(b"x" * 600_000)
    (files / "link").symlink_to("/proc/self/environ")
    (files / "to-full").symlink_to("/dev/full")
    os.mkfifo(files / "pipe")
    config = {"repositories": [{"repository": r.choice(("./octo/db.git", "octo/db", anything(r)))}], "retention": "0s"}
    (files / "config.yml").write_text(r.choice((json.dumps(config), "- x", "a: &a [*a]", r.choice(HOSTILE), "")), encoding="utf-8")


def _told(folder: Path) -> dict[str, str]:
    return {"GITHUB_WORKSPACE": str(folder), "RUNNER_TEMP": str(folder / "files")}


def _run(step: Step, workflow: Workflow, r: Random) -> Ended:
    workflow.clock = clock = FakeClock()
    begun = clock.moment
    numbers = iter(range(1, 10**6))

    def change(outside: Surroundings) -> Surroundings:
        return replace(
            outside,
            sleep=clock.advance,
            elapsed=lambda: (clock.moment - begun) / SECOND,
            random=r.random,
            new_op=lambda: f"fuzzedop{next(numbers):06}",
            new_nonce=lambda: next(numbers).to_bytes(12, "big"),
        )

    if step.state is not None:
        return workflow.release(Ended(0, "", {}, "", {LOCK_STATE: step.state}), step.inputs, change)
    return workflow.run_given(step.command, step.inputs, change)


@contextmanager
def _limited(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise HangingError(f"not over after {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def _judge(step: Step, ended: Ended) -> None:
    """Expect that a step did what was asked, or says in one line why not, and shows nothing that it should not."""
    names, said = [told.name for told in ended.commands], ended.log[-600:]
    assert ended.code in {0, 1}, said
    assert names.count("error") == ended.code, said
    assert set(names) <= {"error", "warning", "notice", "add-mask"}, said
    assert "Internal error" not in ended.log, said
    assert "Traceback" not in ended.shown, said
    assert ended.log == "" or ended.log.endswith("\n"), said
    command = COMMANDS.get(step.command)
    assert ended.outputs.keys() <= set(command.outputs if command else ()), ended.outputs.keys()
    seen = "".join(line for line in ended.log.splitlines(keepends=True) if not line.startswith("::add-mask::")) + ended.summary
    assert SECRET not in seen, said
    for hidden in (WORKFLOW_TOKEN, *ENCRYPTION_KEYS.values()):
        assert hidden not in seen + repr(ended.outputs) + repr(ended.state), "a secret is told"
