"""What runs the examples must fail where GitHub would, or a wrong example would pass."""

from typing import Any

import pytest

from tests.emulator import GitHubEmulator
from tests.examples.expressions import ExpressionError
from tests.examples.jobs import GitHub, Job

SET: dict[str, Any] = {"uses": "org/git-keyval-action@v1", "with": {"command": "set", "key": "a", "value": "b"}}


def run(github: GitHub, *steps: dict[str, Any], contents: str = "write") -> Job:
    job = {"runs-on": "ubuntu-24.04", "permissions": {"contents": contents}, "steps": list(steps)}
    ((done,),) = github.start({"on": "push", "jobs": {"job": job}}).values()
    return done


@pytest.mark.parametrize(("contents", "result"), [("write", "success"), ("read", "failure"), ("none", "failure")])
def test_a_job_can_do_what_its_permissions_say(github: GitHub, contents: str, result: str) -> None:
    assert run(github, SET, contents=contents).result == result


def test_the_token_of_a_workflow_reaches_its_own_repository_only(github: GitHub, emulator: GitHubEmulator) -> None:
    emulator.create("octo", "another")
    job = run(github, SET | {"with": SET["with"] | {"repository": "octo/another"}})
    assert job.result == "failure"
    assert "GitHub knows no repository octo/another that this token may see." in job.log


def test_a_job_without_permissions_is_refused(github: GitHub) -> None:
    """GitHub would give it those of the repository's settings, which nobody sees in the workflow."""
    with pytest.raises(AssertionError, match="permissions"):
        github.start({"on": "push", "jobs": {"job": {"runs-on": "ubuntu-24.04", "steps": [SET]}}})


def test_what_a_step_does_after_a_failure_is_as_its_if_says(github: GitHub) -> None:
    bad, always = {"run": "exit 3"}, {"if": "always()", "run": "echo after"}
    job = run(github, bad, {"run": "echo never"}, always)
    assert [step.outcome for step in job.steps.values()] == ["failure", "skipped", "success"]
    assert (job.result, job.log) == ("failure", "after\n")
    job = run(github, bad | {"continue-on-error": True}, {"run": "echo still"})
    assert (job.result, job.log) == ("success", "still\n")


def lock(key: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"id": key, "uses": "org/git-keyval-action/lock@v1", "with": {"key": key, "ttl": "10m"}} | more


def test_post_steps_come_last_whatever_happened_and_the_last_step_s_first(github: GitHub) -> None:
    job = run(github, lock("one"), lock("two"), lock("three", **{"if": "false"}), {"run": "exit 3"}, lock("four"))
    assert [key for key in job.steps if key.startswith("post")] == ["post two", "post one"]
    assert job.result == "failure"
    assert [job.steps[f"post {key}"].outcome for key in ("one", "two")] == ["success", "success"]


def test_post_steps_have_the_state_of_their_step_and_the_inputs_as_they_are_by_then(github: GitHub) -> None:
    taking = lock("one")
    taking["with"]["key"] = "${{ env.KEY }}"
    job = run(github, *({"run": f'echo "KEY={key}" >>"$GITHUB_ENV"'} if key else taking for key in ("first", "", "second")))
    assert job.steps["post one"].log == "The lock is released.\n"
    assert github.steps.run("hgetall", key="first").outputs["json"] == '{"fence":"1"}'


def test_scripts_hand_on_outputs_and_variables(github: GitHub) -> None:
    first = {"id": "one", "run": 'echo "said=hello" >>"$GITHUB_OUTPUT"\necho "WORD=world" >>"$GITHUB_ENV"'}
    job = run(github, first, {"run": 'echo "${{ steps.one.outputs.said }} $WORD ${{ env.WORD }}"'})
    assert job.log == "hello world world\n"


@pytest.mark.parametrize(
    ("shell", "result"),
    [(None, "success"), ("bash", "failure")],
)
def test_a_pipe_that_breaks_fails_where_bash_is_named(github: GitHub, shell: str | None, result: str) -> None:
    """Only then the runner sets pipefail."""
    assert run(github, {"run": "false | true"} | ({"shell": shell} if shell else {})).result == result


@pytest.mark.parametrize(
    "steps",
    [
        [SET | {"with": {"command": "set", "keey": "a"}}],
        [{"uses": "org/another-action@v1"}],
        [SET | {"timeout": 3}],
        [SET | {"id": "one"}, SET | {"id": "one"}],
    ],
)
def test_what_is_not_known_is_refused(github: GitHub, steps: list[dict[str, Any]]) -> None:
    with pytest.raises(AssertionError):
        run(github, *steps)


def test_an_output_that_the_command_does_not_have_is_refused(github: GitHub) -> None:
    with pytest.raises(ExpressionError):
        run(github, SET | {"id": "one"}, {"run": "echo ${{ steps.one.outputs.value }}"})


def test_a_step_that_was_skipped_has_empty_outputs(github: GitHub) -> None:
    job = run(github, SET | {"id": "one", "if": "false"}, {"run": "echo '<${{ steps.one.outputs.version }}>'"})
    assert job.log == "<>\n"


def test_a_reusable_workflow_gets_what_its_caller_may(github: GitHub) -> None:
    uses = "org/git-keyval-action/.github/workflows/maintenance.yml@v1"
    job = {"permissions": {"contents": "read"}, "uses": uses}
    with pytest.raises(AssertionError, match="does not grant"):
        github.start({"on": "push", "jobs": {"job": job}})
    with pytest.raises(AssertionError, match="not declared"):
        github.start({"on": "push", "jobs": {"job": job | {"permissions": {"contents": "write"}, "with": {"no-such": "x"}}}})
