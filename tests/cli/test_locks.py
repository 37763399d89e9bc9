"""Locks at a terminal: who holds one is told, and whether it was obtained is the exit code."""

import json
import re

from tests.cli.conftest import Command
from tests.cli.test_json import conforms


def test_a_lock_that_was_obtained_is_success_and_one_that_is_held_is_4(keyval: Command) -> None:
    taken = keyval("lock", "a", "--ttl", "1h", "--owner", "me")
    assert (taken.code, taken.stderr) == (0, "")
    assert (taken.answers["applied"], taken.answers["owner"], taken.answers["fence"]) == ("true", "me", "1")
    held = keyval("lock", "a", "--ttl", "1h", "--owner", "you")
    assert (held.code, held.answers["applied"], held.answers["owner"]) == (4, "false", "me")
    assert "The lock is held by another owner" in held.stderr
    assert keyval("unlock", "a", "--owner", "you").code == 4
    assert keyval("unlock", "a", "--owner", "me").code == 0


def test_what_nobody_holds_is_released_with_a_warning_and_4_if_asked_to(keyval: Command) -> None:
    for arguments, code in (([], 0), (["--exit-code"], 4)):
        said = keyval("unlock", "a", "--owner", "me", *arguments)
        assert (said.code, said.answers["applied"]) == (code, "false")
        assert said.stderr.startswith("Nobody holds the lock: ")


def test_answers_and_failures_are_json(keyval: Command) -> None:
    taken = keyval("lock", "a", "--ttl", "1h", "--owner", "me", "--json").json
    conforms(taken)
    assert (taken["applied"], taken["owner"], taken["fence"]) == (True, "me", 1)
    for command, kind in (("lock", "lock-held"), ("unlock", "lock-lost")):
        held = keyval(command, "a", "--owner", "you", "--json", *(["--ttl", "1h"] if command == "lock" else []))
        assert held.code == 4
        conforms(json.loads(held.stdout))
        conforms({"error": held.error})
        assert (held.json["owner"], held.error["kind"]) == ("me", kind)


def test_an_owner_without_a_name_is_this_process_on_this_machine(keyval: Command) -> None:
    owners = [keyval("lock", key, "--ttl", "1h").answers["owner"] for key in ("a", "b")]
    assert all(re.fullmatch(r"\S+:[0-9]+-[0-9a-f]{20}", owner) for owner in owners)
    assert len(set(owners)) == 2


def test_a_lock_needs_a_lease_and_its_release_an_owner(keyval: Command) -> None:
    assert keyval("lock", "a").code == 2
    assert keyval("unlock", "a").code == 2


def test_waiting_is_shown_to_a_person(keyval: Command, terminal: Command) -> None:
    keyval("lock", "a", "--ttl", "1h", "--owner", "me")
    shown = terminal("lock", "a", "--ttl", "1h", "--wait", "1s")
    assert shown.code == 4
    assert "Waiting for the lock" in shown.text
    assert "Waiting" not in terminal("lock", "a", "--ttl", "1h").text
