"""Check: the emulator's REST answers are what GitHub's description says of the operation and the status."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from tests.emulator.rest import ROUTES, find_route
from tools.contract.allowances import ERROR_MEMBERS, STATUSES, UNDOCUMENTED_BODIES
from tools.contract.exchanges import Exchange, Json
from tools.contract.openapi import Description, Operation
from tools.contract.report import Report

_ROOT_SEGMENTS = 4


class AnswersCheck:
    """Looks at answers one by one, and remembers what was seen."""

    def __init__(self, description: Description) -> None:
        """Hold answers to this description."""
        self.report = Report("the emulator's REST answers")
        self._description = description
        self._seen: set[tuple[str, int]] = set()
        self._used: set[object] = set()

    def run(self, exchanges: Sequence[Exchange], *, complete: bool = True) -> Report:
        """Check the answers; if they are complete, also that each route is among them, and that each allowance was needed."""
        for exchange in exchanges:
            if exchange.is_rest:
                self._check(exchange)
        self.report.count("operations", len({operation for operation, _ in self._seen}))
        self.report.count("pairs of operation and status", len(self._seen))
        if complete:
            self._every_route(exchanges)
            self._every_allowance()
        return self.report

    def _check(self, exchange: Exchange) -> None:
        self.report.count("answers")
        method, path = exchange.request.method, exchange.request.words.removeprefix("/api/v3")
        operation = self._description.operation(method, path)
        if operation is None:
            self.report.differs(f"{method} {path}: GitHub documents no such operation")
            return
        status = exchange.answer.status
        self._seen.add((str(operation), status))
        schema = self._schema(operation, exchange)
        if method == "HEAD" or schema is None:
            return
        for problem in self._problems(schema, exchange):
            self.report.differs(f"{operation}, {status}: {problem}")

    def _schema(self, operation: Operation, exchange: Exchange) -> Json | None:
        """Return the schema that the body has to fit; None if there is nothing more to say of the answer."""
        status = exchange.answer.status
        documented = self._description.response(operation, status)
        allowance = next((one for one in STATUSES if one.covers(exchange.request.method, status)), None)
        if documented is None and allowance is None:
            self.report.differs(f"{operation}, {status}: GitHub documents no such status")
            return None
        if documented is None and allowance is not None:
            self._used.add(allowance)
            if allowance.schema:
                return self._description.schema(allowance.schema)
            self._no_body(operation, exchange)
            return None
        content = documented.get("content") if documented else None
        if content:
            return self._of_media_type(operation, exchange, content)
        key = (operation.method, operation.path, status)
        if key in UNDOCUMENTED_BODIES:
            self._used.add(key)
            return self._description.schema(UNDOCUMENTED_BODIES[key][0])
        self._no_body(operation, exchange)
        return None

    def _no_body(self, operation: Operation, exchange: Exchange) -> None:
        if exchange.answer.body:
            self.report.differs(f"{operation}, {exchange.answer.status}: GitHub documents no body")

    def _of_media_type(self, operation: Operation, exchange: Exchange, content: Json) -> Json | None:
        kind = exchange.media_type
        if kind in content:
            return content[kind]["schema"]
        # Some media types are named in the words of the documentation only.
        if kind not in operation.description:
            self.report.differs(f"{operation}, {exchange.answer.status}: GitHub documents no media type {kind or '(none)'}")
        return None

    def _problems(self, schema: Json, exchange: Exchange) -> list[str]:
        text = exchange.answer.body.decode("utf-8", "replace")
        try:
            content: Json = json.loads(text) if exchange.media_type == "application/json" else text
        except ValueError:
            return [f"the body is no JSON: {text[:100]}"]
        if exchange.answer.status >= HTTPStatus.BAD_REQUEST or exchange.answer.status in {301, 307}:
            self._used.update(ERROR_MEMBERS.keys() & content.keys())
            content = {name: value for name, value in content.items() if name not in ERROR_MEMBERS}
        return list(self._description.problems(schema, content))

    def _every_route(self, exchanges: Sequence[Exchange]) -> None:
        reached = set()
        for exchange in exchanges:
            if exchange.is_rest and exchange.answer.status < HTTPStatus.MULTIPLE_CHOICES:
                path = exchange.request.words.removeprefix("/api/v3")
                below = "/".join(["", *path.split("/")[_ROOT_SEGMENTS:]]) if path.count("/") >= _ROOT_SEGMENTS else ""
                found = find_route(exchange.request.method, below)
                reached.add(found[0] if found else None)
        for route in ROUTES:
            if route not in reached:
                self.report.differs(f"{route.method} {route.pattern.pattern or '(the repository)'}: the session shows no success")

    def _every_allowance(self) -> None:
        for one in (*STATUSES, *UNDOCUMENTED_BODIES, *ERROR_MEMBERS):
            if one not in self._used:
                self.report.differs(f"the allowance {one} was not needed: take it away")
