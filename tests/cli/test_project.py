"""The database of a project: who names it, which token it gets, and what a hostile project cannot do."""

import base64
import os
import re
from pathlib import Path

import pytest

from git_keyval.cli.project import _ON_A_SERVER, FILE_NAME, project_of
from git_keyval.errors import InputError
from tests.cli.conftest import MARKED_TOKEN, Command
from tests.servers.binary import init_bare, isolated_environ, run_git
from tests.servers.listening import Listening
from tests.servers.raw import RawServer

NOTHING = {"GIT_KEYVAL_REPOSITORY": ""}
SENT = f"Basic {base64.b64encode(f'x-access-token:{MARKED_TOKEN}'.encode()).decode()}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a work tree, and stand in a folder of it."""
    top = tmp_path / "project"
    (top / "deep" / "down").mkdir(parents=True)
    run_git("init", "-q", top)
    monkeypatch.chdir(top / "deep" / "down")
    return top


def write(directory: Path, *lines: str) -> Path:
    file = directory / FILE_NAME
    file.write_text("\n".join(["[keyval]", *lines, ""]), encoding="utf-8")
    return file


def configured(file: Path) -> dict[str, str]:
    """Have a file as the user's configuration of git."""
    return {**NOTHING, "GIT_CONFIG_GLOBAL": str(file)}


def test_the_file_of_the_work_tree_names_the_database(project: Path, keyval: Command, listening: Listening) -> None:
    file = write(project, f"repository = {listening.url}/owner/name.git")
    said = keyval("-v", "incr", "n", environ=NOTHING)
    assert (said.code, said.text) == (0, "1")
    assert said.stderr == f"The database is {listening.url}/owner/name.git, by {file}.\n"


def test_its_settings_hold_unless_an_option_says_otherwise(project: Path, keyval: Command, repository: Path) -> None:
    run_git("config", "keyval.repository", str(repository), directory=project)
    run_git("config", "keyval.shardLength", "3", directory=project)
    keyval("set", "a", "1", environ=NOTHING)
    assert any(re.match("refs/heads/kv-[0-9a-f]{3}/", ref) for ref in refs(repository))
    assert keyval("get", "a", environ=NOTHING).text == "1"
    assert keyval("get", "a", "--shard-length", "2", "--default", "none", environ=NOTHING).text == "none"
    assert keyval("get", "a", "-r", str(repository), "--default", "none", environ=NOTHING).text == "none"


def refs(repository: Path) -> list[str]:
    return run_git("for-each-ref", "--format=%(refname)", directory=repository).stdout.decode().split()


def test_the_narrower_word_of_a_person_beats_the_project(project: Path, keyval: Command, tmp_path: Path) -> None:
    """Option, variable, the configuration of the work tree, that of the user, the file."""
    names = ["option", "variable", "local", "global"]
    for name in names:
        init_bare(tmp_path / f"{name}.git")
        keyval("-r", str(tmp_path / f"{name}.git"), "set", "a", name)
    write(project, "repository = https://nowhere.invalid/file.git")
    user = tmp_path / "gitconfig"
    user.write_text(f"[keyval]\nrepository = {tmp_path}/global.git\n", encoding="utf-8")
    run_git("config", "keyval.repository", "../local.git", directory=project)
    variable = {"GIT_KEYVAL_REPOSITORY": f"{tmp_path}/variable.git", "GIT_CONFIG_GLOBAL": str(user)}
    assert keyval("-r", f"{tmp_path}/option.git", "get", "a", environ=variable).text == "option"
    assert keyval("get", "a", environ=variable).text == "variable"
    assert keyval("get", "a", environ=configured(user)).text == "local"
    run_git("config", "--unset", "keyval.repository", directory=project)
    assert keyval("get", "a", environ=configured(user)).text == "global"


def test_it_is_looked_for_up_to_the_top_of_the_work_tree(project: Path) -> None:
    environ = isolated_environ()
    here, uid = project / "deep" / "down", os.getuid()
    write(project.parent, "repository = above/all")
    assert project_of(here, environ, uid) is None
    write(project, "repository = top/database")
    found = project_of(here, environ, uid)
    assert found is not None
    assert (found.repository, found.is_own) == ("top/database", False)
    write(project / "deep", "repository = deep/database")
    nearer = project_of(here, environ, uid)
    assert nearer is not None
    assert nearer.repository == "deep/database"


def test_a_token_goes_where_a_person_says_and_nowhere_else(
    project: Path, keyval: Command, listening: Listening, tmp_path: Path
) -> None:
    """A project that was cloned could name any server."""
    tokens = {"GIT_KEYVAL_TOKEN": MARKED_TOKEN, **dict.fromkeys(("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN"), MARKED_TOKEN)}
    address = f"{listening.url}/owner/name.git"
    write(project, f"repository = {address}")
    assert keyval("incr", "n", environ={**NOTHING, **tokens}).code == 0
    run_git("config", "keyval.repository", address, directory=project)
    assert keyval("incr", "n", environ={**NOTHING, **tokens}).code == 0
    assert set(listening.credentials) == {""}
    listening.credentials.clear()
    refused = keyval("incr", "n", "--token", MARKED_TOKEN, environ=NOTHING)
    assert (refused.code, listening.credentials) == (2, [])
    assert refused.stderr.startswith("--token is not sent to a repository that git's configuration (local) names.")
    assert MARKED_TOKEN not in refused.stderr
    user = tmp_path / "gitconfig"
    user.write_text(f"[keyval]\nrepository = {address}\n", encoding="utf-8")
    run_git("config", "--unset", "keyval.repository", directory=project)
    for named in (["-r", address], []):
        environ = {**(NOTHING if named else configured(user)), "GIT_KEYVAL_TOKEN": MARKED_TOKEN}
        assert keyval(*named, "incr", "n", environ=environ).code == 0
        assert set(listening.credentials) == {SENT}
        listening.credentials.clear()


def test_the_token_of_the_github_server_goes_there_whoever_names_it(project: Path, keyval: Command, listening: Listening) -> None:
    write(project, "repository = owner/name", "transport = git")
    environ = {**NOTHING, "GITHUB_SERVER_URL": listening.url, "GH_ENTERPRISE_TOKEN": MARKED_TOKEN, "GIT_KEYVAL_TOKEN": "another"}
    assert keyval("incr", "n", environ=environ).code == 0
    assert set(listening.credentials) == {SENT}


def test_the_error_says_that_a_token_was_not_sent(project: Path, keyval: Command) -> None:
    with RawServer(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as server:
        file = write(project, f"repository = {server.url}/db.git")
        said = keyval("get", "a", environ={**NOTHING, "GIT_KEYVAL_TOKEN": MARKED_TOKEN})
    assert f"Check keyval.repository in {file}, and give GIT_KEYVAL_TOKEN if it is private." in said.stderr
    assert f"GIT_KEYVAL_TOKEN was not sent, because {file} names the repository" in said.stderr
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "address",
    [
        *("./db.git", "../db.git", "/srv/db.git", "~/db.git", "db.git", "file:///srv/db.git", "", "a/b/c"),
        *("ext::sh -c touch% owned", "ext::sh", "fd::17", "-oProxyCommand=touch owned", "--upload-pack=touch/owned"),
        *("ssh://-oProxyCommand=touch/owned", "ssh://-x@host/a", "git@-oProxyCommand=x:a", "git@host:-x", "-x@host:a"),
        *(
            "ssh://host$(touch owned)/a",
            "git@host`id`:a",
            "ssh://host/a;touch owned",
            "git@host:a'b",
            "git@ho st:a",
            "git@host:a\nb",
        ),
        *("https://user:pass@host/a", "https://token@host/a", "https://host", "https:///a", "git://host/a", "ftp://host/a"),
        *("$(touch owned)/name", "owner/na me", "owner/name\x1b[2J", "-owner/name", "host:path", "[::1]:a"),
    ],
)
def test_a_project_names_no_path_and_runs_nothing(project: Path, keyval: Command, address: str) -> None:
    (project / "db.git").mkdir()
    quoted = address.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    write(project, f'repository = "{quoted}"')
    said = keyval("get", "a", environ=NOTHING)
    assert (said.code, said.stdout) in {(2, b""), (1, b"")}
    assert "which is not accepted there" in said.stderr or "cannot be read" in said.stderr
    assert "\x1b" not in said.stderr
    assert not list(project.rglob("owned"))


@pytest.mark.parametrize(
    "address",
    [
        *(
            "owner/name",
            "org/kv-{shard}",
            "https://host.example/a/b.git",
            "http://10.0.0.1:8080/a.git",
            "ssh://git@host:22/a/b.git",
        ),
        *("ssh://host/~user/b.git", "git@host.example:owner/name.git"),
    ],
)
def test_a_project_names_a_database_on_a_server(address: str) -> None:
    assert _ON_A_SERVER.fullmatch(address)


def test_a_bare_repository_in_a_project_configures_nothing(project: Path, keyval: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks as if git had made it, but came with a clone: so would its hooks."""
    bare = init_bare(project / "tests" / "fixture.git")
    run_git("config", "keyval.repository", str(bare), directory=bare)
    monkeypatch.chdir(bare)
    assert keyval("get", "a", environ=NOTHING).code == 2


def test_nothing_of_another_user_is_taken(project: Path) -> None:
    file = write(project, "repository = owner/name")
    with pytest.raises(InputError, match="a file of another user"):
        project_of(project, isolated_environ(), file.stat().st_uid + 1)
    run_git("config", "keyval.repository", "/srv/db.git", directory=project)
    of_another = {**isolated_environ(), "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    with pytest.raises(InputError, match="a file of another user"):
        project_of(project, of_another, file.stat().st_uid + 1)


def test_a_path_of_names_is_meant_from_the_file(project: Path) -> None:
    write(project, "repository = a/b", "names-from = names.txt")
    found = project_of(Path.cwd(), isolated_environ(), os.getuid())
    assert found is not None
    assert found.settings["names-from"] == str(project / "names.txt")


def test_a_link_is_no_file_of_the_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("[keyval]\nrepository = a/b\n", encoding="utf-8")
    (project / FILE_NAME).symlink_to(tmp_path / "secret")
    assert project_of(project, isolated_environ(), os.getuid()) is None


def test_a_file_includes_no_other(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("[keyval]\nrepository = a/b\n", encoding="utf-8")
    (project / FILE_NAME).write_text(f"[include]\npath = {tmp_path}/other\n[keyval]\nshard-length = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="is missing in"):
        project_of(project, isolated_environ(), os.getuid())


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["shard-length = 3"], "--repository is missing in FILE."),
        (
            ["repository = a/b", "shard-lenght = 3"],
            "'keyval.shard-lenght' in FILE is unknown. Accepted: 'shard-length' (was that meant?).",
        ),
        (["repository = a/b", "token = x"], "'keyval.token' in FILE is unknown."),
        (["repository = a/b", "redirect-allow = *"], "'keyval.redirect-allow' in FILE is unknown."),
        (["repository = a/b", "shard-length = many"], "keyval.shard-length in FILE was given 'many', which is not accepted."),
        (["repository"], "--repository is '' in FILE, which is not accepted there."),
        (["[repository"], "The configuration of git cannot be read (fatal: bad config line 2 in file FILE)."),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_mistake_in_the_file_is_told(project: Path, keyval: Command, lines: list[str], message: str) -> None:
    file = write(project, *lines)
    said = keyval("get", "a", environ=NOTHING)
    assert said.code in {1, 2}
    assert said.stderr.startswith(message.replace("FILE", str(file)))
    assert said.stderr.count("\n") == 1


def test_a_call_that_names_its_database_reads_no_file(
    project: Path, keyval: Command, repository: Path, config_file: list[str]
) -> None:
    write(project, "[broken")
    assert keyval("incr", "n").text == "1"
    assert keyval("-r", str(repository), "incr", "n", environ=NOTHING).text == "2"
    assert keyval("maintain", *config_file, environ=NOTHING).code == 0


@pytest.fixture
def config_file(tmp_path: Path, repository: Path) -> list[str]:
    file = tmp_path / "maintenance.yml"
    file.write_text(f"repositories: ['{repository}']\n", encoding="utf-8")
    return ["--config", str(file)]
