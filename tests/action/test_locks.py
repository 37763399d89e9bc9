"""lock/action.yml: its step and its post step, as a runner starts them."""

import itertools
import json
from pathlib import Path

import pytest

from git_keyval.dispatch.surroundings import Surroundings
from git_keyval.format.times import Micros
from tests.action.conftest import SERVER_TOKEN, Served
from tests.action.steps import Ended, Workflow, action, refs
from tests.conftest import FakeClock
from tests.replacing import replace

LOCK = {"key": "production", "ttl": "10m"}
NOTHING = "No lock was obtained, so there is none to release.\n"


def fields(workflow: Workflow) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(workflow.run("hgetall", key="production").outputs.get("json", "{}"))
    return loaded


def test_the_lock_is_held_until_the_post_step(workflow: Workflow) -> None:
    taken = workflow.take(LOCK)
    assert (taken.code, taken.log, taken.outputs["applied"], taken.outputs["fence"]) == (0, "", "true", "1")
    assert fields(workflow) == {"fence": "1", "owner": taken.outputs["owner"]}
    released = workflow.release(taken, LOCK)
    assert (released.code, released.log, released.outputs) == (0, "The lock is released.\n", {})
    assert fields(workflow) == {"fence": "1"}


def test_the_owner_of_a_run_is_its_address(workflow: Workflow) -> None:
    variables = {"REPOSITORY": "octo/app", "RUN_ID": "123", "RUN_ATTEMPT": "2", "JOB": "deploy"}
    workflow.environ = {f"GITHUB_{name}": text for name, text in variables.items()}
    owners = [workflow.take({"key": key, "ttl": "10m"}).outputs["owner"] for key in ("one", "two")]
    assert all(owner.startswith("https://github.com/octo/app/actions/runs/123/attempts/2#deploy-") for owner in owners)
    assert len(set(owners)) == 2
    assert f"The lock is held by {owners[0]}, for " in workflow.take({"key": "one", "ttl": "10m"}).error


def test_a_step_that_does_not_obtain_the_lock_fails_and_releases_nothing(workflow: Workflow) -> None:
    held = workflow.take(LOCK)
    refused = workflow.take(LOCK)
    assert "The lock is held by " in refused.error
    assert (refused.outputs["applied"], refused.outputs["owner"]) == ("false", held.outputs["owner"])
    assert "fence" not in refused.outputs
    released = workflow.release(refused, LOCK)
    assert (released.code, released.log) == (0, NOTHING)
    assert fields(workflow)["owner"] == held.outputs["owner"]


def test_an_owner_that_was_chosen_may_be_a_secret(workflow: Workflow) -> None:
    workflow.take(LOCK | {"owner": "hunter-two"})
    refused = workflow.take(LOCK)
    assert "The lock is held by another owner" in refused.error
    assert refused.outputs["owner"] == "hunter-two"
    assert "hunter" not in refused.shown


@pytest.mark.parametrize("inputs", [{"ttl": "0s"}, {"ttl": ""}, {"key": ""}, {"repository": "/no/such/path"}])
def test_a_step_that_failed_under_an_owner_that_holds_the_lock_elsewhere_releases_nothing(
    workflow: Workflow, inputs: dict[str, str]
) -> None:
    """This is how a peer released the locks of others: the owner alone does not say who took it."""
    workflow.take(LOCK | {"owner": "the deployer"})
    failed = workflow.take(LOCK | {"owner": "the deployer"} | inputs)
    assert failed.code == 1
    released = workflow.release(failed, LOCK | {"owner": "the deployer"})
    assert (released.code, released.log) == (0, NOTHING)
    assert fields(workflow)["owner"] == "the deployer"


def killed(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_step_that_is_cancelled_while_it_waits_releases_nothing(workflow: Workflow) -> None:
    held = workflow.take(LOCK)
    cancelled = workflow.take(LOCK | {"wait": "5m"}, lambda outside: replace(outside, sleep=killed))
    assert cancelled.code == 130
    released = workflow.release(cancelled, LOCK)
    assert (released.code, released.log) == (0, NOTHING)
    assert fields(workflow)["owner"] == held.outputs["owner"]


def test_a_step_that_is_killed_at_any_moment_leaves_no_lock_behind(workflow: Workflow) -> None:
    """Also between the write and the answer, of which it then knows nothing."""
    held = []
    for moment in itertools.count(1):
        calls = itertools.count(1)

        def die(outside: Surroundings, moment: int = moment, calls: "itertools.count[int]" = calls) -> Surroundings:
            def clock() -> Micros:
                if next(calls) == moment:
                    raise KeyboardInterrupt
                return outside.clock()

            return replace(outside, clock=clock)

        ended = workflow.take(LOCK, die)
        held.append("owner" in fields(workflow))
        assert workflow.release(ended, LOCK).code == 0
        assert "owner" not in fields(workflow)
        if ended.code == 0:
            break
        assert ended.code == 130
    assert held[:2] == [False, False]
    assert held[-2:] == [True, True]  # the last one was not killed


def test_a_step_that_ended_before_it_left_a_state_is_not_run_again_as_its_post_step(workflow: Workflow, repository: Path) -> None:
    """The image could not be started, for example; the runner runs the post step all the same."""
    released = workflow.release(Ended(1, "", {}, ""), LOCK)
    (issued,) = released.commands
    assert (released.code, issued.name) == (0, "warning")
    assert "cannot know whether a lock was obtained" in issued.data
    assert refs(repository) == {}


def test_without_a_state_a_lock_that_is_held_is_not_denied(workflow: Workflow) -> None:
    """`act` hands none to the post steps of containers."""
    workflow.take(LOCK)
    released = workflow.release(Ended(0, "", {}, ""), LOCK)
    assert ("No lock" in released.log, "is released" in released.log, "cannot know" in released.log) == (False, False, True)
    assert "owner" in fields(workflow)


KEY = f"a: {'A' * 43}="
OTHER_KEY = f"a: {'B' * 42}A="


@pytest.mark.parametrize(
    ("taken_with", "released_with"),
    [(KEY, ""), (KEY, OTHER_KEY), ("", KEY)],
    ids=["none any more", "another one", "one of the ancestor"],
)
def test_a_post_step_that_is_given_another_encryption_key_denies_nothing(
    workflow: Workflow, taken_with: str, released_with: str
) -> None:
    """In nested composite actions its inputs are those of an ancestor (actions/runner#3514). Under them the key has another id."""
    taken = workflow.take(LOCK | {"encryption-key": taken_with})
    released = workflow.release(taken, LOCK | {"encryption-key": released_with})
    assert (released.code, len(released.issued("warning"))) == (0, 1)
    assert "is not released" in released.log
    assert "3514" in released.log
    again = workflow.release(taken, LOCK | {"encryption-key": taken_with})
    assert again.log.endswith("The lock is released.\n")


def test_a_post_step_that_is_given_the_inputs_of_another_action_releases_what_was_taken(workflow: Workflow) -> None:
    taken = workflow.take(LOCK)
    other = {"key": "another", "key-type": "json", "owner": "another", "shard-length": "7", "transport": "none", "ttl": "none"}
    assert workflow.release(taken, other | {"repository": "/no/such/path"}).log == "The lock is released.\n"
    assert fields(workflow) == {"fence": "1"}


def test_a_lock_whose_key_was_deleted_meanwhile_is_a_warning(workflow: Workflow) -> None:
    taken = workflow.take(LOCK)
    workflow.run("del", key="production")
    (warning,) = workflow.release(taken, LOCK).issued("warning")
    assert "not there any more" in warning


def test_a_step_that_is_killed_under_an_owner_that_was_given_leaves_a_doubt(workflow: Workflow) -> None:
    """That owner may hold the lock elsewhere, so it is not released."""
    workflow.take(LOCK | {"owner": "the deployer"})
    calls = itertools.count(1)

    def die(outside: Surroundings) -> Surroundings:
        def clock() -> Micros:
            if next(calls) == 2:
                raise KeyboardInterrupt
            return outside.clock()

        return replace(outside, clock=clock)

    ended = workflow.take(LOCK | {"owner": "the deployer"}, die)
    assert ended.code == 130
    (warning,) = workflow.release(ended, LOCK | {"owner": "the deployer"}).issued("warning")
    assert "It is not known whether the lock was obtained" in warning
    assert fields(workflow)["owner"] == "the deployer"


def test_what_is_released_is_what_was_taken_whatever_the_inputs_say_by_then(workflow: Workflow) -> None:
    """The runner evaluates their expressions again at the end of the job."""
    inputs = LOCK | {"key": "5", "key-type": "number", "shard-length": "3", "expiry-granularity": "1h"}
    taken = workflow.take(inputs)
    workflow.repository = "/no/such/path"
    released = workflow.release(taken, {"key": "another", "ttl": "", "owner": "another", "wait": "7w"})
    assert released.log == "The lock is released.\n"


def test_the_token_is_in_no_state_and_the_post_step_is_given_it(served: Served) -> None:
    taken = served.workflow.take(LOCK)
    assert SERVER_TOKEN not in repr(taken.state)
    assert served.workflow.release(taken, LOCK).log == "The lock is released.\n"


def test_a_lost_lease_is_a_warning_at_the_end_of_the_job(workflow: Workflow, at_noon: FakeClock) -> None:
    taken = workflow.take(LOCK)
    at_noon.advance(600)
    released = workflow.release(taken, LOCK)
    assert (released.code, [command.name for command in released.commands]) == (0, ["warning"])
    assert "its lease ran out before it was released, and nobody took it since" in released.log

    rival = workflow.take(LOCK)
    released = workflow.release(taken, LOCK)
    assert (released.code, [command.name for command in released.commands]) == (0, ["warning"])
    assert "The lock is not released: it is held by" in released.log
    assert fields(workflow)["owner"] == rival.outputs["owner"]

    workflow.release(rival, LOCK)
    released = workflow.release(taken, LOCK)
    assert (released.code, [command.name for command in released.commands]) == (0, ["warning"])
    assert "others took the lock meanwhile" in released.log


def test_a_lock_that_a_step_of_the_job_released_is_no_warning(workflow: Workflow) -> None:
    taken = workflow.take(LOCK)
    assert workflow.run("unlock", key="production", owner=taken.outputs["owner"]).outputs["applied"] == "true"
    released = workflow.release(taken, LOCK)
    assert (released.code, released.log) == (0, "The lock was released by a step of this job.\n")


def test_a_lock_that_is_taken_twice_by_one_owner_is_released_once(workflow: Workflow) -> None:
    """As by two steps of one job, whose post steps run the other way round."""
    first, second = workflow.take(LOCK | {"owner": "me"}), workflow.take(LOCK | {"owner": "me"})
    assert first.outputs["fence"] == second.outputs["fence"]
    assert [workflow.release(one, LOCK).commands for one in (second, first)] == [[], []]
    assert fields(workflow) == {"fence": "1"}


SLOTS = LOCK | {"slots": "2"}


def test_a_step_releases_the_slot_that_it_took(workflow: Workflow) -> None:
    first, second = workflow.take(SLOTS), workflow.take(SLOTS)
    assert [(one.code, one.outputs["slot"], one.outputs["fence"]) for one in (first, second)] == [(0, "1", "1"), (0, "2", "1")]
    refused = workflow.take(SLOTS)
    assert "All 2 slots of the lock are held, the next to be free by " in refused.error
    assert workflow.release(refused, SLOTS).log == NOTHING
    assert workflow.release(second, LOCK).log == "The lock is released.\n"
    assert fields(workflow) == {"fence": "1", "fence-2": "1", "owner": first.outputs["owner"]}
    assert workflow.take(SLOTS).outputs["fence"] == "2"
    assert workflow.release(first, {}).log == "The lock is released.\n"
    assert "owner" not in fields(workflow)


def test_a_slot_that_was_lost_is_a_warning_and_one_that_a_step_released_is_none(workflow: Workflow, at_noon: FakeClock) -> None:
    workflow.take(SLOTS | {"ttl": "2h"})
    taken = workflow.take(SLOTS)
    assert workflow.run("unlock", key="production", owner=taken.outputs["owner"]).outputs["slot"] == "2"
    assert workflow.release(taken, SLOTS).log == "The lock was released by a step of this job.\n"

    taken = workflow.take(SLOTS)
    at_noon.advance(600)
    assert "its lease ran out before it was released, and nobody took it since" in workflow.release(taken, SLOTS).log
    rival = workflow.take(SLOTS)
    assert "The lock is not released: it is held by" in workflow.release(taken, SLOTS).log
    workflow.release(rival, SLOTS)
    released = workflow.release(taken, SLOTS)
    assert (released.code, [command.name for command in released.commands]) == (0, ["warning"])
    assert "others took the lock meanwhile" in released.log

    workflow.run("del", key="production")
    assert "not there any more" in workflow.release(taken, SLOTS).log


def test_a_lock_that_cannot_be_released_is_a_warning(workflow: Workflow, repository: Path) -> None:
    taken = workflow.take(LOCK)
    repository.rename(repository.with_name("gone"))
    released = workflow.release(taken, LOCK)
    (issued,) = released.commands
    assert (released.code, issued.name) == (0, "warning")
    assert issued.data.startswith("The lock is not released, and ends with its lease. ")


def test_a_release_that_is_cancelled_says_so(workflow: Workflow) -> None:
    def interrupt(outside: Surroundings) -> Surroundings:
        def clock() -> None:
            raise KeyboardInterrupt

        return replace(outside, clock=clock)  # type: ignore[arg-type]

    released = workflow.release(workflow.take(LOCK), LOCK, interrupt)
    assert (released.code, [command.name for command in released.commands]) == (130, ["warning"])


def test_a_defect_in_the_post_step_tells_where_and_nothing_else(workflow: Workflow) -> None:
    def break_(outside: Surroundings) -> Surroundings:
        def clock() -> None:
            raise RuntimeError("production")

        return replace(outside, clock=clock)  # type: ignore[arg-type]

    released = workflow.release(workflow.take(LOCK), LOCK, break_)
    assert released.error.startswith("Internal error: RuntimeError at ")
    assert "production" not in released.shown


def test_a_lock_is_released_by_the_main_program_too_if_it_is_a_post_step(workflow: Workflow) -> None:
    """Where the entry point of the post step cannot be named, the state tells."""
    taken = workflow.take(LOCK)
    workflow.environ = {f"STATE_{name}": text for name, text in taken.state.items()}
    assert workflow.run_given("lock", LOCK).log == "The lock is released.\n"


def test_lock_action_yml_has_a_post_step() -> None:
    assert action("lock")["runs"] == {
        "using": "docker",
        "image": "../Dockerfile",
        "post-entrypoint": "/app/lock/release.py",
        "post-if": "always()",
        "env": {"INPUT_COMMAND": "lock"},
    }


@pytest.mark.parametrize("state", ["7", "[]", "{", '{"unlock": []}', '{"unlock": {"key": 7}}', '{"unlock": {}, "fence": "x"}'])
def test_a_state_that_no_step_leaves_is_none(workflow: Workflow, state: str) -> None:
    taken = workflow.take(LOCK)
    ended = workflow.release(replace(taken, state={"git-keyval-lock": state}), LOCK)
    assert ended.code == 0
    assert ended.log == workflow.release(replace(taken, state={}), LOCK).log
