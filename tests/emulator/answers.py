"""What travels: a request as it arrived, the answer to it, and the refusal that becomes an answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

DOCUMENTATION = "https://docs.github.com/rest"
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived, its body without content encoding. Header names are lower case; the path is quoted."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The path, unquoted: GitHub takes ``%2F`` and ``/`` for the same."""
        return unquote(self.path)

    @property
    def parameters(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.query, keep_blank_values=True).items()}

    @property
    def accept(self) -> str:
        return self.headers.get("accept", "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        return Answer(self.status, self.body, (*self.headers, *headers))


class RefusedError(Exception):
    """A request that GitHub refuses, with the answer it gives. Nothing has been applied."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def json_answer(status: int, content: object) -> Answer:
    """Answer with JSON, in UTF-8 and without escapes, as GitHub does."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Answer(status, body, (("Content-Type", JSON_TYPE),))


def error_answer(status: int, message: str, **more: object) -> Answer:
    """Answer with the members that GitHub's errors have in common, and ``more``."""
    return json_answer(status, {"message": message, **more, "documentation_url": DOCUMENTATION, "status": str(status)})


def refuse(status: int, message: str, **more: object) -> RefusedError:
    return RefusedError(error_answer(status, message, **more))
