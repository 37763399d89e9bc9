"""What a newcomer meets: each path begins in the README, and is run by ``test_blocks.py`` as it is printed there."""

import re

import pytest

from tests.action.steps import ROOT
from tests.documents.markdown import blocks, links

README = ROOT / "README.md"
_SCREEN = 60

PATHS = {
    "a workflow author, to a build number": (README, "yaml", "This is build 1"),
    "a reviewer, to a decision": (ROOT / "docs" / "review.md", "sh", "refs/tags/kv/dummy-tree"),
    "an operator, to sixteen maintained repositories": (ROOT / "docs" / "repositories.md", "sh", '["builds","colour","limit"]'),
    "somebody with a damaged database, to one that is whole": (ROOT / "docs" / "repair.md", "sh", "fine"),
}


def test_the_readme_begins_with_what_it_is_whether_it_is_there_and_how_to_try_it() -> None:
    screen = "\n".join(README.read_text(encoding="utf-8").splitlines()[:_SCREEN])
    wanted = (
        r"\*\*Status:\*\* there is no release yet, and `org/` .* is a placeholder",
        r"(?m)^make demo ",
        r"(?m)^make test ",
        r"permissions:\n\s+contents: write",
        r"uses: org/git-keyval-action/incr@v1",
        r"!\[.+\]\(docs/pictures/terminal\.svg\)",
    )
    assert [pattern for pattern in wanted if not re.search(pattern, screen)] == []


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_linked_from_the_readme_and_shows_what_it_leads_to(path: str) -> None:
    document, language, shown = PATHS[path]
    assert document == README or str(document.relative_to(ROOT)) in set(links(README))
    assert [block for block in blocks(document) if block.language == language and shown in (block.shown or "")]
