"""The contract check finds differences. What it is told to be published is made up here: it needs no network."""

import json

import pytest
from graphql import build_schema

from tests.emulator.answers import error_answer, json_answer
from tests.servers.loopback import Request
from tools.contract.answers import AnswersCheck
from tools.contract.exchanges import Exchange, Json, Recording
from tools.contract.openapi import Description
from tools.contract.queries import check_queries
from tools.contract.sent import check_requests
from tools.contract.subset import check_subset

BLOBS = "/repos/{owner}/{repo}/git/blobs"
SHORT_BLOB = {
    "type": "object",
    "required": ["sha"],
    "properties": {"sha": {"type": "string"}, "url": {"type": "string", "format": "uri"}, "size": {"type": "integer"}},
}
BODY = {"type": "object", "required": ["content"], "properties": {"content": {"type": "string"}}}


def as_json(schema: object) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


PUBLISHED = Description(
    {
        "paths": {
            BLOBS: {
                "post": {
                    "requestBody": {"required": True, **as_json(BODY)},
                    "responses": {"201": as_json({"$ref": "#/components/schemas/short-blob"}), "204": {}},
                }
            }
        },
        "components": {"schemas": {"short-blob": SHORT_BLOB, "basic-error": {"type": "object"}}},
    }
)


def exchange(status: int, content: object, sent: object = None, path: str = "/repos/o/r/git/blobs") -> Exchange:
    return Exchange(Request("POST", path, "", {}, json.dumps(sent).encode() if sent else b""), json_answer(status, content))


@pytest.mark.parametrize(
    ("shown", "difference"),
    [
        (exchange(201, {"url": "http://x/"}), f"POST {BLOBS}, 201: the whole: 'sha' is a required property"),
        (exchange(201, {"sha": 1}), f"POST {BLOBS}, 201: sha: 1 is not of type 'string'"),
        (exchange(201, {"sha": None}), f"POST {BLOBS}, 201: sha: None is not of type 'string'"),
        (exchange(201, {"sha": "1", "url": "no address"}), f"POST {BLOBS}, 201: url: 'no address' is not a 'uri'"),
        (exchange(201, {"sha": "1", "kind": "blob"}), f"POST {BLOBS}, 201: kind: GitHub documents no such member"),
        (exchange(418, {}), f"POST {BLOBS}, 418: GitHub documents no such status"),
        (exchange(204, {}), f"POST {BLOBS}, 204: GitHub documents no body"),
        (exchange(200, {}, path="/repos/o/r/none"), "POST /repos/o/r/none: GitHub documents no such operation"),
    ],
)
def test_an_answer_that_does_not_fit_is_found(shown: Exchange, difference: str) -> None:
    assert difference in AnswersCheck(PUBLISHED).run([shown], complete=False).differences


def test_answers_that_fit_are_no_difference() -> None:
    shown = [exchange(201, {"sha": "1", "url": "http://x/", "size": 1})]
    shown.append(Exchange(shown[0].request, error_answer(401, "Bad credentials")))

    assert not AnswersCheck(PUBLISHED).run(shown, complete=False).differences


def test_routes_and_allowances_without_use_are_found() -> None:
    found = "\n".join(AnswersCheck(PUBLISHED).run([]).differences)

    assert "PATCH /git/refs/(.+): the session shows no success" in found
    assert "status=429" in found


@pytest.mark.parametrize(
    ("sent", "difference"),
    [
        ({"content": 1}, "content: 1 is not of type 'string'"),
        ({"content": "", "size": 0}, "size: GitHub documents no such member"),
        (None, "a body is required"),
    ],
)
def test_a_request_that_does_not_fit_is_found(sent: object, difference: str) -> None:
    found = check_requests(PUBLISHED, Recording([exchange(201, {}, sent)], [], "the test"))

    assert next(iter(found.differences)) == f"POST {BLOBS}: {difference}"


@pytest.mark.parametrize(
    ("query", "variables", "difference"),
    [
        ("{ none }", {}, "Cannot query field 'none' on type 'Query'. in: { none }"),
        ("{ old }", {}, "The field Query.old is deprecated. gone soon in: { old }"),
        (
            "query Q($n: Int!) { a(n: $n) }",
            {},
            "Variable '$n' has invalid value: Expected a value of non-null type 'Int!' to be provided.",
        ),
        ("query Q($n: Int!) { a(n: $n) }", {"n": 1, "m": 2}, "$m is sent and not declared"),
    ],
)
def test_a_query_that_does_not_fit_is_found(query: str, variables: dict[str, int], difference: str) -> None:
    published = build_schema('type Query { a(n: Int!): Int old: Int @deprecated(reason: "gone soon") }')
    sent = exchange(200, {}, {"query": query, "variables": variables}, "/graphql")

    assert list(check_queries(published, Recording([sent], [], "the test")).differences) == [difference]


PART = "enum E { A } input I { e: E! } interface N { id: ID! } type Query implements N { id: ID! a(i: I, n: Int = 1): [Int!] }"


@pytest.mark.parametrize(
    ("here", "there", "difference"),
    [
        ("id: ID! a", "id: ID! b: Int a", ""),
        ("[Int!]", "[Int]", "Query.a: GitHub has [Int], and not [Int!]"),
        ("n: Int = 1", "n: Int = 2", "Query.a(n): GitHub has Int = 2, and not Int = 1"),
        ("n: Int = 1", "m: Int = 1", "Query.a(n): GitHub has no such input"),
        ("n: Int = 1", "n: Int = 1, m: Int!", "Query.a(m): GitHub requires it, and it is missing"),
        ("e: E!", "e: E", "I(e): GitHub has E, and not E!"),
        ("enum E { A }", "enum E { B }", "E: GitHub has no A among the values"),
        ("type Query implements N", "type Query", "Query: GitHub has no N among the interfaces"),
        ("enum E { A }", "scalar E", "E: GitHub has a GraphQLScalarType, and not a GraphQLEnumType"),
    ],
)
def test_a_schema_that_is_no_part_of_the_published_one_is_found(here: str, there: str, difference: str) -> None:
    published = PART.replace(here, there)
    assert published != PART

    assert list(check_subset(build_schema(PART), build_schema(published)).differences) == ([difference] if difference else [])
