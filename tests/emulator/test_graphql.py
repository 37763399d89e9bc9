"""GraphQL as GitHub speaks it, asked by PyGithub."""

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from github import GithubException, UnknownObjectException

from tests.emulator import GitHubEmulator, Permission, Protected
from tests.emulator.conftest import ZERO, Client
from tests.servers.binary import git_output, run_git

NOBODY = "1" * 40


def failing(client: Client, query: str) -> list[dict[str, object]]:
    """Send a query that fails; give its errors."""
    with pytest.raises(GithubException) as caught:
        client.requester.graphql_query(query, {})
    errors = caught.value.data["errors"]
    assert isinstance(errors, list)
    return errors


def refs(path: Path) -> dict[str, str]:
    lines = git_output("for-each-ref", "--format=%(refname) %(objectname)", directory=path).split("\n")
    return {name: oid for name, _, oid in (line.partition(" ") for line in lines)}


# --- queries ---


def test_one_query_reads_value_and_message(client: Client) -> None:
    client.branch("k/v", client.commit("expiry\n"))

    selection = 'target { oid ... on Commit { message file(path: "value") { mode size object { ... on Blob { text } } } } }'
    data = client.query(f'ref(qualifiedName: "refs/heads/k/v") {{ name prefix {selection} }}')

    assert data["ref"] == {
        "name": "k/v",
        "prefix": "refs/heads/",
        "target": {
            "oid": client.commit("expiry\n"),
            "message": "expiry",
            "file": {"mode": 0o100644, "size": 7, "object": {"text": "Boolean"}},
        },
    }


def test_repository_says_whether_it_is_empty(client: Client, emulator: GitHubEmulator) -> None:
    emulator.create("o", "void", empty=True)

    query = '{ repository(owner: "o", name: "void") { isEmpty isPrivate databaseId defaultBranchRef { name } } }'
    void = client.requester.graphql_query(query, {})[1]["data"]["repository"]

    assert (void["isEmpty"], void["isPrivate"], void["defaultBranchRef"]) == (True, True, None)
    assert client.query("isEmpty defaultBranchRef { name }") == {"isEmpty": False, "defaultBranchRef": {"name": "main"}}


def test_final_line_feed_of_a_message_is_an_option(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.keep_final_line_feed = True

    data = client.query("object(oid: $oid) { ... on Commit { message } }".replace("$oid", f'"{client.commit("m")}"'))
    kept = client.query(f'object(oid: "{client.commit("m" + chr(10))}") {{ ... on Commit {{ message }} }}')

    assert (data, kept) == ({"object": {"message": "m"}}, {"object": {"message": "m\n"}})


def test_ref_outside_branches_and_tags_is_null(client: Client, path: Path) -> None:
    run_git("update-ref", "refs/locks/one", client.commit(), directory=path)

    assert client.query('ref(qualifiedName: "refs/locks/one") { id }') == {"ref": None}
    assert client.query('ref(qualifiedName: "refs/heads/none") { id }') == {"ref": None}


def test_short_name_may_find_a_tag(client: Client) -> None:
    """A missing branch that is asked for by its short name is answered with a tag of this name."""
    client.post("/git/refs", {"ref": "refs/tags/x", "sha": client.commit()})

    assert client.query('ref(qualifiedName: "x") { prefix }') == {"ref": {"prefix": "refs/tags/"}}
    assert client.query('ref(qualifiedName: "refs/heads/x") { prefix }') == {"ref": None}


def test_refs_are_listed_in_pages(client: Client, path: Path) -> None:
    for number in range(5):
        run_git("update-ref", f"refs/heads/k/{number}", client.commit(), directory=path)
    fields = "totalCount nodes { name prefix } pageInfo { endCursor hasNextPage hasPreviousPage }"

    first = client.query(f'refs(refPrefix: "refs/heads/k/", first: 3) {{ {fields} }}')["refs"]
    assert isinstance(first, dict)
    cursor = first["pageInfo"]["endCursor"]
    second = client.query(f'refs(refPrefix: "refs/heads/k/", first: 3, after: "{cursor}") {{ {fields} }}')["refs"]
    last = client.query('refs(refPrefix: "refs/heads/k/", last: 1, query: "4") { edges { cursor node { name } } }')["refs"]
    down = client.query(
        'refs(refPrefix: "refs/heads/", first: 1, orderBy: {field: ALPHABETICAL, direction: DESC}) { nodes { name } }'
    )["refs"]

    assert first["totalCount"] == 5
    assert [node["name"] for node in first["nodes"]] == ["0", "1", "2"]
    assert isinstance(second, dict)
    assert [node["name"] for node in second["nodes"]] == ["3", "4"]
    assert second["pageInfo"]["hasNextPage"] is False
    assert second["pageInfo"]["hasPreviousPage"] is True
    assert isinstance(last, dict)
    assert [edge["node"]["name"] for edge in last["edges"]] == ["4"]
    assert down == {"nodes": [{"name": "main"}]}


@pytest.mark.parametrize(
    ("arguments", "type"),
    [
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        (", first: 101", "EXCESSIVE_PAGINATION"),
        (", last: 101", "EXCESSIVE_PAGINATION"),
        (", first: 0", "INVALID_PAGINATION"),
        (', first: 1, after: "%"', "INVALID_CURSOR_ARGUMENTS"),
    ],
)
def test_pages_have_one_to_a_hundred_records(client: Client, arguments: str, type: str) -> None:
    query = f'{{ repository(owner: "o", name: "r") {{ refs(refPrefix: "refs/heads/"{arguments}) {{ totalCount }} }} }}'

    [error] = failing(client, query)

    assert error["type"] == type


def test_prefix_that_is_no_directory_is_refused_and_reported(client: Client, emulator: GitHubEmulator) -> None:
    failing(client, '{ repository(owner: "o", name: "r") { refs(refPrefix: "refs/heads/k", first: 1) { totalCount } } }')

    assert emulator.unexpected == ["the ref prefix refs/heads/k"]
    emulator.unexpected.clear()


def test_objects_are_found_by_expression(client: Client) -> None:
    oid = client.commit()
    client.branch("k/v", oid)

    data = client.query(
        'a: object(expression: "refs/heads/k/v:value") { oid } b: object(expression: "k/v^{tree}") { __typename }'
        f'c: object(expression: "{oid}:none") {{ oid }} d: object(expression: "HEAD") {{ ... on Commit {{ message }} }}'
        f'e: object(oid: "{NOBODY}") {{ oid }} f: object(expression: "heads/none") {{ oid }}'
    )

    assert data == {
        "a": {"oid": "f69080d7afddda4734fc8b077f23c6466900e1f1"},
        "b": {"__typename": "Tree"},
        "c": None,
        "d": {"message": "Initial commit"},
        "e": None,
        "f": None,
    }


def test_text_of_blobs(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.blob_text_limit = 3

    def blob(content: bytes) -> object:
        oid = client.post("/git/blobs", {"content": base64.b64encode(content).decode(), "encoding": "base64"})["sha"]
        return client.query(f'object(oid: "{oid}") {{ ... on Blob {{ byteSize isBinary isTruncated text }} }}')["object"]

    assert blob(b"abc") == {"byteSize": 3, "isBinary": False, "isTruncated": False, "text": "abc"}
    assert blob(b"abcd") == {"byteSize": 4, "isBinary": False, "isTruncated": True, "text": "abc"}
    assert blob(b"a\0b") == {"byteSize": 3, "isBinary": True, "isTruncated": False, "text": None}
    assert blob(b"\xff") == {"byteSize": 1, "isBinary": False, "isTruncated": False, "text": "\ufffd"}


def test_tags_trees_parents_and_nodes(client: Client, path: Path) -> None:
    run_git("tag", "-a", "-m", "note", "t", "main", directory=path)

    data = client.query(
        'ref(qualifiedName: "refs/tags/t") { id target { __typename ... on Tag { name message tagger { name } '
        "target { ... on Commit { parents(first: 1) { totalCount } tree { id entries { name nameRaw path type } } } } } } }"
    )["ref"]

    assert isinstance(data, dict)
    tag = data["target"]
    assert (tag["__typename"], tag["name"], tag["message"], tag["tagger"]) == ("Tag", "t", "note", {"name": "a"})
    assert tag["target"]["parents"] == {"totalCount": 0}
    tree = tag["target"]["tree"]
    assert tree["entries"] == [{"name": "README.md", "nameRaw": "UkVBRE1FLm1k", "path": "README.md", "type": "blob"}]
    query = "query($a: ID!, $b: ID!) { a: node(id: $a) { __typename } b: node(id: $b) { __typename id } }"
    _, found = client.requester.graphql_query(query, {"a": data["id"], "b": tree["id"]})
    assert found["data"] == {"a": {"__typename": "Ref"}, "b": {"__typename": "Tree", "id": tree["id"]}}


def test_missing_repository_is_an_error_and_the_rest_is_answered(client: Client) -> None:
    with pytest.raises(UnknownObjectException) as caught:
        client.requester.graphql_query('{ repository(owner: "o", name: "none") { id } viewer { login } }', {})

    data = caught.value.data
    assert data["data"] == {"repository": None, "viewer": {"login": "github-actions[bot]"}}
    [error] = data["errors"]
    assert (error["type"], error["path"], "locations" in error) == ("NOT_FOUND", ["repository"], True)


def test_renamed_repository_is_followed(client: Client, emulator: GitHubEmulator) -> None:
    emulator.rename("o/r", "o/new")

    assert client.query("nameWithOwner") == {"nameWithOwner": "o/new"}
    query = '{ repository(owner: "o", name: "r", followRenames: false) { id } }'
    assert [error["type"] for error in failing(client, query)] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    "query",
    [
        '{ repository(owner: "o", name: "r") { stargazerCount } }',
        "{ repository(",
        'mutation { updateRefs(input: {repositoryId: "x", refUpdates: []}) { clientMutationId } rateLimit { cost } }',
        'mutation { updateRefs(input: {repositoryId: "x", refUpdates: [], expectedOid: "y"}) { clientMutationId } }',
        'mutation { updateRefs(input: {repositoryId: "x", refUpdates: []}) { refs { name } } }',
    ],
)
def test_what_is_not_in_the_schema_is_refused_with_200_and_reported(client: Client, emulator: GitHubEmulator, query: str) -> None:
    errors = failing(client, query)

    assert all("message" in error for error in errors)
    assert [entry.status for entry in emulator.requests] == [200]
    assert emulator.unexpected
    emulator.unexpected.clear()


def test_cost_is_counted_by_connections(client: Client) -> None:
    aliases = " ".join(f'r{number}: ref(qualifiedName: "refs/heads/main") {{ id }}' for number in range(100))
    inner = "target { ... on Commit { parents(first: 100) { totalCount } } }"
    wide = f'refs(refPrefix: "refs/heads/", first: 100) {{ nodes {{ ... on Ref {{ {inner} }} }} }}'

    def cost(selection: str) -> object:
        query = f'{{ rateLimit {{ cost nodeCount }} repository(owner: "o", name: "r") {{ {selection} }} }}'
        return client.requester.graphql_query(query, {})[1]["data"]["rateLimit"]

    assert cost(aliases) == {"cost": 1, "nodeCount": 0}
    assert cost(wide) == {"cost": 1, "nodeCount": 10_100}
    assert cost(f"a: {wide} b: {wide}") == {"cost": 2, "nodeCount": 20_200}


def test_too_many_nodes(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.node_limit = 99

    query = '{ repository(owner: "o", name: "r") { refs(refPrefix: "refs/heads/", first: 100) { totalCount } } }'

    assert [error["type"] for error in failing(client, query)] == ["MAX_NODE_LIMIT_EXCEEDED"]


# --- mutations ---


def test_update_refs_creates_moves_asserts_and_deletes_in_one_call(client: Client, path: Path) -> None:
    one, two = client.commit("1"), client.commit("2")
    client.branch("move", one)
    client.branch("keep", one)
    client.branch("drop", one)
    before = refs(path)

    payload = client.update(
        {"name": "refs/heads/new", "afterOid": one, "beforeOid": ZERO},
        {"name": "refs/heads/move", "afterOid": two, "beforeOid": one, "force": True},
        {"name": "refs/heads/keep", "afterOid": one, "beforeOid": one},
        {"name": "refs/heads/drop", "afterOid": ZERO, "beforeOid": one},
        {"name": "refs/heads/none", "afterOid": ZERO, "beforeOid": ZERO},
        {"name": "refs/tags/any", "afterOid": two},
        {"name": "refs/locks/any", "afterOid": two},
        echo="unique",
    )

    assert payload == {"clientMutationId": "unique"}
    changed = {"refs/heads/new": one, "refs/heads/move": two, "refs/tags/any": two, "refs/locks/any": two}
    del before["refs/heads/drop"]
    assert refs(path) == before | changed


def test_one_refused_update_leaves_all_refs_alone(client: Client, path: Path) -> None:
    oid = client.commit()
    before = refs(path)

    type, message = client.update_error(
        {"name": "refs/heads/a", "afterOid": oid, "beforeOid": ZERO},
        {"name": "refs/heads/main", "afterOid": oid, "beforeOid": ZERO},
    )

    assert (type, message) == ("STALE_DATA", f"Expected refs/heads/main to point to {ZERO} but it did not.")
    assert refs(path) == before


def test_error_of_a_stale_update_is_an_option(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.stale_type = "UNPROCESSABLE"
    emulator.options.stale_message = "A conflict."

    update = {"name": "refs/heads/a", "afterOid": client.commit(), "beforeOid": NOBODY}

    assert client.update_error(update) == ("UNPROCESSABLE", "A conflict.")


def test_updates_that_github_refuses(client: Client, path: Path, emulator: GitHubEmulator) -> None:
    one, two = client.commit("1"), client.commit("2")
    blob = client.post("/git/blobs", {"content": "b"})["sha"]
    client.branch("k", one)
    emulator.options.absent_delete = "refuse"
    before = refs(path)

    for update in (
        {"name": "refs/heads/k", "afterOid": two, "beforeOid": one},  # unrelated, and not forced
        {"name": "refs/heads/k", "afterOid": NOBODY, "force": True},
        {"name": "refs/heads/k/v", "afterOid": one},
        {"name": "refs/heads/x", "afterOid": blob},
        {"name": "refs/heads/a..b", "afterOid": one},
        {"name": f"refs/tags/{'a' * 40}", "afterOid": one},
        {"name": "refs/heads/none", "afterOid": ZERO},
        {"name": "refs/heads/main", "afterOid": ZERO},
    ):
        assert client.update_error(update)[0] == "UNPROCESSABLE"
    twice = {"name": "refs/heads/x", "afterOid": one}
    assert client.update_error(twice, twice)[0] == "UNPROCESSABLE"
    assert refs(path) == before


def test_deleting_an_absent_ref_is_accepted_by_default(client: Client) -> None:
    assert client.update({"name": "refs/heads/none", "afterOid": ZERO}) == {"clientMutationId": "echo"}


def test_fast_forward_needs_no_force(client: Client, path: Path) -> None:
    main = git_output("rev-parse", "main", directory=path)
    tree = git_output("rev-parse", "main^{tree}", directory=path)
    child = client.post("/git/commits", {"message": "", "tree": tree, "parents": [main]})["sha"]

    client.update({"name": "refs/heads/main", "afterOid": child})

    assert refs(path)["refs/heads/main"] == child


def test_number_of_updates_may_be_limited(client: Client, emulator: GitHubEmulator) -> None:
    emulator.options.max_ref_updates = 1
    oid = client.commit()

    type, message = client.update_error({"name": "refs/heads/a", "afterOid": oid}, {"name": "refs/heads/b", "afterOid": oid})

    assert type == "UNPROCESSABLE"
    assert "max_ref_updates" in message


def test_rulesets_apply_to_all_ways(client: Client, emulator: GitHubEmulator, path: Path) -> None:
    oid = client.commit()
    client.branch("gc/x", oid)
    emulator.options.protected = (Protected("refs/heads/gc/*", frozenset({"deletion"})), Protected("refs/tags/*"))

    type, message = client.update_error({"name": "refs/heads/gc/x", "afterOid": ZERO})
    assert type == "UNPROCESSABLE"
    assert "Cannot delete this protected ref." in message
    assert "rule violations" in client.refused("DELETE", "/git/refs/heads/gc/x")[1]
    assert "rule violations" in client.refused("POST", "/git/refs", {"ref": "refs/tags/t", "sha": oid})[1]
    client.update({"name": "refs/heads/gc/x", "afterOid": oid, "beforeOid": oid}, {"name": "refs/heads/gc/y", "afterOid": oid})
    assert set(refs(path)) == {"refs/heads/main", "refs/heads/gc/x", "refs/heads/gc/y"}


def test_bad_variables_are_refused(client: Client, emulator: GitHubEmulator) -> None:
    repository = client.query("id")["id"]
    for update in ({"name": "refs/heads/a", "afterOid": "main"}, {"name": "a", "afterOid": ZERO}, {"name": "refs/heads/a"}):
        with pytest.raises(GithubException):
            client.requester.graphql_named_mutation(
                "updateRefs", {"repositoryId": repository, "refUpdates": [update]}, "clientMutationId"
            )
    assert len(emulator.unexpected) == 3
    emulator.unexpected.clear()


def test_create_and_delete_ref(client: Client, path: Path) -> None:
    oid, repository = client.commit(), client.query("id")["id"]
    made = {"repositoryId": repository, "name": "refs/heads/k/v", "oid": oid}

    _, payload = client.requester.graphql_named_mutation("createRef", made, "ref { id name target { oid } }")
    with pytest.raises(GithubException) as again:
        client.requester.graphql_named_mutation("createRef", made, "ref { id }")
    with pytest.raises(GithubException) as below:
        client.requester.graphql_named_mutation("createRef", {**made, "name": "refs/heads/k/v/w"}, "ref { id }")

    assert (payload["ref"]["name"], payload["ref"]["target"]) == ("k/v", {"oid": oid})
    assert again.value.data["errors"][0]["type"] == "UNPROCESSABLE"
    assert below.value.data["errors"][0]["message"] == "Ref cannot be created."
    client.requester.graphql_named_mutation("deleteRef", {"refId": payload["ref"]["id"]}, "clientMutationId")
    assert set(refs(path)) == {"refs/heads/main"}
    with pytest.raises(UnknownObjectException):
        client.requester.graphql_named_mutation("deleteRef", {"refId": payload["ref"]["id"]}, "clientMutationId")


def test_mutations_need_permission(client: Client, connect: Callable[..., Client], emulator: GitHubEmulator) -> None:
    emulator.access.grant("reader", Permission.READ)
    oid = client.commit()

    type, message = connect("reader").update_error({"name": "refs/heads/a", "afterOid": oid})

    assert (type, message) == ("FORBIDDEN", "Resource not accessible by integration")
    with pytest.raises(UnknownObjectException):
        client.requester.graphql_named_mutation("updateRefs", {"repositoryId": "R_none", "refUpdates": []}, "clientMutationId")
