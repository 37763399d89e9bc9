"""What the input ``repository`` names, and which tokens may go there."""

import pytest

from git_keyval.dispatch.location import locate, token_for

GITHUB = "https://github.com"


@pytest.mark.parametrize(
    ("repository", "location"),
    [
        # Paths stay paths.
        ("/srv/git/db.git", "/srv/git/db.git"),
        ("./db.git", "./db.git"),
        ("./owner/name", "./owner/name"),
        ("../db.git", "../db.git"),
        ("~/db.git", "~/db.git"),
        (".", "."),
        ("db.git", "db.git"),
        ("data/bases/db.git", "data/bases/db.git"),
        ("/with:colon/db.git", "/with:colon/db.git"),
        ("./with:colon", "./with:colon"),
        ("dir/with:colon", "dir/with:colon"),
        ("a b/c", "a b/c"),
        # URLs stay URLs.
        ("https://github.com/owner/name", "https://github.com/owner/name"),
        ("https://user:word@host:8443/a b.git", "https://user:word@host:8443/a b.git"),
        ("http://127.0.0.1:8000/x.git", "http://127.0.0.1:8000/x.git"),
        ("file:///srv/db.git", "file:///srv/db.git"),
        ("ssh://git@host:2222/srv/db.git", "ssh://git@host:2222/srv/db.git"),
        # owner/name is on the server of the workflow.
        ("owner/name", "https://github.com/owner/name.git"),
        ("0wner-1/.github", "https://github.com/0wner-1/.github.git"),
        ("owner/na_me.js", "https://github.com/owner/na_me.js.git"),
        ("-owner/name", "-owner/name"),
        ("owner/name/", "owner/name/"),
        ("owner/", "owner/"),
        ("owner/name\n", "owner/name\n"),
        ("öwner/name", "öwner/name"),
    ],
)
def test_locate(repository: str, location: str) -> None:
    assert locate(repository, GITHUB) == location


@pytest.mark.parametrize("address", ["git@github.com:owner/name.git", "host:name.git", "git@host:/srv/db.git", "host:~user/db.git"])
def test_an_scp_like_address_stays_as_it_is(address: str) -> None:
    """The git adapter reads it, because its path is not the path of a URL."""
    assert locate(address, GITHUB) == address


@pytest.mark.parametrize("server", ["https://github.example", "https://github.example/", "https://github.example:8443"])
def test_a_name_is_looked_for_on_the_server_of_the_workflow(server: str) -> None:
    assert locate("owner/name", server) == f"{server.rstrip('/')}/owner/name.git"


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
    assert (token_for(location, "ghs_x", server) == "ghs_x") == sent
    assert token_for(location, "ghp_x", server) == "ghp_x"
    assert token_for(location, "", server) == ""
