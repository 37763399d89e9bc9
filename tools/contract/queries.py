"""Check: the GraphQL requests of the adapter are valid on GitHub's schema, their variables included."""

import json
from collections.abc import Iterable

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values
from graphql.language.visitor import Visitor

from tools.contract.exchanges import Json, Recording
from tools.contract.report import Report

_MOST_PER_TEXT = 2
EXPECTED = frozenset(
    {"repository", "id", "nameWithOwner", "ref", "refs", "object", "tree", "entries", "file", "text", "updateRefs"}
)
"""Fields that show that the adapter was seen at all of its work."""


def check_queries(schema: GraphQLSchema, recording: Recording) -> Report:
    """Check each text, each set of variables, and that the adapter asked all that it can ask."""
    report = Report("the adapter's GraphQL requests")
    documents: dict[str, DocumentNode | None] = {}
    for exchange in recording.exchanges:
        if not exchange.is_graphql:
            continue
        report.count("requests")
        body = json.loads(exchange.request.body)
        if body["query"] not in documents:
            documents[body["query"]] = _validated(schema, body["query"], report)
        document = documents[body["query"]]
        if document is not None:
            variables = body.get("variables") or {}
            report.count("further pages", any(name.endswith("c") and value for name, value in variables.items()))
            for problem in _variable_problems(schema, document, variables):
                report.differs(problem)
    report.count("texts", len(documents))
    if not recording.stopped_by:
        _everything(documents.values(), report)
    return report


def _everything(documents: Iterable[DocumentNode | None], report: Report) -> None:
    if not report.counts.get("further pages"):
        report.differs("further pages: the adapter did not ask for them")
    used = _Fields()
    for document in documents:
        if document is not None:
            visit(document, used)
    for missing in sorted(EXPECTED - used.names):
        report.differs(f"{missing}: the adapter did not ask for it")


def _validated(schema: GraphQLSchema, text: str, report: Report) -> DocumentNode | None:
    try:
        document = parse(text)
    except GraphQLError as error:
        report.differs(f"{error.message} in: {text[:200]}")
        return None
    # What is deprecated works today, and is to be known before it does not.
    found = validate(schema, document, [*specified_rules, NoDeprecatedCustomRule])
    for problem in found[:_MOST_PER_TEXT]:
        report.differs(f"{problem.message} in: {text[:200]}")
    return None if found else document


def _variable_problems(schema: GraphQLSchema, document: DocumentNode, variables: Json) -> list[str]:
    problems: list[str] = []
    for operation in document.definitions:
        assert isinstance(operation, OperationDefinitionNode)
        declared = operation.variable_definitions or ()
        names = {one.variable.name.value for one in declared}
        problems += [f"${name} is sent and not declared" for name in variables.keys() - names]
        coerced = get_variable_values(schema, tuple(declared), variables)
        if isinstance(coerced, list):
            problems += [error.message for error in coerced]
    return problems


class _Fields(Visitor):
    """Collects the names of fields."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.names.add(node.name.value)
