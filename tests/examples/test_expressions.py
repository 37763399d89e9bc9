"""The evaluator against what GitHub's documentation says of expressions."""

from typing import Any

import pytest

from tests.examples.expressions import Context, ExpressionError, condition, evaluate, filled

CONTEXTS: dict[str, Any] = {
    "github": Context(ref_name="main", run_id="42"),
    "steps": Context({"build": Context(outputs=Context({"value": "7", "found": "false", "expires-at": None}))}),
    "inputs": Context({"dry-run": False, "list": None}),
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'it''s'", "it's"),
        ("steps.build.outputs.value", "7"),
        ("steps.build.outputs['expires-at']", None),
        ("steps.build.outputs.value == 7", True),
        ("github.ref_name == 'MAIN'", True),
        ("github.ref_name != 'main'", False),
        ("'' == 0", True),
        ("null == 0", True),
        ("true == 1", True),
        ("'abc' == 0", False),
        ("inputs.list || format('[\"{0}\"] {{}}', github.ref_name)", '["main"] {}'),
        ("inputs.dry-run || false", False),
        ("inputs.dry-run && 'yes' || 'no'", "no"),
        ("!inputs.dry-run", True),
        ("!('false')", False),
        ("false || true && false", False),
        ("(false || true) && 'x'", "x"),
        ('fromJSON(\'{"a": [1, {"b": true}]}\').a[1].b', True),
        ("fromJSON('{}').nothing", None),
        ("fromJSON('{}') != null", True),
        ("contains(fromJSON('[\"a\", \"B\"]'), 'b')", True),
        ("startsWith(github.ref_name, 'MA')", True),
        ("endsWith('x.yml', '.yml')", True),
        ("toJSON(github.run_id)", '"42"'),
    ],
)
def test_what_an_expression_gives(expression: str, value: object) -> None:
    given = evaluate(expression, CONTEXTS)
    assert (given, type(given)) == (value, type(value))


@pytest.mark.parametrize(
    "expression",
    [
        "steps.another.outputs.value",
        "steps.build.outputs.vlaue",
        "github.nothing",
        "secrets.TOKEN",
        "hashFiles('x')",
        "steps.*.outputs",
        "github.ref_name == ",
        "github.ref_name 'x'",
        "(true",
        'github.ref_name == "main"',
        "fromJSON('{')",
        "'a'.b",
        "",
    ],
)
def test_what_is_not_understood_is_an_error(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, CONTEXTS)


def test_an_expression_alone_keeps_its_type_and_text_around_it_makes_text() -> None:
    assert filled("${{ inputs.dry-run }}", CONTEXTS) is False
    assert filled("dry: ${{ inputs.dry-run }}${{ inputs.list }}", CONTEXTS) == "dry: false"
    assert filled(30, CONTEXTS) == 30
    with pytest.raises(ExpressionError):
        filled("${{ github.run_id", CONTEXTS)


@pytest.mark.parametrize(
    ("text", "failed", "holds"),
    [
        ("github.ref_name == 'main'", False, True),
        ("github.ref_name == 'main'", True, False),
        ("${{ always() && steps.build.outputs.value }}", True, True),
        ("failure()", True, True),
        ("failure()", False, False),
        ("${{ !cancelled() }}", True, True),
        ("steps.build.outputs.found", False, True),
        ("steps.build.outputs.found == 'true'", False, False),
    ],
)
def test_an_if_holds_after_success_only_unless_it_asks(text: str, failed: bool, holds: bool) -> None:  # noqa: FBT001
    status = {"always": lambda: True, "cancelled": lambda: False, "failure": lambda: failed, "success": lambda: not failed}
    assert condition(text, CONTEXTS, status) is holds


def test_text_beside_the_expression_of_an_if_is_an_error() -> None:
    """GitHub takes it for a text, which is always true."""
    with pytest.raises(ExpressionError):
        condition("${{ false }} == true", CONTEXTS, {"success": lambda: True})
