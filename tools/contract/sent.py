"""Check: the REST requests of the adapter are what GitHub's description says of the operation."""

import json
from urllib.parse import parse_qs

from tools.contract.exchanges import Json, Recording
from tools.contract.openapi import Description, Operation
from tools.contract.report import Report

_ROOT = "/repos/{owner}/{repo}"
EXPECTED = frozenset(
    {
        f"GET {_ROOT}/git/blobs/{{file_sha}}",
        f"GET {_ROOT}/git/matching-refs/{{ref}}",
        f"POST {_ROOT}/git/blobs",
        f"POST {_ROOT}/git/trees",
        f"POST {_ROOT}/git/commits",
        f"PUT {_ROOT}/contents/{{path}}",
    }
)
"""What the adapter uses of the REST API."""


def check_requests(description: Description, recording: Recording) -> Report:
    """Check the paths, query parameters and bodies; and that the adapter showed all that it uses, and nothing else."""
    report = Report("the adapter's REST requests")
    for what in sorted(set(recording.unexpected)):
        report.differs(f"the emulator does not know {what}")
    seen: set[str] = set()
    for exchange in recording.exchanges:
        if not exchange.is_rest:
            continue
        request = exchange.request
        report.count("requests")
        operation = description.operation(request.method, request.words)
        if operation is None:
            report.differs(f"{request.method} {request.words}: GitHub documents no such operation")
            continue
        seen.add(str(operation))
        for name in parse_qs(request.query).keys() - operation.parameters:
            report.differs(f"{operation}: GitHub documents no parameter {name}")
        for problem in _body_problems(description, operation, request.body):
            report.differs(f"{operation}: {problem}")
    report.count("operations", len(seen))
    if recording.stopped_by:
        report.differs(f"the adapter stopped before its end: {recording.stopped_by}")
        return report
    for missing in sorted(EXPECTED - seen):
        report.differs(f"{missing}: the adapter did not show it")
    for more in sorted(seen - EXPECTED):
        report.differs(f"{more}: it is not among what the adapter is known to use")
    return report


def _body_problems(description: Description, operation: Operation, body: bytes) -> list[str]:
    documented: Json = operation.content.get("requestBody")
    if not body:
        return ["a body is required"] if documented and documented.get("required") else []
    if not documented:
        return ["GitHub documents no body"]
    return list(description.problems(documented["content"]["application/json"]["schema"], json.loads(body)))
