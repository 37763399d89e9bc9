"""What the input ``repository`` names, and which tokens may go there."""

import pytest

from git_keyval.dispatch.location import GithubServer, beside, github_name, owner_of, shown_address, token_for

GITHUB = "https://github.com"


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        # Paths stay paths.
        ("/srv/git/db.git", None),
        ("./db.git", None),
        ("./owner/name", None),
        ("../db.git", None),
        ("~/db.git", None),
        (".", None),
        ("db.git", None),
        ("data/bases/db.git", None),
        ("/with:colon/db.git", None),
        ("./with:colon", None),
        ("dir/with:colon", None),
        ("a b/c", None),
        # Addresses of other servers, and those with credentials of their own, are git's.
        ("https://user:word@host:8443/a b.git", None),
        ("https://user:word@github.com/owner/name.git", None),
        ("http://127.0.0.1:8000/x.git", None),
        ("http://github.com/owner/name.git", None),
        ("https://github.com.evil.example/owner/name.git", None),
        ("file:///srv/db.git", None),
        ("ssh://git@host:2222/srv/db.git", None),
        ("git@github.com:owner/name.git", None),
        ("host:name.git", None),
        # A repository on the server of the workflow, by its name or its address.
        ("owner/name", "owner/name"),
        ("0wner-1/.github", "0wner-1/.github"),
        ("owner/na_me.js", "owner/na_me.js"),
        ("https://github.com/owner/name", "owner/name"),
        ("https://github.com/owner/name/", "owner/name"),
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://github.com/owner/name/tree/main", None),
        ("https://github.com/owner", None),
        ("-owner/name", None),
        ("owner/name/", None),
        ("owner/", None),
        ("owner/name\n", None),
        ("öwner/name", None),
    ],
)
def test_what_is_on_the_github_server(repository: str, name: str | None) -> None:
    assert github_name(repository, GithubServer.of({})) == name


@pytest.mark.parametrize(
    ("environ", "server", "api", "graphql"),
    [
        ({}, "https://github.com", "https://api.github.com", "https://api.github.com/graphql"),
        (
            {"GITHUB_SERVER_URL": "https://ghe.example/"},
            "https://ghe.example",
            "https://ghe.example/api/v3",
            "https://ghe.example/api/graphql",
        ),
        (
            {"GITHUB_SERVER_URL": "https://x.ghe.com", "GITHUB_API_URL": "https://api.x.ghe.com"},
            "https://x.ghe.com",
            "https://api.x.ghe.com",
            "https://api.x.ghe.com/graphql",
        ),
        (
            {"GITHUB_API_URL": "http://127.0.0.1:80/a", "GITHUB_GRAPHQL_URL": "http://127.0.0.1:80/b"},
            "https://github.com",
            "http://127.0.0.1:80/a",
            "http://127.0.0.1:80/b",
        ),
    ],
)
def test_the_addresses_of_the_server(environ: dict[str, str], server: str, api: str, graphql: str) -> None:
    """The runner sets all three; what is missing follows GitHub's own scheme."""
    assert GithubServer.of(environ) == GithubServer(server, api, graphql)
    assert github_name(f"{server}/owner/name.git", GithubServer.of(environ)) == "owner/name"


@pytest.mark.parametrize(
    ("location", "server", "sent"),
    [
        ("https://github.com/owner/name.git", GITHUB, True),
        ("https://GitHub.com/owner/name.git", GITHUB, True),
        ("https://github.com:443/owner/name.git", GITHUB, True),
        ("https://user@github.com/owner/name.git", GITHUB, True),
        ("https://ghe.example/owner/name.git", "https://ghe.example", True),
        ("https://github.com.evil.example/owner/name.git", GITHUB, False),
        ("https://github.com@evil.example/owner/name.git", GITHUB, False),
        ("https://evil.example/github.com/name.git", GITHUB, False),
        ("https://evil.example#@github.com/name.git", GITHUB, False),
        ("https://raw.github.com/owner/name.git", GITHUB, False),
        ("https://github.com/owner/name.git", "https://ghe.example", False),
        ("http://127.0.0.1/owner/name.git", GITHUB, False),
        ("https:///owner/name.git", GITHUB, False),
        ("/srv/db.git", GITHUB, False),
    ],
)
def test_the_token_of_a_workflow_goes_to_its_server_only(location: str, server: str, sent: bool) -> None:  # noqa: FBT001  # a column of the table
    there = GithubServer.of({"GITHUB_SERVER_URL": server})
    assert (token_for(location, "ghs_x", there) == "ghs_x") == sent
    assert token_for(location, "ghp_x", there) == "ghp_x"
    assert token_for(location, "", there) == ""


BESIDE = [
    ("org/old", "org", "team/new"),
    ("https://github.com/org/old", "org", "team/new"),
    ("https://github.com/org/old.git/", "org", "team/new"),
    ("https://git.example/org/old.git", "org", "https://git.example/team/new.git"),
    ("https://git.example/org/old", "org", "https://git.example/team/new"),
    ("https://git.example/group/org/old.git", "org", "https://git.example/group/team/new.git"),
    ("https://user:word@git.example:8443/org/old.git", "org", "https://user:word@git.example:8443/team/new.git"),
    ("ssh://git@git.example:2222/org/old.git", "org", "ssh://git@git.example:2222/team/new.git"),
    ("ssh://git@git.example/~org/old.git", "~org", "ssh://git@git.example/team/new.git"),
    ("git@git.example:org/old.git", "org", "git@git.example:team/new.git"),
    ("git.example:/srv/git/org/old", "org", "git.example:/srv/git/team/new"),
    ("file:///srv/git/org/old.git", "org", "file:///srv/git/team/new.git"),
    ("/srv/git/org/old.git", "org", "/srv/git/team/new.git"),
    ("/org/old.git/", "org", "/team/new.git"),
    ("./org/old.git", "org", "./team/new.git"),
    ("../org/old.git", "org", "../team/new.git"),
    ("~/org/old", "org", "~/team/new"),
    ("data/org/old.git", "org", "data/team/new.git"),
    ("/srv/a b/\u00e9/old.git", "\u00e9", "/srv/a b/team/new.git"),
    # Nothing here is an owner's folder.
    *((repository, None, None) for repository in ("old.git", "./old.git", "../old.git", "/old.git", "~/old.git", ".", "/", "")),
    *((repository, None, None) for repository in ("https://git.example/old.git", "https://git.example", "git@git.example:old.git")),
    *((repository, None, None) for repository in ("file:///old.git", "ssh://git.example/old", "/srv/git/..", "/srv/../old")),
    *((repository, None, None) for repository in ("https://git.example/org/old?x", "https://git.example/org/old#x")),
]


@pytest.mark.parametrize(("repository", "owner", "other"), BESIDE, ids=[ascii(row[0]) for row in BESIDE])
def test_where_the_repository_beside_one_is(repository: str, owner: str | None, other: str | None) -> None:
    """On the same server, by the same way; or nowhere."""
    server = GithubServer.of({})
    assert owner_of(repository, server) == owner
    assert beside(repository, "team/new", server) == other


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:word@host/a/b", "https://host/a/b"),
        ("HTTPS://ghp_token@host/a/b", "HTTPS://host/a/b"),
        ("http://a@b:c@host:80/a/b", "http://host:80/a/b"),
        ("ssh://user:word@host/a/b", "ssh://host/a/b"),
        ("ssh://git@host/a/b", "ssh://git@host/a/b"),
        ("git@host:a/b", "git@host:a/b"),
        ("/srv/\u00e9/a@b", "/srv/\u00e9/a@b"),
        ("https://host/a/b@c", "https://host/a/b@c"),
    ],
)
def test_an_address_is_shown_without_credentials(address: str, shown: str) -> None:
    assert shown_address(address) == shown
