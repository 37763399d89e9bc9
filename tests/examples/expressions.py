"""GitHub's expressions, as far as our workflows use them; whatever else is met raises, so that nothing passes by being misread.

https://docs.github.com/actions/reference/workflows-and-actions/expressions
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

STATUS = frozenset({"always", "cancelled", "failure", "success"})
"""The functions that tell how the steps before went; an ``if`` without any of them means ``success() &&``."""

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>\|\||&&|==|!=|<=|>=|[()\[\].,!<>]))"
)
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORDS = {"null": None, "true": True, "false": False}


class ExpressionError(Exception):
    """Not an expression, or one that is not understood here."""


class Context(dict[str, Any]):
    """Named values of which all names are known: any other is a mistake in the workflow, where GitHub would give nothing."""


@dataclass(slots=True)
class _Reader:
    """Evaluates while it reads. GitHub evaluates all operands, too, but for those that ``&&`` and ``||`` leave out."""

    text: str
    tokens: list[tuple[str, str]]
    contexts: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]]
    position: int = 0

    def all(self) -> Any:  # noqa: ANN401
        value = self._either()
        if self.position < len(self.tokens):
            raise ExpressionError(f"{self.text!r}: what is {self.tokens[self.position][1]!r} for?")
        return value

    def _either(self) -> Any:  # noqa: ANN401
        value = self._both()
        while self._taken("||"):
            other = self._both()
            value = value if truth(value) else other
        return value

    def _both(self) -> Any:  # noqa: ANN401
        value = self._equal()
        while self._taken("&&"):
            other = self._equal()
            value = other if truth(value) else value
        return value

    def _equal(self) -> Any:  # noqa: ANN401
        value = self._unary()
        while sign := self._taken("==", "!="):
            value = same(value, self._unary()) is (sign == "==")
        return value

    def _unary(self) -> Any:  # noqa: ANN401
        return not truth(self._unary()) if self._taken("!") else self._member(self._atom())

    def _member(self, value: Any) -> Any:  # noqa: ANN401
        while sign := self._taken(".", "["):
            if sign == ".":
                value = self._of(value, self._next("name"))
            else:
                value = self._of(value, self._either())
                self._need("]")
        return value

    def _of(self, value: Any, name: Any) -> Any:  # noqa: ANN401
        match value:
            case Context():
                if name not in value:
                    raise ExpressionError(f"{self.text!r}: there is no {name!r}")
                return value[name]
            case dict():
                return value.get(name)
            case list() if isinstance(name, (int, float)):
                return value[int(name)] if int(name) < len(value) else None
        raise ExpressionError(f"{self.text!r}: {name!r} of what has no members")

    def _atom(self) -> Any:  # noqa: ANN401
        if self._taken("("):
            value = self._either()
            self._need(")")
            return value
        if self.position == len(self.tokens):
            raise ExpressionError(f"{self.text!r} ends too early")
        kind, token = self.tokens[self.position]
        self.position += 1
        if kind == "string":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return float(token)
        if kind == "name" and self._taken("("):
            return self._call(token)
        if kind == "name" and token in _WORDS:
            return _WORDS[token]
        if kind == "name" and token in self.contexts:
            return self.contexts[token]
        raise ExpressionError(f"{self.text!r}: {token!r} is not known here")

    def _call(self, name: str) -> Any:  # noqa: ANN401
        arguments: list[Any] = []
        while not self._taken(")"):
            if arguments:
                self._need(",")
            arguments.append(self._either())
        if name not in self.functions:
            raise ExpressionError(f"{self.text!r}: the function {name!r} is not known here")
        return self.functions[name](*arguments)

    def _taken(self, *signs: str) -> str:
        if self.position < len(self.tokens) and self.tokens[self.position] in {("sign", sign) for sign in signs}:
            self.position += 1
            return self.tokens[self.position - 1][1]
        return ""

    def _need(self, sign: str) -> None:
        if not self._taken(sign):
            raise ExpressionError(f"{self.text!r}: {sign!r} is missing")

    def _next(self, kind: str) -> str:
        if self.position == len(self.tokens) or self.tokens[self.position][0] != kind:
            raise ExpressionError(f"{self.text!r}: a {kind} is missing")
        self.position += 1
        return self.tokens[self.position - 1][1]


def evaluate(expression: str, contexts: Mapping[str, Any], status: Mapping[str, Callable[[], bool]] | None = None) -> Any:  # noqa: ANN401
    """Evaluate what stands between ``${{`` and ``}}``. ``status`` has the functions that tell how the job goes."""
    return _Reader(expression, list(_tokens(expression)), contexts, {**_FUNCTIONS, **(status or {})}).all()


def filled(text: Any, contexts: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Fill in a value of a workflow: one expression alone keeps its type, anything else becomes text."""
    if not isinstance(text, str):
        return text
    alone = _EXPRESSION.fullmatch(text.strip())
    if alone and "${{" not in alone[1]:
        return evaluate(alone[1], contexts)
    result = _EXPRESSION.sub(lambda found: as_text(evaluate(found[1], contexts)), text)
    if "${{" in _EXPRESSION.sub("", text):
        raise ExpressionError(f"{text!r}: an expression has no end")
    return result


def condition(text: Any, contexts: Mapping[str, Any], status: Mapping[str, Callable[[], bool]]) -> bool:  # noqa: ANN401
    """Return whether an ``if`` holds; it may stand with or without ``${{ }}``."""
    whole = as_text(text).strip()
    alone = _EXPRESSION.fullmatch(whole)
    inner = alone[1] if alone else whole
    if "${{" in inner:
        raise ExpressionError(f"{text!r}: text beside an expression is always true")
    called = {token for kind, token in _tokens(inner) if kind == "name"} & STATUS
    return (bool(called) or status["success"]()) and truth(evaluate(inner, contexts, status))


def truth(value: Any) -> bool:  # noqa: ANN401
    """Return what counts as true: all but false, 0, the empty text and null."""
    return isinstance(value, (dict, list)) or (bool(value) and value == value)  # noqa: PLR0124  # NaN is false


def same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Compare as GitHub does: texts without regard to case, different types as numbers, objects by identity."""
    if isinstance(one, str) and isinstance(other, str):
        return one.upper() == other.upper()
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        return one is other
    if type(one) is type(other) or (isinstance(one, (int, float)) and isinstance(other, (int, float))):
        return bool(one == other)
    return _number(one) == _number(other)


def as_text(value: Any) -> str:  # noqa: ANN401
    """Return a value as the text that stands in its place."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{value:.15g}"
        case str():
            return value
        case dict():
            return "Object"
    return "Array"


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(f"{text!r}: {text[position:]!r} is not understood")
        position = found.end()
        yield next((kind, token) for kind, token in found.groupdict().items() if token is not None)


def _number(value: Any) -> float:  # noqa: ANN401
    if isinstance(value, str):
        try:
            return float(value) if value.strip() else 0
        except ValueError:
            return nan
    number = float(value or 0)
    assert not isnan(number)
    return number


def _from_json(text: Any) -> Any:  # noqa: ANN401
    try:
        return json.loads(as_text(text))
    except ValueError as exc:
        raise ExpressionError(f"fromJSON was given {text!r}") from exc


def _format(pattern: Any, *values: Any) -> str:  # noqa: ANN401
    parts = re.split(r"(\{\{|\}\}|\{\d+\})", as_text(pattern))
    return "".join(
        part if index % 2 == 0 else part[0] if part in {"{{", "}}"} else as_text(values[int(part[1:-1])])
        for index, part in enumerate(parts)
    )


def _contains(where: Any, what: Any) -> bool:  # noqa: ANN401
    if isinstance(where, list):
        return any(same(item, what) for item in where)
    return as_text(what).upper() in as_text(where).upper()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": _contains,
    "endsWith": lambda text, end: as_text(text).upper().endswith(as_text(end).upper()),
    "format": _format,
    "fromJSON": _from_json,
    "startsWith": lambda text, begin: as_text(text).upper().startswith(as_text(begin).upper()),
    "toJSON": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
}
