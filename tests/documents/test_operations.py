"""docs/operations.md quotes messages that there are."""

import ast
import re
from collections.abc import Iterator

from tests.action.steps import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

_ENOUGH = 9  # letters of a message that are not filled in


def messages() -> Iterator[str]:
    """Give the texts of the code as patterns, in which anything may stand where a value is filled in."""
    for folder in ("git_keyval", "maintenance"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                texts = [part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None for part in parts]
                if sum(len(text or "") for text in texts) > _ENOUGH:
                    yield ".*".join(re.escape(text or "") for text in texts)


def test_every_message_of_the_table_is_one_of_the_code() -> None:
    rows = re.findall(r"^\| (.*?) \|", TEXT.partition("## Troubleshooting")[2], re.MULTILINE)
    quoted = [message for row in rows for message in re.findall(r"`(.*?)`", row)]
    assert len(quoted) > 10
    known = list(messages())
    assert [told for told in quoted if not any(re.fullmatch(one, told) or re.fullmatch(one, f"{told}.") for one in known)] == []
