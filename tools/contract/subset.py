"""Check: the emulator's GraphQL schema is a part of GitHub's, with the same types and nullability."""

from collections.abc import Mapping

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    is_required_argument,
    is_required_input_field,
    print_ast,
)

from tools.contract.report import Report


def check_subset(ours: GraphQLSchema, published: GraphQLSchema) -> Report:
    """Compare every type, field, argument and value of ours with what GitHub publishes by that name."""
    check = _Comparison()
    for name, mine in ours.type_map.items():
        if not name.startswith("__"):
            check.type(mine, published.type_map.get(name))
    return check.report


class _Comparison:
    def __init__(self) -> None:
        self.report = Report("the emulator's GraphQL schema")

    def type(self, mine: GraphQLNamedType, theirs: GraphQLNamedType | None) -> None:
        self.report.count("types")
        if theirs is None or type(theirs) is not type(mine):
            kind = "no such type" if theirs is None else f"a {type(theirs).__name__}, and not a {type(mine).__name__}"
            self.report.differs(f"{mine.name}: GitHub has {kind}")
            return
        if isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType)
            self._output(mine, theirs)
        elif isinstance(mine, GraphQLInputObjectType):
            assert isinstance(theirs, GraphQLInputObjectType)
            self._inputs(mine.name, mine.fields, theirs.fields)
        elif isinstance(mine, GraphQLEnumType):
            assert isinstance(theirs, GraphQLEnumType)
            self._names(mine.name, set(mine.values), set(theirs.values), "values")
        elif isinstance(mine, GraphQLUnionType):
            assert isinstance(theirs, GraphQLUnionType)
            self._names(mine.name, {one.name for one in mine.types}, {one.name for one in theirs.types}, "members")

    def _output(self, mine: GraphQLObjectType | GraphQLInterfaceType, theirs: GraphQLObjectType | GraphQLInterfaceType) -> None:
        self._names(mine.name, {one.name for one in mine.interfaces}, {one.name for one in theirs.interfaces}, "interfaces")
        for name, field in mine.fields.items():
            self.report.count("fields")
            place, other = f"{mine.name}.{name}", theirs.fields.get(name)
            if other is None:
                self.report.differs(f"{place}: GitHub has no such field")
                continue
            self._same(place, str(field.type), str(other.type))
            self._inputs(place, field.args, other.args)

    def _inputs(
        self,
        place: str,
        mine: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
        theirs: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField],
    ) -> None:
        """Compare arguments or input fields; what GitHub requires must not be missing in ours."""
        for name, value in mine.items():
            self.report.count("arguments and input fields")
            other = theirs.get(name)
            if other is None:
                self.report.differs(f"{place}({name}): GitHub has no such input")
            else:
                self._same(f"{place}({name})", _input_text(value), _input_text(other))
        for name, other in theirs.items():
            required = is_required_argument(other) if isinstance(other, GraphQLArgument) else is_required_input_field(other)
            if required and name not in mine:
                self.report.differs(f"{place}({name}): GitHub requires it, and it is missing")

    def _names(self, place: str, mine: set[str], theirs: set[str], what: str) -> None:
        self.report.count(what, len(mine))
        for name in sorted(mine - theirs):
            self.report.differs(f"{place}: GitHub has no {name} among the {what}")

    def _same(self, place: str, mine: str, theirs: str) -> None:
        if mine != theirs:
            self.report.differs(f"{place}: GitHub has {theirs}, and not {mine}")


def _input_text(value: GraphQLArgument | GraphQLInputField) -> str:
    node = value.ast_node
    default = f" = {print_ast(node.default_value)}" if node and node.default_value else ""
    return f"{value.type}{default}"
