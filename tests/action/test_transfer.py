"""export and import as steps: files of the job, outputs, and what people see."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from git_keyval.format.canonical import decode
from tests.action.steps import Workflow, refs, value_ref
from tests.action.test_sharding import DIGITS, Shards
from tests.encrypting import secret
from tests.maintenance.schema import violations
from tests.replacing import replace
from tests.servers.binary import run_git

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
LINES = json.loads((ROOT / "docs" / "export.schema.json").read_text())


@pytest.fixture
def other(workflow: Workflow, bare_repository: Callable[[str], Path]) -> Workflow:
    """A second database, in the same workspace."""
    return replace(workflow, repository=str(bare_repository("other.git")))


def fill(workflow: Workflow) -> None:
    workflow.run("set", key="a", value="secret value", store_key="true")
    workflow.run("incr", key="builds")
    workflow.run("hset", key="map", values='{"x": 1, "y": 2}')
    workflow.run("set", key="gone", value="old", ttl="1s", expiry_granularity="1s")


def file(workflow: Workflow, name: str = "export.jsonl") -> Path:
    return workflow.directory / name


def test_a_database_goes_into_a_file_and_out_of_it(workflow: Workflow, other: Workflow) -> None:
    fill(workflow)
    ended = workflow.run("export", output_file=str(file(workflow)))
    assert (ended.code, ended.outputs["count"]) == (0, "4")
    report = json.loads(ended.outputs["report"])
    assert list(violations(report, SCHEMA, SCHEMA)) == []
    assert ended.log == "export: 4 keys exported\n"
    assert "4 keys exported" in ended.summary
    for line in file(workflow).read_bytes().splitlines():
        assert list(violations(decode(line), LINES, LINES)) == []
    planned = other.run("import", input_file=str(file(workflow)), dry_run="true")
    assert (planned.outputs["applied"], planned.outputs["count"]) == ("false", "4")
    assert refs(Path(other.repository)) == {}
    ended = other.run("import", input_file=str(file(workflow)))
    assert (ended.code, ended.outputs["applied"], ended.outputs["count"]) == (0, "true", "4")
    assert list(violations(json.loads(ended.outputs["report"]), SCHEMA, SCHEMA)) == []
    assert ended.log == "import: 4 written\n"
    assert other.run("get", key="a").outputs["value"] == "secret value"
    again = other.run("import", input_file=str(file(workflow)))
    assert (again.outputs["applied"], again.outputs["count"], again.log) == ("false", "0", "import: 0 written, 4 same\n")


def test_export_needs_a_file_and_import_one_of_the_job(workflow: Workflow, tmp_path: Path) -> None:
    assert "'output-file' is missing" in workflow.run("export").error
    assert "'input-file' is missing" in workflow.run("import").error
    outside = tmp_path / "outside.jsonl"
    outside.write_text("x")
    link = file(workflow, "link.jsonl")
    workflow.directory.mkdir(exist_ok=True)
    link.symlink_to(outside)
    for path in (outside, link, file(workflow, "missing.jsonl"), workflow.directory, Path("/dev/zero")):
        assert "'input-file' cannot be read" in workflow.run("import", input_file=str(path)).error, path
    for path in (outside, link):
        assert "'output-file' cannot be written" in workflow.run("export", output_file=str(path)).error
    assert outside.read_text() == "x"


def test_a_bad_line_fails_the_step_and_writes_nothing(workflow: Workflow, other: Workflow) -> None:
    fill(workflow)
    workflow.run("export", output_file=str(file(workflow)))
    lines = file(workflow).read_text().splitlines()
    file(workflow).write_text("\n".join([*lines[:2], '{"category":"data","id":"sekrit","value":"sekrit"}', *lines[2:]]))
    error = other.run("import", input_file=str(file(workflow))).error
    assert "line 3" in error
    assert "sekrit" not in error
    assert refs(Path(other.repository)) == {}


def test_keys_that_exist_fail_the_step_unless_it_says_what_to_do(workflow: Workflow, other: Workflow) -> None:
    fill(workflow)
    workflow.run("export", output_file=str(file(workflow)))
    other.run("set", key="a", value="theirs")
    before = refs(Path(other.repository))
    error = other.run("import", input_file=str(file(workflow))).error
    assert "line" in error
    assert "'if-exists: skip'" in error
    assert refs(Path(other.repository)) == before
    assert other.run("import", input_file=str(file(workflow)), if_exists="skip").outputs["count"] == "3"
    assert other.run("get", key="a").outputs["value"] == "theirs"
    report = json.loads(other.run("import", input_file=str(file(workflow)), if_exists="overwrite").outputs["report"])
    assert (report["overwritten"], report["same"]) == (1, 3)
    assert other.run("get", key="a").outputs["value"] == "secret value"


def test_what_cannot_be_read_fails_the_step_after_the_file_is_written(workflow: Workflow, repository: Path) -> None:
    fill(workflow)
    (broken,) = [name for name in refs(repository) if name.endswith(value_ref("builds").rpartition("/")[2])]
    main = run_git("commit-tree", "-m", "x", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", directory=repository)
    run_git("hash-object", "-t", "tree", "-w", "/dev/null", directory=repository)
    run_git("update-ref", broken, main.stdout.decode().strip(), directory=repository)
    ended = workflow.run("export", output_file=str(file(workflow)))
    assert broken in ended.error
    assert ended.outputs["count"] == "3"
    report = json.loads(ended.outputs["report"])
    assert list(violations(report, SCHEMA, SCHEMA)) == []
    assert (report["leftOut"], report["leftAlone"][0]["ref"]) == (1, broken)
    assert file(workflow).read_text().splitlines()[-1] == '{"category":"end"}'


def test_an_export_that_fails_leaves_the_file_that_was_there(workflow: Workflow, tmp_path: Path) -> None:
    workflow.directory.mkdir(exist_ok=True)
    file(workflow).write_text("yesterday's")
    missing = replace(workflow, repository=str(tmp_path / "missing.git"))
    assert missing.run("export", output_file=str(file(workflow))).code == 1
    assert file(workflow).read_text() == "yesterday's"
    assert [path.name for path in workflow.directory.iterdir() if path.name.startswith(".git-keyval")] == []


def test_sixteen_repositories_are_one_database(tmp_path: Path, workflow: Workflow, bare_repository: Callable[[str], Path]) -> None:
    (tmp_path / "org").mkdir()
    for digit in DIGITS:
        bare_repository(f"org/kv-{digit}.git")
    shards = Shards(tmp_path)
    shards.workflow = replace(workflow, repository=shards.workflow.repository)
    for number in range(12):
        workflow.run("set", key=f"key-{number}", value=str(number))
    workflow.run("export", output_file=str(file(workflow)))
    assert shards.run("import", input_file=str(file(workflow))).outputs["count"] == "12"
    assert shards.run("get", key="key-7").outputs["value"] == "7"
    assert shards.run("export", output_file=str(file(workflow, "again.jsonl"))).outputs["count"] == "12"
    assert file(workflow, "again.jsonl").read_bytes() == file(workflow).read_bytes()
    assert shards.run("import", input_file=str(file(workflow)), shard_length="1").error.startswith("Input 'shard-length'")


def test_an_encrypted_database_with_its_key_and_without(
    workflow: Workflow, other: Workflow, bare_repository: Callable[[str], Path]
) -> None:
    own = {"encryption_key": f"first: {base64.b64encode(secret('first')).decode()}"}
    workflow.run("init", **own)
    workflow.run("set", key="a", value="markedvalue", **own)
    assert workflow.run("export", output_file=str(file(workflow))).code == 0
    assert "markedvalue" not in file(workflow).read_text()
    assert other.run("import", input_file=str(file(workflow))).code == 0
    assert other.run("get", key="a", **own).outputs["value"] == "markedvalue"
    assert workflow.run("export", output_file=str(file(workflow)), **own).code == 0
    assert "markedvalue" in file(workflow).read_text()
    third = replace(workflow, repository=str(bare_repository("third.git")))
    assert "encryption-key" in third.run("import", input_file=str(file(workflow))).error
    assert third.run("import", input_file=str(file(workflow)), **own).code == 0
    assert third.run("get", key="a", **own).outputs["value"] == "markedvalue"
