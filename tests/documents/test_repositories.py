"""The guide of docs/repositories.md where somebody writes while a database moves."""

import os
import subprocess
from pathlib import Path

from tests.action.steps import ROOT, refs, value_ref
from tests.documents.markdown import blocks
from tests.documents.test_blocks import PROGRAM
from tests.servers.binary import isolated_environ

ENVIRON = isolated_environ({"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"})


def run(script: str, directory: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["sh", "-eu", "-c", script], cwd=directory, env=ENVIRON, capture_output=True, check=False, timeout=60)


def test_a_write_while_a_shard_moves_is_not_lost(tmp_path: Path) -> None:
    """Its push is refused, nothing of it has moved, and running it again moves what was written."""
    scripts = [block.body for block in blocks(ROOT / "docs" / "repositories.md") if block.language == "sh"]
    moving = next(number for number, script in enumerate(scripts) if "move.sh" in script)
    for script in scripts[:moving]:
        assert run(script, tmp_path).returncode == 0
    shard = value_ref("builds")[len("refs/heads/kv-")]
    hook = tmp_path / "org" / f"kv-{shard}.git" / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    # When the copy has arrived, and before anything is redirected, somebody counts.
    hook.write_text(f"#!/bin/sh\nrm $0\nunset GIT_DIR\ncd {tmp_path}\ngit-keyval -r ./org/kv.git incr builds\n")
    hook.chmod(0o755)
    before = refs(tmp_path / "org" / "kv.git")
    refused = run(scripts[moving], tmp_path)
    assert refused.returncode != 0
    assert b"stale info" in refused.stderr
    after = refs(tmp_path / "org" / "kv.git")
    assert [name for name in before if name.startswith(f"refs/heads/kv-{shard}") and before[name] != after[name]] == [
        value_ref("builds")
    ]
    for script in scripts[moving:]:
        done = run(script, tmp_path)
        assert done.returncode == 0, done.stderr
    assert run("git-keyval -r ./org/kv.git get builds", tmp_path).stdout == b"2"
    assert run(scripts[moving], tmp_path).returncode == 0
    assert run("git-keyval -r ./org/kv.git get builds", tmp_path).stdout == b"2"
