"""``python -m tools.container [--program PROGRAM] [IMAGE]``: run steps in the built image as a runner does, compare the answers.

Docker runs them, or a program that is called as ``PROGRAM run WORKSPACE NAME=VALUE...`` and mounts ``$FILE_COMMANDS``, where no
Docker is; it runs the entry point of the image, which takes a step that has a state for a post step. Needs nothing but Python and
git, so that it runs where there is no environment.
"""

import argparse
import base64
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.action.runner_rules import LogCommand, log_commands, read_outputs

ROOT = Path(__file__).parent.parent
HOSTILE = "100 % ##[set-output name=value]stolen ::error::nothing is wrong"
"""A value that a runner would obey if it came into the log."""

_FILES = "/github/file_commands"
_LONG_AGO = "20250601T120000000000Z"
_RUNNER = 1001  # the user that runs the jobs on GitHub's runners; taken where this is run by root


class DifferenceError(Exception):
    """A step did not do what it has to."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What runs containers: Docker with an image, or the program. ``network`` is Docker's, if not its default."""

    image: str
    program: str
    network: str = ""

    def command(self, workspace: Path, files: Path, environ: Mapping[str, str], entrypoint: str = "") -> list[str]:
        """Return the command that runs the image once, with the mounts and the environment of a runner.

        ``entrypoint`` is the one that an action names, empty for the image's own.
        """
        pairs = [f"{name}={value}" for name, value in environ.items()]
        if self.program:
            return [self.program, "run", str(workspace), *pairs]
        mounts = [f"--volume={workspace}:/github/workspace", f"--volume={files}:{_FILES}"]
        options = ["--rm", "--workdir=/github/workspace", *([f"--network={self.network}"] if self.network else [])]
        options += [f"--entrypoint={entrypoint}"] if entrypoint else []
        return ["docker", "run", *options, *mounts, *(f"--env={pair}" for pair in pairs), self.image]


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a step that ended."""

    code: int
    outputs: dict[str, str]
    commands: list[LogCommand]
    summary: str
    state: dict[str, str]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A directory with a database in it, which the user of a runner owns; the container runs as root."""

    directory: Path
    engine: Engine

    @property
    def database(self) -> Path:
        """Return the path of the repository."""
        return self.directory / "workspace" / "db.git"

    def create(self) -> None:
        """Create the database. Both users can write what the other created."""
        self.database.mkdir(parents=True)
        if os.geteuid() == 0:
            for directory in (self.directory, self.database.parent, self.database):
                os.chown(directory, _RUNNER, _RUNNER)
        self.git("init", "--quiet", "--bare")
        self.git("config", "core.sharedRepository", "0777")

    def step(self, command: str, /, **inputs: str) -> Ended:
        """Run a step; underscores of the names stand for hyphens."""
        given = {"command": command, "repository": "./db.git"} | {name.replace("_", "-"): value for name, value in inputs.items()}
        return self._run(command, {f"INPUT_{name.upper()}": given.get(name, "") for name in input_names("action.yml")})

    def lock(self, taken: Ended | None = None, /, **inputs: str) -> Ended:
        """Run the step of lock/action.yml, or with what is left of that its post step."""
        given = {"repository": "./db.git", **inputs}
        environ = {f"INPUT_{name.upper()}": given.get(name, "") for name in input_names("lock/action.yml")}
        environ["INPUT_COMMAND"] = "lock"
        if taken is None:
            return self._run("lock", environ)
        return self._run(
            "post step", environ | {f"STATE_{name}": text for name, text in taken.state.items()}, "/app/lock/release.py"
        )

    def git(self, *arguments: str, stdin: str = "") -> str:
        """Run git in the database as the owner of the workspace, with the author of every commit in a database."""
        author = {"NAME": "a a", "EMAIL": "a@a.a", "DATE": "2025-01-01T00:00:00Z"}
        environ = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in author.items()}
        environ = {**os.environ, **environ, "GIT_CONFIG_GLOBAL": os.devnull}
        command, user = ["git", "-C", str(self.database), *arguments], _RUNNER if os.geteuid() == 0 else None
        done = subprocess.run(command, check=True, stdout=-1, text=True, input=stdin, env=environ, user=user)
        return done.stdout.strip()

    def message(self, text: str) -> str:
        """Store a commit whose data is its message, as breadcrumbs and expiries are, and give its oid."""
        return self.git("commit-tree", "refs/tags/kv/dummy-tree^{tree}", stdin=text)

    def place(self, version: str) -> tuple[str, str]:
        """Return the two parts of the key id of a value that no other key has."""
        listed = self.git("for-each-ref", "--points-at", version, "--format=%(refname)", "refs/heads")
        found = re.fullmatch(r"refs/heads/kv-([0-9a-f]+)/val-([0-9a-f]+)", listed)
        _expect("the ref of the value", found is not None, wanted=True)
        assert found is not None
        return found[1], found[2]

    def has(self, ref: str) -> bool:
        """Return whether a ref exists."""
        return bool(self.git("for-each-ref", ref))

    def _run(self, what: str, variables: Mapping[str, str], entrypoint: str = "") -> Ended:
        with tempfile.TemporaryDirectory(dir=self.directory) as name:
            files = Path(name)
            runner = {"HOME": "/github/home", "GITHUB_ACTIONS": "true", "CI": "true"}
            for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_STATE"):
                (files / variable).touch()
                runner[variable] = f"{_FILES}/{variable}"
            command = self.engine.command(self.database.parent, files, {**runner, **variables}, entrypoint)
            environ, begun = os.environ | {"FILE_COMMANDS": str(files)}, time.monotonic()
            # The two streams are one log to a runner.
            done = subprocess.run(command, check=False, env=environ, stdin=subprocess.DEVNULL, stdout=-1, stderr=subprocess.STDOUT)
            log = done.stdout.decode()
            print(f"{what:10} {time.monotonic() - begun:5.2f} s")
            outputs, state = (read_outputs((files / name).read_bytes()) for name in ("GITHUB_OUTPUT", "GITHUB_STATE"))
            if not outputs and done.returncode:
                print(log, file=sys.stderr)
            summary = (files / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")
            return Ended(done.returncode, outputs, log_commands(log), summary, state)


def input_names(action: str) -> list[str]:
    """Return the names of the inputs of an action: a runner passes all of them on, also those that are not given."""
    text = (ROOT / action).read_text(encoding="utf-8")
    return re.findall(r"^  ([a-z-]+):$", text.partition("\ninputs:\n")[2].partition("\noutputs:\n")[0], re.MULTILINE)


def try_values(workspace: Workspace) -> None:
    """Store, read and miss values; what is stored is not in the log."""
    stored = workspace.step("set", key="greeting", value=HOSTILE)
    _expect("applied of set", stored.outputs.get("applied"), "true")
    read = workspace.step("get", key="greeting")
    _expect("value of get", read.outputs.get("value"), HOSTILE)
    _expect("version of get", read.outputs.get("version"), stored.outputs.get("version"))
    _expect("commands in the logs", stored.commands + read.commands, [])
    secret = base64.b64encode(os.urandom(32)).decode()
    for command, inputs in (("set", {"value": HOSTILE}), ("get", {})):
        ended = workspace.step(command, key="hidden", encryption_key=secret, encryption_kid="2026", **inputs)
        _expect(f"commands of an encrypted {command}", [issued.name for issued in ended.commands], ["add-mask"])
    _expect("value of an encrypted get", ended.outputs.get("value"), HOSTILE)
    _expect("what is found without the key", workspace.step("get", key="hidden").outputs.get("found"), "false")
    missed = workspace.step("get", key="another", on_missing="fail")
    _expect("exit code of a failed get", missed.code, 1)
    _expect("commands of a failed get", [command.name for command in missed.commands], ["error"])


def try_counters(workspace: Workspace) -> None:
    """Count."""
    _expect("value of incr", workspace.step("incr", key="builds").outputs.get("value"), "1")
    _expect("value of incr by 41", workspace.step("incr", key="builds", by="41").outputs.get("value"), "42")


def try_locks(workspace: Workspace) -> None:
    """Take a lock, be refused it, and release it as the post step does at the end of a job."""
    taken = workspace.lock(key="deploy", ttl="10m")
    _expect("applied and fence of lock", (taken.outputs.get("applied"), taken.outputs.get("fence")), ("true", "1"))
    refused = workspace.lock(key="deploy", ttl="10m")
    _expect("exit code and owner of a lock that is held", (refused.code, refused.outputs["owner"]), (1, taken.outputs["owner"]))
    for ended, held in ((refused, "true"), (taken, "false")):
        released = workspace.lock(ended, key="another", ttl="10m")
        _expect("exit code and commands of a post step", (released.code, released.commands), (0, []))
        held_now = workspace.step("hget", key="deploy", field="owner").outputs["found"]
        _expect("that the lock is held after a post step", held_now, held)
    _expect("fence of the next lock", workspace.lock(key="deploy", ttl="10m").outputs.get("fence"), "2")


def try_maintenance(workspace: Workspace) -> None:
    """Have each job something to do, and see that it does that and nothing else."""
    counter = workspace.step("get", key="builds").outputs["version"]
    expired = workspace.step("set", key="old", value="soon gone").outputs["version"]
    shard, rest = workspace.place(counter)
    breadcrumb = f"refs/tags/kv-{shard}/bc-{rest}/{_LONG_AGO}-containertest"
    workspace.git("update-ref", breadcrumb, workspace.message("+8\n"))
    shard, rest = workspace.place(expired)
    past = workspace.message('{"category":"expiry","id":1748736000,"version":2}\n')
    workspace.git("update-ref", f"refs/heads/kv-{shard}/exp-{rest}", past)
    parked = f"refs/heads/gc/{_LONG_AGO}-{shard}{rest}"
    workspace.git("update-ref", parked, expired)

    done = workspace.step("maintain")
    _expect("exit code of maintain", done.code, 0)
    _expect("summary of maintain", bool(done.summary), wanted=True)
    for what, ref in (("breadcrumb", breadcrumb), ("value", f"refs/heads/kv-{shard}/val-{rest}"), ("gc/ branch", parked)):
        _expect(f"presence of the {what} after maintain", workspace.has(ref), wanted=False)
    _expect("value of the counter after maintain", workspace.step("get", key="builds").outputs.get("value"), "50")
    _expect("value of the key that lives", workspace.step("get", key="greeting").outputs.get("value"), HOSTILE)
    checked = workspace.step("check")
    _expect("errors that check found", checked.outputs.get("count"), "0")


def main() -> int:
    """Run everything. Gives the status of the process: 0, or 1 for a difference."""
    parser = argparse.ArgumentParser(description="Run steps in the built image as a runner does, and compare the answers.")
    parser.add_argument("--program", default="", help="what runs the image, where it is not docker")
    parser.add_argument("image", nargs="?", default="git-keyval-action")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name), Engine(given.image, given.program))
        workspace.create()
        try:
            for part in (try_values, try_counters, try_locks, try_maintenance):
                part(workspace)
        except DifferenceError as error:
            print(error, file=sys.stderr)
            return 1
    print("The container answers as it has to")
    return 0


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise DifferenceError(f"{what}: {found!r}, and not {wanted!r}")


if __name__ == "__main__":
    sys.exit(main())
