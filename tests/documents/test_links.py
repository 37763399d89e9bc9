"""Links are links, and nothing is left to be written."""

import re
from pathlib import Path

import pytest

from tests.action.steps import ROOT
from tests.documents.markdown import DOCUMENTS, links, without_code

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


@every_document
def test_links_to_elsewhere_are_links_and_not_code(document: Path) -> None:
    """And go by https."""
    assert re.findall(r"http://(?!127\.0\.0\.1)", without_code(document)) == []


@every_document
def test_nothing_is_left_to_be_written(document: Path) -> None:
    assert re.findall(r"TODO|FIXME|TBD|XXX|lorem ipsum", document.read_text(encoding="utf-8")) == []


def test_every_example_is_in_the_readme() -> None:
    listed = set(links(ROOT / "README.md"))
    assert [path.name for path in (ROOT / "examples").iterdir() if f"examples/{path.name}" not in listed] == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document not in reached and document.suffix == ".md":
            reached.add(document)
            waiting += [(document.parent / link.partition("#")[0]).resolve() for link in links(document) if "://" not in link]
    assert [path.name for path in DOCUMENTS if path not in reached] == []
