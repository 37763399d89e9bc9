"""init: what a repository needs to be a database."""

import pytest

from git_keyval.commands.values import Get, Set
from git_keyval.database.perform import perform
from git_keyval.errors import GitKeyvalError, RefusedError
from git_keyval.format.metadata import NULL_COMMIT
from git_keyval.format.names import ANCHOR_TAG, MAIN_BRANCH, RefName
from git_keyval.maintenance.init import NameTakenError, init
from git_keyval.maintenance.report import InitReport
from tests.contract.places import GitPlace
from tests.contract.samples import Sample, foreign_commit
from tests.faults import Lost, Rival
from tests.servers.binary import git_output
from tests.world import FOREIGN, World, install_hook, key, text


def test_an_empty_repository_gets_a_first_branch_and_the_anchor(world: World) -> None:
    """The branch comes with the anchor: a server may make the first one its default, which cannot be deleted."""
    store = world.faulty({})
    report = init(world.maintenance(store))
    assert report == InitReport((MAIN_BRANCH, ANCHOR_TAG))
    assert world.refs().keys() == {MAIN_BRANCH, ANCHOR_TAG}
    assert world.refs()[ANCHOR_TAG] == NULL_COMMIT.oid
    assert [call.verb for call in store.calls] == ["list", "apply"]
    assert world.errors() == []
    perform(world.database(), Set(key=key(), value=text("v")))
    assert perform(world.database(), Get(key=key())).found is True


def test_the_first_branch_shows_a_readme(git: World) -> None:
    init(git.maintenance())
    assert isinstance(git.place, GitPlace)
    assert "git-keyval" in git_output("show", "main:README.md", directory=git.place.repository)


def test_a_repository_that_is_ready_is_left_as_it_is(world: World) -> None:
    init(world.maintenance())
    before = world.refs()
    assert init(world.maintenance()) == InitReport(())
    assert world.refs() == before


def test_a_repository_in_use_gets_the_anchor_only(world: World) -> None:
    name = RefName("refs/heads/trunk")
    world.put(name, foreign_commit("x"))
    assert init(world.maintenance()) == InitReport((ANCHOR_TAG,))
    assert world.refs().keys() == {name, ANCHOR_TAG}


def test_foreign_refs_are_untouched(world: World) -> None:
    world.plant_foreign()
    init(world.maintenance())
    assert world.foreign().keys() == FOREIGN.keys()


@pytest.mark.parametrize("name", ["heads/gc", "heads/kv-0a", "heads/kv-f", "tags/kv", "tags/kv-00ff"])
def test_a_name_that_must_be_a_directory_is_refused(world: World, name: str) -> None:
    taken = world.put(RefName(f"refs/{name}"), foreign_commit("x"))
    with pytest.raises(NameTakenError) as caught:
        init(world.maintenance())
    assert caught.value.name == taken
    assert world.refs().keys() == {taken}


@pytest.mark.parametrize(
    "name", ["heads/kv-feature", "heads/kv", "heads/kv-", "heads/kv-0A", "tags/gc", "tags/kv-1.0", "tags/kv-x"]
)
def test_a_name_that_is_in_nobodys_way_is_fine(memory: World, name: str) -> None:
    memory.put(RefName(f"refs/{name}"), foreign_commit("x"))
    assert ANCHOR_TAG in init(memory.maintenance()).created


def test_what_a_rival_created_is_not_claimed(memory: World) -> None:
    anchor = Rival(lambda: init(memory.maintenance()))
    assert init(memory.maintenance(memory.faulty({2: anchor}))).created == ()


def test_a_first_branch_that_a_rival_made_stays(memory: World) -> None:
    people = foreign_commit("x")
    store = memory.faulty({2: Rival(lambda: memory.put(MAIN_BRANCH, people))})
    init(memory.maintenance(store))
    assert memory.refs() == {MAIN_BRANCH: people.oid, ANCHOR_TAG: NULL_COMMIT.oid}


@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_a_lost_reply_is_settled_by_reading_again(memory: World, fault: Lost) -> None:
    assert init(memory.maintenance(memory.faulty({2: fault}))) == InitReport((MAIN_BRANCH, ANCHOR_TAG))
    assert memory.refs().keys() == {MAIN_BRANCH, ANCHOR_TAG}


@pytest.mark.parametrize("request_number", [1, 2])
@pytest.mark.parametrize("fault", list(Lost), ids=lambda fault: fault.value)
def test_init_that_failed_may_be_run_again(memory: World, fault: Lost, request_number: int) -> None:
    with pytest.raises(GitKeyvalError):
        init(memory.maintenance(memory.faulty(dict.fromkeys(range(request_number, 200), fault))))
    assert memory.refs().keys() <= {MAIN_BRANCH, ANCHOR_TAG}
    init(memory.maintenance())
    assert memory.refs().keys() == {MAIN_BRANCH, ANCHOR_TAG}
    assert memory.errors() == []


def test_a_server_that_refuses_is_told_of(git: World) -> None:
    install_hook(git, "pre-receive", "#!/bin/sh\nexit 1\n")
    with pytest.raises(RefusedError):
        init(git.maintenance())
    assert git.refs() == {}


def test_an_anchor_of_another_kind_is_left_and_reported(memory: World) -> None:
    memory.put(MAIN_BRANCH, foreign_commit("x"))
    wrong = Sample(key().record.objects)
    memory.put(ANCHOR_TAG, wrong)
    assert init(memory.maintenance()) == InitReport(())
    assert [error.partition(":")[0] for error in memory.errors()] == [ANCHOR_TAG]
