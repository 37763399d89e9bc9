"""What GitHub refuses, and what it sends elsewhere: each a message that says what to do, or no matter at all."""

import re

import pytest

from git_keyval.commands.counters import Incr
from git_keyval.commands.values import Get, Mget, Mset, Set
from git_keyval.database.perform import perform
from git_keyval.errors import AccessDeniedError, NotARepositoryError, RefusedError, StoreError, UnavailableError
from git_keyval.format.names import MAIN_BRANCH
from git_keyval.format.times import SECOND
from git_keyval.format.values import bytes_value
from git_keyval.maintenance.commands import Sweep
from git_keyval.maintenance.init import init
from tests.conftest import FakeClock
from tests.emulator import Fault, GitHubEmulator, Logged, Permission, PrimaryExhausted, Protected, SecondaryLimit
from tests.emulator.server import DEFAULT_TOKEN
from tests.github.opening import open_emulated
from tests.world import World, key, text

TEXT, COUNTER = key("text"), key("counter")
MANY = [key(str(number)) for number in range(30)]


# --- access ---------------------------------------------------------------------------------------------------------


def test_a_token_that_github_does_not_know(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    with pytest.raises(AccessDeniedError, match=r"status 401.*'token'"):
        perform(github.database(open_emulated(emulator, clock, token="ghp_unknown")), Get(key=TEXT))
    assert emulator.count() == 1


def test_a_repository_that_is_not_there_or_hidden(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    database = github.database(open_emulated(emulator, clock, name="owner/none"))
    with pytest.raises(NotARepositoryError, match=r"owner/none.*contents: write"):
        perform(database, Get(key=TEXT))
    with pytest.raises(NotARepositoryError, match=r"owner/none.*contents: write"):
        perform(database, Set(key=TEXT, value=text("v")))


def test_a_token_that_may_only_read(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    perform(github.database(), Set(key=TEXT, value=text("v")))
    emulator.access.grant("reader", Permission.READ, "owner/name")
    reader = github.database(open_emulated(emulator, clock, token="reader"))
    assert perform(reader, Get(key=TEXT)).value == text("v")
    with pytest.raises(AccessDeniedError, match=r"contents: write"):
        perform(reader, Set(key=TEXT, value=text("w")))
    assert perform(reader, Get(key=TEXT)).value == text("v")


def test_a_token_that_the_organization_has_not_authorised(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.options.sso_tokens.add(DEFAULT_TOKEN)
    with pytest.raises(AccessDeniedError, match=r"single sign-on"):
        perform(github.database(open_emulated(emulator, clock)), Set(key=TEXT, value=text("v")))


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_repository_that_was_renamed_is_followed(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    """GraphQL answers by old names; REST sends writes elsewhere, and does not say so by an error."""
    emulator.rename("owner/name", "owner/newer")
    database = github.database(open_emulated(emulator, clock))
    assert perform(database, Set(key=TEXT, value=text("v"))).applied is True
    assert perform(database, Incr(key=COUNTER)).value == 1
    assert perform(database, Get(key=TEXT)).value == text("v")


def test_an_empty_repository_has_to_be_made_ready(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.options.empty_refuses = True
    database = github.database(open_emulated(emulator, clock))
    with pytest.raises(StoreError, match=r"is empty.*'init'"):
        perform(database, Set(key=TEXT, value=text("v")))
    init(github.maintenance(open_emulated(emulator, clock)))
    assert MAIN_BRANCH in github.refs()
    assert perform(database, Set(key=TEXT, value=text("v"))).applied is True


# --- rules ----------------------------------------------------------------------------------------------------------


def test_a_namespace_that_a_ruleset_protects(github: World, emulator: GitHubEmulator) -> None:
    emulator.options.protected = (Protected("refs/heads/kv-*"),)
    with pytest.raises(RefusedError, match=r"(?i)rule"):
        perform(github.database(), Set(key=TEXT, value=text("v")))
    with pytest.raises(RefusedError, match=r"(?i)rule"):
        perform(github.database(), Mset(values={each: text(each.label) for each in MANY}))
    assert not any(name.startswith("refs/heads/") for name in github.refs())


def test_a_value_that_looks_like_a_credential(github: World, emulator: GitHubEmulator) -> None:
    emulator.options.secrets = re.compile(rb"hunter2")
    for value in (text("hunter2"), bytes_value(b"\0hunter2")):
        with pytest.raises(RefusedError, match=r"(?i)secret|credential"):
            perform(github.database(), Set(key=TEXT, value=value))
    assert perform(github.database(), Get(key=TEXT)).found is False


def test_a_limit_on_the_refs_of_a_push_is_got_round_by_the_api(github: World, emulator: GitHubEmulator) -> None:
    emulator.options.max_push_refs = 5
    entries = {each: text(f"value {each.label}") for each in MANY}
    assert perform(github.database(), Mset(values=entries, ttl=60)).applied is True
    assert perform(github.database(), Mget(keys=MANY)).count == len(MANY)
    github.clock.advance(3600)
    report = Sweep().run(github.maintenance(github.place.open()))
    assert len(report.jobs[0].applied) == len(MANY)
    assert github.errors() == []


@pytest.mark.parametrize("most", [1, 3, 7])
def test_a_limit_on_the_refs_of_a_mutation_is_found(github: World, emulator: GitHubEmulator, clock: FakeClock, most: int) -> None:
    """Many transactions go in as many mutations as it takes; one that is too large is refused by name."""
    emulator.options.max_ref_updates = most
    database = github.database(open_emulated(emulator, clock, by_git=False))
    for each in MANY[:4]:
        if most >= 3:
            assert perform(database, Set(key=each, value=text(each.label), ttl=60)).applied is True
        else:
            with pytest.raises(RefusedError, match=r"can not update more than 1"):
                perform(database, Set(key=each, value=text(each.label), ttl=60))
    github.clock.advance(3600)
    report = Sweep().run(github.maintenance(open_emulated(emulator, clock, by_git=False)))
    assert (report.error, len(report.jobs[0].applied)) == ("", 4 if most >= 3 else 0)
    assert github.errors() == []


@pytest.mark.parametrize("conduct", ["accept", "refuse"])
def test_what_is_absent_may_be_deleted_or_not(github: World, emulator: GitHubEmulator, conduct: str) -> None:
    """GitHub does not document what it makes of that; a plain set clears an expiry away that need not be there."""
    emulator.options.absent_delete = "accept" if conduct == "accept" else "refuse"
    database = github.database(github.place.open())
    for value in ("1", "2"):
        assert perform(database, Set(key=TEXT, value=text(value))).applied is True
    assert perform(database, Set(key=TEXT, value=text("3"), ttl=60)).applied is True
    assert perform(database, Set(key=TEXT, value=text("4"))).ttl == -1
    assert perform(database, Get(key=TEXT)).value == text("4")


@pytest.mark.parametrize("stale", ["STALE_DATA", "UNPROCESSABLE"])
def test_a_refusal_is_understood_whatever_its_type(github: World, emulator: GitHubEmulator, stale: str) -> None:
    """The refs tell what was in the way, not the words."""
    emulator.options.stale_type, emulator.options.stale_message = stale, "Something went wrong."
    first, second = github.database(github.place.open()), github.database(github.place.open())
    perform(first, Incr(key=COUNTER))
    rivals = [second]

    def meet(logged: Logged) -> Fault | None:
        if logged.kind == "graphql-mutation" and rivals:
            perform(rivals.pop(), Incr(key=COUNTER))
        return None

    emulator.on_request = meet
    assert perform(first, Incr(key=COUNTER)).value == 3
    emulator.on_request = None


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", [SecondaryLimit(403, retry_after=40), SecondaryLimit(429, retry_after=40), SecondaryLimit(200, retry_after=40)]
)
def test_a_limit_is_waited_out_for_as_long_as_it_asks(
    github: World, emulator: GitHubEmulator, clock: FakeClock, fault: SecondaryLimit
) -> None:
    database, began = github.database(open_emulated(emulator, clock)), clock()
    emulator.faults = {1: fault}
    perform(database, Get(key=TEXT))
    assert 40 <= (clock() - began) / SECOND < 45
    assert emulator.count() == 2


def test_a_limit_that_does_not_say_how_long_is_given_a_minute_and_then_more(
    github: World, emulator: GitHubEmulator, clock: FakeClock
) -> None:
    database, began = github.database(open_emulated(emulator, clock)), clock()
    emulator.faults = {1: SecondaryLimit(403), 2: SecondaryLimit(429)}
    perform(database, Get(key=TEXT))
    assert 180 <= (clock() - began) / SECOND < 190


@pytest.mark.parametrize("already", [False, True])
def test_the_hourly_limit_is_waited_for_only_if_there_is_time(
    github: World, emulator: GitHubEmulator, clock: FakeClock, *, already: bool
) -> None:
    emulator.faults = {1: PrimaryExhausted(already=already)}
    with pytest.raises(UnavailableError, match=r"rate of requests.*asks to wait \d+ seconds"):
        perform(github.database(open_emulated(emulator, clock)), Get(key=TEXT))
    assert emulator.count() == 1
    assert perform(github.database(open_emulated(emulator, clock, max_seconds=5_000)), Get(key=TEXT)).found is False


def test_a_write_that_met_a_limit_is_sent_again_after_a_look(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    database = github.database(open_emulated(emulator, clock))
    perform(database, Incr(key=COUNTER))
    emulator.reset_log()
    emulator.faults = {3: SecondaryLimit(403, retry_after=1)}
    assert perform(database, Incr(key=COUNTER)).value == 2
    assert [entry.kind for entry in emulator.requests] == [
        "graphql-query",
        "rest",
        "graphql-mutation",
        "graphql-query",
        "graphql-mutation",
    ]


def test_the_rest_of_the_hour_is_told(github: World, emulator: GitHubEmulator, clock: FakeClock) -> None:
    emulator.options.core_limit = emulator.options.graphql_limit = 1_000
    store = open_emulated(emulator, clock)
    assert store.rate_remaining is None
    perform(github.database(store), Get(key=TEXT))
    assert store.rate_remaining == 999
