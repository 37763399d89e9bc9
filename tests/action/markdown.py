"""What a renderer makes of a job summary: GitHub's rules are CommonMark with tables (https://github.github.com/gfm/)."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OURS = {"heading", "paragraph", "link", "table", "thead", "tbody", "tr", "th", "td", "strong"}
# Beyond CommonMark, GitHub makes links of these, and more, wherever they are in a text that is not code.
_LINKED = re.compile(r"www\.|://|@\w|#\d|GH-\d|:\w*[a-z]\w*:|\$|[<>&|~^_*\\`]|[^\x20-\x7e…✅⚠️❌]", re.IGNORECASE)


def shown_as_code(summary: str) -> list[str]:
    """Return the texts that a summary shows as code. Anything in it that is more than plain words, tables and charts fails."""
    texts = []
    for token in _flat(MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(summary)):
        match token.type:
            case "text":
                assert not _LINKED.search(token.content), token.content
            case "code_inline":
                assert token.content.isprintable()
                texts.append(token.content)
            case "fence":
                assert token.info == "mermaid"
                assert re.fullmatch(r'[A-Za-z0-9 "\[\],:>-]*', token.content.replace("\n", " ")), token.content
            case "inline":
                pass
            case other:
                assert other.removesuffix("_open").removesuffix("_close") in _OURS, token
    return texts


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])
