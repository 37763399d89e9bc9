"""What the documents consist of: code blocks, headings and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.action.steps import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block. ``shown`` is what the block of ``text`` right below it says that it prints, None without one."""

    document: Path
    line: int
    language: str
    body: str
    shown: str | None = None


def blocks(document: Path) -> list[Block]:
    """Return the code blocks of a document, in order."""
    text = document.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    return [
        Block(document, text.count("\n", 0, one.start()) + 1, one["language"], one["body"], _shown(text, one, other))
        for one, other in pairwise([*found, None])
        if one
    ]


def without_code(document: Path) -> str:
    """Return the text of a document, line by line, without its code, in which nothing is a link or a heading."""
    text = _BLOCK.sub(lambda found: "\n" * found[0].count("\n"), document.read_text(encoding="utf-8"))
    return re.sub(r"`[^`\n]+`", lambda found: "`" + "x" * (len(found[0]) - 2) + "`", text)


def links(document: Path) -> Iterator[str]:
    """Yield the targets of all links, also of those by reference."""
    text = without_code(document)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    defined = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", text, re.MULTILINE))
    used = re.findall(r"\]\[([^\]]+)\]", text)
    assert set(used) == set(defined), f"{document.name}: {set(used) ^ set(defined)}"
    yield from defined.values()


def _shown(text: str, one: "re.Match[str]", other: "re.Match[str] | None") -> str | None:
    if other is None or other["language"] != "text" or text[one.end() : other.start()].strip():
        return None
    return other["body"]
