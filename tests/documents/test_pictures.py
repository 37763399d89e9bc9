"""The pictures of the documents show what the program does today: ``make pictures`` makes them."""

import json
from pathlib import Path

from tools.pictures.__main__ import PICTURES, SOURCES, digests
from tools.pictures.browser import sources
from tools.pictures.terminal import terminal_svg


def test_the_terminal_shows_what_its_commands_answer(tmp_path: Path) -> None:
    assert (PICTURES / "terminal.svg").read_text(encoding="utf-8") == terminal_svg(tmp_path)


def test_the_page_and_the_summary_are_as_they_were_drawn() -> None:
    drawn = digests(sources())
    assert json.loads(SOURCES.read_text(encoding="utf-8")) == drawn
    assert {path.name for path in PICTURES.glob("*.png")} == set(drawn)


def test_a_picture_loads_nothing() -> None:
    for path in PICTURES.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "url(http" not in text
        assert "@import" not in text
