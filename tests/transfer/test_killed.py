"""An import whose process is killed (SIGKILL) where it starts a git process, before its work or after it, and is run again."""

import itertools
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash.deadly import Deadly
from tests.exhaustive import exhaustive
from tests.servers.binary import init_bare, isolated_environ
from tests.transfer.moving import text_of

PROGRAM = Path(sys.executable).parent / "git-keyval"
DIGITS = "0123456789abcdef"
DEATHS = {"before": "kill -9 $PPID; exit 1", "after": '"$git" "$@"; kill -9 $PPID', "within": '"$git" "$@" & kill -9 $PPID; wait'}
"""What a shell does in the place of git, whose parent is the import."""


def lines() -> list[dict[str, object]]:
    """Return lines of three categories, with lifetimes, some for each of sixteen repositories."""
    later = "2126-01-31T12:00:00Z"
    found: list[dict[str, object]] = []
    for digit in DIGITS:
        of = f"{digit}{0:038x}"
        counter = {"op": "operation", "recent": [["operation", "1"]], "seq": 1, "value": "1"}
        field = {"field": "a", "value": "1", "expiresAt": later}
        found += [
            {"category": "data", "id": f"{of}0", "type": "String", "value": digit, "expiresAt": later},
            {"category": "counter", "id": f"{of}1", **counter},
            {"category": "map", "id": f"{of}2", "type": "Number", "elements": [field]},
        ]
    return found


@pytest.mark.parametrize(
    ("death", "step"), [("within", 23), exhaustive("within", 5), exhaustive("before", 7), exhaustive("after", 7)]
)
def test_a_killed_import_that_is_run_again_ends_as_one_run_does(tmp_path: Path, death: str, step: int) -> None:
    exported = tmp_path / "export.jsonl"
    exported.write_text(text_of(*lines()))
    deadly = Deadly(tmp_path / "bin", DEATHS[death])
    partly = 0
    for number in itertools.count(10, step):
        shards = tmp_path / str(number) / "org"
        shards.mkdir(parents=True)
        for digit in DIGITS:
            init_bare(shards / f"kv-{digit}.git")
        database = ("-r", f"{shards}/kv-{{shard}}.git", "--repository-shard-length", "1")
        deadly.dies(number)
        arguments = (PROGRAM, *database, "import", str(exported))
        environ = isolated_environ(deadly.environ)
        code = subprocess.run(arguments, env=environ, capture_output=True, check=False, timeout=60).returncode
        written = sum((shards / f"kv-{digit}.git" / "refs" / "tags" / "kv").exists() for digit in DIGITS)
        partly += 0 < written < len(DIGITS)
        assert subprocess.run([PROGRAM, *database, "import", str(exported)], env=isolated_environ(), check=False).returncode == 0
        again = subprocess.run([PROGRAM, *database, "export"], env=isolated_environ(), capture_output=True, check=True)
        assert len(again.stdout.splitlines()) == len(lines()) + 2
        checked = subprocess.run([PROGRAM, *database, "check"], env=isolated_environ(), capture_output=True, check=False)
        assert checked.returncode == 0, checked.stdout
        shutil.rmtree(shards)
        if code != -signal.SIGKILL:
            assert code == 0
            break
    assert partly >= 2
