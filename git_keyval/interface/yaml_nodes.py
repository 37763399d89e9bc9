"""Reading YAML strictly: the part that JSON has, too, with the line of everything.

No anchors, aliases and tags, which make documents grow or name Python objects; no merge keys, no dates, and of the words
only ``true`` and ``false`` in the spellings of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema). Nothing is constructed.
"""

import re
from collections.abc import Iterator

from yaml import AliasEvent, MappingNode, Node, SafeLoader, ScalarNode, SequenceNode, YAMLError
from yaml.reader import ReaderError

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "NULL",
    "STRING",
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "compose",
    "line_of",
    "members",
]

_CORE = "tag:yaml.org,2002:"
STRING, BOOLEAN, INTEGER, NULL = f"{_CORE}str", f"{_CORE}bool", f"{_CORE}int", f"{_CORE}null"
_MAX_DEPTH = 20
_OTHER_LINE_END = re.compile("\r(?!\n)|[\x85\u2028\u2029]")

Mistake = tuple[int, str]
"""A line, counted from 1, and what is wrong there."""


class NotReadError(Exception):
    """The text is not YAML, or uses what is not read; ``mistake`` says which."""

    def __init__(self, line: int, reason: str) -> None:
        self.mistake: Mistake = (line, reason)
        super().__init__(reason)


class _Loader(SafeLoader):
    """Composes nodes: which scalars are numbers and words is decided here, and what is not read is refused."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # as its base has it

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # not in its stubs
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None) is not None:
            raise NotReadError(line, "anchors and aliases (& and *) are not read here. Write it out.")
        if getattr(event, "tag", None) is not None:
            raise NotReadError(line, "tags (!) are not read here. Leave it out.")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise NotReadError(line, "is nested too deeply.")
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern, _first in (
    (BOOLEAN, r"true|True|TRUE|false|False|FALSE", "tTfF"),
    (INTEGER, r"[-+]?[0-9]+", "-+0123456789"),
    (f"{_CORE}float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+.0123456789"),
    (NULL, r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), list(_first))


def compose(text: str) -> Node | None:
    """Return the root of the one document of a text; None if it holds nothing but comments. Raises NotReadError.

    What the library takes for the end of a line, and YAML 1.2 or other programs do not, is refused.
    """
    if found := _OTHER_LINE_END.search(text):
        raise NotReadError(text.count("\n", 0, found.start()) + 1, "has the end of a line that is neither LF nor CR LF.")
    try:
        loader = _Loader(text)
        return loader.get_single_node()
    except ReaderError as exc:
        refused = text.count("\n", 0, exc.position) + 1, "has a character that no YAML file may have."
    except YAMLError as exc:
        mark = getattr(exc, "problem_mark", None) or getattr(exc, "context_mark", None)
        refused = mark.line + 1 if mark else 1, f"is not YAML: {getattr(exc, 'problem', None) or 'malformed'}."
    # Not raised from the error of yaml, which shows the lines around: somebody may have put a token there.
    raise NotReadError(*refused)


def line_of(node: Node) -> int:
    """Return the line where a node begins, counted from 1."""
    return int(node.start_mark.line) + 1


def members(node: MappingNode, problems: list[Mistake]) -> Iterator[tuple[str, Node, Node]]:
    """Yield names, keys and values of a mapping; a key that is no text, or that was there before, is a problem."""
    seen: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode) or key.tag != STRING:
            problems.append((line_of(key), "a key must be text."))
        elif key.value in seen:
            problems.append((line_of(key), f"'{ascii(key.value[:60])[1:-1]}' is given twice, first in line {seen[key.value]}."))
        else:
            seen[key.value] = line_of(key)
            yield key.value, key, value
