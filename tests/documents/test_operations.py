"""docs/operations.md and docs/encryption.md quote messages that there are."""

import ast
import re
from collections.abc import Iterator

import pytest

from git_keyval.errors import as_inputs
from tests.action.steps import ROOT

TABLES = {"operations.md": "## Troubleshooting", "encryption.md": "## What an error says"}

_ENOUGH = 9  # letters of a message that are not filled in


def messages() -> Iterator[str]:
    """Yield the texts of the code as patterns, with inputs named as steps do; anything may stand where a value is filled in."""
    for folder in ("git_keyval",):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                texts = [part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else None for part in parts]
                if sum(len(text or "") for text in texts) > _ENOUGH:
                    yield ".*".join(re.sub(r"\\{\w+\\}", ".*", re.escape(as_inputs(text or ""))) for text in texts)


@pytest.mark.parametrize("name", TABLES)
def test_every_message_of_the_table_is_one_of_the_code(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8").partition(TABLES[name])[2]
    rows = re.findall(r"^\| (.*?) \|", text, re.MULTILINE)
    quoted = [message for row in rows for message in re.findall(r"`(.*?)`", row)]
    assert len(quoted) >= 5
    known = list(messages())
    assert [one for one in quoted if not any(re.fullmatch(each, one) or re.fullmatch(each, f"{one}.") for each in known)] == []
