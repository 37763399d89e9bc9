"""The CDN in front of the public repositories of the emulated GitHub."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.emulator import GitHubEmulator
from tests.emulator.conftest import Client
from tests.servers.binary import git_output, run_git


@pytest.fixture
def public(emulator: GitHubEmulator) -> GitHubEmulator:
    emulator.options.public.add("o/r")
    return emulator


def fetch(emulator: GitHubEmulator, path: str, headers: dict[str, str] | None = None) -> tuple[int | None, bytes, str]:
    try:
        with urlopen(Request(f"{emulator.cdn_url}/{path}", headers=headers or {})) as answer:  # noqa: S310  # on loopback
            return answer.status, answer.read(), answer.headers["Content-Type"]
    except HTTPError as refused:
        with refused:
            return refused.status, refused.read(), refused.headers["Content-Type"]


def test_files_are_served_by_commit_and_by_tag(public: GitHubEmulator, client: Client, path: Path) -> None:
    oid = client.commit(content="hello")
    run_git("tag", "some-name", oid, directory=path)
    run_git("tag", "-a", "-m", "an object of its own", "other-name", oid, directory=path)

    for ref in (oid, "some-name", "other-name"):
        assert fetch(public, f"o/r@{ref}/value")[:2] == (200, b"hello")
        assert fetch(public, f"O/R@{ref}/value")[0] == 200
        assert fetch(public, f"o/r@{ref}/missing")[0] == 404
    assert public.count("cdn") == 9
    assert public.limits.quota("emulated-token", "core").remaining == 5_000 - 2


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("view.txt", "text/plain; charset=utf-8"),
        ("view.json", "application/json; charset=utf-8"),
        ("view.html", "text/plain; charset=utf-8"),
        ("view.png", "image/png"),
        ("bytes", "application/octet-stream"),
    ],
)
def test_the_name_of_a_file_tells_its_media_type(public: GitHubEmulator, path: Path, file: str, kind: str) -> None:
    """But no page of HTML comes from a CDN."""
    blob = git_output("hash-object", "-w", "--stdin", directory=path, stdin=b"x")
    tree = git_output("mktree", directory=path, stdin=f"100644 blob {blob}\t{file}\n".encode())
    commit = git_output("commit-tree", tree, "-m", "x", directory=path)
    assert fetch(public, f"o/r@{commit}/{file}") == (200, b"x", kind)


def test_what_was_served_once_is_served_for_ever(public: GitHubEmulator, client: Client, path: Path) -> None:
    oid = client.commit(content="first")
    run_git("tag", "some-name", oid, directory=path)
    assert fetch(public, "o/r@some-name/value")[1] == b"first"

    run_git("tag", "-f", "some-name", client.commit(content="second"), directory=path)
    assert fetch(public, "o/r@some-name/value")[1] == b"first"
    run_git("tag", "-d", "some-name", directory=path)
    public.options.public.clear()
    assert fetch(public, "o/r@some-name/value")[1] == b"first"
    assert fetch(public, f"o/r@{oid}/value")[0] == 404


def test_what_is_private_or_absent_is_not_found(emulator: GitHubEmulator, client: Client) -> None:
    oid = client.commit()
    assert fetch(emulator, f"o/r@{oid}/value")[0] == 404
    emulator.options.public.update({"o/r", "o/none"})
    assert fetch(emulator, f"o/r@{oid}/value")[0] == 200
    assert fetch(emulator, f"o/none@{oid}/value")[0] == 404
    assert fetch(emulator, f"o/r@{oid[:7]}/value")[0] == 404
    assert fetch(emulator, "o/r@no-such-tag/value")[0] == 404


def test_a_large_file_is_refused(public: GitHubEmulator, client: Client) -> None:
    assert fetch(public, f"o/r@{client.commit(content='x' * 20_000_001)}/value")[0] == 403


def test_refs_with_a_slash_do_not_work(public: GitHubEmulator, client: Client, path: Path) -> None:
    run_git("tag", "some/name", client.commit(), directory=path)
    assert fetch(public, "o/r@some/name/value")[0] == 404
    assert fetch(public, "o/r@some%2Fname/value")[0] == 404


@pytest.mark.parametrize("ref", ["main", "v3", "1.2.3"])
def test_a_ref_that_may_mean_something_else_is_reported(public: GitHubEmulator, client: Client, path: Path, ref: str) -> None:
    if ref != "main":
        run_git("tag", ref, client.commit(), directory=path)
    assert fetch(public, f"o/r@{ref}/README.md")[0] == 404
    assert public.unexpected
    public.unexpected.clear()


def test_credentials_are_reported(public: GitHubEmulator, client: Client) -> None:
    assert fetch(public, f"o/r@{client.commit()}/value", {"Authorization": "Bearer emulated-token"})[0] == 200
    assert public.unexpected == ["credentials for the CDN"]
    public.unexpected.clear()
