"""Which variables of the environment are inputs: the runner's own, aliases where that is absent, and no others'."""

from pathlib import Path

import pytest

from git_keyval.action import main
from git_keyval.action.variables import read_inputs
from tests.action.steps import Workflow
from tests.servers.binary import isolated_environ

OF_OTHER_ACTIONS = (
    # actions/checkout, setup-node, setup-go, setup-python, cache, upload-artifact
    *("path", "clean", "ssh-key", "fetch-depth", "submodules", "node-version", "go-version", "python-version", "cache"),
    *("restore-keys", "name", "if-no-files-found", "retention-days", "compression-level", "check-latest", "registry-url"),
    # docker/build-push-action, softprops/action-gh-release, actions/github-script, aws-actions/configure-aws-credentials
    *("context", "file", "push", "tags", "build-args", "platforms", "files", "draft", "tag_name", "body", "script", "aws-region"),
    # others, and what jobs put into their environment
    *("environment", "version", "tag", "message", "labels", "state", "step", "task", "status", "comment", "keys2", "url"),
    *(
        "branch",
        "base",
        "debug",
        "verbose",
        "username",
        "password",
        "r-version",
        "delete-branches",
        "if-absent",
        "dry",
        "tty",
        "id",
    ),
)
SLIPS = (
    *("ttll", "ttls", "tl", "kye", "keyss", "vlaue", "valu", "value_fiel", "keepttl", "keep-tt", "keep-ttk", "if-verson"),
    *("ifversion", "if-versoin", "expires_att", "expire-at", "dryrun", "dry-rnu", "output-fle", "on-misssing", "encryption-keys"),
    *(
        "encription-kye",
        "op_idd",
        "max-atempts",
        "repositry",
        "storekey",
        "mak",
        "types",
        "defualt",
        "redirect-alow",
        "shard-lenght",
    ),
)


@pytest.mark.parametrize("name", OF_OTHER_ACTIONS)
def test_what_is_meant_for_others_is_a_warning_at_most(workflow: Workflow, name: str) -> None:
    workflow.environ = {f"INPUT_{name.upper()}": "s3cret"}
    ended = workflow.run("get", key="a")
    (issued,) = ended.commands
    assert (ended.code, issued.name, ended.outputs["found"]) == (0, "warning", "false")
    assert f"INPUT_{name.upper()}" in issued.data
    assert "s3cret" not in ended.log


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_name_of_an_input_fails_the_step(workflow: Workflow, name: str) -> None:
    """The runner only warns of an input that action.yml does not know, and passes it on."""
    workflow.environ = {f"INPUT_{name.upper()}": "s3cret"}
    error = workflow.run("get", key="a").error
    assert f"'{name.lower().replace('_', '-')}' is unknown" in error
    assert "s3cret" not in error


def test_strangers_are_told_in_one_line_however_many_there_are(workflow: Workflow) -> None:
    workflow.environ = {f"INPUT_STRANGER_{number}": "x" for number in range(10, 99)}
    (issued,) = workflow.run("get", key="a").commands
    assert (issued.name, "INPUT_STRANGER_10" in issued.data, "84 more" in issued.data) == (
        "warning",
        True,
        True,
    )


@pytest.mark.parametrize("name", ["ENVIRONMENT", "TTLL", "KEEP_TTL"])
def test_what_is_empty_is_not_looked_at(workflow: Workflow, name: str) -> None:
    workflow.environ = {f"INPUT_{name}": ""}
    assert (workflow.run("get", key="a").code, workflow.run("get", key="a").log) == (0, "")


@pytest.mark.parametrize(
    ("environ", "inputs", "ignored"),
    [
        ({"INPUT_KEEP-TTL": "", "INPUT_KEEP_TTL": "true"}, {"keep-ttl": ""}, ["INPUT_KEEP_TTL"]),
        ({"INPUT_KEEP-TTL": "false", "INPUT_KEEP_TTL": "true"}, {"keep-ttl": "false"}, ["INPUT_KEEP_TTL"]),
        ({"INPUT_KEEP_TTL": "true"}, {"keep-ttl": "true"}, []),
        ({"INPUT_keep-ttl": "true"}, {"keep-ttl": "true"}, []),
        ({"INPUT_KEEP-TTL": "", "INPUT_Keep-Ttl": "true"}, {"keep-ttl": ""}, ["INPUT_Keep-Ttl"]),
        ({"INPUT_KEY": "", "INPUT_key": "a"}, {"key": ""}, ["INPUT_key"]),
        ({"INPUT_KEEP_TTL": "", "INPUT_keep_ttl": "true"}, {"keep-ttl": "true"}, []),
        ({"INPUT_KEEP_TTL": "true", "INPUT_keep_ttl": "false"}, {"keep-ttl": "true"}, ["INPUT_keep_ttl"]),
        ({"INPUTKEY": "a", "INPUT": "a", "input_key": "a", "INPUT_": "x"}, {}, ["INPUT_"]),
    ],
)
def test_the_runners_own_variable_counts_before_any_other_spelling(
    environ: dict[str, str], inputs: dict[str, str], ignored: list[str]
) -> None:
    for order in (environ, dict(reversed(environ.items()))):
        assert read_inputs(order) == (inputs, ignored)


def test_an_alias_from_the_job_does_not_keep_a_lifetime(workflow: Workflow) -> None:
    """actions/runner#665: the job's own environment is in that of every step."""
    workflow.run("set", key="a", value="1", ttl="1h")
    workflow.environ = {"INPUT_KEEP_TTL": "true"}
    ended = workflow.run("set", key="a", value="2")
    assert (ended.outputs["ttl"], ended.issued("warning") != []) == ("-1", True)


def test_without_a_runner_underscores_will_do(repository: Path, tmp_path: Path) -> None:
    environ = {"INPUT_REPOSITORY": str(repository), "INPUT_COMMAND": "get", "INPUT_KEY": "a", "INPUT_ON_MISSING": "fail"}
    (tmp_path / "output").touch()
    assert main(isolated_environ({**environ, "GITHUB_OUTPUT": str(tmp_path / "output")})) == 1
    assert "found" in (tmp_path / "output").read_text()
