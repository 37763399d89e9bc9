"""The next step of every error is followed as it is written, and then what failed succeeds."""

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from git_keyval import errors
from git_keyval.errors import GitKeyvalError, InputError
from git_keyval.interface.commands import COMMANDS
from git_keyval.interface.inputs import INPUTS
from tests.action.steps import Ended, Workflow, expiry_ref, refs, unhurried, value_ref
from tests.action.test_encryption import GIVEN
from tests.action.test_redirects import Org, org  # noqa: F401  # a fixture
from tests.servers.binary import git_output

Step = tuple[str, Mapping[str, str]]

KEY = "k"
SET: Step = ("set", {"value": "text"})
MAX = str(2**63 - 1)


class Situation(NamedTuple):
    """What leads to an error, the sentence of it that is followed, and what people do then: all that the sentence names.

    The step that failed is run ``again`` with these changes, where None takes an input out. An empty ``key`` gives steps none.
    """

    kind: type[GitKeyvalError]
    begin: tuple[Step, ...]
    failing: Step
    says: str
    then: tuple[Step, ...] = ()
    again: Mapping[str, str | None] = {}
    damage: str = ""
    key: str = KEY


LOCKED = ("lock", {"owner": "other", "ttl": "1m"})
BATCH = json.dumps([{"command": "assert", "key": "missing", "if": "present"}, {"command": "incr", "key": "n"}])
SITUATIONS: dict[str, Situation] = {
    "a record that is none, repaired": Situation(
        errors.MalformedRecordError,
        (SET,),
        ("get", {}),
        "Run 'check' for a report: with 'repair: true' it mends what it can.",
        (("check", {"repair": "true"}),),
        damage=value_ref(KEY),
    ),
    "a record that is none, set": Situation(
        errors.MalformedRecordError,
        (SET,),
        ("get", {}),
        "'set' or 'del' on the key replaces or removes it.",
        (SET, ("del", {})),
        damage=value_ref(KEY),
    ),
    "an expiry that is none": Situation(
        errors.MalformedRecordError,
        (SET,),
        ("get", {}),
        "'set' or 'del' on the key replaces or removes it.",
        (SET, ("del", {})),
        damage=expiry_ref(KEY),
    ),
    "an anchor that is none": Situation(
        errors.AnchorError,
        (("init", {}), SET),
        ("get", {}),
        "Run 'check' with 'repair: true', which makes it anew;",
        (("check", {"repair": "true"}),),
        damage="refs/tags/kv/dummy-tree",
    ),
    "the anchor of an encrypted database": Situation(
        errors.AnchorError,
        (("init", GIVEN), ("set", {"value": "x", **GIVEN})),
        ("get", GIVEN),
        "if the database is encrypted, 'init' with the 'encryption-key'.",
        (("init", GIVEN),),
        damage="refs/tags/kv/dummy-tree",
    ),
    "not marked": Situation(
        errors.UnmarkedError,
        (("init", {}),),
        ("get", {**GIVEN, "encryption": "required"}),
        "Run 'init' with the 'encryption-key', which marks it.",
        (("init", GIVEN),),
    ),
    "no encryption key": Situation(
        errors.MissingEncryptionKeyError,
        (("init", GIVEN), ("set", {"value": "x", **GIVEN})),
        ("get", {}),
        "Give it first in 'encryption-key', as '2026: KEY'.",
        again=GIVEN,
    ),
    "another type": Situation(errors.WrongTypeError, (SET,), ("incr", {}), "Use another key, or 'del' it first.", (("del", {}),)),
    "a map": Situation(
        errors.WrongTypeError,
        (("hset", {"field": "f", "value": "x"}),),
        ("get", {}),
        "'hgetall' reads its elements. For this command use another key, or 'del' it first.",
        (("hgetall", {}), ("del", {})),
    ),
    "a counter at its end": Situation(
        errors.CounterOverflowError,
        (("set", {"value": MAX, "type": "counter"}),),
        ("incr", {}),
        "Use a smaller step or 'set' the counter.",
        (("set", {"value": "0", "type": "counter"}),),
    ),
    "a field at its end": Situation(
        errors.FieldOverflowError,
        (("hset", {"field": "n", "value": str(2**53 - 1), "type": "number"}),),
        ("hincr", {"field": "n"}),
        "Use a smaller step, or 'incr' a key of its own, which holds 64 bits.",
        (("incr", {"key": "own"}),),
        {"by": "-1"},
    ),
    "a missing key, let be": Situation(
        errors.KeyMissingError,
        (),
        ("get", {"on-missing": "fail"}),
        "Give 'on-missing: ok' to go on without it.",
        again={"on-missing": "ok"},
    ),
    "a missing key, set": Situation(errors.KeyMissingError, (), ("get", {"on-missing": "fail"}), "Set it first.", (SET,)),
    "a missing key, with a default": Situation(
        errors.KeyMissingError,
        (),
        ("get", {"on-missing": "fail"}),
        "Give 'on-missing: ok' and a 'default' to have that instead.",
        again={"default": "x", "on-missing": "ok"},
    ),
    "a lock that is held": Situation(
        errors.LockHeldError,
        (LOCKED,),
        ("lock", {"ttl": "1m", "owner": "me"}),
        "Give 'wait' to wait for it.",
        again={"wait": "10m"},
    ),
    "an index that is none": Situation(
        errors.IndexOutOfRangeError,
        (("apush", {"value": "a"}),),
        ("aset", {"index": "1", "value": "b"}),
        "Use an index below it, or 'apush' to add an element.",
        (("apush", {"value": "b"}),),
    ),
    "a condition that is not met": Situation(
        errors.ConditionNotMetError,
        (),
        ("batch", {"commands": BATCH, "on-failed": "fail"}),
        "Leave out 'on-failed: fail' to go on all the same: the output 'applied' is false then.",
        again={"on-failed": None},
        key="",
    ),
    "a time that is over": Situation(
        errors.NotMetInTimeError,
        (),
        ("wait", {"until": "present", "on-failed": "fail"}),
        "Give a longer 'wait', or leave out 'on-failed: fail' to go on all the same: the output 'met' is false then.",
        again={"on-failed": None, "wait": "1s"},
    ),
    "an item that cannot be done": Situation(
        errors.ItemFailedError,
        (SET,),
        ("batch", {"commands": json.dumps([{"command": "incr", "key": KEY}])}),
        "Use another key, or 'del' it first.",
        (("del", {"key": KEY}),),
        key="",
    ),
    "items that cannot be done": Situation(
        errors.ItemsFailedError,
        (SET,),
        ("batch", {"commands": json.dumps([{"command": "incr", "key": KEY}]), "atomic": "false"}),
        "Use another key, or 'del' it first.",
        (("del", {"key": KEY}),),
        key="",
    ),
    "a name that must be a directory": Situation(
        GitKeyvalError,
        (SET,),
        ("init", {}),
        "Rename or delete it, or use a repository of its own.",
        (("git", {"update-ref": "-d refs/heads/kv-00"}),),
        damage="refs/heads/kv-00",
        key="",
    ),
}

WITHOUT = {
    errors.GitKeyvalError: "the base of all",
    errors.StoreError: "the base of what servers say: each has texts of its own, tested by tests/contract and tests/servers",
    **dict.fromkeys((errors.TamperedError, errors.NotEncryptedError), "an attack: 'set' or 'del', as with malformed records"),
    **dict.fromkeys((errors.WrongEncryptionKeyError, errors.KeyOrderError), "asks for a key that only its owner has"),
    errors.BoundError: "needs a number of 2^53 writes: tests/commands/test_bounds.py",
    **dict.fromkeys((errors.OverwrittenError, errors.ContentionError, errors.OutcomeUnknownError), "a race: tests/commands"),
    errors.LockLostError: "a lease that was too short: there is nothing to run",
    **dict.fromkeys((errors.UndeliverableError, errors.UndeliveredError), "a full disk: tests/action/test_delivery.py"),
    errors.TornWriteError: "a broken server: tests/contract/test_damage.py",
    errors.SeveralRepositoriesError: "tests/action/test_sharding.py",
    **dict.fromkeys(
        (errors.PartlyDeletedError, errors.PartlyWrittenError, errors.PartlyImportedError, errors.ImportUnknownError),
        "repeat another's text",
    ),
    **dict.fromkeys((errors.KeysExistError, errors.KeysChangedError, errors.KeysLeftOutError), "of import and export: their tests"),
    **dict.fromkeys((errors.RedirectedError, errors.RedirectNotFollowedError, errors.RedirectRefusedError), "below"),
    errors.InternalError: "a defect, to be reported",
}
"""Errors whose next step is followed elsewhere, or by nobody but a person."""


def run(workflow: Workflow, step: Step, key: str, repository: Path) -> Ended | None:
    command, inputs = step
    if command == "git":
        ((verb, options),) = inputs.items()
        git_output(verb, *options.split(), directory=repository)
        return None
    given = {"key": key, **inputs} if key and "key" in COMMANDS[command].inputs else dict(inputs)
    return workflow.run_given(command, given, unhurried)


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_next_step_of_an_error_leads_on(workflow: Workflow, repository: Path, name: str) -> None:
    situation = SITUATIONS[name]
    for step in situation.begin:
        assert run(workflow, step, situation.key or KEY, repository).code == 0  # type: ignore[union-attr]
    if situation.damage:
        tree = git_output("mktree", directory=repository)
        git_output(
            "update-ref", situation.damage, git_output("commit-tree", "-m", "x", tree, directory=repository), directory=repository
        )
    failed = run(workflow, situation.failing, situation.key, repository)
    assert failed is not None
    assert situation.says in failed.issued("error")[0]
    quoted = set(re.findall(r"(?<!output )'([a-z-]+)(?:: [^']*)?'", situation.says))
    used = {command for command, _ in situation.then} | set(situation.again) | {one for _, given in situation.then for one in given}
    assert quoted & {*COMMANDS, *INPUTS} <= used
    for step in situation.then:
        done = run(workflow, step, situation.key, repository)
        assert done is None or done.code == 0, done
    changed = {name: text for name, text in {**situation.failing[1], **situation.again}.items() if text is not None}
    again = run(workflow, (situation.failing[0], changed), situation.key, repository)
    assert again is not None
    assert again.code == 0, again


def test_the_next_steps_of_all_errors_are_followed_somewhere() -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, GitKeyvalError)}
    followed = {situation.kind for situation in SITUATIONS.values()} | WITHOUT.keys()
    left = {kind for kind in kinds if not issubclass(kind, InputError | errors.StoreError)} - followed
    assert not left


def test_a_redirected_key_is_written_as_the_error_says(org: Org) -> None:  # noqa: F811  # the fixture
    org.run("org/new", "set", value="x")
    org.run("org/old", "redirect", redirect_to="org/new")
    refused = org.run("org/old", "set", value="y")
    assert "Use that repository. Give 'follow-writes: true' to write there from here." in refused.error
    assert org.run("org/old", "set", value="y", follow_writes="true").code == 0
    assert org.run("org/new", "set", value="z").code == 0


def test_a_key_that_its_target_does_not_hold_is_redirected_as_the_error_says(org: Org) -> None:  # noqa: F811  # the fixture
    org.run("org/old", "set", value="x")
    refused = org.run("org/old", "redirect", redirect_to="org/new")
    assert "Copy the value there first, or 'del' the key here." in refused.error
    org.run("org/new", "set", value=org.run("org/old", "get").outputs["value"])
    assert org.run("org/old", "redirect", redirect_to="org/new").code == 0


# --- what check says ---------------------------------------------------------------------------------------------------


def step_of(text: str) -> Step:
    """Return the step that a report prints, as inputs in quotes."""
    given = dict(re.findall(r"'([a-z-]+): ([^']*)'", text))
    return given.pop("command"), given


@pytest.mark.parametrize(
    "ref", [value_ref(KEY), expiry_ref(KEY), value_ref(KEY).replace("val-", "key-"), "refs/tags/kv/dummy-tree"]
)
@pytest.mark.parametrize("later", [False, True])
def test_what_check_advises_is_run_as_a_step(workflow: Workflow, repository: Path, ref: str, *, later: bool) -> None:
    """Repair for what is damaged; for what may be of a later release a deletion, which a person has to want."""
    workflow.run("init")
    workflow.run("set", key="sound", value="x")
    workflow.run("set", key=KEY, value="x")
    message = '{"category":"data","version":3}' if later else "x"
    tree = git_output("mktree", directory=repository)
    git_output("update-ref", ref, git_output("commit-tree", "-m", message, tree, directory=repository), directory=repository)
    before = refs(repository)
    (problem,) = json.loads(workflow.run("check").outputs["report"])["problems"]
    if later:
        workflow.run("check", repair="true")
        assert refs(repository) == before
    if ref.startswith("refs/tags") and later:
        assert f"git -C {repository} update-ref -d {ref}" in problem["nextStep"]
        git_output("update-ref", "-d", ref, directory=repository)
        (problem,) = json.loads(workflow.run("check").outputs["report"])["problems"]
    command, given = step_of(problem["nextStep"])
    assert command == ("check" if not later or ref.startswith("refs/tags") else "del")
    assert workflow.run_given(command, given).code == 0
    assert json.loads(workflow.run("check").outputs["report"])["problems"] == []
    assert workflow.run("get", key="sound").outputs["value"] == "x"
