"""What a GraphQL query costs: its possible nodes and its points, computed from its text and variables, as GitHub does.

Points are the requests for unique connections, as if every ``first`` or ``last`` were reached, divided by 100, and at
least one. Aliased fields that are no connections cost nothing more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

CONNECTIONS = frozenset({"refs", "parents"})
PAGE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Cost:
    nodes: int
    points: int


@dataclass(slots=True)
class _Count:
    fragments: Mapping[str, SelectionSetNode]
    variables: Mapping[str, object]
    nodes: int = 0
    requests: int = 0

    def visit(self, selections: SelectionSetNode | None, times: int) -> None:
        for selection in selections.selections if selections else ():
            if isinstance(selection, FragmentSpreadNode):
                self.visit(self.fragments.get(selection.name.value), times)
            elif isinstance(selection, InlineFragmentNode):
                self.visit(selection.selection_set, times)
            elif isinstance(selection, FieldNode) and selection.name.value in CONNECTIONS:
                page = self._page(selection)
                self.requests += times
                self.nodes += times * page
                self.visit(selection.selection_set, times * page)
            elif isinstance(selection, FieldNode):
                self.visit(selection.selection_set, times)

    def _page(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value in {"first", "last"}:
                value = argument.value
                size: object = 0
                if isinstance(value, IntValueNode):
                    size = int(value.value)
                elif isinstance(value, VariableNode):
                    size = self.variables.get(value.name.value, 0)
                if isinstance(size, int) and size:
                    return size
        return PAGE_LIMIT


def cost_of(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, object]) -> Cost:
    definitions = (part for part in document.definitions if isinstance(part, FragmentDefinitionNode))
    count = _Count({part.name.value: part.selection_set for part in definitions}, variables)
    count.visit(operation.selection_set, 1)
    return Cost(count.nodes, max(1, round(count.requests / 100)))
