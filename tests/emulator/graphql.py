"""GraphQL requests, executed by graphql-core on the schema beside this module. Errors travel with status 200."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from tests.emulator.answers import error_answer, json_answer, refuse
from tests.emulator.cost import Cost, cost_of
from tests.emulator.nodes import GraphError, RateLimitNode, RepositoryNode, Session, UserNode
from tests.emulator.objects import is_oid
from tests.emulator.ref_updates import Payload, create_ref, delete_ref, update_refs
from tests.emulator.shapes import Json, node_id, parse_node_id
from tests.servers.loopback import Answer, Request

_MEMBERS = {"query", "variables", "operationName", "extensions"}


@dataclass(frozen=True)
class Root:
    """The fields of queries and mutations."""

    session: Session

    @property
    def viewer(self) -> UserNode:
        return UserNode("github-actions[bot]", node_id("U", 1))

    def rate_limit(self, *, dry_run: bool = False) -> RateLimitNode:
        del dry_run  # the cost is the same
        return RateLimitNode(self.session.quota, self.session.cost)

    def repository(self, owner: str, name: str, *, follow_renames: bool = True) -> RepositoryNode:
        found = self.session.repository(f"{owner}/{name}", follow_renames=follow_renames)
        if found is None:
            raise GraphError("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return found

    def node(self, id: str) -> object:
        try:
            kind, parts = parse_node_id(id)
        except ValueError:
            kind, parts = "", [""]
        if kind == "U":
            return self.viewer
        repository = self.session.numbered(parts[0])
        found: object = repository if kind == "R" else None
        if repository and len(parts) == 2:
            found = repository.ref(parts[1]) if kind == "REF" else repository.view.find(parts[1])
        if found is None:
            raise GraphError("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'")
        return found

    def update_refs(self, input: Mapping[str, object]) -> Payload:
        return update_refs(self.session, input)

    def create_ref(self, input: Mapping[str, object]) -> Payload:
        return create_ref(self.session, input)

    def delete_ref(self, input: Mapping[str, object]) -> Payload:
        return delete_ref(self.session, input)


@dataclass(frozen=True)
class Asked:
    """A GraphQL request that could be read."""

    document: DocumentNode
    operation: OperationDefinitionNode
    name: str | None
    variables: dict[str, object]

    @property
    def is_mutation(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    @property
    def cost(self) -> Cost:
        return cost_of(self.document, self.operation, self.variables)


def read_graphql(request: Request, report: Callable[[str], None]) -> Asked:
    """Read a request, or refuse it: what is not valid on the schema is refused with status 200, and reported."""
    try:
        body = json.loads(request.body)
    except ValueError:
        raise refuse(400, "Problems parsing JSON") from None
    if request.method != "POST" or not isinstance(body, dict) or not isinstance(body.get("query"), str):
        report("a GraphQL request without a query")
        raise refuse(400, "A query attribute must be specified and must be a string.")
    variables = body.get("variables") or {}
    if not body.keys() <= _MEMBERS or not isinstance(variables, dict):
        report(f"the members {sorted(body)} of a GraphQL request")
        raise refuse(400, "Variables must be an object, and there are no other members.")
    parsed = _parse(body["query"])
    if isinstance(parsed, DocumentNode):
        operations = [part for part in parsed.definitions if isinstance(part, OperationDefinitionNode)]
        name = body.get("operationName")
        named = [part for part in operations if name is None or (part.name and part.name.value == name)]
        if len(named) == 1:
            return Asked(parsed, named[0], name, variables)
        parsed = [{"message": "An operation name is required."}]
    report(f"GraphQL: {'; '.join(str(error['message']) for error in parsed)}")
    raise InvalidQueryError(parsed)


class InvalidQueryError(Exception):
    """A query that is not executed, with the errors that GitHub lists."""

    def __init__(self, errors: list[Json]) -> None:
        super().__init__(errors)
        self.answer = json_answer(200, {"errors": errors})


@lru_cache(maxsize=512)
def _parse(query: str) -> DocumentNode | list[Json]:
    try:
        document = parse(query)
    except GraphQLError as error:
        return [_format(error)]
    errors = validate(schema(), document)
    return [_format(error) for error in errors] or document


def execute_graphql(asked: Asked, session: Session) -> Answer:
    """Execute a request. An error in a field leaves it null; what else was asked for is answered."""
    session.cost = asked.cost
    if session.cost.nodes > session.options.node_limit:
        message = (
            f"This query requests up to {session.cost.nodes:,} possible nodes which exceeds the maximum limit of "
            f"{session.options.node_limit:,}."
        )
        return json_answer(200, {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]})
    result = execute_sync(
        schema(),
        asked.document,
        root_value=Root(session),
        variable_values=asked.variables,
        operation_name=asked.name,
        field_resolver=_resolve,
        type_resolver=lambda node, *_: node.typename,
    )
    errors: list[Json] = []
    for error in result.errors or ():
        cause = error.original_error
        if cause is not None and not isinstance(cause, GraphError | GraphQLError):
            raise cause
        if not isinstance(cause, GraphError):
            session.report(f"GraphQL: {error.message}")
        formatted = _format(error)
        # A query that ends early says so once, however many fields it leaves null.
        if formatted.get("type") != "RESOURCE_LIMITS_EXCEEDED" or all(formatted["type"] != one.get("type") for one in errors):
            errors.append(formatted)
    content: Json = {"data": result.data} if result.data is not None or not errors or errors[0].get("path") else {}
    return json_answer(200, {**content, **({"errors": errors} if errors else {})})


def rate_limited(message: str) -> Answer:
    """Return that the primary limit is exceeded as GraphQL does: with status 200."""
    return json_answer(200, {"errors": [{"type": "RATE_LIMITED", "message": message}]})


def secondary_limited(code: int, message: str) -> Answer:
    if code != 200:
        return error_answer(code, message)
    return json_answer(200, {"errors": [{"type": "RATE_LIMITED", "message": message}]})


def _format(error: GraphQLError) -> Json:
    cause = error.original_error
    shape: Json = {"type": cause.type} if isinstance(cause, GraphError) and cause.type else {}
    if error.path:
        shape["path"] = error.path
    if error.locations:
        shape["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    return {**shape, "message": error.message}


def _resolve(source: object, info: "GraphQLResolveInfo[None]", **arguments: object) -> object:
    """Resolve a field by the attribute or method of its name in Python's spelling."""
    value = getattr(source, _snake(info.field_name))
    return value(**{_snake(name): argument for name, argument in arguments.items()}) if callable(value) else value


@cache
def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)


@cache
def schema() -> GraphQLSchema:
    built = build_schema((Path(__file__).parent / "schema.graphql").read_text())
    for name, check in (("GitObjectID", _parse_oid), ("GitRefname", _parse_ref_name)):
        # The second is the first's name since graphql-core 3.3.
        for attribute in ("parse_value", "coerce_input_value"):
            setattr(built.type_map[name], attribute, check)
    return built


def _parse_oid(value: object) -> str:
    if not isinstance(value, str) or not is_oid(value):
        raise GraphQLError(f"{value!r} is not a Git object ID.")
    return value


def _parse_ref_name(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("refs/") or value.count("/") < 2:
        raise GraphQLError(f"{value!r} is not a fully qualified Git reference name.")
    return value
