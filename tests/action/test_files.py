"""Values from files and to files."""

from pathlib import Path

import pytest

from git_keyval.format.values import MAX_VALUE_BYTES
from tests.action.steps import Workflow, refs
from tests.servers.binary import git_output, run_git

BINARY = bytes(range(256)) + b"\n\r\n\0"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "work space"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


@pytest.mark.parametrize(
    ("type_", "data", "stored"),
    [
        ("", "é\r\n".encode(), "é\r\n".encode()),
        ("string", b"\0", b"\0"),
        ("string", b"", b""),
        ("bytes", BINARY, BINARY),
        ("bytes", b"", b""),
        ("file", BINARY, BINARY),
        ("json", b' {"b": 1, "a": 2}\n', b'{"a":2,"b":1}'),
        ("number", b"1e2", b"100"),
        ("boolean", b"false", b"false"),
        ("counter", b"-42", b"-42"),
    ],
)
def test_values_go_from_file_to_file(workflow: Workflow, workspace: Path, type_: str, data: bytes, stored: bytes) -> None:
    """The bytes are exact, and the value is not also an output."""
    (workspace / "given").write_bytes(data)
    assert workflow.run("set", key="a", value_file="given", type=type_).code == 0
    ended = workflow.run("get", key="a", output_file="taken")
    assert (workspace / "taken").read_bytes() == stored
    assert set(ended.answers) == {"found", "type", "version", "ttl"}
    assert ended.log == ""
    gone = workflow.run("getdel", key="a", output_file=str(workspace / "taken again"))
    assert (workspace / "taken again").read_bytes() == stored
    assert set(gone.answers) == {"found", "applied", "type", "version", "ttl"}


def test_a_missing_key_writes_no_file(workflow: Workflow, workspace: Path) -> None:
    assert workflow.run("get", key="a", output_file="taken").code == 0
    assert not (workspace / "taken").exists()


def test_an_output_file_is_replaced(workflow: Workflow, workspace: Path) -> None:
    (workspace / "taken").write_text("a longer text than the value")
    workflow.run("set", key="a", value="short")
    workflow.run("get", key="a", output_file="taken")
    assert (workspace / "taken").read_text() == "short"


@pytest.mark.parametrize(
    ("name", "media_type", "mime"),
    [
        ("picture.png", "", "image/png"),
        ("picture.png", "image/x-icon", "image/x-icon"),
        ("archive.tar.gz", "", "application/octet-stream"),
        ("unknown", "", "application/octet-stream"),
    ],
)
def test_a_file_has_a_media_type(
    workflow: Workflow, repository: Path, workspace: Path, name: str, media_type: str, mime: str
) -> None:
    (workspace / name).write_bytes(b"data")
    version = workflow.run("set", key="a", value_file=name, type="file", media_type=media_type).outputs["version"]
    assert f'"mime":"{mime}"' in git_output("cat-file", "blob", f"{version}:metadata.json", directory=repository)
    assert workflow.run("get", key="a").outputs["value"] == "ZGF0YQ=="


def test_twenty_five_megabytes_are_accepted_and_not_a_byte_more(workflow: Workflow, repository: Path, workspace: Path) -> None:
    largest = b"\0" * MAX_VALUE_BYTES
    assert len(largest) == 25 * 1024 * 1024
    (workspace / "given").write_bytes(largest)
    assert workflow.run("set", key="a", value_file="given", type="bytes").code == 0
    assert workflow.run("get", key="a", output_file="taken").code == 0
    assert (workspace / "taken").read_bytes() == largest
    before = refs(repository)
    (workspace / "given").write_bytes(largest + b"\0")
    error = workflow.run("set", key="a", value_file="given", type="bytes").error
    assert "'value-file'" in error
    assert "25 MB" in error
    assert refs(repository) == before
    assert "'output-file'" in workflow.run("get", key="a").error


def test_a_hundred_kibibytes_fit_into_the_input_and_not_a_byte_more(workflow: Workflow, repository: Path) -> None:
    largest = "é" * (50 * 1024)
    assert workflow.run("set", key="a", value=largest).code == 0
    assert workflow.run("get", key="a").outputs["value"] == largest
    before = refs(repository)
    error = workflow.run("set", key="a", value=f"{largest}.").error
    assert "'value'" in error
    assert "'value-file'" in error
    assert refs(repository) == before


def test_the_largest_output_is_counted_as_a_runner_does(workflow: Workflow, workspace: Path) -> None:
    """A runner counts in UTF-16, and the value as JSON has two quotes more."""
    for length, code in ((249_999, 0), (250_000, 1)):
        (workspace / "given").write_text("😀" * length, encoding="utf-8")
        workflow.run("set", key="a", value_file="given")
        ended = workflow.run("get", key="a")
        assert (ended.code, "value" in ended.outputs) == (code, code == 0)
    assert "output-file" in ended.error


def test_a_write_is_told_though_the_old_value_is_too_large_to_tell(workflow: Workflow, workspace: Path) -> None:
    """A step that fails must not have written, or nobody can tell what happened."""
    (workspace / "given").write_text("x" * 500_001)
    workflow.run("set", key="a", value_file="given")
    ended = workflow.run("set", key="a", value="new", if_="present")
    written = workflow.run("get", key="a", output_file="taken").code == 0 and (workspace / "taken").read_text() == "new"
    assert (ended.code == 0 and ended.outputs["applied"] == "true") == written


def test_an_output_file_that_cannot_be_written_is_an_error(workflow: Workflow, workspace: Path) -> None:
    workflow.run("set", key="a", value="1")
    for path in ("no/such/directory/taken", str(workspace), "x" * 300):
        error = workflow.run("get", key="a", output_file=path).error
        assert "'output-file'" in error
        assert "workspace" in error
    assert list(workspace.iterdir()) == []


def test_files_of_the_database_pass_fsck(workflow: Workflow, repository: Path, workspace: Path) -> None:
    (workspace / "given").write_bytes(BINARY)
    workflow.run("init")
    workflow.run("set", key="a", value_file="given", type="file", ttl="1h", store_key="true")
    workflow.run("incr", key="n")
    workflow.run("getdel", key="a")
    checked = run_git("fsck", "--strict", "--full", "--no-dangling", "--no-progress", directory=repository)
    assert checked.stderr == b""
