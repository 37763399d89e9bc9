"""Run the probes, then the contract suite, on the real GitHub."""

import os
import subprocess
import sys
from collections.abc import Mapping

from tools.live import reads, updates
from tools.live.target import REPOSITORY, TOKEN, Target
from tools.live.wire import Wire

_SUITE = ["-m", "pytest", "tests/contract", "-p", "tools.live.place", "-n", "0", "-q", "-m", ""]


def main(environ: Mapping[str, str], arguments: list[str]) -> int:
    """Ask and tell; 1 if the suite fails, or the repository is not one to try things on. Arguments go to pytest."""
    target = Target.of(environ)
    if target is None:
        print(f"Skipped: {TOKEN} and {REPOSITORY} name no throw-away repository on GitHub.")
        return 0
    wire = Wire(target)
    if reason := unfit(wire):
        print(f"Refused: {target.repository} {reason}")
        return 1
    try:
        for probe in (*updates.PROBES, *reads.PROBES):
            print(f"\n{probe.question}\n  sent: {probe.sent}\n  came back: {probe.answer(wire)}", flush=True)
    finally:
        wire.clean()
    return subprocess.run([sys.executable, *_SUITE, *arguments], env=dict(environ), check=False).returncode  # ourselves


def unfit(wire: Wire) -> str:
    """Return why nothing may be tried on the repository; empty if it may."""
    answer = wire.rest("GET", "/git/matching-refs/")
    if not answer.is_done:
        return f"cannot be read: {answer}"
    names = [ref["ref"] for ref in answer.body]
    ours = [name for name in names if name.startswith(("refs/heads/kv", "refs/tags/kv", "refs/heads/gc/"))]
    if ours:
        return f"may hold a database ({ours[0]} exists): use a repository of its own."
    return "" if any(name.startswith("refs/heads/") for name in names) else "has no branch yet: add a README."


if __name__ == "__main__":
    sys.exit(main(os.environ, sys.argv[1:]))
