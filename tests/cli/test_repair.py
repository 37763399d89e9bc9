"""What check advises is done as it is printed, and then check finds nothing any more."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from git_keyval.format.elements import encode_collection
from git_keyval.format.metadata import DUMMY_OBJECTS, message_only
from git_keyval.format.names import Naming
from git_keyval.format.objects import GitObject, blob
from git_keyval.format.records import encode_data
from git_keyval.format.values import parse_value
from tests.action.steps import expiry_ref, refs, value_ref
from tests.cli.conftest import PROGRAM, Command
from tests.elements import made
from tests.replacing import replace
from tests.servers.binary import git_output, isolated_environ, run_git
from tests.servers.http import GitHttpServer


def foreign(repository: Path) -> str:
    return git_output("commit-tree", "-m", "somebody's", git_output("mktree", directory=repository), directory=repository)


def lost(repository: Path) -> str:
    oid = foreign(repository)
    (repository / "objects" / oid[:2] / oid[2:]).unlink()
    return oid


def put(repository: Path, ref: str, oid: str) -> None:
    """Point a ref at an object, or at none, behind git's back."""
    path = repository / ref
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{oid}\n")


def run_printed(text: str, directory: Path) -> int:
    """Run the commands that a report prints, in a shell; give how many there were."""
    commands = dict.fromkeys(re.findall(r".*: ((?:git -C|git push|git-keyval -r|rm) .*)$", text, re.MULTILINE))
    environ = {**isolated_environ(), "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=directory, env=environ, check=True, capture_output=True, timeout=60)
    return len(commands)


def commit_of(repository: Path, message: str) -> str:
    """Return a commit as the format writes it, whatever it says."""
    return stored(repository, *DUMMY_OBJECTS, message_only(message.encode() + b"\n"))


def later(repository: Path) -> str:
    return commit_of(repository, '{"category":"data","version":3}')


def crumb_ref(key: str) -> str:
    return value_ref(key).replace("heads", "tags").replace("val-", "bc-") + f"/20260101T000000000000Z-{'a' * 20}"


def odd_map(repository: Path) -> str:
    """Return a map of numbers with a field that is none, as a client with a defect would write it."""
    shape = replace(made({}), type="Number", elements={"1": blob(b"01").oid})
    return stored(repository, blob(b"01"), *encode_collection(shape).objects)


def key_of_b(repository: Path) -> str:
    return stored(repository, *encode_data(parse_value("String", "b")).objects)


def stored(repository: Path, *objects: GitObject) -> str:
    """Store objects, and return the oid of the last."""
    for each in objects:
        git_output("hash-object", "-t", each.kind, "-w", "--stdin", "--literally", directory=repository, stdin=each.data)
    return objects[-1].oid


class Damage(NamedTuple):
    """A ref, what it is made to point at, and which step is advised by its first word."""

    ref: str
    made: Callable[[Path], str]
    advised: str = "git-keyval"


THREE = Naming(3).value(encode_data(parse_value("String", "a")).key_id)
DAMAGED: dict[str, Damage] = {
    "a value that is none": Damage(value_ref("a"), foreign),
    "a value that is lost": Damage(value_ref("a"), lost),
    "a value of a later version": Damage(value_ref("a"), later),
    "a malformed element": Damage(value_ref("a"), odd_map),
    "an expiry that is none": Damage(expiry_ref("a"), foreign),
    "an expiry that is lost": Damage(expiry_ref("a"), lost),
    "an expiry of a later version": Damage(expiry_ref("a"), later),
    "a stored key that is none": Damage(value_ref("a").replace("val-", "key-"), foreign),
    "a stored key without a value": Damage(value_ref("b").replace("val-", "key-"), key_of_b),
    "a key in another shard length": Damage(THREE, lambda path: refs(path)[value_ref("a")]),
    "a breadcrumb that is none": Damage(crumb_ref("a"), foreign),
    "a breadcrumb of a later version": Damage(crumb_ref("a"), later, "git"),
    "a name that no breadcrumb has": Damage(value_ref("a").replace("heads", "tags").replace("val-", "bc-") + "/x", foreign, "git"),
    "a branch in the way": Damage("refs/heads/kv-00", foreign, "git"),
    "a parked value that is lost": Damage(f"refs/heads/gc/20260101T000000000000Z-{'a' * 40}", lost),
    "a published entry that is none": Damage(f"refs/tags/expiry-{'a' * 40}", foreign),
    "an anchor that is none": Damage("refs/tags/kv/dummy-tree", foreign),
    "an anchor of a later version": Damage(
        "refs/tags/kv/dummy-tree", lambda path: commit_of(path, '{"category":"anchor","version":3}'), "git"
    ),
    "a ref that git cannot read": Damage("refs/heads/main", lambda _: "", "rm"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_check_advises_is_done_as_printed(keyval: Command, repository: Path, tmp_path: Path, name: str) -> None:
    """Nobody needs the name of a key for it."""
    damage = DAMAGED[name]
    keyval("init")
    keyval("set", "sound", "1")
    keyval("set", "a", "1")
    put(repository, damage.ref, damage.made(repository))
    found = keyval("check")
    assert damage.ref in found.text
    assert f": {damage.advised} " in found.text
    assert run_printed(found.text, tmp_path) == 1
    again = keyval("check")
    if name == "an anchor of a later version":  # without it, a database needs the next step, too
        assert run_printed(again.text, tmp_path) == 1
        again = keyval("check")
    assert (again.code, "No problems found" in again.text) == (0, True), again.text
    assert keyval("get", "sound").text.strip() == "1"


def test_a_repair_says_what_is_left_and_ls_does_not_know_when_a_key_ends_whose_expiry_is_damaged(
    keyval: Command, repository: Path
) -> None:
    keyval("init")
    keyval("set", "a", "1", "--ttl", "1d")
    put(repository, expiry_ref("a"), foreign(repository))
    assert keyval("ls", "--long").text.split("\t")[4] == "unknown"
    assert keyval("check", "--repair").text.startswith("check: fine. No problems are left.\n1 repair made.\n")


def test_a_lock_that_was_left_behind_is_removed(keyval: Command, repository: Path, tmp_path: Path) -> None:
    """One that is younger than an hour may be held by somebody, and what else git locks is not ours to touch."""
    keyval("set", "sound", "1")
    locks = [value_ref("sound") + ".lock", "packed-refs.lock", "HEAD.lock", "refs/heads/feature/x.lock"]
    others = ["config.lock", "index.lock", "shallow.lock", "refs/tags/young.lock"]
    for name in (*locks, *others):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
        age = 3_590 if "young" in name else 3_700
        os.utime(repository / name, (time.time() - age, time.time() - age))
    found = keyval("check")
    assert found.code == 1
    assert {line.split()[1].rstrip(":") for line in found.text.splitlines() if line.startswith("error")} == set(locks)
    dry = keyval("check", "--repair", "--dry-run")
    assert "4 repairs planned" in dry.text
    assert all((repository / name).exists() for name in (*locks, *others))
    assert run_printed(found.text, tmp_path) == 1
    assert [name for name in (*locks, *others) if (repository / name).exists()] == others
    assert keyval("check").code == 0
    assert keyval("set", "sound", "2").code == 0


def test_a_database_behind_an_address_is_repaired_from_anywhere(keyval: Command, repository: Path, tmp_path: Path) -> None:
    keyval("set", "sound", "1")
    put(repository, value_ref("a"), foreign(repository))
    put(repository, "refs/heads/kv-00", foreign(repository))
    run_git("init", "--quiet", tmp_path / "clone")
    with GitHttpServer(tmp_path, config={"http.receivepack": "true"}) as server:
        url = f"{server.url}/{repository.name}"
        found = keyval("-r", url, "check")
        assert f"git push {url} --delete refs/heads/kv-00" in found.text
        assert f"git-keyval -r {url} check --repair" in found.text
        assert run_printed(found.text, tmp_path / "clone") == 2
        assert keyval("-r", url, "check").code == 0


def test_the_report_has_the_same_commands_and_what_was_repaired(keyval: Command, repository: Path) -> None:
    keyval("set", "sound", "1")
    put(repository, value_ref("a"), foreign(repository))
    report = keyval("check", "--json").json["report"]
    (problem,) = report["problems"]
    assert problem["nextStep"].endswith(f": git-keyval -r {repository} check --repair")
    assert (report["repair"], report["dryRun"], report["errors"]) == (None, False, 1)
    planned = keyval("check", "--repair", "--dry-run", "--json").json["report"]
    done = keyval("check", "--repair", "--json").json["report"]
    assert (planned["dryRun"], planned["errors"], done["dryRun"], done["errors"], done["problems"]) == (True, 1, False, 0, [])
    assert planned["repair"]["changed"] == done["repair"]["changed"]
    assert done["repair"]["changed"][0]["ref"] == value_ref("a")


def test_what_a_dry_run_would_do_is_planned_and_not_done(keyval: Command, repository: Path) -> None:
    keyval("set", "a", "1")
    keyval("getdel", "a")
    before = refs(repository)
    planned = keyval("purge", "--retention", "0s", "--dry-run").text
    assert re.search(r"^job +refs read  planned\npurge +1        1\n", planned, re.MULTILINE)
    assert "made" not in planned
    assert refs(repository) == before
    assert "made" in keyval("purge", "--retention", "0s").text
