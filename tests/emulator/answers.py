"""Answers as GitHub gives them, and the refusal that becomes one."""

import json

from tests.servers.loopback import Answer

DOCUMENTATION = "https://docs.github.com/rest"
JSON_TYPE = "application/json; charset=utf-8"


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
