"""export and import at a terminal: a stream, exact in a pipe, and files."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Command
from tests.servers.binary import isolated_environ


@pytest.fixture
def filled(keyval: Command) -> Command:
    keyval("set", "a", "x\u202e\x9b", "--store-key")
    keyval("incr", "builds")
    return keyval


def test_the_text_goes_to_standard_output_as_it_is(filled: Command, tmp_path: Path) -> None:
    said = filled("export")
    assert (said.code, said.stderr) == (0, "")
    assert said.text.splitlines()[0] == '{"category":"export","layout":1,"version":2}'
    assert said.text.splitlines()[-1] == '{"category":"end"}'
    assert "x\u202e\x9b" in said.text
    into = filled("export", "--output-file", str(tmp_path / "file"))
    assert (into.text, (tmp_path / "file").read_bytes()) == ("2 keys exported\n", said.stdout)
    json = filled("export", "--output-file", str(tmp_path / "file"), "--json").json
    assert (json["command"], json["count"], json["report"]["exported"]) == ("export", 2, 2)
    refused = filled("export", "--json")
    assert (refused.code, refused.stdout) == (2, b"")
    assert "--output-file" in refused.error["message"]


def test_a_terminal_is_shown_what_it_cannot_obey(filled: Command, terminal: Command) -> None:  # noqa: ARG001
    shown = terminal("export").text
    assert "\x9b" not in shown
    assert "x\\u202e\\x9b" in shown


def test_an_import_comes_from_a_file_or_from_standard_input(
    filled: Command, bare_repository: Callable[[str], Path], tmp_path: Path
) -> None:
    exported = filled("export").stdout
    other = str(bare_repository("other.git"))
    assert filled("-r", other, "import", "-", "--dry-run", stdin=exported).text == "planned: 2 written\n"
    assert filled("-r", other, "import", "-", stdin=exported).text == "2 written\n"
    (tmp_path / "file").write_bytes(exported)
    again = filled("-r", other, "import", str(tmp_path / "file"), "--json").json
    assert (again["applied"], again["count"], again["report"]["same"]) == (False, 0, 2)
    filled("-r", other, "set", "a", "y")
    refused = filled("-r", other, "import", str(tmp_path / "file"))
    assert refused.code == 1
    assert "--if-exists skip" in refused.stderr
    kind = filled("-r", other, "import", str(tmp_path / "file"), "--json").error["kind"]
    assert kind == "keys-exist"
    assert (
        filled("-r", other, "import", str(tmp_path / "file"), "--if-exists", "overwrite").text
        == "0 written, 1 overwritten, 1 same\n"
    )
    assert filled("-r", other, "export").stdout == exported


def test_names_that_are_not_stored_come_from_a_file(
    filled: Command, bare_repository: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "names").write_text("a\nbuilds\nnothing\n")
    exported = filled("export", "--names-from", str(tmp_path / "names")).stdout
    assert exported.count(b'"key":{"type":"String"') == 2
    other = str(bare_repository("other.git"))
    filled("-r", other, "import", "-", stdin=exported)
    assert filled("-r", other, "get", "builds").text.strip() == "1"
    assert "builds" in filled("-r", other, "keys").text
    assert filled("-r", other, "export").stdout == exported


def test_bad_input_is_misuse(filled: Command, tmp_path: Path) -> None:
    said = filled("import", "-", stdin=b"hello\n")
    assert (said.code, said.stdout) == (2, b"")
    assert "line 1" in said.stderr
    assert filled("import", str(tmp_path / "missing")).code == 2
    assert filled("import").code == 2


def test_whoever_reads_no_further_ends_it(filled: Command, repository: Path) -> None:
    for number in range(5):
        filled("set", f"k{number}", "x" * 90_000)
    line = f"'{PROGRAM}' -r '{repository}' export | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=isolated_environ(), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.count(b"\n"), done.stderr) == (141, 1, b"")


def test_one_database_is_piped_into_another(filled: Command, repository: Path, bare_repository: Callable[[str], Path]) -> None:
    other = bare_repository("other.git")
    line = f"'{PROGRAM}' -r '{repository}' export | '{PROGRAM}' -r '{other}' import - --shard-length 5"
    done = subprocess.run(["bash", "-c", line], env=isolated_environ(), capture_output=True, check=True, timeout=60)
    assert done.stdout == b"2 written\n"
    assert filled("-r", str(other), "export").stdout == filled("export").stdout
