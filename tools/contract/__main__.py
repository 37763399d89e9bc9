"""``python -m tools.contract``: fetch what GitHub publishes, check everything against it, and tell what differs."""

import os
import sys
import tempfile
from pathlib import Path

from graphql import build_schema

from tests.emulator import graphql
from tools.contract.adapter import record_adapter
from tools.contract.answers import AnswersCheck
from tools.contract.openapi import Description
from tools.contract.packages import GRAPHQL, REST
from tools.contract.queries import check_queries
from tools.contract.report import Report
from tools.contract.scenes import record_session
from tools.contract.sent import check_requests
from tools.contract.subset import check_subset
from tools.npm import PackageError, default_cache, fetch


def main() -> int:
    """Run all checks. Gives the status of the process: 0, 1 for differences, 2 if there is nothing to check against."""
    try:
        places = [fetch(package, default_cache()) for package in (REST, GRAPHQL)]
    except PackageError as error:
        print(error, file=sys.stderr)
        return 2
    for package in (REST, GRAPHQL):
        print(f"{package.name} {package.version}")
    reports = _check(*places)
    print("\n".join(map(str, reports)))
    differences = sum(len(report.differences) for report in reports)
    print(f"{differences} differences from what GitHub publishes" if differences else "Everything fits what GitHub publishes")
    return 1 if differences else 0


def _check(rest: Path, schema: Path) -> list[Report]:
    description = Description.read(rest)
    # GitHub's schema is not valid to the letter: it defines two fields twice, and deprecates fields that interfaces do not.
    published = build_schema(schema.read_text(encoding="utf-8"), assume_valid=True, assume_valid_sdl=True)
    with tempfile.TemporaryDirectory() as directory:
        session = record_session(Path(directory) / "session")
        adapter = record_adapter(Path(directory) / "adapter")
    answers = AnswersCheck(description).run([*session.exchanges, *adapter.exchanges], complete=not session.stopped_by)
    if session.stopped_by:
        answers.differs(f"the session stopped before its end: {session.stopped_by}")
    return [
        answers,
        check_requests(description, adapter),
        check_queries(published, adapter),
        check_subset(graphql.schema(), published),
    ]


if __name__ == "__main__":
    # The adapter asks the environment for nothing, but the HTTP library below it would for a proxy on the way to loopback.
    os.environ["NO_PROXY"] = "127.0.0.1"
    sys.exit(main())
