"""Every command, as people type it."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from git_keyval.cli.application import application
from git_keyval.cli.failures import EXIT_CODES
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import INPUTS
from tests.action.steps import value_ref, version_of
from tests.cli.conftest import MARKED_TOKEN, Command, document
from tests.servers.binary import git_output, init_bare
from tests.servers.raw import RawServer

BINARY = bytes(range(256))


def test_a_value_is_written_and_read(keyval: Command) -> None:
    written = keyval("set", "greeting", "hello", "--ttl", "15m")
    assert (written.code, written.stderr) == (0, "")
    assert written.answers["applied"] == "true"
    assert written.answers["version"] == version_of("hello")
    assert 900 <= int(written.answers["ttl"]) <= 960
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", written.answers["expires-at"])
    assert keyval("get", "greeting").text.rstrip("\n") == "hello"
    left = keyval("ttl", "greeting").answers
    assert (left["found"], left["version"]) == ("true", version_of("hello"))
    assert 890 <= int(left["ttl"]) <= 960


def test_a_value_in_a_pipe_is_exact(keyval: Command, tmp_path: Path) -> None:
    """``git-keyval get picture > picture.png`` must give the picture."""
    (tmp_path / "given").write_bytes(BINARY)
    for value in (BINARY, b"", b"\n", b"a\n", b"\xff", b"a\r\n\n"):
        (tmp_path / "given").write_bytes(value)
        assert keyval("set", "a", "--value-file", str(tmp_path / "given"), "--type", "bytes").code == 0
        assert keyval("get", "a").stdout == value
        assert keyval("get", "a", "--output-file", str(tmp_path / "taken")).stdout == b""
        assert (tmp_path / "taken").read_bytes() == value


def test_an_empty_value_is_a_value(keyval: Command) -> None:
    assert keyval("set", "a", "").answers["applied"] == "true"
    assert keyval("get", "a").text.strip() == ""
    assert keyval("exists", "a").answers == {"found": "true", "count": "1"}


def test_a_ref_stands_for_the_key(keyval: Command) -> None:
    """Then no argument is the key: all of them are what follows it."""
    ref = ("--ref", value_ref("a"))
    assert keyval("set", *ref, "1").answers["applied"] == "true"
    assert keyval("get", *ref).text.strip() == keyval("get", "a").text.strip() == "1"
    assert keyval("copy", *ref, "b").answers["applied"] == "true"
    assert keyval("hset", "field", "2", "--ref", value_ref("m").removeprefix("refs/heads/")).answers["applied"] == "true"
    assert keyval("hget", "m", "field").text.strip() == "2"
    assert keyval("del", *ref).answers["count"] == "1"
    for wrong in (("get", *ref, "a"), ("del", *ref, "a"), ("copy", *ref), ("set", *ref, "1", "--store-key"), ("get",)):
        assert keyval(*wrong).code == 2, wrong
    assert (keyval("get", "a").code, keyval("get", "b").text.strip()) == (0, "1")


def test_conditions_are_options(keyval: Command) -> None:
    keyval("set", "a", "1")
    unmet = keyval("set", "a", "2", "--if", "absent")
    assert (unmet.code, unmet.answers["applied"], unmet.answers["old-value"]) == (0, "false", "1")
    assert keyval("set", "a", "2", "--if-version", version_of("1")).answers["applied"] == "true"


def test_a_missing_key_is_told(keyval: Command) -> None:
    missing = keyval("get", "a")
    assert (missing.code, missing.text, missing.stderr) == (0, "", "There is no such key.\n")
    assert keyval("get", "a", "--default", "none").text == "none"
    for command in ("get", "getdel", "exists", "type", "ttl", "mget"):
        failed = keyval(command, "a", "--on-missing", "fail")
        assert failed.code == 3
        assert failed.stderr.startswith("The key does not exist")
        assert failed.stderr.count("\n") == 1
        assert command.startswith("get") or failed.answers["found"] == "false"


def test_keys_are_deleted(keyval: Command) -> None:
    keyval("mset", '{"a": 1, "b": 2, "c": 3}')
    assert keyval("del", "a", "b", "missing").answers == {"applied": "true", "count": "2"}
    assert keyval("getdel", "c").text.strip() == "3"
    assert keyval("exists", "a", "b", "c").answers == {"found": "false", "count": "0"}
    assert keyval("del", "a").code == 0


def test_every_option_that_is_explained_can_be_used(keyval: Command) -> None:
    """What ``del --help`` lists is no trap."""
    keyval("set", "a", "1")
    for command in ("exists", "del"):
        if "--key " in keyval(command, "--help").text:
            assert keyval(command, "--key", "a").answers["count"] == "1"


def test_counters_count(keyval: Command) -> None:
    assert keyval("incr", "n").text == "1"
    assert keyval("incr", "n", "--by", "41").text == "42"
    assert keyval("decr", "n", "--by", "-8").text == "50"
    assert keyval("incr", "n", "--by", "-50", "--op-id", "a run").text == "0"
    assert keyval("incr", "n", "--by", "-50", "--op-id", "a run").text == "0"
    assert keyval("get", "n").text == "0"
    assert keyval("type", "n").answers["type"] == "counter"
    assert keyval("set", "n", "--type", "counter", "--", "-5").code == 0
    assert keyval("get", "n").text == "-5"


def test_several_keys_are_read_and_written_at_once(keyval: Command) -> None:
    assert keyval("mset", '{"a": 1, "b": "two", "two\\nlines": [3]}', "--store-key").answers == {"applied": "true", "count": "3"}
    read = keyval("mget", "a", "b", "two\nlines", "missing")
    assert (read.answers["found"], read.answers["count"]) == ("false", "3")
    assert document(read) == {"a": 1, "b": "two", "two\nlines": [3]}
    assert keyval("keys").text == "a\nb\ntwo\\nlines\n"
    assert keyval("keys", "?").text == "a\nb\n"
    assert keyval("keys", "-0").stdout == b"a\0b\0two\nlines\0"
    assert keyval("keys", "none").stdout == b""


def test_keys_with_types_are_a_line_each(keyval: Command) -> None:
    """Whatever is in a name: it is no other line, and no type."""
    keyval("mset", '{"a": 1, "b\\tlock": "two", "two\\nlines": [3], "\\u001b[2J": true}', "--store-key")
    keyval("lock", "l", "--ttl", "1h", "--store-key")
    lines = "\\x1b[2J\tboolean\na\tnumber\nb\\tlock\tstring\nl\tlock\ntwo\\nlines\tjson\n"
    assert keyval("keys", "--with-types").text == lines
    assert keyval("keys", "--type", "lock", "--type", "number", "--with-types").text == "a\tnumber\nl\tlock\n"
    assert keyval("keys", "--type", "map", "a", "--with-types").text == ""
    assert keyval("keys", "--type", "map").text == "l\n"
    assert keyval("keys", "[al]", "--with-types", "--json").json["json"] == [
        {"key": "a", "type": "number"},
        {"key": "l", "type": "lock"},
    ]
    refused = keyval("keys", "--type", "locks")
    assert refused.code == 2
    assert "map, array, lock" in refused.stderr


def test_ls_writes_a_name_a_line(keyval: Command) -> None:
    """Whatever is in a name: it is no other line; and with zero bytes between them each is exactly what it is."""
    keyval("mset", '{"a": 1, "two\\nlines": [3], "\\u001b[2J": true}', "--store-key")
    keyval("set", "unnamed", "x")
    unnamed = value_ref("unnamed").removeprefix("refs/heads/kv-").replace("/val-", "")
    names = [*sorted(["\x1b[2J", "a", "two\nlines", unnamed])]
    assert keyval("ls").text == "".join(name.replace("\n", "\\n").replace("\x1b", "\\x1b") + "\n" for name in names)
    for option in ("-0", "--null"):
        assert keyval("ls", option).stdout == b"".join(name.encode() + b"\0" for name in names)
    for refused in (("-0", "--long"), ("-0", "--json")):
        assert keyval("ls", *refused).code == 2
    assert keyval("ls", "no*").text == ""
    assert keyval("ls", "--json").json["json"] == names


def test_ls_with_long_writes_columns(keyval: Command, tmp_path: Path) -> None:
    keyval("set", "tab\there", "four", "--expires-at", "2099-01-31T12:00:00Z", "--store-key")
    keyval("incr", "n")
    (tmp_path / "names").write_text("n\nabsent\n", encoding="utf-8")
    lines = "n\tcounter\tcounter\t-\tnever\t0\ntab\\there\tdata\tstring\t4\t2099-01-31T12:00:00Z\t0\n"
    assert keyval("ls", "--long", "--names-from", str(tmp_path / "names")).text == lines
    assert keyval("ls", "--long", "tab*").text == lines.splitlines(keepends=True)[1]
    assert keyval("ls", "--expired").text == ""
    assert "cannot be read" in keyval("ls", "--names-from", str(tmp_path / "no such file")).stderr


def test_ls_with_long_is_a_table_at_a_terminal(keyval: Command, terminal: Command) -> None:
    """With a heading, and rows that are not broken, however long a name is."""
    keyval("mset", json.dumps({"a" * 300: "four", "\x1b[2J": 1}), "--store-key")
    lines = terminal("ls", "--long", "--no-color").text.splitlines()
    assert lines[0].split() == ["name", "category", "type", "size", "expires", "waiting"]
    assert [line.split() for line in lines[1:]] == [
        ["\\x1b[2J", "data", "number", "1", "never", "0"],
        ["a" * 300, "data", "string", "4", "never", "0"],
    ]
    assert len({line.index("never") for line in lines[1:]}) == 1


def test_lifetimes_are_changed(keyval: Command) -> None:
    keyval("set", "a", "1")
    assert keyval("expire", "a", "--expires-at", "2099-01-31T12:00:00Z").answers["expires-at"] == "2099-01-31T12:00:00Z"
    assert keyval("set", "a", "2", "--keep-ttl").answers["expires-at"] == "2099-01-31T12:00:00Z"
    assert keyval("persist", "a").answers["ttl"] == "-1"


def test_types_are_options(keyval: Command) -> None:
    keyval("set", "a", '{"b": 1, "a": [2]}', "--type", "json")
    assert keyval("get", "a").text.strip() == '{"a":[2],"b":1}'
    keyval("set", "1", "x", "--key-type", "number")
    assert keyval("get", "1").text == ""
    assert keyval("get", "1", "--key-type", "number").text.strip() == "x"


def test_maintenance_is_a_readable_table(keyval: Command) -> None:
    keyval("set", "a", "1")
    keyval("getdel", "a")
    planned = keyval("maintain", "--retention", "0s", "--dry-run")
    assert (planned.code, planned.stderr) == (0, "")
    assert "(dry run)" in planned.text
    assert planned.text.splitlines()[0] == "maintain (dry run): fine. 1 write planned: 1 parked value to delete."
    done = keyval("maintain", "--retention", "0s")
    assert done.code == 0
    assert done.text.splitlines()[0] == "maintain: fine. 1 write made: 1 parked value deleted."
    assert re.search(r"^job +refs read  planned  made\npurge +1        1     1\n", done.text, re.MULTILINE)
    assert not re.search("^(gather|sweep)", done.text, re.MULTILINE)  # they had nothing to do
    assert re.search(r"^\d+ requests, \d+\.\d s$", done.text, re.MULTILINE)
    for job in ("gather", "sweep", "purge"):
        assert keyval(job).code == 0


def test_a_budget_is_told(keyval: Command) -> None:
    for key in "ab":
        keyval("set", key, "1")
        keyval("getdel", key)
    done = keyval("purge", "--retention", "0s", "--max-writes", "1")
    assert done.code == 0
    assert "max-writes" in done.text


def test_what_is_left_alone_is_named_whole(keyval: Command, repository: Path) -> None:
    """Nothing breaks a ref over two lines, or nobody can copy it."""
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    odd = git_output("commit-tree", "-m", "not ours", tree, directory=repository)
    name = value_ref("odd").replace("/val-", "/exp-")
    git_output("update-ref", name, odd, directory=repository)
    done = keyval("sweep")
    assert done.code == 0
    assert any(name in line and "cannot be read" in line for line in done.text.splitlines())


def test_check_tells_and_fails(keyval: Command, repository: Path) -> None:
    keyval("init")
    keyval("set", "a", "1")
    sound = keyval("check")
    assert (sound.code, sound.stderr) == (0, "")
    assert sound.text.startswith("check: fine. No problems found in 1 key.\n")
    tree = git_output("hash-object", "-t", "tree", "-w", "--stdin", directory=repository)
    odd = git_output("commit-tree", "-m", "not ours", tree, directory=repository)
    git_output("update-ref", value_ref("odd"), odd, directory=repository)
    broken = keyval("check")
    assert broken.code == 1
    assert f"error {value_ref('odd')}: " in broken.text
    assert broken.text.startswith("check: failed. 1 error and 0 warnings in 2 keys.\n")


def test_init_tells_what_it_created(keyval: Command) -> None:
    assert keyval("init").text == "init: fine. Created 2 refs.\ncreated refs/heads/main\ncreated refs/tags/kv/dummy-tree\n"
    assert keyval("init").text == "init: fine. Nothing had to be created: all was there.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "a", "x", "--ttl", "soon"], "--ttl"),
        (["set", "a", "x", "--ttl", "1h", "--keep-ttl"], "--ttl"),
        (["set", "a", "x", "--expires-at", "2020-01-01T00:00:00Z"], "--expires-at"),
        (["set", "a"], "VALUE is missing for the command 'set'. Accepted: VALUE or --value-file."),
        (["set", "a", "x", "--type", "number"], "VALUE"),
        (["set", "a", "x", "--value-file", "y"], "VALUE"),
        (["incr", "n", "--by", "0"], "--by"),
        (["mset", "[1]"], "--values is a JSON list"),
        (["mget"], "KEYS"),
        (["get"], "KEY"),
        (["get", "a", "b"], "get was given 1 word too many."),
        (["get", "a", "--ttl", "1h"], "--ttl"),
        (["get", "a", "--defualt", "x"], "--default"),
        (["gett", "a"], "gett"),
        (["--unknown", "get", "a"], "--unknown"),
        (["maintain", "--max-writes", "0"], "--max-writes"),
        (["get", "a", "--output-file", "no/such/directory/taken"], "--output-file"),
    ],
    ids=" ".join,
)
def test_misuse_is_told_and_ends_with_two(keyval: Command, arguments: list[str], message: str) -> None:
    keyval("set", "a", "1")
    said = keyval(*arguments)
    assert (said.code, said.stdout) == (2, b"")
    assert message in said.stderr
    assert "Traceback" not in said.stderr


def test_a_repository_must_be_named(keyval: Command) -> None:
    said = keyval("get", "a", environ={"GIT_KEYVAL_REPOSITORY": ""})
    assert (said.code, said.stdout) == (2, b"")
    assert "repository" in said.stderr


def test_an_option_names_the_repository_before_the_environment_does(keyval: Command, repository: Path) -> None:
    said = keyval("-r", str(repository), "incr", "n", environ={"GIT_KEYVAL_REPOSITORY": "/nowhere"})
    assert said.text == "1"
    assert keyval("--repository", str(repository), "get", "n", environ={"GIT_KEYVAL_REPOSITORY": ""}).text == "1"


def test_a_missing_repository_is_refused(keyval: Command, tmp_path: Path) -> None:
    said = keyval("-r", str(tmp_path / "nowhere"), "get", "markedkey")
    assert (said.code, said.stdout) == (1, b"")
    assert f"{tmp_path / 'nowhere'} is not a git repository" in said.stderr
    assert "git init --bare" in said.stderr
    assert said.stderr.count("\n") == 1
    assert "markedkey" not in said.stderr


def test_a_folder_that_is_named_as_a_repository_on_github_is_told(
    keyval: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    init_bare(tmp_path / "team" / "db")
    with RawServer(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") as server:
        said = keyval("-r", "team/db", "get", "a", environ={"GITHUB_SERVER_URL": server.url})
    assert (said.code, said.stderr.count("\n")) == (1, 1)
    assert "It was looked for on GitHub; the folder of this name is ./team/db." in said.stderr
    assert keyval("-r", "./team/db", "get", "a").code == 0


def test_a_refused_command_ends_with_one(keyval: Command) -> None:
    keyval("set", "a", "markedvalue")
    said = keyval("incr", "a")
    assert (said.code, said.stdout) == (1, b"")
    assert "type string" in said.stderr
    assert "markedvalue" not in said.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    for option in ("--help", "-h"):
        shown = CliRunner().invoke(application, [name, option])
        assert shown.exit_code == 0
        assert re.match(rf"Usage: \S+ {name} ", shown.output)
        assert COMMANDS[name].summary in shown.output
        assert "\x1b" not in shown.output
    listed = shown.output.partition("\nOptions:\n")[2].partition("\n\n")[0]
    options = set(re.findall(r"^  (?:-. ?, )?--([a-z-]+)", listed, re.MULTILINE)) - {"exit-code", "help", "no-atomic", "null"}
    assert options <= set(COMMANDS[name].inputs)
    for option_name in options:
        assert INPUTS[option_name].description.split()[0] in shown.output
    assert all(f"\n  {line}\n" in shown.output for line in COMMANDS[name].kind.examples)
    assert " TEXT " not in shown.output


def test_the_whole_is_explained(keyval: Command) -> None:
    text = keyval("--help").text
    listed = re.findall(r"^  ([a-z-]+)  +[A-Z]", text.partition("\nValues:\n")[2].partition("\nExit codes:\n")[0], re.MULTILINE)
    assert listed == [*COMMANDS, "watch", "help", "completion"]
    families = re.findall(r"^([A-Z][a-z]+):$", text, re.MULTILINE)
    assert families[2:] == [
        "Values",
        "Expiry",
        "Copies",
        "Counters",
        "Maps",
        "Arrays",
        "Keyspace",
        "Redirects",
        "Locks",
        "Waiting",
        "Transactions",
        "Transfer",
        "Maintenance",
        "Shell",
        "Environment",
    ]
    assert re.findall(r"^  (\d+) ", text, re.MULTILINE) == [str(int(code)) for code in EXIT_CODES]
    assert all(name in text for name in ("GIT_KEYVAL_REPOSITORY", "GIT_KEYVAL_TOKEN", "GH_TOKEN, GITHUB_TOKEN", "NO_COLOR"))
    assert keyval("-h").text == text
    assert keyval().code == 2
    assert re.fullmatch(r"git-keyval, version \d+\.\d+\.\d+\S* \(from a source tree\)\n", keyval("--version").text)


def test_options_of_every_command_may_follow_its_name(keyval: Command, repository: Path) -> None:
    """And then they are the ones that count."""
    nowhere = {"GIT_KEYVAL_REPOSITORY": "/nowhere"}
    assert keyval("set", "a", "1", "-r", str(repository), environ=nowhere).code == 0
    assert keyval("-r", "/nowhere", "get", "a", "--repository", str(repository), "--json").json["value"] == "1"
    assert keyval("get", "a", "--transport", "api").code == 2
    assert keyval("--transport", "api", "get", "a", "--transport", "git").text == "1"
    assert keyval("--json", "get", "a").json["value"] == "1"


def test_a_token_is_in_no_message(keyval: Command) -> None:
    with RawServer(f"HTTP/1.1 403 No\r\nContent-Type: text/plain\r\n\r\nnot with {MARKED_TOKEN}\n".encode()) as server:
        said = keyval("-r", f"{server.url}/x.git", "--token", MARKED_TOKEN, "get", "a")
    assert said.code == 1
    assert MARKED_TOKEN not in said.stderr + said.text


def test_the_environment_may_name_a_database_over_many_repositories(keyval: Command, repository: Path) -> None:
    """Its length is that of this name, and says nothing of a repository that a call names itself."""
    for digit in "0123456789abcdef":
        init_bare(repository.parent / f"kv-{digit}.git")
    environ = {"GIT_KEYVAL_REPOSITORY": f"{repository.parent}/kv-{{shard}}.git", "GIT_KEYVAL_REPOSITORY_SHARD_LENGTH": "1"}
    assert keyval("mset", '{"a": 1, "b": 2, "c": 3}', environ=environ).answers["count"] == "3"
    assert keyval("get", "b", environ=environ).text == "2"
    assert keyval("-r", str(repository), "get", "b", "--default", "none", environ=environ).text == "none"
    assert keyval("get", "b", "-r", str(repository), "--default", "none", environ=environ).text == "none"
    template = environ["GIT_KEYVAL_REPOSITORY"]
    assert keyval("-r", template, "--repository-shard-length", "1", "get", "a").text == "1"
    assert keyval("get", "a", "-r", template, "--repository-shard-length", "1").text == "1"
    assert keyval("get", "a", "-r", template).code == 2
    assert keyval("get", "a", "--repository-shard-length", "1").code == 2


def test_a_page_is_written_to_a_file(keyval: Command, tmp_path: Path) -> None:
    keyval("set", "a", "marked", "--store-key")
    said = keyval("page", "--output-file", str(tmp_path / "page.html"))
    assert (said.code, said.text.splitlines()[0]) == (0, "page: fine. A page of 1 key is written; no problems found.")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<td>a<td>data/string<td>6<td>never\n" in page
    assert "marked" not in page
    assert keyval("page").code == 2
    assert keyval("page", "--output-file", str(tmp_path / "no folder" / "page.html")).code == 2
